//! authentik as the source of the applications: the variables of its outpost, and the application of each provider.

mod environment;
mod mapping;
mod reference;

pub use environment::{AuthentikEnvironment, DEFAULT_TRUSTED_PROXIES, environment};
pub(super) use mapping::ProviderMapping;
pub(super) use reference::{Unresolved, resolve};
