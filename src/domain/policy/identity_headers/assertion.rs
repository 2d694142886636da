//! An assertion about the user that Gatepost signs: the application can verify who the user is, and need not trust the network.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::domain::crypto::signing_keys::SigningKeys;
use crate::domain::oidc::claims::{Claims, GroupsClaim};
use crate::domain::oidc::user::User;
use crate::domain::time::Timestamp;

/// The claims of an assertion that are not the user's (RFC 7519 section 4.1).
pub const REGISTERED_CLAIMS: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

/// What an assertion says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// The external host of the application: its keys are published below it.
    pub issuer: String,
    /// For whom it is made.
    pub audience: String,
    /// How long it is valid from the moment it is made; an application receives it with at least half of that left.
    pub lifetime: Duration,
    /// The names of the user's claims in it; none of [`REGISTERED_CLAIMS`].
    pub claims: Vec<String>,
    /// The claim that lists the user's groups; the assertion calls it `groups`.
    pub groups: GroupsClaim,
}

/// What signs assertions.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    /// The keys.
    pub keys: &'a SigningKeys,
    /// The present time.
    pub now: Timestamp,
}

impl Assertion {
    /// The signed assertion about this user; `None` when it cannot be signed.
    pub(super) fn about(&self, user: &User, claims: &Claims, signer: Signer<'_>) -> Option<String> {
        let Signer { keys, now } = signer;
        let Self { issuer, audience, lifetime, claims: names, groups } = self;
        let mut all = Map::new();
        for name in names {
            if let Some(value) = groups.told(name, claims) {
                all.insert(name.clone(), value);
            }
        }
        for (name, value) in [
            ("iss", Value::from(issuer.as_str())),
            ("aud", Value::from(audience.as_str())),
            ("sub", Value::from(user.subject.as_str())),
            ("iat", Value::from(now.as_unix())),
            ("exp", Value::from(now.plus(*lifetime).as_unix())),
        ] {
            all.insert(name.to_owned(), value);
        }
        keys.sign(all, now).ok()
    }

    /// Until when an assertion that is made now is sent.
    pub(super) fn sent_until(&self, now: Timestamp) -> Timestamp {
        now.plus(self.lifetime / 2)
    }
}
