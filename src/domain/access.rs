//! Unauthenticated paths: what nobody has to sign in for.

use regex::Regex;

/// Patterns of paths (in domain mode: of URLs without query) that need no sign-in.
#[derive(Clone, Debug, Default)]
pub struct UnauthenticatedPaths {
    patterns: Vec<Regex>,
}

/// Proof that a rule of the operator declared a request public.
#[derive(Debug)]
pub struct PublicPath(());
