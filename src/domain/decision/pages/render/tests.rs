//! What the pages contain, for each kind of client and in each language.

use std::time::Duration;

use http::StatusCode;

use super::*;
use crate::domain::decision::pages::html::escape;
use crate::domain::decision::pages::{LogoType, Phrase, StepUp};

const TITLE: &str = "Not found";
const TEXT: &str = "There is nothing at this address.";

fn message<'a>(text: impl Into<Phrase<'a>>, action: Option<Action>) -> Message<'a> {
    Message { status: StatusCode::BAD_REQUEST, title: Text::NotFoundTitle, text: text.into(), id: "", action }
}

fn pages(reader: impl Into<Reader>) -> Pages {
    Pages::new(reader, Arc::default())
}

#[test]
fn a_80_a_82_text_from_outside_is_escaped() {
    let evil = "<script>'\"&";
    let form = Action::Form { address: evil.into(), label: Text::GoOn, fields: vec![("f", evil.into())] };
    let values = [("user", evil)];
    let named = Message { id: evil, ..message(Text::Forbidden.with(&values), Some(form)) };
    let evil_texts = Language::ALL
        .into_iter()
        .try_fold(Design::default(), |design, language| design.with_text(language, "not_found_title", evil.to_owned()));
    let design = Arc::new(evil_texts.expect("is sound").with_name(evil.to_owned()));
    for language in Language::ALL {
        let reader = Reader { kind: ClientKind::Navigation, language };
        let page = Pages::new(reader, Arc::clone(&design)).render(&named);
        assert!(!page.body.contains("<script>") && !page.body.contains("'\""), "{}", page.body);
        // Title, name and title again, name again, user, address, field, reference.
        assert_eq!(page.body.matches("&lt;script&gt;&#39;&quot;&amp;").count(), 8);
    }
}

#[test]
fn a_forbidden_user_is_named_and_offered_to_sign_out() {
    use ClientKind::{Frame, Grpc, Html, Navigation, Script, WebSocket};

    let sign_out = "https://wiki.example.com/outpost.goauthentik.io/sign_out";
    let sessions = "https://wiki.example.com/outpost.goauthentik.io/sessions";
    for kind in [Navigation, Html, Frame, Script, WebSocket, Grpc] {
        let page = pages(kind).forbidden("<b>al\nice", sign_out.to_owned(), sessions.to_owned(), "id-1");
        assert_eq!(page.status, 403);
        assert!(page.body.contains("al ice"), "{}", page.body);
        assert_eq!(page.body.contains(sign_out), kind != Grpc, "{}", page.body);
        assert_eq!(page.body.contains(&format!("href=\"{sessions}\"")), kind.reads_html(), "{}", page.body);
        assert_eq!(page.body.contains("<b>"), !kind.reads_html());
        assert!(page.headers.iter().all(|(name, _)| name != "location"));
    }
}

#[test]
fn a_page_says_which_sign_in_is_needed_and_whether_the_provider_was_asked() {
    let acr = ["mfa".to_owned(), "hwk".to_owned()];
    let asked = |was_asked, lacks_time| StepUp {
        user: "<b>al\nice",
        acr: &acr,
        max_age: Some(Duration::from_mins(15)),
        was_asked,
        lacks_time,
        sign_in: "https://a.example/start?rd=/x&step_up=/x".into(),
    };
    for kind in [ClientKind::Navigation, ClientKind::Html, ClientKind::Frame, ClientKind::Grpc] {
        for (asked, text) in [
            (asked(false, true), "Nothing of this request was passed on."),
            (asked(true, false), "its answer does not show one"),
            (asked(true, true), "does not tell when you signed in (auth_time)"),
        ] {
            let page = pages(kind).step_up(&asked, "id-1");
            assert_eq!(page.status, 403);
            assert!(
                page.body.contains(
                    "al ice, and this address asks for a sign-in of the kind mfa or hwk within the last 15m."
                ),
                "{}",
                page.body
            );
            assert!(page.body.contains(text) && page.body.contains("<b>") != kind.reads_html(), "{}", page.body);
        }
    }
    let body = pages(ClientKind::Script).step_up(&asked(false, false), "id-1").body;
    let body: serde_json::Value = serde_json::from_str(&body).expect("is JSON");
    assert_eq!(body["error"], "insufficient_user_authentication");
    assert_eq!((&body["acr_values"], &body["max_age"]), (&"mfa hwk".into(), &900.into()));
    assert_eq!(body["sign_in"], "https://a.example/start?rd=/x&step_up=/x");
}

/// The lines and the page have the same contents.
#[test]
fn an_html_page_says_the_same_without_its_markup() {
    let link = || Action::Link { address: "https://a.example/?x=1&y".into(), label: Text::SignIn };
    let onward = || Action::Onward { address: "https://a.example/?x='\"&y".into(), label: Text::GoOn };
    let form = || Action::Form { address: "/b".into(), label: Text::SignOut, fields: vec![("hush", "hush".into())] };
    for (action, expected) in [
        (None, vec![TITLE, TEXT]),
        (Some(link()), vec![TITLE, TEXT, "https://a.example/?x=1&y ← Sign in"]),
        (Some(onward()), vec![TITLE, TEXT, "https://a.example/?x='\"&y ← Go on"]),
        (Some(form()), vec![TITLE, TEXT, "/b ← Sign out (a form)"]),
        (
            Some(Action::Links([("/d".into(), Text::SignOut), ("/e".into(), Text::YourSessions)])),
            vec![TITLE, TEXT, "/d ← Sign out", "/e ← Your sessions"],
        ),
        (Some(Action::Again("/c".into())), vec![TITLE, TEXT, "/c ← Try again"]),
        (Some(Action::Again(String::new())), vec![TITLE, TEXT, "Try again"]),
    ] {
        let page = pages(ClientKind::Navigation).render(&message(Text::NotFound, action));
        assert_eq!(page.lines, expected);
        let parts = page.lines.iter().flat_map(|line| line.split(" ← "));
        for part in parts.map(|part| part.trim_end_matches(" (a form)")) {
            assert!(page.body.contains(&escape(part)), "{part}: {}", page.body);
        }
    }
    let with_id = Message { id: "id-1", ..message(Text::NotFound, None) };
    assert_eq!(pages(ClientKind::Navigation).render(&with_id).lines, [TITLE, TEXT, "Reference: id-1"]);
    for kind in [ClientKind::Html, ClientKind::Frame] {
        assert_eq!(pages(kind).render(&with_id).lines, [TITLE, TEXT, "Reference: id-1"]);
    }
    assert!(pages(ClientKind::Script).render(&with_id).lines.is_empty(), "its body is for programs");
}

#[test]
fn each_client_gets_what_it_can_read() {
    for (kind, content_type) in [
        (ClientKind::Navigation, "text/html; charset=utf-8"),
        (ClientKind::Html, "text/html; charset=utf-8"),
        (ClientKind::Frame, "text/html; charset=utf-8"),
        (ClientKind::Script, "application/json"),
        (ClientKind::WebSocket, "application/json"),
        (ClientKind::Preflight, "application/json"),
        (ClientKind::Grpc, "text/plain; charset=utf-8"),
    ] {
        assert_eq!(pages(kind).render(&message(Text::NotFound, None)).content_type, content_type);
        let required =
            pages(kind).sign_in_required("wiki", "https://a.example/start", "https://a.example/b".into(), "1");
        assert_eq!((required.status.as_u16(), required.content_type), (401, content_type));
        assert!(
            required.headers.iter().any(|(name, line)| name == "www-authenticate" && text(line).contains("/start"))
        );
        assert_eq!(required.body.contains("href=\"https://a.example/b\""), kind.reads_html(), "{}", required.body);
    }
    let grpc = pages(ClientKind::Grpc).render(&message(Text::NotFound, None));
    assert!(!grpc.body.contains('\n'), "becomes grpc-message, which is one line");
}

fn header<'a>(page: &'a Page, name: &str) -> Vec<&'a str> {
    page.headers.iter().filter(|(other, _)| other == name).map(|(_, value)| text(value)).collect()
}

fn text(value: &HeaderValue) -> &str {
    value.to_str().expect("is text")
}

/// Only the application's own origin may show a page in a frame, and never one with a form.
#[test]
fn a_frame_shows_links_only_and_to_its_own_origin_only() {
    let link = || Action::Link { address: "https://a.example/".into(), label: Text::SignIn };
    let form = || Action::Form { address: "/".into(), label: Text::SignIn, fields: Vec::new() };
    let of = |kind, action| pages(kind).render(&message(Text::NotFound, Some(action)));
    let shown = of(ClientKind::Frame, link());
    assert!(shown.framed && shown.body.contains("target=\"_top\""), "{}", shown.body);
    assert_eq!(header(&shown, "x-frame-options"), ["SAMEORIGIN"]);
    assert!(header(&shown, "content-security-policy").concat().ends_with("; frame-ancestors 'self'"));
    let again = of(ClientKind::Frame, Action::Again(String::new()));
    assert!(again.framed && !again.body.contains("_top"), "the frame tries again by itself: {}", again.body);
    for page in [
        of(ClientKind::Frame, form()),
        of(ClientKind::Html, link()),
        of(ClientKind::Navigation, link()),
        of(ClientKind::Html, Action::Again(String::new())),
    ] {
        assert!(!page.framed && !page.body.contains("_top"), "{}", page.body);
        assert!(header(&page, "content-security-policy").concat().ends_with("; frame-ancestors 'none'"));
        assert_eq!(header(&page, "x-frame-options"), [""; 0], "it is one of the common headers");
    }
}

#[test]
fn a_page_is_in_the_language_of_its_reader_and_an_answer_for_a_program_in_english() {
    let title = |kind, language| pages(Reader { kind, language }).render(&message(Text::NotFound, None));
    for (language, tag, expected) in [
        (Language::English, "en", TITLE),
        (Language::German, "de", "Nicht gefunden"),
        (Language::French, "fr", "Introuvable"),
        (Language::Spanish, "es", "No encontrado"),
    ] {
        let page = title(ClientKind::Navigation, language);
        assert!(page.body.contains(&format!("<html lang=\"{tag}\">")), "{}", page.body);
        assert!(page.body.contains(&format!("<h1>{expected}</h1>")), "{}", page.body);
        assert_eq!(header(&page, "content-language"), [tag]);
        for kind in [ClientKind::Script, ClientKind::Grpc] {
            let answer = title(kind, language);
            assert!(answer.body.contains(TITLE), "{}", answer.body);
            assert_eq!(header(&answer, "content-language"), [""; 0]);
        }
    }
}

#[test]
fn a_page_has_the_operators_design_and_the_policy_for_it() {
    let design = Design::default().with_name("Example & Co".to_owned()).with_style(b"h1{color:#062}");
    let design = design.and_then(|design| design.with_logo(b"<svg/>", LogoType::Svg));
    let design = Arc::new(design.expect("is sound"));
    let page = Pages::new(ClientKind::Navigation, design).render(&message(Text::NotFound, None));
    assert!(page.body.contains("<title>Not found – Example &amp; Co</title>"), "{}", page.body);
    assert!(page.body.contains("<img src=\"data:image/svg+xml;base64,PHN2Zy8+\" alt=\"\">Example &amp; Co</p>"));
    let style = page.body.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>")).expect("has one").0;
    assert!(style.ends_with("h1{color:#062}"));
    let hash = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        ring::digest::digest(&ring::digest::SHA256, style.as_bytes()),
    );
    let policy = header(&page, "content-security-policy").concat();
    assert!(policy.contains(&format!("style-src 'sha256-{hash}'; img-src data:; base-uri 'none'")), "{policy}");
}
