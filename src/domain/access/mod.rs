//! Who may pass: what nobody has to sign in for, and the operator's rules for those who did.

mod rules;
mod unauthenticated;

pub use rules::{
    AccessRules, ClaimCondition, Concerned, Conditions, EmailVerified, Explanation, Forbidden, MailAddress, MailDomain,
    MailFault, Method, MethodFault, Obstacle, PathPrefix, PathPrefixFault, Permit, Rule, Unmet, Who,
};
pub use unauthenticated::{PatternFault, PublicPath, UnauthenticatedPaths};

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod reading_tests;
