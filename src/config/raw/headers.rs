//! Keys of the identity headers of an application.

use crate::config::section::section;
use crate::config::value::Texts;

section! {
    /// A header from a claim.
    struct ClaimHeader {
        /// Name of the header. Gatepost removes this header from all client requests, in every spelling that an
        /// application may read as this name.
        header: required String,
        /// Claim that holds the value: a dotted path (`team.name`), or a JSON Pointer if it begins with `/`
        /// (`/https:~1~1example.com~1roles`), for claim names with dots or slashes. Texts are sent unchanged, numbers
        /// and booleans as in JSON, lists joined by `separator`; objects are not sent.
        claim: optional String,
        /// Character between the items of a list; an item that contains it is omitted. Unless given: `|`.
        separator: optional String,
        /// A constant value for all users, in place of `claim`. Do not use it for secrets.
        text: optional String,
    }
}

section! {
    /// Headers from a claim.
    struct AdditionalHeaders {
        /// Whether these headers are sent.
        enabled: bool = "true",
        /// Claim that holds the object, in the notation of `claim_headers`. Unless given:
        /// `ak_proxy.user_attributes.additionalHeaders`. Lists are joined by `|`.
        claim: optional String,
        /// Names of such headers. List every name that the application trusts: only these headers are removed from
        /// client requests when the user's claim does not set them, and on public paths.
        names: Texts = "[]",
    }
}
