//! What every store does, and what all of them do together.

pub(in crate::outbound::store) mod contract;
mod logout_races;
pub(in crate::outbound::store) mod model;
