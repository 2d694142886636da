//! End-to-end tests: the gatepost binary behind the real Envoy, signing in at real providers.
//!
//! They need what `make tools` fetches, and fail without it. Each test starts its own programs on its own ports.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test says what it expects and fails where that does not hold"
)]

#[cfg(test)]
#[path = "../authentik/fake/mod.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod fake_authentik;
#[path = "../monitoring/files.rs"]
#[expect(dead_code, reason = "the tests of tests/monitoring use the rest of it")]
mod monitoring_files;
mod support;
#[path = "../deploy/unpacked.rs"]
#[expect(dead_code, reason = "the tests of tests/deploy use the rest of it")]
mod unpacked;

mod access_log;
mod access_rules;
mod administration;
mod assertion;
mod audit;
mod authentik;
mod authorization_requests;
mod chosen_application;
mod chromium;
mod client_authentication;
mod clients;
mod cookie_attributes;
mod cors;
mod credentials;
mod demo;
mod doctor;
mod durability;
mod envoy_answers;
mod foreign_issuers;
mod forward_auth;
mod headers;
mod health;
mod identity_headers;
mod image;
mod init;
mod monitoring;
mod networks;
mod plain_http;
mod provider_logout;
mod provider_network;
mod providers;
mod proxy;
mod proxy_tls;
mod public_paths;
mod refresh;
mod reload;
mod replicas;
mod secrecy;
mod sessions;
mod sign_in;
mod sign_in_limits;
mod sign_out;
mod snippets;
mod step_up;
mod stopping;
mod strangers;
mod tabs;
mod traces;
mod who_asks;
