//! What nobody has to sign in for.

mod unauthenticated;

pub use unauthenticated::{PatternFault, PublicPath, UnauthenticatedPaths};
