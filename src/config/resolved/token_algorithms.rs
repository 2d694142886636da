//! The algorithms with which access tokens may be signed.

use crate::config::reader::{Reader, Setting, Spanned};
use crate::domain::oidc::algorithm::SigningAlgorithm;

/// The listed algorithms, all of which use public keys; RS256 where none are given.
pub(super) fn token_algorithms(
    written: &Setting<Vec<Spanned<SigningAlgorithm>>>,
    reader: &mut Reader<'_>,
) -> Option<Vec<SigningAlgorithm>> {
    use SigningAlgorithm::{HS256, HS384, HS512, RS256};
    let Spanned { location, value: list } = match written {
        Setting::Absent => return Some(vec![RS256]),
        Setting::Faulty => return None,
        Setting::Given(list) => list,
    };
    let mut sound = true;
    for Spanned { location, value } in list {
        if matches!(value, HS256 | HS384 | HS512) {
            sound = false;
            let problem = "access tokens with an HMAC signature are not supported";
            reader.fault(
                location,
                problem,
                "configure an asymmetric algorithm at the provider, or use `verify: introspection`",
            );
        }
    }
    if list.is_empty() {
        sound = false;
        reader.fault(location, "the list is empty, so every token would be rejected", "list one, such as RS256");
    }
    sound.then(|| list.iter().map(|algorithm| algorithm.value).collect())
}
