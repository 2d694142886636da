//! The same request by `h2load`, as a check on our own generator: both have to find the same throughput.

use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::question::Question;
use crate::machine::Cores;

/// Requests per second with the request body in the file at this path.
///
/// # Errors
/// When it cannot be run, or not every request succeeded.
pub(crate) fn per_second(
    cores: Cores,
    address: SocketAddr,
    question: &Question,
    body: &Path,
    span: Duration,
) -> Result<f64, Box<dyn Error>> {
    std::fs::write(body, question.message(0))?;
    let url = format!("http://{address}/envoy.service.auth.v3.Authorization/Check");
    let output = cores
        .on_load("h2load")
        .args(["-D", &span.as_secs().to_string(), "--warm-up-time", "1s", "-c", "4", "-m", "32", "-t", "1"])
        .args(["-H", "content-type: application/grpc", "-H", "te: trailers", "-d"])
        .arg(body)
        .arg(url)
        .output()
        .map_err(|fault| format!("h2load could not be run ({fault}); `make bench` installs it"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !text.contains(" 0 failed, 0 errored, 0 timeout") {
        return Err(format!("not every request succeeded:\n{text}").into());
    }
    let rate = text.lines().find_map(|line| line.strip_prefix("finished in ")?.split(", ").nth(1));
    let rate = rate.and_then(|rate| rate.strip_suffix(" req/s")).ok_or("h2load printed no rate")?;
    Ok(rate.parse()?)
}
