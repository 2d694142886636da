//! A client of the fake, with limits that a test can wait for.

use std::sync::Arc;
use std::time::Duration;

use gatepost::outbound::authentik::{Connection, ConnectionSettings, ServerAddress};

use crate::fake::TOKEN;

pub(crate) fn settings(url: &str) -> ConnectionSettings {
    let host = ServerAddress::parse(url).unwrap();
    let timeout = Duration::from_secs(10);
    ConnectionSettings { timeout, ..ConnectionSettings::new(host, TOKEN.into()) }
}

pub(crate) fn connect(settings: &ConnectionSettings) -> Arc<Connection> {
    Arc::new(Connection::new(settings).unwrap())
}
