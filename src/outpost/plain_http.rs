//! Plain http to an application on https: redirected where the client can follow and has not used https already.

use http::StatusCode;

use super::request_context::RequestContext;
use crate::domain::application::cookies::{self, OwnCookies};
use crate::domain::application::plain_http::UsedHttps;
use crate::domain::decision::pages::{Action, Message, Text};
use crate::domain::decision::{Reason, Redirect, Verdict};
use crate::domain::http::ClientKind;

/// Misdirected Request (RFC 9110 section 15.5.20): this server does not answer for the scheme and host of the request.
/// It is not a 5xx, because any client can cause it: a load balancer that counts those would take the server out of
/// service.
const MISDIRECTED: StatusCode = StatusCode::MISDIRECTED_REQUEST;
/// How many characters of a header are logged.
const LONGEST: usize = 64;
const HELP: &str = "let the proxy that terminates TLS set `X-Forwarded-Proto: https`, and let the proxy that sends the Check trust it. Envoy: \
`use_remote_address: true` with `xff_num_trusted_hops: 1` (one per proxy in front). Traefik: \
`forwardedHeaders.trustedIPs` at the entry point, `trustForwardHeader: true` at the middleware. Caddy: `trusted_proxies`. nginx: \
`X-Original-URL https://$http_host$request_uri`. HAProxy: `x-forwarded-proto` in gatepost.lua";

pub(super) fn answer(context: &RequestContext<'_>, own: &OwnCookies) -> (Verdict, Reason) {
    if let Some(sign) = UsedHttps::shown_by(&context.request.head, own) {
        return scheme_hidden(context, sign);
    }
    let follows =
        matches!(context.request.head.method.as_str(), "GET" | "HEAD") && context.kind != ClientKind::WebSocket;
    if follows && let Some(location) = address_over_https(context) {
        // A script sends many requests at a time and stops by itself, so it is not counted. Every browser sends
        // `accept`: where it is missing, a proxy withholds the headers that distinguish a page load from a script.
        let counts = context.kind.reads_html() || context.request.head.headers.all("accept").next().is_none();
        let cookies = counts.then(|| cookies::set_redirected_to_https(own.redirected_to_https.saturating_add(1)));
        let redirect = Redirect { status: StatusCode::FOUND, location, cookies: cookies.into_iter().collect() };
        return (Verdict::Redirect(redirect), Reason::PlainHttp);
    }
    let (title, text) = (Text::UseHttpsTitle, Text::UseHttps.into());
    let message = Message { status: StatusCode::FORBIDDEN, title, text, id: &context.id, action: None };
    (Verdict::Deny(context.pages().render(&message)), Reason::PlainHttp)
}

fn scheme_hidden(context: &RequestContext<'_>, sign: UsedHttps) -> (Verdict, Reason) {
    let forwarded = context.request.head.headers.text("x-forwarded-proto").unwrap_or("(none)");
    let forwarded: String = forwarded.chars().take(LONGEST).collect();
    tracing::warn!(
        decision_id = context.id,
        application = %context.application.slug,
        external_host = context.application.external.origin(),
        scheme = "http",
        x_forwarded_proto = forwarded,
        sign = sign.as_str(),
        help = HELP,
        "the browser used https, but the request arrives as plain http: a proxy in front does not forward the scheme"
    );
    let address = context.again.clone().or_else(|| address_over_https(context));
    let again = address.map(|address| Action::Link { address, label: Text::TryAgain });
    let (title, text) = (Text::HttpsHiddenTitle, Text::HttpsHidden.into());
    let message = Message { status: MISDIRECTED, title, text, id: &context.id, action: again };
    (Verdict::Deny(context.pages().render(&message)), Reason::SchemeHidden)
}

/// The request's own address over https, at the application's port. Where its target has no query, the target of the
/// request on whose behalf it was sent replaces it.
fn address_over_https(context: &RequestContext<'_>) -> Option<String> {
    let external = &context.application.external;
    let (head, redirected_from) = (&context.request.head, context.request.redirected_from.as_ref());
    let host = head.authority.host();
    let port = match external.port() {
        443 => String::new(),
        port => format!(":{port}"),
    };
    let target = redirected_from.filter(|_| head.target.query().is_none()).unwrap_or(&head.target);
    context.application.owns_host(host).then(|| format!("https://{host}{port}{}", target.raw()))
}
