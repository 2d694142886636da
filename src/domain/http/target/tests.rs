//! The path rows of `docs/security.md`, and properties of the canonical path.

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
    use TargetFault::{BadByte, BadEscape, DotSegment, EscapedControl, NotAPath, NotUtf8};
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
    ] {
        assert_eq!(canonical(raw), Err(expected), "{raw}");
    }
}

/// N-4: a path that cannot be decoded is parsed with its flaw, and may be any path.
#[test]
fn n4_a_path_that_cannot_be_decoded_has_a_flaw() {
    use TargetFault::{BadEscape, EscapedControl, NotUtf8};
    for (raw, flaw, canonical) in [
        ("/caf%E9", NotUtf8, "/caf\u{fffd}"),
        ("/100%", BadEscape, "/100%"),
        ("/a%0Ab", EscapedControl, "/a\nb"),
        ("/public/%%32%65%%32%65/admin", BadEscape, "/public/%2%e/admin"),
        ("/foo/a/bar%0a", EscapedControl, "/foo/a/bar"),
    ] {
        let target = RequestTarget::read(raw.into()).expect("is a target");
        assert_eq!(target.flaw(), Some(flaw), "{raw}");
        assert!(target.may_be_any_path() && !target.may_be_public(), "{raw}");
        if !raw.contains("%%") {
            assert_eq!(target.canonical_path(), canonical, "{raw}");
        }
        assert_eq!(RequestTarget::parse(raw.into()), Err(flaw), "{raw}");
    }
    for raw in ["/..%00/x", "/..%09/x", "/..;%zz/x", "/%zz/../x"] {
        assert_eq!(RequestTarget::read(raw.into()), Err(TargetFault::DotSegment), "{raw}");
    }
    let long = RequestTarget::read(format!("/?{}", "a".repeat(9_000))).map(|target| target.raw().len());
    assert_eq!(long, Ok(9_002), "how long an address may be is a setting");
}

#[test]
fn what_may_be_taken_for_a_dot_segment_climbs() {
    for raw in [
        "/a/...",
        "/a/%20..",
        "/a/.%20.",
        "/a/..%23x",
        "/a/..%3f",
        "/a/.%ff.",
        "/a/..%00x",
        "/a/%00..%23",
        "/%252e%252e",
        "/%25252e%25252e",
        "/a;%252f..%252f",
        "/%25252525252e",
        "/%c0%ae%c0%ae",
        "/%e0%80%ae.",
        "/%u002e.",
        "/%e3%80%80..",
    ] {
        let target = RequestTarget::read(raw.into()).expect("is a target");
        assert_eq!(target.match_prefix("/a"), PrefixMatch::Perhaps, "{raw}");
        assert!(!target.may_be_public(), "{raw}");
    }
    for raw in ["/a/.hidden", "/a/b..c", "/a/..c", "/a/x;..", "/a/%252e", "/a/%c3%80", "/a/1%2525", "/a/%E9t%E9"] {
        assert_eq!(
            RequestTarget::read(raw.into()).map(|target| target.match_prefix("/a")),
            Ok(PrefixMatch::Always),
            "{raw}"
        );
    }
}

#[test]
fn whom_a_prefix_concerns() {
    use PrefixMatch::{Always, Never, Perhaps};
    for (raw, prefix, expected) in [
        ("/admin", "/admin", Always),
        ("/ADMIN/x", "/admin", Always),
        ("/admin/x;y=1/caf%c3%a9/a%2fb", "/admin", Always),
        ("/x", "", Always),
        ("/x%2f;/..x", "", Always),
        ("/admins", "/admin", Never),
        ("/x/admin", "/admin", Never),
        ("/x%2fadmin", "/admin", Never),
        ("/x;/admin", "/admin", Never),
        ("/admin%2fx", "/admin/y", Never),
        ("/.admin", "/admin", Never),
        ("/v1.2./x", "/v1.2", Perhaps),
        ("/.well-known", "/.well-known", Always),
        ("/%2ewell-known", "/.well-known", Perhaps),
        ("//admin", "/admin", Perhaps),
        ("/;x/admin", "/admin", Perhaps),
        ("/;x%2fadmin", "/admin", Perhaps),
        ("/a;%2fx/b", "/a/b", Perhaps),
        ("/a;%2fx/b", "/a/x/b", Perhaps),
        ("/a%2f/b", "/a/b", Perhaps),
        ("/a./%20/b%20%23c", "/a/b", Perhaps),
        ("/a%23/b", "/a/b", Never),
        ("/a%23/b", "/a", Perhaps),
        ("/tas%e2%84%aa", "/task", Perhaps),
        ("/a%252fb", "/z", Perhaps),
        ("/%zz", "/z", Perhaps),
    ] {
        assert_eq!(
            RequestTarget::read(raw.into()).map(|target| target.match_prefix(prefix)),
            Ok(expected),
            "{raw} {prefix}"
        );
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
        "/public/;%252f..%252f..%252fadmin",
        "/public/x;a=%2525",
        "/public/x;a%23",
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

/// Parts from which odd paths are made.
fn odd_path() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "/", "//", ".", "..", ";", "%2e", "%2f", "%5c", "%25", "%20", "a", "admin", "é", "%c3%a9", " ", "?x=/", "%00",
        "%",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| format!("/{}", pieces.concat()))
}

proptest! {
    /// PR-1: the canonical path is its own canonical path, and the fast path of the code agrees with the slow one.
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
            prop_assert_eq!(OddPath::read(&raw), Ok(None));
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
