//! authentik's answers, as its outpost API documents them. Unknown members are ignored; every optional member may be absent
//! or `null`, and an empty text counts as absent.

mod certificate;
mod fields;
mod outpost;
mod pagination;
mod provider;
mod secret;
#[cfg(test)]
mod tests;

pub use certificate::Certificate;
pub(super) use certificate::{CertificateData, CertificateKeyPair};
pub(super) use fields::read;
pub use outpost::{Outpost, OutpostConfig, OutpostId};
pub(super) use pagination::Page;
pub use provider::{InvalidProvider, OpenIdConnectConfiguration, Providers, ProxyMode, ProxyOutpostConfig};
pub use secret::Secret;
