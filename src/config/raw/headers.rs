//! Keys of the identity headers of an application.

use crate::config::section::section;
use crate::config::value::Texts;

section! {
    /// A header from a claim.
    struct ClaimHeader {
        /// The header's name. From then on it is Gatepost's: no client's reaches the application, in no spelling.
        header: required String,
        /// The claim with the value: dotted names (`team.name`), or a JSON Pointer where it begins with `/`
        /// (`/https:~1~1example.com~1roles`), for names that hold dots or slashes. Text is sent as it is, numbers and booleans as
        /// JSON has them, lists joined; objects are not sent.
        claim: optional String,
        /// The sign between the items of a list; an item that holds it is left out. Unless given: `|`.
        separator: optional String,
        /// The same text for everybody, in place of `claim`. No place for secrets.
        text: optional String,
    }
}

section! {
    /// Headers that stand in a claim.
    struct AdditionalHeaders {
        /// Whether they are sent.
        enabled: bool = "true",
        /// The claim that holds them, written as in `claim_headers`. Unless given: `ak_proxy.user_attributes.additionalHeaders`.
        /// Lists are joined with `|`.
        claim: optional String,
        /// Names that such headers have. List every one that the application trusts: only these are removed from requests of
        /// users who have no such header, and from public requests.
        names: Texts = "[]",
    }
}
