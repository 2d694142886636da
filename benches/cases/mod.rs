//! The cases that are measured: each is one kind of request to one server, with the results of its rounds.

mod list;
mod stage;
mod verify;

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use crate::load::{self, Metered, Pace, Question, Round, wrk};
use crate::machine::Cores;
use crate::servers::Server;
use crate::servers::gatepost::Gatepost;

pub(crate) use stage::Stage;

/// Concurrent requests on each connection when a round runs at full speed.
const UNDER_WAY: usize = 32;

/// How the load is generated.
pub(crate) enum Load {
    /// Checks over gRPC.
    Checks(SocketAddr, Question),
    /// Requests over HTTP/1.1.
    Requests(SocketAddr, wrk::Script),
}

pub(crate) struct Case<'a> {
    /// The label on the command line and in the report.
    pub(crate) label: &'static str,
    pub(crate) name: String,
    /// The server whose memory is reported, and whose processor time counts together with that of `beside`.
    pub(crate) server: &'a Server,
    pub(crate) beside: Option<&'a Server>,
    /// The Gatepost whose log grows.
    pub(crate) logs: Option<&'a Gatepost>,
    pub(crate) load: Load,
    /// Rounds at full speed.
    pub(crate) fast: Vec<Round>,
    /// Rounds at the same rate for all cases; none over HTTP/1.1.
    pub(crate) paced: Vec<Round>,
    /// The first failure; nothing is measured after it.
    pub(crate) fault: Option<String>,
}

impl Case<'_> {
    /// One round at full speed, and one at `rate`.
    pub(crate) fn measure(&mut self, cores: Cores, span: Duration, rate: Option<f64>) {
        if self.fault.is_none() {
            self.fault = self.try_to_measure(cores, span, rate).err().map(|fault| fault.to_string());
        }
    }

    fn try_to_measure(&mut self, cores: Cores, span: Duration, rate: Option<f64>) -> Result<(), Box<dyn Error>> {
        let fast = self.go_fast(cores, span)?;
        self.fast.push(fast);
        if let Some(rate) = rate {
            let paced = self.go_at(cores, rate, span)?;
            self.paced.extend(paced);
        }
        Ok(())
    }

    /// One round at full speed.
    ///
    /// # Errors
    /// When an answer is missing or wrong.
    pub(crate) fn go_fast(&self, cores: Cores, span: Duration) -> Result<Round, Box<dyn Error>> {
        self.go(cores, Pace::UnderWay(UNDER_WAY), span)
    }

    /// One round at this rate; `None` when the load cannot be paced.
    fn go_at(&self, cores: Cores, rate: f64, span: Duration) -> Result<Option<Round>, Box<dyn Error>> {
        match self.load {
            Load::Checks(..) => self.go(cores, Pace::PerSecond(rate), span).map(Some),
            Load::Requests(..) => Ok(None),
        }
    }

    fn go(&self, cores: Cores, pace: Pace, span: Duration) -> Result<Round, Box<dyn Error>> {
        let servers: Vec<&Server> = self.beside.into_iter().chain([self.server]).collect();
        let metered = Metered { servers: &servers, cores };
        let round = match &self.load {
            Load::Checks(address, question) => load::run(metered, *address, question, pace, span),
            Load::Requests(address, script) => wrk::run(metered, *address, script, span),
        };
        if let Some(gatepost) = self.logs {
            gatepost.forget_log()?;
        }
        round.map_err(|fault| format!("({}) {}: {fault}", self.label, self.name).into())
    }
}
