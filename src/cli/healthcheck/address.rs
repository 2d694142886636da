//! The address of the metrics listener, as it is reached from this machine.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::uri::Authority;

use crate::cli::arguments::Source;
use crate::cli::fault::Fault;
use crate::cli::source::{environment, load};
use crate::config::{Diagnostics, authentik};

const VARIABLE: &str = "AUTHENTIK_LISTEN__METRICS";

/// The address to ask.
pub(super) struct Found {
    pub(super) address: Authority,
    /// Why it is not the configured address.
    pub(super) complaints: Vec<String>,
}

impl From<Authority> for Found {
    fn from(address: Authority) -> Self {
        Self { address, complaints: Vec::new() }
    }
}

/// The address of `listen.metrics` in the configuration file if there is one, else of [`VARIABLE`], else the default. A
/// running Gatepost keeps its configuration when the file is damaged later, so a fault of the file is reported, but is no
/// sign that Gatepost does not work.
pub(super) fn find(config: Option<OsString>) -> Found {
    let source = Source { config };
    let mut complaints = Vec::new();
    if source.path().is_some() {
        match load(&source) {
            Ok(loaded) => return reached(loaded.config.listen.metrics).into(),
            Err(fault) => complaints = fault.explain().0,
        }
    }
    let listener = of_variable(&environment).unwrap_or_else(|faults| {
        complaints.extend(Fault::Configuration(faults).explain().0);
        None
    });
    let address = listener.map_or_else(|| Authority::from_static("127.0.0.1:9300"), reached);
    if !complaints.is_empty() {
        complaints.push(format!("gatepost: `listen.metrics` cannot be read because of these faults; asking {address}"));
    }
    Found { address, complaints }
}

/// The first address of [`VARIABLE`]. The other variables of authentik's outpost are not needed here, so their faults do not
/// count.
fn of_variable(environment: &dyn Fn(&str) -> Option<String>) -> Result<Option<SocketAddr>, Diagnostics> {
    let only = |name: &str| match name {
        "AUTHENTIK_HOST" => Some("http://localhost/".to_owned()),
        "AUTHENTIK_TOKEN" => Some("none".to_owned()),
        VARIABLE => environment(VARIABLE),
        // A variable to which the value refers (`env://NAME`).
        other => environment(other).filter(|_| !other.starts_with("AUTHENTIK_")),
    };
    let variables = authentik::environment(&only)?;
    Ok(variables.and_then(|variables| variables.listen_metrics?.first().copied()))
}

/// A listener on every address is reached at the loopback address.
pub(in crate::cli) fn reached(listener: SocketAddr) -> Authority {
    let ip = Some(listener.ip()).filter(|ip| !ip.is_unspecified()).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let address = SocketAddr::new(ip, listener.port());
    // An address and a port always form a valid authority.
    address.to_string().parse().unwrap_or_else(|_| Authority::from_static("127.0.0.1:9300"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_reached_from_this_machine() {
        for (listener, expected) in [
            ("0.0.0.0:9300", "127.0.0.1:9300"),
            ("[::]:1", "127.0.0.1:1"),
            ("[fd00::1]:9300", "[fd00::1]:9300"),
            ("192.0.2.1:9300", "192.0.2.1:9300"),
        ] {
            assert_eq!(reached(listener.parse().expect("is an address")), expected);
        }
    }

    #[test]
    fn authentiks_variable_names_the_listener_also_when_the_others_are_faulty() {
        let found = |value: &str| {
            let environment = |name: &str| match name {
                VARIABLE => Some(value.to_owned()),
                "METRICS" => Some("127.0.0.1:7".to_owned()),
                name => name.starts_with("AUTHENTIK_").then(|| "file:///nowhere".to_owned()),
            };
            of_variable(&environment).map(|listener| listener.map(|listener| listener.to_string()))
        };
        for (value, expected) in [
            ("", None),
            (":9300", Some("[::]:9300")),
            ("127.0.0.1:1, [::1]:2", Some("127.0.0.1:1")),
            ("env://METRICS", Some("127.0.0.1:7")),
            ("env://NOWHERE?[::1]:3", Some("[::1]:3")),
        ] {
            assert_eq!(found(value).expect("is good").as_deref(), expected, "{value}");
        }
        let fault = found("9300").expect_err("is no address").to_string();
        assert!(fault.starts_with("environment: AUTHENTIK_LISTEN__METRICS: its value cannot be used"), "{fault}");
        assert!(of_variable(&|_| None).expect("is good").is_none());
    }
}
