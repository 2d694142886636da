//! Long return addresses, stored and read back, and values that an attacker may put in their place.

use proptest::prelude::*;

use super::*;
use crate::domain::crypto::sealing::{SealingKey, SealingKeys};
use crate::domain::http::{CookieForm, HeaderLines};
use crate::domain::oidc::sign_in::Binding;
use crate::domain::time::Timestamp;
use crate::testing::{application, domain_application};

fn attempt(id: u8, address: &str) -> Attempt {
    let keys = SealingKeys::new(SealingKey::new([1; 32]), Vec::new());
    let binding = Binding::new([7; 32]);
    Attempt::begin(AttemptId::new([id; 16]), &binding, address.to_owned(), 0, Timestamp::from_unix(1000), &keys)
}

/// The request cookies that the browser sends after these `Set-Cookie` values.
fn sent_back(set: &[String], application: &Application, form: CookieForm) -> OwnCookies {
    let pairs: Vec<&str> = set.iter().filter_map(|cookie| cookie.split(';').next()).collect();
    let headers = HeaderLines::new([("cookie", pairs.join("; ").into_bytes())], form);
    OwnCookies::read(&headers, application).expect("is within the caps")
}

fn long_address(bytes: usize) -> String {
    let address = format!("https://wiki.example.com/x?q={}", "a%2Fb\\".repeat(bytes));
    address.get(..bytes).expect("is longer").to_owned()
}

#[test]
fn addresses_of_every_length_come_back_in_cookies_for_the_callback_alone() {
    let wiki = application("https://wiki.example.com");
    for bytes in [257, SHORT, 1000, 3900, 4096, 8192, 8300] {
        let address = long_address(bytes);
        let attempt = attempt(1, &address);
        let set = keep(&wiki, attempt.id(), &address);
        assert!(!set.is_empty() && set.len() <= MAX_PIECES, "{bytes}");
        for cookie in &set {
            let (pair, attributes) = cookie.split_once("; ").expect("attributes");
            assert!(pair.len() <= 4096, "{bytes}: browsers keep no more");
            assert!(pair.starts_with("__Secure-gatepost-return-wiki-"), "{pair:.60}");
            assert_eq!(
                attributes,
                "Path=/outpost.goauthentik.io/callback; Max-Age=600; HttpOnly; Secure; SameSite=Lax"
            );
        }
        for form in [CookieForm::Lines, CookieForm::CommaJoined] {
            let own = sent_back(&set, &wiki, form);
            assert_eq!(kept(&own, &attempt).as_deref(), Some(address.as_str()), "{bytes}");
            assert_eq!(own.rest.as_deref(), Some(b"".as_slice()), "no application sees them");
        }
        let own = sent_back(&set, &wiki, CookieForm::Lines);
        let forgotten = forget(&wiki, &own, &attempt);
        assert_eq!(forgotten.len(), set.len());
        for (set, deleted) in set.iter().zip(&forgotten) {
            assert_eq!(set.split('=').next(), deleted.split('=').next());
            assert!(deleted.contains("=; Path=/outpost.goauthentik.io/callback; Max-Age=0; "), "{deleted}");
        }
    }
}

#[test]
fn in_domain_mode_they_reach_the_callback_of_the_whole_domain() {
    let portal = domain_application("https://auth.example.com", "example.com");
    let set = keep(&portal, &AttemptId::new([1; 16]), &long_address(300));
    assert!(
        set[0].contains("; Path=/outpost.goauthentik.io/callback; Domain=example.com; Max-Age=600; "),
        "{}",
        set[0]
    );
}

#[test]
fn an_address_of_another_attempt_or_of_a_stranger_is_none() {
    let wiki = application("https://wiki.example.com");
    for bytes in [500, 5000] {
        let (address, other) = (long_address(bytes), long_address(bytes - 1));
        let mine = attempt(1, &address);
        for (set, what) in [
            (keep(&wiki, mine.id(), &other), "planted"),
            (keep(&wiki, &AttemptId::new([9; 16]), &other), "another attempt's, in the same place"),
            (Vec::new(), "withheld"),
        ] {
            let own = sent_back(&set, &wiki, CookieForm::Lines);
            assert_eq!(kept(&own, &mine), None, "{what}");
        }
        let beside = [keep(&wiki, mine.id(), &other), keep(&wiki, mine.id(), &address)].concat();
        let own = sent_back(&beside, &wiki, CookieForm::Lines);
        assert_eq!(kept(&own, &mine).is_some(), bytes == 500, "a short one is found among others");
    }
}

#[test]
fn a_68_counts_and_pieces_that_are_not_ours_have_no_effect() {
    let wiki = application("https://wiki.example.com");
    let mine = attempt(1, &long_address(5000));
    for value in ["", "0", "9", "99999999", "2abc", "é", "^", "^x", "^xzz", "^9", "1^xff"] {
        let set = [cookies::set_return_piece(&wiki, "long-0", value, LIFETIME), "a=1".to_owned()];
        let own = sent_back(&set, &wiki, CookieForm::Lines);
        assert_eq!(kept(&own, &mine), None, "{value}");
    }
    let many: Vec<_> = (0..200).map(|n| cookies::set_return_piece(&wiki, &n.to_string(), "x", LIFETIME)).collect();
    assert_eq!(sent_back(&many, &wiki, CookieForm::Lines).return_pieces.len(), 64);
}

#[test]
fn a_sibling_application_reads_its_own_only() {
    let wiki = application("https://wiki.example.com");
    let board = Application {
        slug: crate::domain::slug::Slug::parse("board").expect("is a slug"),
        ..application("https://wiki.example.com")
    };
    let address = long_address(300);
    let own = sent_back(&keep(&wiki, &AttemptId::new([1; 16]), &address), &board, CookieForm::Lines);
    assert!(own.return_pieces.is_empty());
}

proptest! {
    #[test]
    fn whatever_an_address_holds_comes_back(address in "\\PC{257,400}") {
        let wiki = application("https://wiki.example.com");
        let attempt = attempt(1, &address);
        let set = keep(&wiki, attempt.id(), &address);
        prop_assert!(set.iter().all(|cookie| cookie.is_ascii() && !cookie.contains(['"', ',', '\\'])));
        let own = sent_back(&set, &wiki, CookieForm::CommaJoined);
        prop_assert_eq!(kept(&own, &attempt), Some(address));
    }
}
