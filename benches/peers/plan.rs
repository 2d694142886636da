//! The list of cases: which check stands behind which front proxy, and at which port.

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::{Value, json};

use crate::check::Check;
use crate::op::CLIENT_ID;
use crate::support::ports::free_port;

/// The host of the application.
const HOST: &str = "wiki.demo.localhost";
/// The secret of every client of the providers; also the programs' own secret, which protects their cookies.
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// The client of all programs but Gatepost, whose saved sessions have its own.
pub(crate) const OTHER_CLIENT_ID: &str = "peers";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Front {
    Envoy,
    Nginx,
    Apache,
}

impl Front {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Envoy => "Envoy",
            Self::Nginx => "nginx",
            Self::Apache => "Apache",
        }
    }
}

/// One case: a listener of a front proxy with a check.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The label on the command line and in the table.
    pub(crate) label: &'static str,
    pub(crate) front: Front,
    pub(crate) check: Check,
    pub(crate) port: u16,
}

/// All cases.
pub(crate) fn all() -> Vec<Plan> {
    let cases = [
        ("e0", Front::Envoy, Check::Nothing),
        ("e1", Front::Envoy, Check::Gatepost),
        ("e2", Front::Envoy, Check::GatepostWithAllSessions),
        ("e3", Front::Envoy, Check::GatepostOnRedis),
        ("e4", Front::Envoy, Check::Oauth2Proxy),
        ("e5", Front::Envoy, Check::Oauth2ProxyOnRedis),
        ("e6", Front::Envoy, Check::Oauth2Filter),
        ("e7", Front::Envoy, Check::Oauth2AndJwtFilters),
        ("n0", Front::Nginx, Check::Nothing),
        ("n1", Front::Nginx, Check::Gatepost),
        ("n2", Front::Nginx, Check::GatepostOnRedis),
        ("n3", Front::Nginx, Check::Oauth2Proxy),
        ("n4", Front::Nginx, Check::Oauth2ProxyOnRedis),
        ("n5", Front::Nginx, Check::ModAuthOpenidc),
        ("n6", Front::Nginx, Check::ModAuthOpenidcOnRedis),
        ("a0", Front::Apache, Check::Nothing),
        ("a1", Front::Apache, Check::ModAuthOpenidc),
        ("a2", Front::Apache, Check::ModAuthOpenidcOnRedis),
    ];
    cases.map(|(label, front, check)| Plan { label, front, check, port: free_port() }).into()
}

impl Plan {
    pub(crate) fn address(&self) -> SocketAddr {
        local(self.port)
    }

    /// Host and port, as in the header `host`.
    pub(crate) fn authority(&self) -> String {
        format!("{HOST}:{}", self.port)
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.authority())
    }

    /// How the header with the user must begin when the check has reported this one.
    pub(crate) fn proof(&self, user: &str) -> String {
        if self.check == Check::Oauth2Filter { "bearer ".to_owned() } else { user.to_owned() }
    }
}

/// The clients that a provider needs for these cases.
pub(crate) fn clients<'a>(plans: impl Iterator<Item = &'a Plan>) -> Vec<Value> {
    let (ours, others): (Vec<&Plan>, Vec<&Plan>) = plans.partition(|plan| plan.check.is_gatepost());
    let client = |id: &str, plans: &[&Plan]| {
        let callbacks: Vec<_> =
            plans.iter().map(|plan| format!("{}{}", plan.origin(), plan.check.callback())).collect();
        json!({ "client_id": id, "client_secret": SECRET, "redirect_uris": callbacks })
    };
    let clients = [(CLIENT_ID, ours), (OTHER_CLIENT_ID, others)];
    clients.iter().filter(|(_, plans)| !plans.is_empty()).map(|(id, plans)| client(id, plans)).collect()
}

pub(crate) fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}
