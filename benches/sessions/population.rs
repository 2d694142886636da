//! The signed-in users: most with one session, some with ten; tokens and claims of realistic size.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepost::domain::oidc::claims::Claims;
use gatepost::domain::oidc::user::User;
use gatepost::domain::session::{Refresh, Session, SessionKey, SessionRecord};
use gatepost::domain::slug::Slug;
use gatepost::domain::time::Timestamp;
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

/// Sessions of each user with several; these users come first.
pub(crate) const SESSIONS_OF_SOME: u64 = 10;
/// The number of such users.
pub(crate) const SOME_USERS: u64 = 100;
/// One session in this many ends early.
pub(crate) const ENDS_EARLY: u64 = 10;

const BEGUN: u64 = 1_700_000_000;
const ISSUER: &str = "https://sso.example.com/application/o/gatepost/";
/// Length of an RS256 signature.
const SIGNATURE_BYTES: usize = 256;
const REFRESH_TOKEN_BYTES: usize = 64;

/// The key of a session. Keys are hashes, so they are not in order.
pub(crate) fn key(number: u64) -> SessionKey {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, &number.to_be_bytes()).as_ref());
    SessionKey::from_bytes(bytes)
}

pub(crate) fn user(number: u64) -> User {
    let owner = if number < SESSIONS_OF_SOME * SOME_USERS { number / SESSIONS_OF_SOME } else { number };
    User { issuer: ISSUER.to_owned(), subject: format!("{owner:064x}") }
}

pub(crate) const fn begun() -> Timestamp {
    Timestamp::from_unix(BEGUN)
}

/// A time at which the sessions that end early have ended.
pub(crate) const fn early_end() -> Timestamp {
    Timestamp::from_unix(BEGUN + 3600)
}

pub(crate) fn session(number: u64) -> Session {
    let user = user(number);
    let claims = claims(number, &user.subject);
    let early = number >= SESSIONS_OF_SOME * SOME_USERS && number.is_multiple_of(ENDS_EARLY);
    let ends = if early { early_end() } else { Timestamp::from_unix(BEGUN + 8 * 3600) };
    Session::restore(SessionRecord {
        step_up: None,
        id_token: Some(id_token(number, &claims).into()),
        claims: Claims::new(claims),
        user,
        application: slug(),
        client_id: "wiki".to_owned(),
        access_token: None,
        sent_id_token: None,
        provider_session: Some(format!("{number:032x}")),
        refresh: Some(Refresh {
            refresh_token: Some(base64(&random(number, b"refresh", REFRESH_TOKEN_BYTES)).into()),
            due: Timestamp::from_unix(BEGUN + 240),
            stale: Timestamp::from_unix(BEGUN + 300),
        }),
        generation: 0,
        created: begun(),
        created_millis: 0,
        ends,
    })
}

#[expect(clippy::expect_used, reason = "the name is a good one")]
fn slug() -> Slug {
    Slug::parse("wiki").expect("a slug")
}

/// An ID Token as a provider signs it: with the UserInfo claims as well, and a signature without repetition.
fn id_token(number: u64, claims: &Map<String, Value>) -> String {
    let header = json!({ "alg": "RS256", "kid": "b2Zmc2V0LXNpZ25pbmcta2V5LTE", "typ": "JWT" }).to_string();
    let payload = Value::Object(claims.clone()).to_string();
    let signature = random(number, b"signature", SIGNATURE_BYTES);
    [header.as_bytes(), payload.as_bytes(), &signature].map(base64).join(".")
}

fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Pseudo-random bytes, the same in every run.
fn random(number: u64, what: &[u8], length: usize) -> Vec<u8> {
    let block = |count: usize| digest(&SHA256, &[what, &number.to_be_bytes(), &count.to_be_bytes()].concat());
    (0..length.div_ceil(32)).flat_map(|count| block(count).as_ref().to_vec()).take(length).collect()
}

fn claims(number: u64, subject: &str) -> Map<String, Value> {
    let claims = json!({
        "iss": ISSUER,
        "sub": subject,
        "aud": "gatepost",
        "exp": BEGUN + 300,
        "iat": BEGUN,
        "auth_time": BEGUN,
        "acr": "goauthentik.io/providers/oauth2/default",
        "nonce": base64(&random(number, b"nonce", 32)),
        "sid": format!("{number:032x}"),
        "email": format!("user-{number}@example.com"),
        "email_verified": true,
        "name": format!("User Number {number}"),
        "given_name": "User",
        "preferred_username": format!("user-{number}"),
        "nickname": format!("user-{number}"),
        "groups": ["staff", "wiki readers", "wiki editors", "everybody in Hamburg"],
    });
    claims.as_object().cloned().unwrap_or_default()
}
