//! Keys of the access rules.

use crate::config::reader::Spanned;
use crate::config::section::section;
use crate::config::value::Scalar;
use crate::config::value::Texts;

type ClaimConditions = Vec<Spanned<ClaimCondition>>;
type Scalars = Vec<Spanned<Scalar>>;

section! {
    /// One rule: whom it means, by `anyone` or by at least one of the other four, and where. Of each key at least one value
    /// has to fit, and every key that is given.
    struct AccessRule {
        /// Names in the claim `groups`, byte for byte.
        groups: non_empty Texts,
        /// Addresses in the claim `email`, which counts only when the claim `email_verified` is true (a boolean, or its text);
        /// for a provider that does not send that claim, see the application's `email_verified`. The domain compares without
        /// case, what stands before it byte for byte. For a provider that verifies nothing, name `email` in `claims`.
        emails: non_empty Texts,
        /// Domains of such addresses, without those below them.
        email_domains: non_empty Texts,
        /// Any other claims; every one that is listed has to fit.
        claims: non_empty ClaimConditions,
        /// Every signed-in user.
        anyone: bool = "false",
        /// Where the rule counts, instead of rules with shorter paths: each path is itself and what lies below it, in mode
        /// `forward_domain` on every host. It protects in any spelling and case, and lets pass only as it is written here,
        /// so never with an escaped `/` or `\`.
        paths: non_empty Texts,
        /// Methods that the rule lets pass, in capitals; `HEAD` is not `GET`. Unless given: all.
        methods: non_empty Texts,
    }
}

section! {
    /// One condition on a claim.
    struct ClaimCondition {
        /// Its name; a path of dotted names (`team.name`), or a JSON Pointer (RFC 6901) when it begins with `/`.
        claim: required String,
        /// Values of which it has to have one; of a list any item. Numbers and booleans compare as JSON writes them.
        values: required Scalars,
    }
}
