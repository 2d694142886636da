//! Gatepost: sign-in for anything behind Envoy.
//!
//! Reading order: `domain` holds the rules; `ports` declares what they need from outside; `outpost` takes one request through
//! route, authenticate and authorize to a decision. `inbound` holds the protocols by which Gatepost is asked and renders
//! decisions; `outbound` holds the clients of the identity provider, of the session stores and of authentik's outpost API. `config`
//! reads the operator's settings, `telemetry` names logs and metrics, `server` composes and runs the service, `cli` holds the commands. `admin_api` is
//! generated code of the admin API, `single_flight` shares one result among concurrent callers. `testing` holds the fakes of the
//! ports; only tests and benchmarks contain it.

pub mod admin_api;
pub mod cli;
pub mod config;
pub mod domain;
pub mod inbound;
pub mod outbound;
pub mod outpost;
pub mod ports;
pub mod server;
mod single_flight;
pub mod telemetry;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
