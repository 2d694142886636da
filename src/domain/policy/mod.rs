//! Which requests are allowed, and which identity headers the application receives.

mod access_rules;
pub mod backend;
pub mod identity;
pub mod identity_headers;
#[cfg(test)]
mod oracle;
mod public_paths;
mod recent_sign_in;
#[cfg(test)]
mod tests;

pub use access_rules::{
    AccessRules, ApplicableRule, AuthenticationRequirement, ClaimCondition, Compared, Conditions, EmailVerified,
    Explanation, Forbidden, KnownBy, MailAddress, MailDomain, MailFault, Method, MethodFault, Obstacle, PathPrefix,
    PathPrefixFault, Permit, Principals, RequirementSet, Rule, Unmet, span,
};
pub use public_paths::{PatternFault, PatternFaultCause, PatternSubject, PublicPath, PublicPaths};
pub use recent_sign_in::{RECENT, is_recent, recent_sign_in, was_asked_in_vain};
