//! The path tables of the security specification (section 4.1), and properties of the canonical path.

use super::*;
use proptest::prelude::*;

fn canonical(raw: &str) -> Result<String, TargetFault> {
    RequestTarget::parse(raw.to_owned()).map(|target| target.canonical_path().to_owned())
}

#[test]
fn n5_the_canonical_path() {
    for (raw, expected) in [
        ("/", "/"),
        ("/public/a?x=/../admin", "/public/a"),
        ("/public/x;y=1/a", "/public/x/a"),
        ("/public//a", "/public/a"),
        ("//admin", "/admin"),
        ("/admin//x", "/admin/x"),
        ("/public/%c3%a9", "/public/é"),
        ("/%61dmin", "/admin"),
        ("/admin;x", "/admin"),
        ("/;/admin", "/admin"),
        ("/admin%20", "/admin"),
        ("/admin.", "/admin"),
        ("/a/...", "/a/"),
        ("/a/", "/a/"),
        ("/foo/a/bar/", "/foo/a/bar/"),
        ("/admin%2Fx", "/admin/x"),
        ("/x%5cadmin", "/x/admin"),
        ("/.well-known/x", "/.well-known/x"),
        ("/a/.hidden", "/a/.hidden"),
        ("/v1.2/file.txt", "/v1.2/file.txt"),
    ] {
        assert_eq!(canonical(raw), Ok(expected.to_owned()), "{raw}");
    }
}

#[test]
fn n2_n4_n5_what_can_be_read_two_ways_is_refused() {
    use TargetFault::{BadByte, BadEscape, DotSegment, EscapedControl, NotAPath, NotUtf8, TooLong};
    let long = format!("/{}", "a".repeat(8 * 1024));
    for (raw, expected) in [
        ("/public/../admin", DotSegment),
        ("/public/..", DotSegment),
        ("/public/./a", DotSegment),
        ("/x/../public/a", DotSegment),
        ("/public/%2e%2e/admin", DotSegment),
        ("/public/%2E./admin", DotSegment),
        ("/public/%%32%65%%32%65/admin", BadEscape),
        ("/public/..;x/admin", DotSegment),
        ("/public;x/../admin", DotSegment),
        ("/x/..;/admin", DotSegment),
        ("/public/..%20/admin", DotSegment),
        ("/public/a/..%2f..%2fadmin", DotSegment),
        ("/public/%5c..%5cadmin", DotSegment),
        ("/public/..\\admin", BadByte),
        ("/public/a%00", EscapedControl),
        ("/public/a%0d%0aX:1", EscapedControl),
        ("/public/a%7f", EscapedControl),
        ("/foo/a/bar%0a", EscapedControl),
        ("/public/%c0%ae%c0%ae/admin", NotUtf8),
        ("/public/%ff", NotUtf8),
        ("/public/%zz", BadEscape),
        ("/public/%2", BadEscape),
        ("/public/a#x", BadByte),
        ("/foo/secret#/bar", BadByte),
        ("/x?a#b", BadByte),
        ("/public/é", BadByte),
        ("/public/a b", BadByte),
        ("/x?a b", BadByte),
        ("", NotAPath),
        ("*", NotAPath),
        ("https://app.example.com/public/a", NotAPath),
        ("/outpost.goauthentik.io/../public/a", DotSegment),
        (long.as_str(), TooLong),
    ] {
        assert_eq!(canonical(raw), Err(expected), "{raw}");
    }
}

#[test]
fn n4_n7_what_could_be_decoded_again_is_never_public() {
    for raw in [
        "/public/a%23x",
        "/public/100%25",
        "/public/%252e%252e/admin",
        "/foo/secret%3f/bar",
        "/public/%2fadmin",
        "/public/a%5cb",
    ] {
        assert_eq!(RequestTarget::parse(raw.into()).map(|t| t.may_be_public()), Ok(false), "{raw}");
    }
    for raw in ["/public/a", "/public/a?x=%2f", "/public/%c3%a9"] {
        assert_eq!(RequestTarget::parse(raw.into()).map(|t| t.may_be_public()), Ok(true), "{raw}");
    }
}

#[test]
fn path_and_query_are_parted_at_the_first_question_mark() {
    let target = RequestTarget::parse("/a?b?c=/d".into()).expect("is well formed");
    assert_eq!((target.raw_path(), target.query(), target.raw()), ("/a", Some("b?c=/d"), "/a?b?c=/d"));
    assert_eq!(RequestTarget::parse("/a".into()).expect("is well formed").query(), None);
    assert_eq!(RequestTarget::parse("/a?".into()).expect("is well formed").query(), Some(""));
}

/// Pieces from which odd paths are made.
fn odd_path() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "/", "//", ".", "..", ";", "%2e", "%2f", "%5c", "%25", "%20", "a", "admin", "é", "%c3%a9", " ", "?x=/", "%00",
        "%",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| format!("/{}", pieces.concat()))
}

proptest! {
    /// PR-1: what is canonical stays so, and the fast path agrees with the slow one.
    #[test]
    fn the_canonical_path_is_its_own_canonical_path(raw in odd_path()) {
        if let Ok(target) = RequestTarget::parse(raw) && target.may_be_public() {
            let path = target.canonical_path().to_owned();
            if path.is_ascii() && !path.contains(' ') {
                prop_assert_eq!(canonical(&path), Ok(path));
            }
        }
    }

    #[test]
    fn a_plain_path_is_what_the_slow_way_makes_of_it(raw in odd_path()) {
        if is_plain(&raw) && !raw.contains(['?', '\\', ' ']) {
            let slow = decode(&raw).and_then(|decoded| canonical_path(&decoded.text));
            prop_assert_eq!(slow, Ok(raw));
        }
    }

    #[test]
    fn no_canonical_path_holds_a_dot_or_empty_segment(raw in odd_path()) {
        if let Ok(target) = RequestTarget::parse(raw) {
            let path = target.canonical_path();
            prop_assert!(path.starts_with('/') && !path.contains("//"));
            prop_assert!(!path.split('/').any(|segment| matches!(segment, "." | "..")));
        }
    }
}
