//! The sealed state: it opens only here, matches only its browser, and expires.

use super::*;
use crate::domain::application::Application;
use crate::domain::oidc::authorization_settings::{Parameter, ParameterName, ParameterValue, ResponseMode};
use crate::domain::oidc::sign_in::{Callback, ProviderMetadata, ResponseFault, authorization_url};
use crate::domain::slug::Slug;
use crate::testing::application;
use proptest::prelude::*;
use std::collections::HashMap;
use url::Url;

const NOW: Timestamp = Timestamp::from_unix(1_000_000);

fn keys(byte: u8) -> SealingKeys {
    SealingKeys::new(SealingKey::new([byte; 32]), Vec::new())
}

fn wiki() -> Application {
    application("https://wiki.example.com")
}

fn binding() -> Binding {
    Binding::new([7; 32])
}

fn begin(id: u8) -> Attempt {
    Attempt::begin(AttemptId::new([id; 16]), &binding(), "https://wiki.example.com/x".into(), 1, NOW, &keys(1))
}

fn metadata(announces_issuer: bool) -> ProviderMetadata {
    ProviderMetadata {
        issuer: "https://sso.example.com/".into(),
        authorization_endpoint: Url::parse("https://sso.example.com/authorize?p=1").expect("is a URL"),
        end_session_endpoint: None,
        jwks_uri: Url::parse("https://sso.example.com/jwks").expect("is a URL"),
        authorization_response_iss_parameter_supported: announces_issuer,
    }
}

#[test]
fn an_attempt_comes_back_as_it_went() {
    let state = begin(1).seal(&wiki(), &keys(1), [9; 24]);
    let opened = Attempt::open(&state, &wiki(), &keys(1)).expect("opens");
    assert_eq!((opened.return_address(), opened.restarts()), (Some("https://wiki.example.com/x"), 1));
    assert_eq!((opened.origin(), opened.began()), (StartedBy::Request, 1_000_000_000));
    let asked_for = begin(1).begun(StartedBy::Start, 1_000_000_123).seal(&wiki(), &keys(1), [9; 24]);
    let asked_for = Attempt::open(&asked_for, &wiki(), &keys(1)).expect("opens");
    assert_eq!((asked_for.origin(), asked_for.began()), (StartedBy::Start, 1_000_000_123));
    assert!(opened.matching(Some(&binding()), NOW).is_ok());
}

#[test]
fn bcp_2_only_the_browser_that_began_matches() {
    let attempt = begin(1);
    assert_eq!(attempt.matching(None, NOW).err(), Some(Mismatch::OtherBrowser));
    assert_eq!(attempt.matching(Some(&Binding::new([8; 32])), NOW).err(), Some(Mismatch::OtherBrowser));
}

#[test]
fn ck_5_one_of_several_bindings_matches_wherever_it_is() {
    let (attempt, planted) = (begin(1), Binding::new([8; 32]));
    assert!(attempt.matching([&planted, &binding()], NOW).is_ok());
    assert!(attempt.matching([&binding(), &planted], NOW).is_ok());
    assert_eq!(attempt.matching([&planted, &planted], NOW).err(), Some(Mismatch::OtherBrowser));
}

#[test]
fn pk_4_an_attempt_lives_ten_minutes() {
    let attempt = begin(1);
    assert!(attempt.matching(Some(&binding()), NOW.plus(Duration::from_secs(599))).is_ok());
    assert_eq!(attempt.matching(Some(&binding()), NOW.plus(Duration::from_secs(600))).err(), Some(Mismatch::Expired));
}

#[test]
fn a_state_opens_only_for_its_application_issuer_and_key() {
    let state = begin(1).seal(&wiki(), &keys(1), [9; 24]);
    let sibling = Application { slug: Slug::parse("board").expect("is a slug"), ..wiki() };
    let mut other_issuer = wiki();
    other_issuer.relying_party.issuer = "https://other.example.com/".into();
    assert!(Attempt::open(&state, &sibling, &keys(1)).is_err());
    assert!(Attempt::open(&state, &other_issuer, &keys(1)).is_err());
    assert!(Attempt::open(&state, &wiki(), &keys(2)).is_err());
    let rotated = SealingKeys::new(SealingKey::new([2; 32]), vec![SealingKey::new([1; 32])]);
    let opened = Attempt::open(&state, &wiki(), &rotated).expect("opens under the previous key");
    assert_eq!(opened.nonce(&binding()).expose(), begin(1).nonce(&binding()).expose(), "a rotation breaks no sign-in");
}

#[test]
fn pk_3_secrets_belong_to_one_attempt_and_stand_nowhere() {
    let (one, two) = (begin(1), begin(2));
    assert_ne!(one.nonce(&binding()).expose(), two.nonce(&binding()).expose());
    assert_ne!(one.verifier(&binding()).expose(), two.verifier(&binding()).expose());
    assert_ne!(one.nonce(&binding()).expose(), one.verifier(&binding()).expose());
    let state = one.seal(&wiki(), &keys(1), [9; 24]);
    let url = authorization_url(&metadata(true), &wiki().relying_party, &one, &binding(), &state, &[]);
    assert!(!url.as_str().contains(one.verifier(&binding()).expose()));
}

#[test]
fn oc_16_the_authorization_request() {
    let attempt = begin(1);
    let url = authorization_url(&metadata(true), &wiki().relying_party, &attempt, &binding(), "state", &[]);
    let pairs: Vec<_> = url.query_pairs().into_owned().collect();
    let unique: HashMap<_, _> = pairs.iter().cloned().collect();
    assert_eq!(unique.len(), pairs.len(), "no parameter twice");
    for (name, expected) in [
        ("p", "1"),
        ("response_type", "code"),
        ("client_id", "wiki"),
        ("redirect_uri", "https://wiki.example.com/outpost.goauthentik.io/callback?X-authentik-auth-callback=true"),
        ("scope", "openid profile"),
        ("state", "state"),
        ("nonce", attempt.nonce(&binding()).expose()),
        ("code_challenge", attempt.verifier(&binding()).challenge().as_str()),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(unique.get(name).map(String::as_str), Some(expected), "{name}");
    }
}

/// The operator's parameters and those of one request are added, and change none of ours.
#[test]
fn oc_16_no_added_parameter_replaces_one_of_ours() {
    let parameter = |name: &str, value: &str| Parameter {
        name: ParameterName::parse(name).expect("is a name"),
        value: ParameterValue::parse(value).expect("is a value"),
    };
    let evil = "x&redirect_uri=https://evil.test/&scope=admin#&state=s";
    let mut party = wiki().relying_party;
    party.authorization.parameters =
        vec![parameter("prompt", "consent"), parameter("acr_values", "a b"), parameter("hd", evil)];
    party.authorization.response_mode = ResponseMode::FormPost;
    let of_request = [parameter("acr_values", "mfa"), parameter("login_hint", evil)];
    let (attempt, binding) = (begin(1), binding());
    let usual = authorization_url(&metadata(true), &wiki().relying_party, &attempt, &binding, "state", &[]);
    let url = authorization_url(&metadata(true), &party, &attempt, &binding, "state", &of_request);
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let mut added: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    added.retain(|(name, _)| !usual.query_pairs().any(|(other, _)| other == *name));
    added.sort_unstable();
    let expected = [
        ("acr_values", "mfa"),
        ("hd", evil),
        ("login_hint", evil),
        ("prompt", "consent"),
        ("response_mode", "form_post"),
    ];
    assert_eq!(added, expected);
    for (name, value) in usual.query_pairs() {
        let found: Vec<_> = pairs.iter().filter(|(other, _)| *other == name).map(|(_, value)| value).collect();
        assert_eq!(found, [&value.into_owned()], "{name}");
    }
    assert_eq!(url.fragment(), None);
}

#[test]
fn iss_1_iss_2_the_issuer_is_compared_before_anything_else() {
    let attempt = begin(1);
    let binding = binding();
    let matched = attempt.matching(Some(&binding), NOW).expect("matches");
    let into_code = |query: &str, announced: bool| {
        let callback = Callback::parse(query).expect("is well formed");
        callback.into_code(&matched, &metadata(announced), metadata(announced).issuer.as_str().into()).map(|_| ()).err()
    };
    let right = "iss=https%3A%2F%2Fsso.example.com%2F";
    assert_eq!(into_code(&format!("state=s&code=c&{right}"), true), None);
    assert_eq!(into_code(&format!("state=s&code=c&{right}"), false), None);
    assert_eq!(into_code("state=s&code=c", false), None);
    for query in [
        "state=s&code=c",
        "state=s&error=access_denied",
        "state=s&code=c&iss=",
        "state=s&code=c&iss=https%3A%2F%2Fsso.example.com%2Fx",
        "state=s&code=c&iss=https%3A%2F%2Fsso.example.com",
        "state=s&code=c&iss=https%3A%2F%2FSSO.example.com%2F",
        "state=s&code=c&iss=https%253A%252F%252Fsso.example.com%252F",
    ] {
        assert_eq!(into_code(query, true), Some(ResponseFault::OTHER_ISSUER), "{query}");
    }
    assert!(matches!(
        into_code(&format!("state=s&error=access_denied&{right}"), true),
        Some(ResponseFault::Provider(_))
    ));
}

proptest! {
    #[test]
    fn no_altered_state_opens(position in 0usize..4096, replacement in "[A-Za-z0-9_=%+/-]") {
        let state = begin(1).seal(&wiki(), &keys(1), [9; 24]);
        let position = position % state.len();
        let mut altered = state.clone();
        altered.replace_range(position..=position, &replacement);
        if altered != state {
            prop_assert!(Attempt::open(&altered, &wiki(), &keys(1)).is_err());
        }
    }

    #[test]
    fn no_invented_state_opens(state in "\\PC{0,200}") {
        prop_assert!(Attempt::open(&state, &wiki(), &keys(1)).is_err());
    }

    #[test]
    fn any_return_address_travels_unchanged_or_is_known_again(
        address in "\\PC{0,300}", id: [u8; 16], restarts: u8, nonce: [u8; 24],
        origin in prop_oneof![Just(StartedBy::Request), Just(StartedBy::Start), any::<u64>().prop_map(StartedBy::StepUp)],
    ) {
        let attempt = Attempt::begin(AttemptId::new(id), &binding(), address.clone(), restarts, NOW, &keys(1));
        let attempt = attempt.begun(origin, 5);
        let state = attempt.seal(&wiki(), &keys(1), nonce);
        prop_assert!(state.len() < 512);
        let opened = Attempt::open(&state, &wiki(), &keys(1)).expect("opens");
        let sealed = (address.len() <= MAX_SEALED_ADDRESS).then_some(address.as_str());
        prop_assert_eq!((opened.return_address(), opened.restarts()), (sealed, restarts));
        prop_assert_eq!((opened.origin(), opened.began()), (origin, 5));
        prop_assert!(opened.ends_at(&address) && !opened.ends_at(&(address + "x")));
    }
}
