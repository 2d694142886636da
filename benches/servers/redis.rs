//! A Redis for the sessions. It runs on the load's core, so that the servers' core shows only Gatepost's own load.

use std::error::Error;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use super::{Server, free_addresses};
use crate::machine::{Cores, now};

const TIMEOUT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);

/// A running Redis without persistence.
pub(crate) struct Redis {
    _server: Server,
    address: SocketAddr,
}

impl Redis {
    /// Starts Redis, and waits until it accepts connections.
    ///
    /// # Errors
    /// When it does not.
    pub(crate) fn start(folder: &Path, cores: Cores) -> Result<Self, Box<dyn Error>> {
        let [address]: [SocketAddr; 1] = free_addresses()?;
        let mut command = cores.on_load("redis-server");
        command.args([
            "--port",
            &address.port().to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]);
        let mut server = Server::start(command.arg("--dir").arg(folder).stdout(Stdio::null()))?;
        let began = now();
        while TcpStream::connect(address).is_err() {
            if server.process.try_wait()?.is_some() || began.elapsed() > TIMEOUT {
                return Err("redis-server does not start; `make bench` installs it".into());
            }
            std::thread::sleep(POLL);
        }
        Ok(Self { _server: server, address })
    }

    /// The content of section `session` for this Redis. The cache holds every session.
    pub(crate) fn section(&self) -> String {
        format!("store: redis, redis: {{ url: \"redis://{}\", cache_size: 1024 MiB }}", self.address)
    }
}
