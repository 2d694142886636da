//! Gatepost: sign-in for anything behind Envoy.
//!
//! Reading order: `domain` holds the rules, `ports` says what they need from outside, `outpost` conducts one
//! request through them. `inbound` are the doors through which we are asked, `outbound` those we ask.
//! `config` reads what the operator wrote, `telemetry` names what is recorded, `app` joins it all. `explain` asks
//! the conductor without a server, `snippet` prints what front proxies need, `sessions` asks a running Gatepost in the
//! words of `protocol`. `single_flight` is what several of them share: work done once for all who ask at the same time.

pub mod cli;
pub mod config;
pub mod domain;
pub mod inbound;
pub mod outbound;
pub mod outpost;
pub mod ports;
pub mod protocol;
pub mod server;
mod single_flight;
pub mod telemetry;
