//! Keys of the access rules.

use crate::config::reader::Spanned;
use crate::config::section::section;
use crate::config::value::{DurationField, Scalar, Texts};

type ClaimConditions = Vec<Spanned<ClaimCondition>>;
type Scalars = Vec<Spanned<Scalar>>;

section! {
    /// One rule: conditions on the user (`anyone`, or at least one of the first four keys), on the sign-in and on the request. Every key
    /// that is given must match by one of its values. A rule is for users of the provider, or for tokens of the issuers in `issuers`.
    struct AccessRule {
        /// Groups, of which the claim `groups` must contain one, compared byte for byte.
        groups: non_empty Texts,
        /// Addresses, compared with the claim `email`: the domain without case, the part before it byte for byte. The
        /// claim `email_verified` must be true (a boolean or a text), or absent with the application's
        /// `email_verified: assumed`. For a provider that does not verify addresses, use the claim `email` in
        /// `claims`.
        emails: non_empty Texts,
        /// Domains of addresses, with the same condition on `email_verified`; subdomains do not match.
        email_domains: non_empty Texts,
        /// Conditions on other claims; all of them must match.
        claims: non_empty ClaimConditions,
        /// `true` matches every signed-in user; with `issuers`, every token of these issuers.
        anyone: bool = "false",
        /// Issuers of `bearer.issuers` whose tokens the rule allows, in place of users of the application's own provider. The
        /// other keys are then compared with the claims of these tokens.
        issuers: non_empty Texts,
        /// Paths to which the rule applies; rules with a longer path take precedence. A path covers itself and
        /// everything below it, in mode `forward_domain` on every host. Every spelling of a covered path is
        /// protected, in any case and with any escapes. Only the exact spelling is allowed by the rule, never one
        /// with an escaped `/` or `\`.
        paths: non_empty Texts,
        /// Authentication context classes, of which the claim `acr` of the ID Token must be one: how the user signed in at
        /// the provider. A user whom the rule otherwise matches is sent to the provider once with `acr_values`, on page
        /// loads; if the new ID Token has none of them either, the response is 403. Credentials of programs (`bearer`,
        /// `basic`) match no rule with `acr` or `max_age`.
        acr: non_empty Texts,
        /// How long ago the user may have signed in at the provider, by `auth_time` of the ID Token; at least 30s. A user
        /// who signed in earlier is sent to the provider once, as with `acr`, with `max_age`. With a provider that does
        /// not send `auth_time`, the rule never matches.
        max_age: non_empty DurationField,
        /// Methods that the rule allows, in upper case; `GET` does not include `HEAD`. Unless given: all.
        methods: non_empty Texts,
        /// Networks or addresses of clients that the rule allows, such as `10.0.0.0/8`. Over gRPC the client is the peer of
        /// Envoy's connection, with forward auth the one that `forward_auth.trusted_proxies` report; a client whose
        /// address is not known matches no network. Unless given: all.
        networks: non_empty Texts,
    }
}

section! {
    /// One condition on a claim.
    struct ClaimCondition {
        /// Name of the claim: a dotted path (`team.name`), or a JSON Pointer (RFC 6901) if it begins with `/`.
        claim: required String,
        /// Accepted values. The claim must equal one of them; if it is a list, one of its items must. Numbers and
        /// booleans are compared as JSON text.
        values: required Scalars,
    }
}
