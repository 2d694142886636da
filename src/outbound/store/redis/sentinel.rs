//! Looks up the current master at the sentinels, at every connect and every second.

use std::time::Duration;

use redis::aio::{ConnectionLike as _, MultiplexedConnection};
use redis::{Client, Cmd, FromRedisValue as _};
use tokio::time::timeout;

use super::dial::Dialer;
use super::fault::{Fault, described};
use super::settings::Address;

/// A connection to one sentinel.
pub(super) struct Sentinel {
    connection: MultiplexedConnection,
    limit: Duration,
}

impl Sentinel {
    pub(super) async fn reach(dialer: &Dialer, address: &Address) -> Result<Self, String> {
        let settings = dialer.settings();
        let connected = timeout(settings.connect_timeout, async {
            let information = dialer.information(address, &dialer.access().sentinel_credentials, 0)?;
            Client::open(information)?.get_multiplexed_async_connection_with_config(&dialer.config()).await
        });
        match connected.await {
            Ok(Ok(connection)) => Ok(Self { connection, limit: settings.command_timeout }),
            Ok(Err(error)) => Err(format!("sentinel {address}: {}", described(&error))),
            Err(_) => Err(format!("sentinel {address}: no connection in time")),
        }
    }

    /// The address of the master called `name`; `None` when the sentinel does not know it.
    pub(super) async fn master(&self, name: &str) -> Result<Option<Address>, Fault> {
        let mut question = Cmd::new();
        question.arg("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(name);
        let mut connection = self.connection.clone();
        let answer = timeout(self.limit, connection.req_packed_command(&question)).await;
        let answer = answer.map_err(|_| Fault::TimeOut)??.extract_error()?;
        let place = <Option<(String, u16)>>::from_redis_value(answer).map_err(|_| Fault::Unreadable)?;
        Ok(place.map(|(host, port)| Address { host, port }))
    }
}
