//! Flights that end badly, and answers that came just before.

use super::*;
use crate::domain::application::Slug;
use crate::domain::credentials::{Credential, Refusal};
use crate::domain::testing::application;
use crate::ports::CredentialFault;

fn key() -> Key {
    let mut wiki = application("https://wiki.example.com");
    wiki.slug = Slug::parse("wiki").expect("is a slug");
    Key::of(&wiki, &Credential::Token("token".into()))
}

const fn refused() -> Verdict {
    Err(CredentialFault::Refused(Refusal::Inactive))
}

#[tokio::test]
async fn a_crash_is_no_verdict_and_blocks_nobody() {
    let flights = Arc::new(Flights::default());
    let crashed = flights.join(key(), || None, async { panic!("told to") }).await;
    assert!(crashed.is_none());
    assert!(flights.lock().is_empty(), "it left the list");
    let second = flights.join(key(), || None, async { refused() }).await;
    assert!(matches!(second, Some(Err(CredentialFault::Refused(Refusal::Inactive)))));
    assert!(flights.lock().is_empty());
}

#[tokio::test]
async fn an_answer_that_came_meanwhile_is_not_asked_for_again() {
    let flights = Arc::new(Flights::default());
    let known = flights.join(key(), || Some(refused()), async { panic!("nobody asks") }).await;
    assert!(known.is_some() && flights.lock().is_empty());
}
