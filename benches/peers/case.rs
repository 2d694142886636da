//! One case: a user who is signed in there, and the turns that were measured.

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use http::StatusCode;
use url::Url;

use crate::check::Check;
use crate::load::{Metered, Round, wrk};
use crate::plan::Plan;
use crate::programs::Programs;
use crate::servers::sessions::user_name;
use crate::servers::{Server, envoy, request};
use crate::support::browser::{Browser, Page, Protocol};

/// The user who signs in.
const USER: &str = "alice";
/// The header in which every front proxy returns what the check has reported.
pub(crate) const SEEN: &str = "x-seen-user";
/// Stands for the cookies in the request that is repeated.
const GAP: &str = "COOKIES";
/// The number of sessions verified when all are in use.
const TRIES: usize = 10;

pub(crate) struct Case {
    pub(crate) plan: Plan,
    browser: Browser,
    url: String,
    pub(crate) turns: Vec<Turn>,
}

/// The results of one turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    /// With the processor time of the front proxy and the check.
    pub(crate) round: Round,
    /// Processor seconds of the check's own processes, its Redis included, for a million requests.
    pub(crate) check_cpu: f64,
}

impl Case {
    /// A browser that has signed in.
    ///
    /// # Errors
    /// When a request passes without a sign-in, or does not pass after it.
    pub(crate) fn sign_in(plan: &Plan, programs: &Programs) -> Result<Self, Box<dyn Error>> {
        let url = format!("{}{}", plan.origin(), request::PAGE);
        let case = Self { plan: plan.clone(), browser: Browser::new(Protocol::Http1), url, turns: Vec::new() };
        if plan.check != Check::Nothing {
            let page = programs.runtime.block_on(async {
                let first = case.browser.open(&case.url).await;
                if first.status == StatusCode::OK {
                    return Err(case.odd(&first));
                }
                let form = case.browser.follow(first).await;
                Ok(case.browser.fill_in(&form, USER).await)
            })?;
            case.verify(&page)?;
        }
        Ok(case)
    }

    /// One turn at full speed; the browser asks first.
    ///
    /// # Errors
    /// When an answer is wrong.
    pub(crate) fn turn(&self, programs: &Programs, span: Duration) -> Result<Turn, Box<dyn Error>> {
        let asked = || programs.runtime.block_on(self.browser.open(&self.url));
        self.verify(&asked())?;
        let script = self.script(programs)?;
        let check = programs.processes(&self.plan);
        let servers: Vec<&Server> =
            [programs.front(self.plan.front)].into_iter().chain(check.iter().copied()).collect();
        let used = |servers: &[&Server]| servers.iter().map(|server| server.cpu_seconds()).sum::<Result<f64, _>>();
        let before = (used(&servers)?, used(&check)?);
        let metered = Metered { servers: &servers, cores: programs.cores };
        let round = wrk::run(metered, self.plan.address(), &script, span)
            .map_err(|fault| format!("({}) {}: {fault}", self.plan.label, self.plan.check.name()))?;
        let (all, own) = (used(&servers)? - before.0, used(&check)? - before.1);
        self.verify(&asked())?;
        programs.forget_logs()?;
        Ok(Turn { round, check_cpu: round.cpu_per_million * own / all })
    }

    fn script(&self, programs: &Programs) -> Result<wrk::Script, Box<dyn Error>> {
        let lines = self.cookie_lines(programs)?;
        let file = |end: &str| -> PathBuf { programs.file(&format!("{}.{end}", self.plan.label)) };
        fs::write(file("cookies"), lines.join("\n") + "\n")?;
        let request = request::of_browser(&self.plan.authority(), GAP);
        wrk::Script::write(file("lua"), &request, GAP, &file("cookies"))
    }

    /// The headers `cookie` from which the load draws.
    fn cookie_lines(&self, programs: &Programs) -> Result<Vec<String>, Box<dyn Error>> {
        if self.plan.check != Check::GatepostWithAllSessions {
            return Ok(vec![self.cookies()?]);
        }
        let name = format!("__Host-gatepost-session-{}", self.plan.label);
        let lines: Vec<_> = programs.ids.iter().map(|id| format!("{}; {name}={id}", request::COOKIES)).collect();
        let some = lines.iter().enumerate().step_by(lines.len().div_ceil(TRIES).max(1));
        for (number, cookies) in some {
            let answer = envoy::get(self.plan.address(), &request::of_browser(&self.plan.authority(), cookies))?;
            let proof = format!("{SEEN}: {}", user_name(number));
            if !answer.starts_with("http/1.1 200 ") || !answer.contains(&proof) {
                return Err(format!("({}) no `{proof}` in the answer:\n{answer}", self.plan.label).into());
            }
        }
        Ok(lines)
    }

    /// The header `cookie` of the browser.
    fn cookies(&self) -> Result<String, Box<dyn Error>> {
        let own = self.browser.cookie_header(&Url::parse(&self.url)?);
        Ok([Some(request::COOKIES.to_owned()), own].into_iter().flatten().collect::<Vec<_>>().join("; "))
    }

    /// Bytes of the cookies that the check has set, in the browser's request.
    pub(crate) fn cookie_bytes(&self) -> Result<usize, Box<dyn Error>> {
        Ok(self.browser.cookie_header(&Url::parse(&self.url)?).map_or(0, |cookies| cookies.len()))
    }

    fn verify(&self, page: &Page) -> Result<(), Box<dyn Error>> {
        let proof = if self.plan.check == Check::Nothing { String::new() } else { self.plan.proof(USER) };
        let seen = page.header(SEEN).unwrap_or_default().to_ascii_lowercase();
        if page.status == StatusCode::OK && seen.starts_with(&proof) { Ok(()) } else { Err(self.odd(page)) }
    }

    fn odd(&self, page: &Page) -> Box<dyn Error> {
        let Plan { label, front, check, .. } = &self.plan;
        format!("({label}) {} and {}: not the answer that was expected: {page:#?}", front.name(), check.name()).into()
    }
}
