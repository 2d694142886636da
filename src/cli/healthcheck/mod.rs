//! `gatepost healthcheck`: asks the metrics listener of this machine whether Gatepost answers. For the health checks of
//! containers.

mod address;
mod fault;
mod ping;

use tokio::runtime;

use super::arguments::HealthCheck;
use super::output::tell;
use address::Found;

pub(super) use address::reached;
pub(super) use fault::Unhealthy;
pub(super) use ping::ping;

/// Sends one ping.
pub(super) fn healthcheck(HealthCheck { address, config, .. }: HealthCheck) -> Result<(), Unhealthy> {
    let Found { address, complaints } = address.map_or_else(|| address::find(config), Found::from);
    // The exit code is the result, also when stderr is closed.
    let _ = tell(&complaints);
    let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(Unhealthy::System)?;
    let answered = runtime.block_on(ping::ping(&address));
    // The resolution of a host name cannot be cancelled, and is not waited for.
    runtime.shutdown_background();
    answered
}
