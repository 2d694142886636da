//! `wrk`, for requests over HTTP/1.1, with a script that draws the session of each request at random.

use std::error::Error;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::latency::Latency;
use super::{Metered, Meters, Round};

const CONNECTIONS: &str = "16";

/// The script for a request to repeat.
pub(crate) struct Script(PathBuf);

impl Script {
    /// Writes the script: `request` is a whole request, in which `gap` stands for one of the lines in the file `sessions`.
    pub(crate) fn write(file: PathBuf, request: &str, gap: &str, sessions: &Path) -> Result<Self, Box<dyn Error>> {
        let (before, after) = request.split_once(gap).ok_or("no gap in the request")?;
        let sessions = sessions.display();
        let text = format!(
            "local sessions, before, after = {{}}, [==[\n{before}]==], [==[\n{after}]==]\n\
             before = before:gsub('\\n', '\\r\\n')\nafter = after:gsub('\\n', '\\r\\n')\n\
             for line in io.lines('{sessions}') do sessions[#sessions + 1] = line end\n\
             math.randomseed(os.time())\n\
             function request() return before .. sessions[math.random(#sessions)] .. after end\n\
             function done(summary, latency)\n\
               local faults = summary.errors\n\
               io.write(string.format('\\nresult {{\"requests\":%d,\"us\":%d,\"p50\":%d,\"p99\":%d,\"p999\":%d,\"faults\":%d}}\\n',\n\
                 summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency:percentile(99.9),\n\
                 faults.connect + faults.read + faults.write + faults.status + faults.timeout))\n\
             end\n"
        );
        fs::write(&file, text)?;
        Ok(Self(file))
    }
}

/// Repeats the request for `span`.
///
/// # Errors
/// When an answer is missing, or its status is 400 or more.
pub(crate) fn run(
    metered: Metered<'_>,
    address: SocketAddr,
    script: &Script,
    span: Duration,
) -> Result<Round, Box<dyn Error>> {
    let mut command = metered.cores.on_load("wrk");
    command.args(["-t", "1", "-c", CONNECTIONS, "-d", &format!("{}s", span.as_secs().max(1))]);
    command.arg("-s").arg(&script.0).arg(format!("http://{address}/"));
    let before = Meters::read(metered)?;
    let output = command.output().map_err(|fault| format!("wrk: {fault}; `make bench` installs it"))?;
    let after = Meters::read(metered)?;
    let text = String::from_utf8_lossy(&output.stdout);
    let result = text.lines().find_map(|line| line.strip_prefix("result "));
    let result: Value = serde_json::from_str(result.ok_or_else(|| format!("wrk printed no result:\n{text}"))?)?;
    let number = |name: &str| result.get(name).and_then(Value::as_f64).ok_or("an odd result of wrk");
    if number("faults")? > 0.0 {
        return Err(format!("not every request succeeded:\n{text}").into());
    }
    let latency = Latency { p50: number("p50")? / 1e3, p99: number("p99")? / 1e3, p999: number("p999")? / 1e3 };
    Ok(Round::new(&before, &after, number("requests")?, number("us")? / 1e6, latency))
}
