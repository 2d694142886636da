//! Facts about a request that lead to its answer; each rule is evaluated by itself.

use super::report::Report;
use crate::domain::application::endpoints::{self, Destination, Endpoint};
use crate::domain::application::registry::{Applications, Unrouted};
use crate::domain::application::{Application, Mode};
use crate::domain::http::{ClientKind, RequestHead, Scheme};
use crate::domain::oidc::claims::Claims;
use crate::domain::oidc::credentials::{Presented, TokenIssuer};
use crate::domain::policy::{ApplicableRule, Forbidden, KnownBy};

/// The claims of the user, and how the user is known.
type User<'a> = (&'a Claims, KnownBy<'a>);

pub(super) fn describe(
    report: &mut Report,
    applications: &Applications,
    head: &RequestHead,
    signed_in: Option<User<'_>>,
) {
    let claims = signed_in.map(|(claims, _)| claims);
    report.line("client", client(head.client_kind()));
    report.line("path", path(head));
    if endpoints::is_ping(&head.target) {
        report.line("for", "the liveness probe, which is answered on every host");
        return;
    }
    let (application, destination) = match applications.route(head) {
        Ok(routed) => routed,
        Err(cause) => return report.line("application", unrouted(applications, head, cause)),
    };
    report.line("application", owner(application, head));
    if head.scheme == Some(Scheme::Http) && application.external.scheme() == Scheme::Https {
        report.line("scheme", "plain http, but the application uses https: this decides the response");
        return;
    }
    report.line("for", business(destination));
    if destination != Destination::Application {
        return;
    }
    public(report, application, head);
    network(report, application, head);
    report.line("user", user(claims));
    credential(report, application, head, claims);
    rules(report, application, head, signed_in);
    if let (Mode::Proxy(backends), Some(claims)) = (&application.mode, claims) {
        backends.ignored_overrides(claims).iter().for_each(|cause| report.line("ignored", cause.to_string()));
    }
}

fn client(kind: ClientKind) -> &'static str {
    match kind {
        ClientKind::Navigation => "a browser that opens a page, and can be redirected to the sign-in",
        ClientKind::Html => {
            "a browser's form or frame, or a client that accepts anything: not redirected, but shown a page with a link"
        }
        ClientKind::Frame => "a frame of the same origin, which is shown a page whose link leads out of the frame",
        ClientKind::Script => "a script or another program, which is not redirected",
        ClientKind::Grpc => "a gRPC client",
        ClientKind::WebSocket => "a WebSocket handshake",
        ClientKind::Preflight => "a CORS preflight",
    }
}

fn path(head: &RequestHead) -> String {
    let (raw, canonical) = (head.target.raw_path(), head.target.canonical_path());
    let mut text = canonical.to_owned();
    if raw != canonical {
        text.push_str("\nsent as ");
        text.push_str(raw);
    }
    if let Some(flaw) = head.target.flaw() {
        text.push_str("\nnever public, and refused where rules have `paths`: ");
        text.push_str(&flaw.to_string());
    }
    if head.target.escapes_separators() {
        text.push_str("\ncontains an escaped separator: never public, and never allowed by a rule with `paths`");
    }
    text
}

fn unrouted(applications: &Applications, head: &RequestHead, cause: Unrouted) -> String {
    let host = head.authority.host();
    if cause == Unrouted::OddPath {
        return format!("none: several applications share {host}, and the path can be read as one of each");
    }
    match applications.iter().find(|application| application.owns_host(host)) {
        Some(near) => format!("none: `{}` has the host {host}, but another port or path", near.slug),
        None => format!("none has the host {host}"),
    }
}

fn owner(application: &Application, head: &RequestHead) -> String {
    let (external, host) = (&application.external, head.authority.host());
    let why = if host == external.host() {
        format!("{host} is its external host")
    } else if let Mode::ForwardDomain(domain) = &application.mode {
        format!("{host} lies below its cookie domain {}", domain.as_str())
    } else {
        format!("{host} is its own")
    };
    let path = match external.path() {
        "" => String::new(),
        path => format!(", and the path lies below {path}"),
    };
    format!("`{}` ({}): {why}{path}", application.slug, application.name)
}

const fn business(destination: Destination) -> &'static str {
    match destination {
        Destination::Application => "the application",
        Destination::Nowhere => "Gatepost itself, which has nothing at this address",
        Destination::Endpoint(Endpoint::Start) => "Gatepost itself: `start` begins a sign-in",
        Destination::Endpoint(Endpoint::Callback) => "Gatepost itself: `callback` ends a sign-in",
        Destination::Endpoint(Endpoint::SignOut) => "Gatepost itself: `sign_out` ends the user's sessions",
        Destination::Endpoint(Endpoint::BackchannelLogout) => {
            "Gatepost itself: at `backchannel_logout` the provider ends sessions by a logout token in the body"
        }
        Destination::Endpoint(Endpoint::FrontchannelLogout) => {
            "Gatepost itself: at `frontchannel_logout` a frame of the provider ends sessions"
        }
        Destination::Endpoint(Endpoint::Jwks) => "Gatepost itself: `jwks.json` has the keys of its assertions",
        Destination::Endpoint(Endpoint::UserInfo) => {
            "Gatepost itself: `userinfo` tells scripts of the application who is signed in"
        }
        Destination::Endpoint(Endpoint::ResourceMetadata) => {
            "Gatepost itself: metadata about the application as a protected resource"
        }
        Destination::Endpoint(Endpoint::Sessions) => "Gatepost itself: `sessions` shows the user's sessions",
    }
}

/// Both spellings of the path have to match a pattern, but not necessarily the same one.
fn public(report: &mut Report, application: &Application, head: &RequestHead) {
    let (patterns, target) = (&application.public_paths, &head.target);
    if patterns.is_empty() {
        report.line("public", "no: there is no `skip_path_regex`");
        return;
    }
    let scheme = application.external.scheme();
    let matching = |path| patterns.first_match(&application.mode, scheme, &head.authority, path);
    let (raw, canonical) = (target.raw_path(), target.canonical_path());
    let text = match (matching(canonical), matching(raw)) {
        _ if !target.may_be_public() => "no: the path can be read in several ways".to_owned(),
        (Some(_), Some(_)) if target.spellings().any(|path| matching(path).is_none()) => {
            "no: no pattern of `skip_path_regex` matches the decoded path with its parameters".to_owned()
        }
        (None, None) => "no: no pattern of `skip_path_regex` matches".to_owned(),
        (Some(pattern), Some(_)) if raw == canonical => format!("yes: `{pattern}` matches"),
        (Some(pattern), Some(same)) if pattern == same => format!("yes: `{pattern}` matches both spellings"),
        (Some(one), Some(other)) => format!("yes: `{one}` matches the canonical path, `{other}` the path as sent"),
        (Some(one), None) => format!("no: `{one}` matches the canonical path, but none the path as sent"),
        (None, Some(other)) => format!("no: `{other}` matches the path as sent, but none the canonical path"),
    };
    report.line("public", text);
}

/// Whether the client's network makes the request public.
fn network(report: &mut Report, application: &Application, head: &RequestHead) {
    let networks = &application.skip_networks;
    if networks.is_empty() {
        return;
    }
    let text = match head.client {
        None => format!("unknown, so not in `skip_networks` ({networks}); `--client` gives the address"),
        Some(client) if networks.contain(Some(client)) => {
            format!("public: {} is in `skip_networks` ({networks})", client.to_canonical())
        }
        Some(client) => format!("not public: {} is not in `skip_networks` ({networks})", client.to_canonical()),
    };
    report.line("network", text);
}

fn user(claims: Option<&Claims>) -> String {
    match claims {
        None => "not signed in".to_owned(),
        Some(claims) => {
            let name = claims.text("preferred_username").or_else(|| claims.text("sub")).unwrap_or_default();
            format!("{name}, signed in with the given claims")
        }
    }
}

/// The credential that the request presents beside a session; it cannot be verified here.
fn credential(report: &mut Report, application: &Application, head: &RequestHead, claims: Option<&Claims>) {
    let accepted = &application.credentials;
    let Some(presented) = Presented::read(&head.headers, accepted) else {
        if head.headers.text("authorization").is_some() {
            report.line("credential", "of a scheme that this application does not accept: ignored");
        }
        return;
    };
    let scheme = presented.scheme.as_str();
    let text = match presented.credential {
        _ if claims.is_some() => format!("{scheme}, ignored: the session takes precedence"),
        Err(refusal) => format!("{scheme}, refused: {refusal}"),
        Ok(credential) => match application.issuer_of(&credential) {
            Ok(TokenIssuer::Foreign(foreign)) => format!(
                "{scheme}, of {}, which `bearer.issuers` lists; treated as invalid here, because it is not verified",
                foreign.issuer
            ),
            Ok(TokenIssuer::Provider) => format!(
                "{scheme}, treated as invalid here, because it is not verified; --claims shows the response to its user"
            ),
            Err(refusal) => format!("{scheme}, refused: {refusal}"),
        },
    };
    report.line("credential", text);
}

fn rules(report: &mut Report, application: &Application, head: &RequestHead, user: Option<User<'_>>) {
    let all = application.rules.iter().count();
    if all == 0 {
        report.line("rules", "none: every signed-in user has access");
        return;
    }
    match application.rules.applicable(&head.target) {
        Err(Forbidden::NotCovered) => {
            report.line("rules", format!("none of {all} covers the path, so it is denied to every user"));
        }
        Err(Forbidden::OddPath | Forbidden::NoRuleHolds | Forbidden::ForeignIssuer | Forbidden::OtherSignIn) => {
            report.line(
                "rules",
                "denied to every user: the path can be read in several ways, and a rule covers one of them",
            );
        }
        Ok(applicable) => {
            report.line("rules", format!("{} of {all} apply to this path", applicable.len()));
            for rule in &applicable {
                self::rule(report, rule, head, user);
            }
        }
    }
}

/// For example `2. paths /admin: groups admins → no: "groups" is a text, not a list`, with a line for each obstacle.
fn rule(report: &mut Report, applicable: &ApplicableRule<'_>, head: &RequestHead, user: Option<User<'_>>) {
    let ApplicableRule { number, rule, .. } = applicable;
    let rule = format!("{number}. {rule}");
    match user.map(|(claims, known_by)| applicable.obstacles(claims, known_by, head)) {
        None => report.line("", rule),
        Some(obstacles) if obstacles.is_empty() => report.line("", format!("{rule} → passes")),
        Some(obstacles) => {
            report.line("", format!("{rule} → no:"));
            for obstacle in &obstacles {
                report.line("", format!("   {obstacle}"));
            }
        }
    }
}
