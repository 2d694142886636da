//! A Redis server for the store `redis`, which lasts as long as the measurement.
#![expect(clippy::disallowed_methods, reason = "waiting for a program takes a clock")]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Outcome;

const TIMEOUT: Duration = Duration::from_secs(10);

/// A running server; its port is in a file of the directory.
pub(crate) struct Redis(Child);

impl Redis {
    pub(crate) fn start(directory: &Path) -> Outcome<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"]).arg(directory);
        let missing =
            |error| format!("redis-server does not start ({error}); `tests/tools/install --bench` installs it");
        let server = Self(command.stdout(Stdio::null()).spawn().map_err(missing)?);
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if began.elapsed() > TIMEOUT {
                return Err("redis-server does not answer".into());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        fs::write(directory.join("port"), port.to_string())?;
        Ok(server)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The port of the server that was started for this directory.
pub(crate) fn port(directory: &Path) -> Outcome<u16> {
    Ok(fs::read_to_string(directory.join("port"))?.parse()?)
}

/// The memory that the server reports for its data, in bytes.
pub(crate) fn memory(directory: &Path) -> Outcome<u64> {
    let mut connection = TcpStream::connect(("127.0.0.1", port(directory)?))?;
    connection.write_all(b"INFO memory\r\nQUIT\r\n")?;
    for line in BufReader::new(connection).lines() {
        if let Some(bytes) = line?.strip_prefix("used_memory:") {
            return Ok(bytes.trim().parse()?);
        }
    }
    Err("the server does not say what it takes".into())
}
