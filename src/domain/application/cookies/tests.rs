//! Reading, removing, setting and deleting cookies; the rows CK of `docs/security.md`.

use super::*;
use crate::domain::application::cookie_settings::CookieSettings;
use crate::domain::oidc::authorization_settings::ResponseMode;
use crate::domain::slug::Slug;
use crate::testing::{application, domain_application};
use proptest::prelude::*;

const ID: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn read_as(form: CookieForm, lines: &[&[u8]]) -> Result<OwnCookies, TooManyCookies> {
    let lines = lines.iter().map(|line| ("cookie".to_owned(), line.to_vec()));
    OwnCookies::read(&HeaderLines::new(lines, form), &application("https://app.example.com"))
}

fn read(lines: &[&[u8]]) -> OwnCookies {
    read_as(CookieForm::Lines, lines).expect("is within the caps")
}

#[test]
fn h10_only_our_pairs_are_cut() {
    let session = format!("__Host-gatepost-session-wiki={ID}");
    for (line, rest) in [
        (format!("a=1; {session}; b=2"), "a=1; b=2"),
        (format!("{session}; b=2"), "b=2"),
        (format!("a=1;{session}"), "a=1"),
        (session.clone(), ""),
        (format!("a=\"x, y\"; {session}; b"), "a=\"x, y\"; b"),
        ("a=1; __Host-gatepost-session-other=x; __Secure-gatepost-binding=y".to_owned(), "a=1"),
        ("__Host-gatepost-session-wiki=broken; a=1".to_owned(), "a=1"),
    ] {
        assert_eq!(read(&[line.as_bytes()]).rest, Some(rest.as_bytes().to_vec()), "{line}");
    }
    for untouched in ["a=1; b=2", "", "__host-gatepost-session-wiki=x", "x__Host-gatepost-session-wiki=x"] {
        assert_eq!(read(&[untouched.as_bytes()]).rest, None, "{untouched}");
    }
}

#[test]
fn a_24_several_lines_are_read_together() {
    let session = format!("__Host-gatepost-session-wiki={ID}; c=3");
    let own = read(&[b"a=1", session.as_bytes(), b"d=\xff"]);
    assert_eq!((own.sessions.len(), own.rest), (1, Some(b"a=1; c=3; d=\xff".to_vec())));
}

#[test]
fn joined_with_commas_ours_are_found_and_commas_elsewhere_stay() {
    let line = format!("a=1,2; b=3,__Host-gatepost-session-wiki={ID},c=4");
    let own = read_as(CookieForm::CommaJoined, &[line.as_bytes()]).expect("is within the caps");
    assert_eq!((own.sessions.len(), own.rest), (1, Some(b"a=1,2; b=3,c=4".to_vec())));
}

#[test]
fn ck_5_candidates_of_one_name_are_tried_up_to_four() {
    let session = format!("__Host-gatepost-session-wiki={ID};");
    let binding = format!("__Host-gatepost-binding=malformed; __Host-gatepost-binding={ID};");
    let completed = "__Secure-gatepost-completed-wiki=sealed;";
    let own = read(&[session.repeat(9).as_bytes(), binding.repeat(9).as_bytes(), completed.repeat(9).as_bytes()]);
    assert_eq!((own.sessions.len(), own.bindings.len(), own.completed.len()), (4, 4, 4));
}

#[test]
fn ck_5_a_40_malformed_values_are_no_sessions() {
    let long = "A".repeat(16 * 1024);
    for value in [
        "",
        "A",
        "=",
        &ID[..42],
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        &long,
        &format!("{ID}A"),
        &ID.replace('A', "+"),
    ] {
        let line = format!("__Host-gatepost-session-wiki={value}");
        assert!(read(&[line.as_bytes()]).sessions.is_empty(), "{value:.50}");
    }
}

#[test]
fn ck_5_beyond_the_caps_nothing_is_read() {
    assert_eq!(read_as(CookieForm::Lines, &[&vec![b'a'; MAX_BYTES + 1]]).err(), Some(TooManyCookies));
    assert_eq!(read_as(CookieForm::Lines, &["a=1;".repeat(256).as_bytes()]).err(), Some(TooManyCookies));
    assert!(read_as(CookieForm::Lines, &["a=1;".repeat(255).as_bytes()]).is_ok());
}

#[test]
fn sm_11_the_cookie_of_a_sibling_is_none() {
    let line = format!(
        "__Host-gatepost-session-board={ID}; __Secure-gatepost-session-wiki={ID}; __Secure-gatepost-binding={ID}"
    );
    let own = read(&[line.as_bytes()]);
    assert!(own.sessions.is_empty() && own.bindings.is_empty());
}

#[test]
fn ck_1_ck_2_attributes() {
    let id = SessionId::new([0; 32]);
    let single = application("https://app.example.com");
    assert_eq!(
        set_session(&single, &id, Duration::from_secs(300)),
        format!("__Host-gatepost-session-wiki={ID}; Path=/; Max-Age=300; HttpOnly; Secure; SameSite=Lax")
    );
    let domain = domain_application("https://auth.example.com", "example.com");
    assert_eq!(
        set_session(&domain, &id, Duration::from_secs(300)),
        format!(
            "__Secure-gatepost-session-wiki={ID}; Path=/; Domain=example.com; Max-Age=300; HttpOnly; Secure; SameSite=Lax"
        )
    );
}

#[test]
fn ck_4_deletion_repeats_every_attribute() {
    assert_eq!(
        delete_all(&domain_application("https://auth.example.com", "example.com")),
        [
            "__Secure-gatepost-session-wiki=; Path=/; Domain=example.com; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
            "__Secure-gatepost-binding=; Path=/; Domain=example.com; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
            "__Secure-gatepost-completed-wiki=; Path=/outpost.goauthentik.io/callback; Domain=example.com; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
        ]
    );
}

#[test]
fn ck_1_ck_4_the_operators_attributes_keep_to_the_rules_of_browsers() {
    use SameSite::{Lax, None as Every, Strict};
    let with = |same_site, partitioned, path: Option<&str>, form_post: bool| {
        let mut application = application("https://app.example.com/wiki");
        application.cookie = CookieSettings { same_site, partitioned, path: path.map(str::to_owned) };
        if form_post {
            application.relying_party.authorization.response_mode = ResponseMode::FormPost;
        }
        application
    };
    for (application, session, others) in [
        (with(Lax, false, None, false), "__Host-|Path=/; |SameSite=Lax", "SameSite=Lax"),
        (with(Strict, false, None, false), "__Host-|Path=/; |SameSite=Strict", "SameSite=Lax"),
        (with(Every, false, None, false), "__Host-|Path=/; |SameSite=None", "SameSite=None"),
        (with(Every, true, None, false), "__Host-|Path=/; |SameSite=None; Partitioned", "SameSite=None; Partitioned"),
        (with(Lax, false, Some("/wiki"), false), "__Secure-|Path=/wiki; |SameSite=Lax", "SameSite=Lax"),
        (with(Strict, false, Some("/wiki"), true), "__Secure-|Path=/wiki; |SameSite=Strict", "SameSite=None"),
    ] {
        let id = SessionId::new([0; 32]);
        let set = [
            set_session(&application, &id, Duration::from_secs(300)),
            set_binding(&application, &Binding::new([0; 32])),
            set_completed(&application, "sealed"),
            set_return_piece(&application, "1", "x", Duration::from_secs(300)),
        ];
        let [prefix, path, end] = session.split('|').collect::<Vec<_>>().try_into().expect("are three");
        assert!(set[0].starts_with(&format!("{prefix}gatepost-session-wiki={ID}; {path}Max-Age")), "{}", set[0]);
        assert!(set[0].ends_with(&format!("; HttpOnly; Secure; {end}")), "{}", set[0]);
        assert!(set[1].starts_with("__Host-gatepost-binding=") && set[1].contains("; Path=/; "), "{}", set[1]);
        for cookie in &set[1..] {
            assert!(cookie.ends_with(&format!("; HttpOnly; Secure; {others}")), "{cookie}");
        }
        // CK-4: what deletes a cookie differs from what set it by value and lifetime only.
        let shape = |cookie: &String| {
            let attributes =
                cookie.split("; ").filter(|part| !part.starts_with("Max-Age=")).skip(1).collect::<Vec<_>>();
            format!("{} {attributes:?}", cookie.split('=').next().unwrap_or_default())
        };
        let deleted = delete_all(&application);
        assert_eq!(deleted.iter().map(shape).collect::<Vec<_>>(), set[..3].iter().map(shape).collect::<Vec<_>>());
        assert!(deleted.iter().all(|cookie| cookie.contains("=; ") && cookie.contains("; Max-Age=0; ")));
        // What was set is read again, and under no other prefix.
        let headers = |line: String| HeaderLines::new([("cookie".to_owned(), line.into_bytes())], CookieForm::Lines);
        let pair = set[0].split(';').next().unwrap_or_default().to_owned();
        let swapped = if prefix == "__Host-" {
            pair.replace("__Host-", "__Secure-")
        } else {
            pair.replace("__Secure-", "__Host-")
        };
        let own = |line| OwnCookies::read(&headers(line), &application).expect("is within the caps");
        assert_eq!((own(pair.clone()).sessions.len(), own(pair).rest), (1, Some(Vec::new())));
        assert_eq!((own(swapped.clone()).sessions.len(), own(swapped).rest), (0, Some(Vec::new())));
    }
}

#[test]
fn ck_6_all_our_cookies_stay_under_1_kib() {
    let mut application = domain_application("https://auth.example.com", "example.com");
    application.slug = Slug::parse(&"s".repeat(64)).expect("is a slug");
    let all = set_session(&application, &SessionId::new([0; 32]), Duration::MAX).len()
        + set_binding(&application, &Binding::new([0; 32])).len()
        + set_completed(&application, &"x".repeat(72)).len();
    assert!(all < 1024, "{all}");
}

proptest! {
    /// Whatever a browser sends, no Gatepost cookie reaches the application, and no other cookie is lost.
    #[test]
    fn ours_never_reach_the_application(names in prop::collection::vec("(__Host-gatepost-session-wiki|__Secure-gatepost-binding|[a-z]{1,4})", 0..8), value in "[A-Za-z0-9_=-]{0,50}") {
        let line = names.iter().map(|name| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let own = read(&[line.as_bytes()]);
        let expected = names.iter().filter(|name| !is_ours(name.as_bytes())).map(|name| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let seen = own.rest.map_or(line, |rest| String::from_utf8(rest).expect("is text"));
        prop_assert_eq!(seen, expected);
    }
}

#[test]
fn h10_a_cookie_of_ours_is_cut_whatever_its_value_and_whatever_stands_around_its_name() {
    let application = application("https://app.example.com");
    for piece in [
        b"__Host-gatepost-session-wiki=\xff\xfe".as_slice(),
        b"\xa0__Host-gatepost-session-wiki=x",
        b"\x0b__Secure-gatepost-binding\x0c=x",
        "\u{2003}__Host-gatepost-binding=x".as_bytes(),
    ] {
        let line = [b"a=\xff; ".as_slice(), piece, b"; b=2"].concat();
        let headers = HeaderLines::new([("cookie".to_owned(), line)], CookieForm::Lines);
        let own = OwnCookies::read(&headers, &application).expect("is within the caps");
        assert_eq!(own.rest.as_deref(), Some(b"a=\xff; b=2".as_slice()), "{}", piece.escape_ascii());
        assert!(own.sessions.is_empty() && own.bindings.is_empty());
    }
}
