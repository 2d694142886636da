//! Keys of the claim that lists a user's groups.

use crate::config::section::section;
use crate::config::value::Choice;

section! {
    /// The claim with the user's groups.
    struct GroupsClaim {
        /// Name of the claim: a dotted path (`realm_access.roles`), or a JSON Pointer (RFC 6901) if it begins with `/`.
        path: String = "groups",
        /// What a text in place of a list means. `refuse`: no group. `list`: a list of one.
        text: TextOfGroups = "refuse",
    }
}

/// What a text in place of a list of groups means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::config) enum TextOfGroups {
    Refuse,
    List,
}

impl Choice for TextOfGroups {
    const CHOICES: &'static [(Self, &'static str)] = &[(Self::Refuse, "refuse"), (Self::List, "list")];
}
