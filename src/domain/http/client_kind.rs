//! The kind of a client, which determines the answers that it can use: a redirect to a sign-in page, a page, or a
//! format for programs.

use super::accept::Html;
use super::{HeaderLines, is_token};

/// The kinds of clients, by the answers that they can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKind {
    /// A top-level page load; a redirect to the sign-in works.
    Navigation,
    /// A client that shows HTML, but is not redirected: the contents of a form would be lost, a frame on another site
    /// does not show a sign-in page, and a program that accepts any type (`*/*`) would take the provider's page for its
    /// answer. It gets a page with a link.
    Html,
    /// As [`ClientKind::Html`], but in a frame of the application's own origin, which may show Gatepost's page; its
    /// links open outside the frame.
    Frame,
    /// A script, an API client or a sub-resource; a redirect would be lost.
    Script,
    /// A gRPC client; Envoy turns 401 and 403 into the right gRPC status.
    Grpc,
    /// A WebSocket handshake.
    WebSocket,
    /// A CORS preflight (Fetch standard, section 4.8), which never carries credentials.
    Preflight,
}

impl ClientKind {
    /// Determines the kind by method, `content-type`, `upgrade`, Fetch Metadata, `x-requested-with` and `accept`.
    #[must_use]
    pub fn of(method: &str, headers: &HeaderLines) -> Self {
        if starts_with(headers.text("content-type"), "application/grpc") {
            return Self::Grpc;
        }
        if has_token(headers.text("upgrade"), "websocket") {
            return Self::WebSocket;
        }
        if method == "OPTIONS" && headers.text("access-control-request-method").is_some() {
            return Self::Preflight;
        }
        // Some front proxies do not report the method: then no request can be taken for a page load.
        if !is_token(method) {
            return Self::Script;
        }
        let is_safe = matches!(method, "GET" | "HEAD");
        match (headers.text("sec-fetch-mode"), headers.text("sec-fetch-dest")) {
            (Some("navigate"), None | Some("document")) => page_load(is_safe, headers),
            (Some("navigate") | None, Some("iframe" | "frame" | "embed" | "object")) => in_frame(headers),
            (None, None | Some("document")) => without_metadata(is_safe, headers),
            (Some(_), _) | (None, Some(_)) => Self::Script,
        }
    }

    /// Whether a person reads the answer in a browser.
    #[must_use]
    pub const fn reads_html(self) -> bool {
        match self {
            Self::Navigation | Self::Html | Self::Frame => true,
            Self::Script | Self::Grpc | Self::WebSocket | Self::Preflight => false,
        }
    }
}

/// Fetch Metadata identify a page load, so the only question is whether it can be redirected.
fn page_load(is_safe: bool, headers: &HeaderLines) -> ClientKind {
    if is_safe {
        return ClientKind::Navigation;
    }
    match Html::of(headers) {
        Html::Asked => ClientKind::Html,
        Html::Taken | Html::NotAsked => ClientKind::Script,
    }
}

fn in_frame(headers: &HeaderLines) -> ClientKind {
    if Html::of(headers) != Html::Asked {
        return ClientKind::Script;
    }
    match headers.text("sec-fetch-site") {
        Some("same-origin") => ClientKind::Frame,
        Some(_) | None => ClientKind::Html,
    }
}

/// For older browsers, plain http, `WebView`s and programs: `accept` states what they can show.
fn without_metadata(is_safe: bool, headers: &HeaderLines) -> ClientKind {
    if headers.text("x-requested-with").is_some_and(is_a_scripts) {
        return ClientKind::Script;
    }
    match Html::of(headers) {
        Html::Asked if is_safe => ClientKind::Navigation,
        Html::Asked => ClientKind::Html,
        Html::Taken if is_safe => ClientKind::Html,
        Html::Taken | Html::NotAsked => ClientKind::Script,
    }
}

/// Scripts send `XMLHttpRequest`, `fetch` or a similar value. An Android `WebView` sends its app's package name with
/// every page load, and a package name contains a dot.
fn is_a_scripts(requested_with: &str) -> bool {
    !requested_with.contains('.')
}

fn starts_with(value: Option<&str>, prefix: &str) -> bool {
    value.and_then(|value| value.get(..prefix.len())).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

fn has_token(value: Option<&str>, token: &str) -> bool {
    value.is_some_and(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::http::CookieForm;

    type Row = (&'static str, &'static [(&'static str, &'static str)], ClientKind);

    fn kind(method: &str, headers: &[(&str, &str)]) -> ClientKind {
        let lines = headers.iter().map(|(n, v)| ((*n).to_owned(), v.as_bytes().to_vec()));
        ClientKind::of(method, &HeaderLines::new(lines, CookieForm::Lines))
    }

    #[test]
    fn clients_are_told_apart() {
        use ClientKind::{Frame, Grpc, Html, Navigation, Preflight, Script, WebSocket};
        const PAGE: (&str, &str) = ("accept", "text/html,application/xhtml+xml");
        const NAVIGATE: (&str, &str) = ("sec-fetch-mode", "navigate");
        const IFRAME: (&str, &str) = ("sec-fetch-dest", "iframe");
        let rows: &[Row] = &[
            ("GET", &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")], Navigation),
            ("GET", &[("sec-fetch-mode", "navigate")], Navigation),
            ("HEAD", &[PAGE], Navigation),
            ("GET", &[PAGE], Navigation),
            ("GET", &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")], Script),
            ("GET", &[("sec-fetch-mode", "cors"), PAGE], Script),
            ("GET", &[("sec-fetch-dest", "image"), PAGE], Script),
            ("GET", &[("x-requested-with", "XMLHttpRequest"), PAGE], Script),
            ("GET", &[("accept", "application/json")], Script),
            ("GET", &[("accept", "*/*")], Html),
            ("HEAD", &[("accept", "*/*")], Html),
            ("POST", &[("accept", "*/*")], Script),
            ("GET", &[("accept", "*/*"), ("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")], Script),
            ("GET", &[("accept", "*/*"), ("x-requested-with", "XMLHttpRequest")], Script),
            ("GET", &[PAGE, ("x-requested-with", "com.example.app")], Navigation),
            ("GET", &[("accept", "application/json, text/html;q=0.5")], Script),
            ("GET", &[("accept", "text/html;q=0, */*")], Script),
            ("GET", &[], Script),
            ("POST", &[("sec-fetch-mode", "navigate"), PAGE], Html),
            ("POST", &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"), PAGE], Html),
            ("POST", &[("sec-fetch-mode", "navigate"), ("accept", "application/json")], Script),
            ("POST", &[PAGE], Html),
            ("DELETE", &[PAGE], Html),
            ("POST", &[("sec-fetch-mode", "cors"), PAGE], Script),
            ("GET", &[IFRAME, NAVIGATE, PAGE, ("sec-fetch-site", "same-origin")], Frame),
            ("GET", &[("sec-fetch-dest", "object"), NAVIGATE, PAGE, ("sec-fetch-site", "same-origin")], Frame),
            ("POST", &[IFRAME, NAVIGATE, PAGE, ("sec-fetch-site", "same-origin")], Frame),
            ("GET", &[IFRAME, PAGE, ("sec-fetch-site", "same-origin")], Frame),
            ("GET", &[IFRAME, NAVIGATE, PAGE, ("sec-fetch-site", "same-site")], Html),
            ("GET", &[IFRAME, NAVIGATE, PAGE, ("sec-fetch-site", "cross-site")], Html),
            ("GET", &[IFRAME, NAVIGATE, PAGE], Html),
            ("GET", &[("sec-fetch-dest", "fencedframe"), NAVIGATE, PAGE], Script),
            ("get", &[("sec-fetch-mode", "navigate")], Script),
            ("(unknown)", &[PAGE], Script),
            ("QUERY", &[PAGE], Html),
            ("POST", &[("content-type", "application/grpc+proto")], Grpc),
            ("POST", &[("content-type", "Application/gRPC")], Grpc),
            ("GET", &[("upgrade", "WebSocket"), PAGE], WebSocket),
            ("GET", &[("upgrade", "h2c, websocket")], WebSocket),
            ("OPTIONS", &[("access-control-request-method", "PUT")], Preflight),
            ("OPTIONS", &[], Script),
        ];
        for (method, headers, expected) in rows {
            assert_eq!(kind(method, headers), *expected, "{method} {headers:?}");
        }
    }
}
