//! The HTML pages that users see: small, self-contained, escaped, without script (ASVS 3.4).

use std::fmt::Write as _;
use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use http::header::{CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, WWW_AUTHENTICATE, X_FRAME_OPTIONS};

use super::Page;
use crate::domain::http::ClientKind;
use crate::domain::policy::span;

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:15vh auto 0;padding:0 1.5rem;\
color:#1c2024;background:#fbfcfd}h1{font-size:1.4rem}a,button{display:inline-block;font:inherit;padding:.5rem 1rem;\
border:0;border-radius:.4rem;background:#1f5fbf;color:#fff;text-decoration:none;cursor:pointer}small{color:#60646c}\
@media(prefers-color-scheme:dark){body{color:#edeef0;background:#111113}small{color:#b0b4ba}}";

/// The content security policy: no script, no external content, one stylesheet by its hash. `form-action` is absent:
/// browsers apply it to every redirect after a form post, and a sign-out leads to the provider and wherever that
/// redirects the browser.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(ring::digest::digest(&ring::digest::SHA256, STYLE.as_bytes()));
    format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; frame-ancestors")
});

/// The source list of `frame-ancestors` when no origin may show the page in a frame.
const NONE: &str = "'none'";

const CROSS_ORIGIN_OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// The next step that a page offers.
#[derive(Debug)]
pub enum Action {
    /// Repeats the request at the same address; empty for the page's own address, however it was reached (RFC 3986
    /// section 4.4).
    Again(String),
    /// A link.
    Link {
        /// The target.
        address: String,
        /// The label.
        label: &'static str,
    },
    /// A link that the browser follows by itself.
    Onward {
        /// The target.
        address: String,
        /// The label.
        label: &'static str,
    },
    /// A form post of hidden fields.
    Form {
        /// The target.
        address: String,
        /// The label of the button.
        label: &'static str,
        /// The names and values of the hidden fields.
        fields: Vec<(&'static str, String)>,
    },
}

/// The contents of a page.
#[derive(Debug)]
pub struct Message<'a> {
    /// HTTP status.
    pub status: StatusCode,
    /// Title and heading.
    pub title: &'a str,
    /// What happened and what the user can do, in plain words.
    pub text: &'a str,
    /// The decision id, for the operator's log; empty for none.
    pub id: &'a str,
    /// The next step.
    pub action: Option<Action>,
}

/// Renders a message for the client: HTML for a person, one line for gRPC, JSON for everything else.
#[must_use]
pub fn render(message: &Message<'_>, kind: ClientKind) -> Page {
    let mut page = Page::empty(message.status);
    match kind {
        ClientKind::Navigation | ClientKind::Html | ClientKind::Frame => {
            // A form in a frame is open to clickjacking, so a page with a form is not shown in one.
            let framed = kind == ClientKind::Frame && !matches!(message.action, Some(Action::Form { .. }));
            page.content_type = "text/html; charset=utf-8";
            page.body = html(message, framed);
            page.lines = lines(message);
            page.add(CROSS_ORIGIN_OPENER_POLICY, HeaderValue::from_static("same-origin"));
            if framed {
                show_in_frames_of(&mut page, "'self'");
                // For browsers that do not support the policy's `frame-ancestors`.
                page.add(X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
            } else {
                page.add(CONTENT_SECURITY_POLICY, policy(NONE));
            }
        }
        ClientKind::Grpc => {
            page.content_type = "text/plain; charset=utf-8";
            page.body = format!("{}: {}", message.title, message.text);
        }
        ClientKind::Script | ClientKind::WebSocket | ClientKind::Preflight => {
            page.content_type = "application/json";
            let body =
                serde_json::json!({ "error": message.title, "message": message.text, "decision_id": message.id });
            page.body = body.to_string();
        }
    }
    page
}

/// The 401 for a client that is not redirected. It names the sign-in address in the challenge and, for programs, in the
/// field `sign_in`; for a person it contains a link that returns to the current page.
#[must_use]
pub fn sign_in_required(kind: ClientKind, realm: &str, sign_in: &str, link: String, id: &str) -> Page {
    let mut page = match kind {
        ClientKind::Navigation | ClientKind::Html | ClientKind::Frame => {
            let text = "You are not signed in, so nothing of this request was passed on. Sign in, and then try again.";
            let action = Some(Action::Link { address: link, label: "Sign in" });
            render(&Message { status: StatusCode::UNAUTHORIZED, title: "Sign-in required", text, id, action }, kind)
        }
        ClientKind::Grpc => Page {
            body: format!("sign-in required: open {sign_in} in a browser"),
            ..Page::empty(StatusCode::UNAUTHORIZED)
        },
        ClientKind::Script | ClientKind::WebSocket | ClientKind::Preflight => {
            let body = serde_json::json!({ "error": "sign_in_required", "sign_in": sign_in }).to_string();
            Page { content_type: "application/json", body, ..Page::empty(StatusCode::UNAUTHORIZED) }
        }
    };
    let challenge = format!("Gatepost realm=\"{realm}\", sign_in=\"{sign_in}\"");
    page.add(WWW_AUTHENTICATE, challenge);
    page
}

/// The 403 for a known user whom no rule allows: never a redirect, as another sign-in would end in the same denial.
#[must_use]
pub fn forbidden(kind: ClientKind, user: &str, sign_out: String, id: &str) -> Page {
    let user = in_one_line(user);
    match kind {
        ClientKind::Navigation | ClientKind::Html | ClientKind::Frame | ClientKind::Grpc => {
            let text = format!(
                "You are signed in as {user}, and this user has no access to this address. Ask the operator for it, or \
                 sign out and sign in as another user."
            );
            let action = Action::Link { address: sign_out, label: "Sign out" };
            render(
                &Message { status: StatusCode::FORBIDDEN, title: "No access", text: &text, id, action: Some(action) },
                kind,
            )
        }
        ClientKind::Script | ClientKind::WebSocket | ClientKind::Preflight => {
            let body =
                serde_json::json!({ "error": "forbidden", "user": user, "sign_out": sign_out, "decision_id": id });
            let content_type = "application/json";
            Page { content_type, body: body.to_string(), ..Page::empty(StatusCode::FORBIDDEN) }
        }
    }
}

/// What the access rules ask of a user who is signed in in another way.
#[derive(Debug)]
pub struct StepUp<'a> {
    /// The user's name.
    pub user: &'a str,
    /// Authentication context classes, of which one is needed; empty for any.
    pub acr: &'a [String],
    /// How long ago the user may have signed in at the provider.
    pub max_age: Option<Duration>,
    /// Whether the provider was asked already, in vain.
    pub was_asked: bool,
    /// Whether the provider does not tell when the user signed in, although that is asked for.
    pub lacks_time: bool,
    /// The address that begins such a sign-in.
    pub sign_in: String,
}

/// The 403 for a known user of whom the access rules ask another sign-in: not a 401, which would make programs sign in by
/// themselves, over and over. The name of the error is that of RFC 9470 section 3.
#[must_use]
pub fn step_up(kind: ClientKind, asked: &StepUp<'_>, id: &str) -> Page {
    let user = in_one_line(asked.user);
    if !(kind.reads_html() || kind == ClientKind::Grpc) {
        let body = serde_json::json!({
            "error": "insufficient_user_authentication", "user": user, "acr_values": asked.acr.join(" "),
            "max_age": asked.max_age.map(|max_age| max_age.as_secs()), "sign_in": asked.sign_in, "decision_id": id,
        });
        let content_type = "application/json";
        return Page { content_type, body: body.to_string(), ..Page::empty(StatusCode::FORBIDDEN) };
    }
    let acr = if asked.acr.is_empty() { String::new() } else { format!(" of the kind {}", asked.acr.join(" or ")) };
    let age = asked.max_age.map(|max_age| format!(" within the last {}", span(max_age))).unwrap_or_default();
    let rest = match (asked.was_asked, asked.lacks_time) {
        (false, _) => "Nothing of this request was passed on. Sign in again, and then repeat it.",
        (true, false) => {
            "The identity provider was asked for it, and its answer does not show one. Sign in again, or tell the operator \
             the reference below."
        }
        (true, true) => {
            "The identity provider was asked for it, and does not tell when you signed in (auth_time). Please tell the \
             operator the reference below."
        }
    };
    let text = format!("You are signed in as {user}, and this address asks for a sign-in{acr}{age}. {rest}");
    let action = Some(Action::Link { address: asked.sign_in.clone(), label: "Sign in again" });
    render(
        &Message { status: StatusCode::FORBIDDEN, title: "Another sign-in is needed", text: &text, id, action },
        kind,
    )
}

/// Control characters could break the single line for gRPC or rearrange the page.
fn in_one_line(user: &str) -> String {
    user.chars().map(|sign| if sign.is_control() { ' ' } else { sign }).collect()
}

/// A page that only these origins may show in a frame.
#[must_use]
pub fn framed(message: &Message<'_>, ancestors: &[String]) -> Page {
    let mut page = render(message, ClientKind::Navigation);
    let ancestors = if ancestors.is_empty() { NONE.to_owned() } else { ancestors.join(" ") };
    show_in_frames_of(&mut page, &ancestors);
    page
}

fn show_in_frames_of(page: &mut Page, ancestors: &str) {
    page.framed = true;
    page.headers.retain(|(name, _)| *name != CONTENT_SECURITY_POLICY);
    page.add(CONTENT_SECURITY_POLICY, policy(ancestors));
}

fn policy(ancestors: &str) -> String {
    format!("{} {ancestors}", *POLICY)
}

/// The answer to a refused logout token (Back-Channel Logout section 2.8), as JSON.
#[must_use]
pub fn logout_refused(cause: &str) -> Page {
    let body = serde_json::json!({ "error": "invalid_request", "error_description": cause });
    Page { content_type: "application/json", body: body.to_string(), ..Page::empty(StatusCode::BAD_REQUEST) }
}

fn html(message: &Message<'_>, framed: bool) -> String {
    let (title, text) = (escape(message.title), escape(message.text));
    let action = message.action.as_ref().map(|action| action_html(action, framed)).unwrap_or_default();
    let id = match message.id {
        "" => String::new(),
        id => format!("<p><small>Reference: {}</small></p>", escape(id)),
    };
    let onward = match &message.action {
        Some(Action::Onward { address, .. }) => {
            format!("<meta http-equiv=\"refresh\" content=\"0; url={}\">", escape(address))
        }
        Some(Action::Again(_) | Action::Link { .. } | Action::Form { .. }) | None => String::new(),
    };
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\">{onward}<title>{title}</title><style>{STYLE}</style></head>\
         <body><h1>{title}</h1><p>{text}</p>{action}{id}</body></html>\n"
    )
}

/// The text of [`html`], in the same order.
fn lines(message: &Message<'_>) -> Vec<String> {
    let action = message.action.as_ref().map(|action| match action {
        Action::Again(address) if address.is_empty() => "Try again".to_owned(),
        Action::Again(address) => format!("{address} ← Try again"),
        Action::Link { address, label } | Action::Onward { address, label } => format!("{address} ← {label}"),
        Action::Form { address, label, .. } => format!("{address} ← {label} (a form)"),
    });
    let id = (!message.id.is_empty()).then(|| format!("Reference: {}", message.id));
    [message.title.to_owned(), message.text.to_owned()].into_iter().chain(action).chain(id).collect()
}

/// Links in a frame open outside it: no provider shows its sign-in page in a frame.
fn action_html(action: &Action, framed: bool) -> String {
    match action {
        Action::Again(address) => format!("<p><a href=\"{}\">Try again</a></p>", escape(address)),
        Action::Link { address, label } | Action::Onward { address, label } => {
            let target = if framed { " target=\"_top\"" } else { "" };
            format!("<p><a href=\"{}\"{target}>{}</a></p>", escape(address), escape(label))
        }
        Action::Form { address, label, fields } => {
            let mut form = format!("<form method=\"post\" action=\"{}\">", escape(address));
            for (name, value) in fields {
                let _ = write!(form, "<input type=\"hidden\" name=\"{}\" value=\"{}\">", escape(name), escape(value));
            }
            let _ = write!(form, "<p><button>{}</button></p></form>", escape(label));
            form
        }
    }
}

/// Escapes text for element content and quoted attributes.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message<'a>(title: &'a str, text: &'a str, action: Option<Action>) -> Message<'a> {
        Message { status: StatusCode::BAD_REQUEST, title, text, id: "", action }
    }

    #[test]
    fn a_80_a_82_text_from_outside_is_escaped() {
        let evil = "<script>'\"&";
        let form = Action::Form { address: evil.into(), label: "Go", fields: vec![("f", evil.into())] };
        let page = render(&message(evil, evil, Some(form)), ClientKind::Navigation);
        assert!(!page.body.contains("<script>") && !page.body.contains("'\""), "{}", page.body);
        assert_eq!(page.body.matches("&lt;script&gt;&#39;&quot;&amp;").count(), 5);
    }

    #[test]
    fn a_forbidden_user_is_named_and_offered_to_sign_out() {
        use ClientKind::{Frame, Grpc, Html, Navigation, Script, WebSocket};

        let sign_out = "https://wiki.example.com/outpost.goauthentik.io/sign_out";
        for kind in [Navigation, Html, Frame, Script, WebSocket, Grpc] {
            let page = forbidden(kind, "<b>al\nice", sign_out.to_owned(), "id-1");
            assert_eq!(page.status, 403);
            assert!(page.body.contains("al ice"), "{}", page.body);
            assert_eq!(page.body.contains(sign_out), kind != Grpc, "{}", page.body);
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
                let page = step_up(kind, &asked, "id-1");
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
        let body = step_up(ClientKind::Script, &asked(false, false), "id-1").body;
        let body: serde_json::Value = serde_json::from_str(&body).expect("is JSON");
        assert_eq!(body["error"], "insufficient_user_authentication");
        assert_eq!((&body["acr_values"], &body["max_age"]), (&"mfa hwk".into(), &900.into()));
        assert_eq!(body["sign_in"], "https://a.example/start?rd=/x&step_up=/x");
    }

    /// The lines and the page have the same contents.
    #[test]
    fn an_html_page_says_the_same_without_its_markup() {
        let link = || Action::Link { address: "https://a.example/?x=1&y".into(), label: "Go" };
        let onward = || Action::Onward { address: "https://a.example/?x='\"&y".into(), label: "Go on" };
        let form = || Action::Form { address: "/b".into(), label: "Leave", fields: vec![("hush", "hush".into())] };
        for (action, expected) in [
            (None, vec!["A <b>", "Text & more."]),
            (Some(link()), vec!["A <b>", "Text & more.", "https://a.example/?x=1&y ← Go"]),
            (Some(onward()), vec!["A <b>", "Text & more.", "https://a.example/?x='\"&y ← Go on"]),
            (Some(form()), vec!["A <b>", "Text & more.", "/b ← Leave (a form)"]),
            (Some(Action::Again("/c".into())), vec!["A <b>", "Text & more.", "/c ← Try again"]),
            (Some(Action::Again(String::new())), vec!["A <b>", "Text & more.", "Try again"]),
        ] {
            let page = render(&message("A <b>", "Text & more.", action), ClientKind::Navigation);
            assert_eq!(page.lines, expected);
            let parts = page.lines.iter().flat_map(|line| line.split(" ← "));
            for part in parts.map(|part| part.trim_end_matches(" (a form)")) {
                assert!(page.body.contains(&escape(part)), "{part}: {}", page.body);
            }
        }
        let with_id = Message { id: "id-1", ..message("A", "B.", None) };
        assert_eq!(render(&with_id, ClientKind::Navigation).lines, ["A", "B.", "Reference: id-1"]);
        for kind in [ClientKind::Html, ClientKind::Frame] {
            assert_eq!(render(&with_id, kind).lines, ["A", "B.", "Reference: id-1"]);
        }
        assert!(render(&with_id, ClientKind::Script).lines.is_empty(), "its body is for programs");
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
            assert_eq!(render(&message("Title", "Text.", None), kind).content_type, content_type);
            let required = sign_in_required(kind, "wiki", "https://a.example/start", "https://a.example/b".into(), "1");
            assert_eq!((required.status.as_u16(), required.content_type), (401, content_type));
            assert!(
                required.headers.iter().any(|(name, line)| name == "www-authenticate" && text(line).contains("/start"))
            );
            assert_eq!(required.body.contains("href=\"https://a.example/b\""), kind.reads_html(), "{}", required.body);
        }
        let grpc = render(&message("Title", "Text.", None), ClientKind::Grpc);
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
        let link = || Action::Link { address: "https://a.example/".into(), label: "Go" };
        let form = || Action::Form { address: "/".into(), label: "Go", fields: Vec::new() };
        let of = |kind, action| render(&message("Title", "Text.", Some(action)), kind);
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
}
