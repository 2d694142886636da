//! Tests of the behaviour that all stores share.

pub(in crate::outbound::store) mod contract;
mod logout_races;
pub(in crate::outbound::store) mod model;
