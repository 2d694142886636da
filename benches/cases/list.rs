//! The list of cases. Each one's answers are verified before it is measured.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use super::{Case, Load, Stage, verify};
use crate::load::{Judge, Question, wrk};
use crate::servers::envoy::SEEN_USER;
use crate::servers::gatepost::Gatepost;
use crate::servers::sessions::{self, user_name};
use crate::servers::{Server, judges, request};

/// Stands for a session in a request over HTTP/1.1.
const GAP: &str = "SESSION";
/// The number of sessions in use in the cases that do not use all of them.
const FEW: usize = 1000;
/// The number of sessions verified over HTTP/1.1.
const TRIES: usize = 10;

/// A target: the server whose processor time counts, its address, and the Gatepost whose log grows.
type Asked<'a> = (&'a Server, SocketAddr, Option<&'a Gatepost>);

impl Stage {
    /// Checks over gRPC.
    ///
    /// # Errors
    /// When an answer is wrong.
    pub(crate) fn checks(&self) -> Result<Vec<Case<'_>>, Box<dyn Error>> {
        let few: Arc<[String]> = self.ids.iter().take(FEW).cloned().collect();
        let asserted = Question::of(&few, request::PAGE, judges::asserted)?;
        let all = |check: Judge| Question::of(&self.ids, request::PAGE, check);
        let few = || Question::of(&few, request::PAGE, judges::signed_in);
        let redirect = Question::fixed(request::PAGE, judges::redirect);
        let public = Question::fixed("/public/style.css", judges::public);
        let [hyper, tonic] = [&self.hyper, &self.tonic].map(|(server, address)| (server, *address, None));
        let [ours, quiet, asserting, on_redis] =
            [&self.gatepost, &self.quiet, &self.asserting, &self.on_redis].map(|of| (&of.server, of.grpc, Some(of)));
        let in_redis = Question::of(&self.ids_on_redis, request::PAGE, judges::signed_in)?;
        self.runtime.block_on(verify::warm(self.gatepost.grpc, &all(judges::signed_in)?))?;
        self.runtime.block_on(verify::warm(self.on_redis.grpc, &in_redis))?;
        Ok(vec![
            self.check("a", "hyper, a fixed frame", hyper, all(judges::allowed_with_headers)?)?,
            self.check("b", "tonic + envoy-types, allows all", tonic, all(judges::allowed_with_headers)?)?,
            self.check("c", "Gatepost, signed in", ours, all(judges::signed_in)?)?,
            self.check("c2", &format!("the same, {FEW} sessions in use"), ours, few()?)?,
            self.check("c3", "the same with `log.level: warn`", quiet, few()?)?,
            self.check("c4", "(c2) with an assertion", asserting, asserted)?,
            self.check("d", "Gatepost, signed in, sessions in Redis", on_redis, in_redis)?,
            self.check("e", "Gatepost, not signed in: redirect", ours, redirect)?,
            self.check("f", "Gatepost, public path", ours, public)?,
        ])
    }

    fn check<'a>(
        &self,
        label: &'static str,
        name: &str,
        (server, address, logs): Asked<'a>,
        question: Question,
    ) -> Result<Case<'a>, Box<dyn Error>> {
        let verified = self.runtime.block_on(verify::checks(address, &question));
        verified.map_err(|fault| format!("({label}) {name}: {fault}"))?;
        let load = Load::Checks(address, question);
        Ok(case(label, name, (server, address, logs), load))
    }

    /// nginx' requests to Gatepost.
    ///
    /// # Errors
    /// When an answer is wrong.
    pub(crate) fn nginx(&self) -> Result<Case<'_>, Box<dyn Error>> {
        let ours = (&self.gatepost.server, self.gatepost.http, Some(&self.gatepost));
        let user = |number| format!("x-authentik-username: {}", user_name(number));
        self.requests("g", "Gatepost, signed in, asked by nginx", ours, request::of_nginx, user)
    }

    /// Requests through Envoy; the processor time of Envoy and of the checking server is added.
    ///
    /// # Errors
    /// When an answer is wrong.
    pub(crate) fn through_envoy(&self) -> Result<Vec<Case<'_>>, Box<dyn Error>> {
        let [none, bare, gatepost] = self.envoy.fronts;
        let envoy = &self.envoy.server;
        let case =
            |label, name, asked, user: fn(usize) -> String| self.requests(label, name, asked, request::to_envoy, user);
        let seen = |number| format!("{SEEN_USER}: {}", user_name(number));
        let mut unchecked = case("x", "no check", (envoy, none, None), |_| String::new())?;
        let mut bare =
            case("y", "(b) as the check", (envoy, bare, None), |_| format!("{SEEN_USER}: {}", user_name(0)))?;
        let mut ours = case("z", "Gatepost as the check", (envoy, gatepost, Some(&self.gatepost)), seen)?;
        (unchecked.beside, bare.beside, ours.beside) = (None, Some(&self.tonic.0), Some(&self.gatepost.server));
        Ok(vec![unchecked, bare, ours])
    }

    /// A case whose requests `request` builds from cookies; `expected` is a text that the answer for the user with this
    /// number must contain.
    fn requests<'a>(
        &self,
        label: &'static str,
        name: &str,
        (server, address, logs): Asked<'a>,
        request: fn(&str) -> String,
        expected: impl Fn(usize) -> String,
    ) -> Result<Case<'a>, Box<dyn Error>> {
        let some = self.ids.iter().enumerate().step_by(self.ids.len().div_ceil(TRIES));
        let asked = some.map(|(number, id)| (request(&request::cookies(id)), expected(number)));
        verify::requests(address, asked).map_err(|fault| format!("({label}) {name}: {fault}"))?;
        let ids = self.file("sessions.txt");
        sessions::write_ids(&self.ids, &ids)?;
        let script = self.file(&format!("{label}.lua"));
        let script = wrk::Script::write(script, &request(&request::cookies(GAP)), GAP, &ids)?;
        let load = Load::Requests(address, script);
        Ok(case(label, name, (server, address, logs), load))
    }
}

fn case<'a>(label: &'static str, name: &str, (server, _, logs): Asked<'a>, load: Load) -> Case<'a> {
    let name = name.to_owned();
    Case { label, name, server, beside: None, logs, load, fast: Vec::new(), paced: Vec::new(), fault: None }
}
