//! What is measured: each case one kind of request to one server, with all that its rounds showed.

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

/// Questions under way on each connection, when it goes as fast as it can.
const UNDER_WAY: usize = 32;

/// How requests are made.
pub(crate) enum Load {
    /// Checks over gRPC.
    Checks(SocketAddr, Question),
    /// Requests over HTTP/1.1.
    Requests(SocketAddr, wrk::Script),
}

pub(crate) struct Case<'a> {
    /// By which the command line and the report know it.
    pub(crate) label: &'static str,
    pub(crate) name: String,
    /// Whose memory is told, and whose processor time together with `beside`.
    pub(crate) server: &'a Server,
    pub(crate) beside: Option<&'a Server>,
    /// The Gatepost whose log grows.
    pub(crate) logs: Option<&'a Gatepost>,
    pub(crate) load: Load,
    /// As fast as it goes.
    pub(crate) fast: Vec<Round>,
    /// At the same rate for all; none over HTTP/1.1.
    pub(crate) paced: Vec<Round>,
    /// What went wrong; nothing more is measured then.
    pub(crate) fault: Option<String>,
}

impl Case<'_> {
    /// One round as fast as it goes, and one at the rate.
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

    /// One round as fast as it goes.
    ///
    /// # Errors
    /// When an answer is missing or wrong.
    pub(crate) fn go_fast(&self, cores: Cores, span: Duration) -> Result<Round, Box<dyn Error>> {
        self.go(cores, Pace::UnderWay(UNDER_WAY), span)
    }

    /// One round at this rate, if its load can do that.
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
