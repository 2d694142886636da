//! Which kind of client asks: only a top-level navigation can use a redirect to a sign-in page.

use super::HeaderLines;

/// A client, by the answers it can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKind {
    /// A top-level page load; a redirect to the sign-in works.
    Navigation,
    /// A script, an API client, a sub-resource or an unsafe method; a redirect would be lost.
    Script,
    /// A gRPC client; Envoy turns 401 and 403 into the right gRPC status.
    Grpc,
    /// A WebSocket handshake.
    WebSocket,
    /// A CORS preflight (Fetch standard, section 4.8), which never carries credentials.
    Preflight,
}

impl ClientKind {
    /// Judges by method, `content-type`, `upgrade`, Fetch Metadata, `x-requested-with` and `accept`.
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
        if matches!(method, "GET" | "HEAD") && navigates(headers) {
            return Self::Navigation;
        }
        Self::Script
    }
}

/// Fetch Metadata decides where the browser sends it; older browsers ask for HTML.
fn navigates(headers: &HeaderLines) -> bool {
    match headers.text("sec-fetch-mode") {
        Some(mode) => mode == "navigate" && matches!(headers.text("sec-fetch-dest"), None | Some("document")),
        None => {
            headers.text("sec-fetch-dest").is_none_or(|dest| dest == "document")
                && headers.text("x-requested-with").is_none()
                && headers.text("accept").is_some_and(|accept| accept.contains("text/html"))
        }
    }
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
    use crate::domain::request::CookieForm;

    type Row = (&'static str, &'static [(&'static str, &'static str)], ClientKind);

    fn kind(method: &str, headers: &[(&str, &str)]) -> ClientKind {
        let lines = headers.iter().map(|(n, v)| ((*n).to_owned(), v.as_bytes().to_vec()));
        ClientKind::of(method, &HeaderLines::new(lines, CookieForm::Lines))
    }

    #[test]
    fn clients_are_told_apart() {
        use ClientKind::{Grpc, Navigation, Preflight, Script, WebSocket};
        const PAGE: (&str, &str) = ("accept", "text/html,application/xhtml+xml");
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
            ("GET", &[("accept", "*/*")], Script),
            ("GET", &[], Script),
            ("POST", &[("sec-fetch-mode", "navigate"), PAGE], Script),
            ("get", &[("sec-fetch-mode", "navigate")], Script),
            ("QUERY", &[PAGE], Script),
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
