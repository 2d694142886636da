//! The sets of identity headers: authentik's present set and its former one.

use super::name::HeaderName;
use super::source::Source;
use crate::domain::oidc::claims::{ClaimPath, GroupsClaim};

/// A set of identity headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderSet {
    /// `X-authentik-*`.
    Authentik,
    /// The headers that authentik sent until 2022 and that some applications still read.
    Legacy,
}

/// A header and the source of its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) name: HeaderName,
    pub(super) source: Source,
}

impl HeaderSet {
    /// The headers of the set.
    pub(super) fn entries(self, groups: &GroupsClaim) -> Vec<Entry> {
        let entry = |(name, source)| Entry { name: HeaderName::known(name), source };
        match self {
            Self::Authentik => authentik(groups).map(entry).to_vec(),
            Self::Legacy => legacy(groups).map(entry).to_vec(),
        }
    }
}

fn authentik(groups: &GroupsClaim) -> [(&'static str, Source); 12] {
    [
        ("x-authentik-username", text("preferred_username")),
        ("x-authentik-groups", Source::Groups(groups.clone())),
        ("x-authentik-entitlements", list("entitlements")),
        ("x-authentik-email", text("email")),
        ("x-authentik-name", text("name")),
        ("x-authentik-uid", Source::Subject),
        ("x-authentik-jwt", Source::Token),
        ("x-authentik-meta-jwks", Source::Keys),
        ("x-authentik-meta-outpost", Source::Outpost),
        ("x-authentik-meta-provider", Source::Provider),
        ("x-authentik-meta-app", Source::Application),
        (
            "x-authentik-meta-version",
            Source::Constant(concat!("goauthentik.io/outpost/", env!("CARGO_PKG_VERSION")).into()),
        ),
    ]
}

fn legacy(groups: &GroupsClaim) -> [(&'static str, Source); 5] {
    [
        ("x-auth-username", text("preferred_username")),
        ("x-auth-groups", Source::Groups(groups.clone())),
        ("x-forwarded-email", text("email")),
        ("x-forwarded-preferred-username", text("preferred_username")),
        ("x-forwarded-user", Source::Subject),
    ]
}

fn text(claim: &str) -> Source {
    Source::Text(ClaimPath::of_names(&[claim]))
}

fn list(claim: &str) -> Source {
    Source::List(ClaimPath::of_names(&[claim]))
}
