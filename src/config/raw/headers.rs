//! Keys of the identity headers of an application.

use crate::config::section::section;
use crate::config::value::{Choice, DurationField, Texts};
use crate::domain::policy::identity_headers::TokenKind;

section! {
    /// A header from a claim, a token or a constant text.
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
        /// In place of `claim`: the provider's token, as issued at the sign-in or the last refresh; it may have expired
        /// since. In the header `Authorization` it is sent as `Bearer <token>`, and replaces the client's; elsewhere alone.
        /// A client's own bearer token counts as access token. Sessions from before this setting get the header with their
        /// next refresh or sign-in.
        token: optional TokenKind,
    }
}

section! {
    /// An assertion: a signed JWT about the user, with `iss` (the application's `external_host`), `sub`, `aud`, `iat` and
    /// `exp`. The application verifies it with the keys at `/outpost.goauthentik.io/jwks.json` below its `external_host`,
    /// and need not trust the network between Gatepost and itself. The algorithm is `EdDSA` with Ed25519; a key signs for 30
    /// days. The keys are derived from the sealing key, so all replicas have the same.
    struct Assertion {
        /// Name of the header. Gatepost removes this header from all client requests, in every spelling that an
        /// application may read as this name.
        header: String = "X-Gatepost-Assertion",
        /// Value of `aud`. Unless given: `external_host`.
        audience: optional String,
        /// How long an assertion is valid, from `1m` to `1h`. The application receives it with at least half of that left;
        /// it stays valid when the session ends meanwhile.
        lifetime: DurationField = "5m",
        /// Names of the user's claims in it, such as `email` and `groups`; `groups` has those of `groups_claim`.
        claims: Texts = "[]",
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

impl Choice for TokenKind {
    const CHOICES: &'static [(Self, &'static str)] =
        &[(Self::AccessToken, "access_token"), (Self::IdToken, "id_token")];
}
