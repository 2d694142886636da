//! The store contract and the model test, with real servers.

mod cluster;
mod faults;
mod lifetimes;
mod outages;
mod sentinel;
mod sharing;
mod tls;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::Topology;
use super::testing::{Make, Server, Swept, settings};
use crate::outbound::store::testing::block_on;
use crate::outbound::store::tests::contract::scenarios;
use crate::outbound::store::tests::model::{check_all, step};

/// Runs every scenario of the contract, and some random ones, each with an empty store.
pub(super) fn keeps_the_contract(topology: &Topology) {
    for (scenario, run) in scenarios() {
        println!("{topology}: {scenario}");
        block_on(async { run(Swept::over(settings(topology.clone()))).await });
    }
    let config = ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() };
    let outcome = TestRunner::new(config).run(&prop::collection::vec(step(), 1..60), |steps| {
        block_on(async { check_all(&Swept::over(settings(topology.clone())), steps).await });
        Ok(())
    });
    outcome.expect("behaves like the model");
}

#[test]
fn redis_keeps_the_contract() {
    let server = Server::start(Make::Redis);
    keeps_the_contract(&Topology::Single(server.address()));
}

#[test]
fn valkey_keeps_the_contract() {
    let server = Server::start(Make::Valkey);
    keeps_the_contract(&Topology::Single(server.address()));
}
