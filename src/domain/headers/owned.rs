//! Names that are ours, in every spelling. A backend may fold names (CGI turns `-`, `_` and `.` into one), so every
//! look-alike goes as well.

/// The names that Gatepost owns on every request that it lets through.
pub(super) const OWNED: [&str; 12] = [
    "x-authentik-username",
    "x-authentik-groups",
    "x-authentik-entitlements",
    "x-authentik-email",
    "x-authentik-name",
    "x-authentik-uid",
    "x-authentik-jwt",
    "x-authentik-meta-jwks",
    "x-authentik-meta-outpost",
    "x-authentik-meta-provider",
    "x-authentik-meta-app",
    "x-authentik-meta-version",
];

/// The spellings of [`OWNED`] that are removed unseen, in case the front proxy shows us only some headers.
pub(super) const LOOK_ALIKES: [&str; 24] = [
    "x_authentik_username",
    "x_authentik_groups",
    "x_authentik_entitlements",
    "x_authentik_email",
    "x_authentik_name",
    "x_authentik_uid",
    "x_authentik_jwt",
    "x_authentik_meta_jwks",
    "x_authentik_meta_outpost",
    "x_authentik_meta_provider",
    "x_authentik_meta_app",
    "x_authentik_meta_version",
    "x.authentik.username",
    "x.authentik.groups",
    "x.authentik.entitlements",
    "x.authentik.email",
    "x.authentik.name",
    "x.authentik.uid",
    "x.authentik.jwt",
    "x.authentik.meta.jwks",
    "x.authentik.meta.outpost",
    "x.authentik.meta.provider",
    "x.authentik.meta.app",
    "x.authentik.meta.version",
];

/// Folded beginnings that are ours alone, and names by which a client could steer Envoy.
const OWNED_PREFIXES: [&str; 2] = ["x-authentik-", "x-gatepost-"];
const STEERING: &str = "x-envoy-original-dst-host";

/// What a backend in mode `proxy` is told about the host that was asked for.
pub(super) const FORWARDED_HOST: &str = "x-forwarded-host";

/// Whether a name, once folded, is one of ours or one that steers Envoy.
pub(super) fn is_owned(name: &str) -> bool {
    OWNED_PREFIXES.iter().any(|prefix| begins_like(name, prefix)) || folds_to(name, STEERING)
}

/// Whether a name, once folded, is [`FORWARDED_HOST`].
pub(super) fn is_forwarded_host(name: &str) -> bool {
    folds_to(name, FORWARDED_HOST)
}

fn folds_to(name: &str, folded: &str) -> bool {
    name.len() == folded.len() && begins_like(name, folded)
}

fn begins_like(name: &str, prefix: &str) -> bool {
    name.len() >= prefix.len() && name.bytes().zip(prefix.bytes()).all(|(byte, expected)| fold(byte) == expected)
}

/// Lower case; everything but letters and digits is one and the same.
const fn fold(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' }
}
