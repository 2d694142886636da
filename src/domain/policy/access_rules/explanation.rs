//! Why the rules do not allow a known user's request, as text for the operator.

use std::fmt;

use super::{AccessRules, Forbidden, KnownBy};
use crate::domain::http::RequestHead;
use crate::domain::oidc::claims::Claims;

/// How many rules are explained.
const MOST_RULES: usize = 5;

/// Why a request is not allowed: for each rule that applies, the obstacles. Computed only when it is formatted.
#[derive(Clone, Copy, Debug)]
pub struct Explanation<'a> {
    rules: &'a AccessRules,
    cause: Forbidden,
    claims: &'a Claims,
    known_by: KnownBy<'a>,
    head: &'a RequestHead,
}

impl AccessRules {
    /// Explains why the rules do not allow this request, given the `cause`.
    #[must_use]
    pub const fn explain<'a>(
        &'a self,
        cause: Forbidden,
        claims: &'a Claims,
        known_by: KnownBy<'a>,
        head: &'a RequestHead,
    ) -> Explanation<'a> {
        Explanation { rules: self, cause, claims, known_by, head }
    }
}

/// Formatted as in `rule 3: "groups" has none of: admins; rule 4: the method is PUT, the rule is for GET`.
impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let applicable = match self.rules.applicable(&self.head.target) {
            Ok(applicable) if matches!(self.cause, Forbidden::NoRuleHolds | Forbidden::OtherSignIn) => applicable,
            Ok(_) | Err(_) => return self.cause.fmt(f),
        };
        for (index, applicable) in applicable.iter().take(MOST_RULES).enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            let obstacles: Vec<String> =
                applicable.obstacles(self.claims, self.known_by, self.head).iter().map(ToString::to_string).collect();
            write!(f, "rule {}: {}", applicable.number, obstacles.join(", "))?;
        }
        match applicable.len().saturating_sub(MOST_RULES) {
            0 => Ok(()),
            more => write!(f, "; and {more} more rules"),
        }
    }
}
