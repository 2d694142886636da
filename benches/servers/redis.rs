//! A Redis for the sessions.

use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Server, free_addresses};

/// A running Redis without persistence.
pub(crate) struct Redis {
    pub(crate) server: Server,
    pub(crate) address: SocketAddr,
}

impl Redis {
    /// Starts Redis by this command for `redis-server` on a core, and waits until it accepts connections.
    ///
    /// # Errors
    /// When it does not.
    pub(crate) fn start(mut command: Command, folder: &Path) -> Result<Self, Box<dyn Error>> {
        let [address]: [SocketAddr; 1] = free_addresses()?;
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
        server.wait_for(address).map_err(|fault| format!("redis-server, which `make bench` installs: {fault}"))?;
        Ok(Self { server, address })
    }

    /// The content of section `session` for this Redis. The cache holds every session.
    pub(crate) fn section(&self) -> String {
        format!("store: redis, redis: {{ url: \"redis://{}\", cache_size: 1024 MiB }}", self.address)
    }
}
