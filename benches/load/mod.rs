//! The load: our own generator for Checks, because `h2load` sends only one body and so only one session; `wrk` for HTTP/1.1.
//! Both run on the core that no server uses.

mod connection;
mod frames;
mod generator;
pub(crate) mod h2load;
mod latency;
mod question;
pub(crate) mod wrk;

use std::error::Error;

use crate::machine::{Cores, Usage};
use crate::servers::Server;

pub(crate) use generator::{Pace, run};
pub(crate) use latency::Latency;
pub(crate) use question::{Judge, Question};

/// The servers whose processor time counts, and the cores.
#[derive(Clone, Copy)]
pub(crate) struct Metered<'a> {
    pub(crate) servers: &'a [&'a Server],
    pub(crate) cores: Cores,
}

/// The results of one round of load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    pub(crate) per_second: f64,
    pub(crate) latency: Latency,
    /// Processor seconds of the servers for a million requests.
    pub(crate) cpu_per_million: f64,
    /// Utilization of the servers' core and of the load's core, from 0 to 1.
    pub(crate) server_core: f64,
    pub(crate) load_core: f64,
}

impl Round {
    /// Computed from the meters before and after `requests` that took `seconds`.
    fn new(before: &Meters, after: &Meters, requests: f64, seconds: f64, latency: Latency) -> Self {
        Self {
            per_second: requests / seconds,
            latency,
            cpu_per_million: (after.server - before.server) / requests * 1e6,
            server_core: after.server_core.busy_since(&before.server_core),
            load_core: after.load_core.busy_since(&before.load_core),
        }
    }
}

/// The meters that are read before and after a round.
struct Meters {
    server: f64,
    server_core: Usage,
    load_core: Usage,
}

impl Meters {
    fn read(metered: Metered<'_>) -> Result<Self, Box<dyn Error>> {
        let Metered { servers, cores } = metered;
        let [server_core, load_core] = [Usage::of(cores.server)?, Usage::of(cores.load)?];
        let server = servers.iter().map(|server| server.cpu_seconds()).sum::<Result<f64, _>>()?;
        Ok(Self { server, server_core, load_core })
    }
}
