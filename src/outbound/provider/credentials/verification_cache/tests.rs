//! What is cached, for how long, and under which key.

use super::*;
use crate::domain::oidc::id_token::SignedIn;
use crate::ports::ProviderUnavailable;
use crate::testing::{application, signed_in};

const NOW: Timestamp = Timestamp::from_unix(1_000_000);

fn key(name: &str) -> Key {
    Key::over(&[name.as_bytes()])
}

fn wiki() -> Arc<Application> {
    Arc::new(application("https://wiki.example.com"))
}

/// A positive result for a token that expires this many seconds from now.
fn good_for(seconds: u64) -> Arc<VerifiedCredential> {
    // Tokens of the test's sign-ins expire after one hour.
    let begun = Timestamp::from_unix(NOW.as_unix() + seconds - 3600);
    let signed_in: SignedIn = signed_in(&serde_json::json!({}), begun);
    Arc::new(VerifiedCredential::of_sign_in(signed_in))
}

fn after(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

#[test]
fn in_4_a_verdict_lasts_a_minute_and_never_beyond_the_token() {
    for (life, last) in [(3600, 59), (61, 59), (30, 29), (1, 0)] {
        let verification_cache = VerificationCache::default();
        verification_cache.keep(key("a"), &wiki(), &Ok(good_for(life)), NOW);
        assert!(matches!(verification_cache.recall(&key("a"), after(last)), Some(Ok(_))), "{life}");
        assert!(verification_cache.recall(&key("a"), after(last + 1)).is_none(), "{life}");
        assert!(verification_cache.recall(&key("b"), NOW).is_none());
        let earlier = Timestamp::from_unix(NOW.as_unix() - 1);
        assert!(verification_cache.recall(&key("a"), earlier).is_none(), "a clock that was set back");
    }
}

#[test]
fn in_4_a_refusal_lasts_ten_seconds_and_an_outage_not_at_all() {
    let verification_cache = VerificationCache::default();
    verification_cache.keep(key("a"), &wiki(), &Err(CredentialFault::Refused(Refusal::Inactive)), NOW);
    assert!(matches!(
        verification_cache.recall(&key("a"), after(9)),
        Some(Err(CredentialFault::Refused(Refusal::Inactive)))
    ));
    assert!(verification_cache.recall(&key("a"), after(10)).is_none());
    let down = ProviderUnavailable { issuer: String::new(), cause: String::new() };
    verification_cache.keep(key("b"), &wiki(), &Err(down.into()), NOW);
    assert!(verification_cache.recall(&key("b"), NOW).is_none());
}

#[test]
fn in_4_any_number_of_tokens_takes_no_more_room_and_displaces_no_good_one() {
    let verification_cache = VerificationCache::default();
    verification_cache.keep(key("good"), &wiki(), &Ok(good_for(3600)), NOW);
    for number in 0..100_000_u32 {
        verification_cache.keep(
            key(&number.to_string()),
            &wiki(),
            &Err(CredentialFault::Refused(Refusal::Inactive)),
            NOW,
        );
    }
    assert!(verification_cache.refused.len() <= MAX_REFUSED, "{}", verification_cache.refused.len());
    assert!(matches!(verification_cache.recall(&key("good"), NOW), Some(Ok(_))));
}

#[test]
fn in_4_the_key_names_provider_application_kind_and_credential() {
    let wiki = wiki();
    // The same settings, but read again.
    let reread = Arc::new(Application::clone(&wiki));
    let token = |text: &str| Credential::Token(text.into());
    let password = |user: &str, password: &str| {
        Credential::AppPassword(AppPassword { user: user.into(), password: password.into() })
    };
    let keys = [
        Key::of(&wiki, &token("a")),
        Key::of(&wiki, &token("b")),
        Key::of(&reread, &token("a")),
        Key::of(&wiki, &password("a", "b")),
        Key::of(&wiki, &password("ab", "c")),
        Key::of(&wiki, &password("a", "bc")),
    ];
    for (index, one) in keys.iter().enumerate() {
        assert!(keys.iter().skip(index + 1).all(|other| other.0 != one.0), "{index}");
    }
    assert!(Key::of(&wiki, &token("a")) == Key::of(&wiki, &token("a")));
}
