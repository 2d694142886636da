//! Who is signed in: mostly users with one session, some with ten; tokens and claims of the size that providers send.

use gatepost::domain::application::Slug;
use gatepost::domain::claims::Claims;
use gatepost::domain::session::{Renewal, Session, SessionKey, SessionRecord, User};
use gatepost::domain::time::Timestamp;
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

/// Sessions of each user who has several; these users come first.
pub(crate) const SESSIONS_OF_SOME: u64 = 10;
/// How many such users there are.
pub(crate) const SOME_USERS: u64 = 100;
/// One session in so many ends early.
pub(crate) const ENDS_EARLY: u64 = 10;

const BEGUN: u64 = 1_700_000_000;
const ISSUER: &str = "https://sso.example.com/application/o/gatepost/";
/// An RS256 ID Token with a handful of claims.
const ID_TOKEN_BYTES: usize = 1000;
const REFRESH_TOKEN_BYTES: usize = 64;

/// Keys are hashes, so they come in no order.
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

/// When the sessions that end early have ended.
pub(crate) const fn early_end() -> Timestamp {
    Timestamp::from_unix(BEGUN + 3600)
}

pub(crate) fn session(number: u64) -> Session {
    let user = user(number);
    let early = number >= SESSIONS_OF_SOME * SOME_USERS && number.is_multiple_of(ENDS_EARLY);
    let ends = if early { early_end() } else { Timestamp::from_unix(BEGUN + 8 * 3600) };
    Session::restore(SessionRecord {
        claims: Claims::new(claims(number, &user.subject)),
        user,
        application: slug(),
        id_token: Some("t".repeat(ID_TOKEN_BYTES).into()),
        access_token: None,
        provider_session: Some(format!("{number:032x}")),
        renewal: Some(Renewal {
            refresh_token: Some("r".repeat(REFRESH_TOKEN_BYTES).into()),
            due: Timestamp::from_unix(BEGUN + 240),
            stale: Timestamp::from_unix(BEGUN + 300),
        }),
        generation: 0,
        created: begun(),
        ends,
    })
}

#[expect(clippy::expect_used, reason = "the name is a good one")]
fn slug() -> Slug {
    Slug::parse("wiki").expect("a slug")
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
        "nonce": "n".repeat(43),
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
