//! What all test suites and benchmarks share: one fake of each port, tokens with a valid signature, and builders of values.
//! Only tests and benchmarks contain it: it needs `cfg(test)` or the feature `testing`, which no other build enables.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "it is written for tests, which stop at the first surprise"
)]

mod audit;
mod builders;
mod clock;
mod entropy;
mod provider;
mod refresh_tokens;
pub mod signing;
mod store;

pub use audit::KeptAudit;
pub use builders::{
    ISSUER, LIFETIMES, application, domain_application, request, rule, sealing_keys, session_record, signed_in,
};
pub use clock::{ManualClock, NOW};
pub use entropy::{CountingEntropy, FailingEntropy, SystemEntropy};
pub use provider::FakeProvider;
pub use refresh_tokens::{RefreshTokens, invalid_grant, unavailable};
pub use store::{FakeStore, Loading, memory_store};
