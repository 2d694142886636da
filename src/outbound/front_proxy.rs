//! Checks of the front proxy by an operator's command: an application's public address is asked, as a browser would, for the ping and
//! for `start`. What Gatepost answers there tells how its requests arrive.

use std::net::Ipv4Addr;

use http::header::{ACCEPT, COOKIE, LOCATION, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use reqwest::redirect::Policy;
use reqwest::{Client, tls};
use url::Url;

use super::connecting::explained;
use super::finding::{CHECK_TIMEOUT, Finding, Level};
use super::http_answer::{self, Answer};
use super::trusted_certificates::TrustedCertificates;
use crate::domain::application::{Application, cookies};
use crate::domain::http::Scheme;
use crate::domain::oidc::sign_in::Binding;

const MAX_BYTES: usize = 1024 * 1024;
/// A host that belongs to no application (RFC 2606 section 2).
const OTHER_HOST: &str = "gatepost-doctor.invalid";
/// Not the header fields of a browser: front proxies describe the original request by them, and must replace a client's own.
const SPOOFED: [(&str, &str); 5] = [
    ("x-forwarded-host", OTHER_HOST),
    ("x-forwarded-uri", "/gatepost-doctor"),
    ("x-original-url", "https://gatepost-doctor.invalid/"),
    ("x-forwarded-method", "POST"),
    ("x-forwarded-proto", "ftp"),
];

/// An application's public address.
struct FrontProxy<'a> {
    application: &'a Application,
    client: Client,
}

/// Asks at the public address of `application`; `authorities` are trusted beside the system's.
pub async fn inspect(application: &Application, authorities: &TrustedCertificates) -> Vec<Finding> {
    match FrontProxy::new(application, authorities) {
        Ok(proxy) => proxy.inspect().await,
        Err(cause) => vec![Finding::note("ping", format!("the HTTP client cannot be made: {cause}"))],
    }
}

impl<'a> FrontProxy<'a> {
    fn new(application: &'a Application, authorities: &TrustedCertificates) -> reqwest::Result<Self> {
        // The first call installs the crypto provider of this process; a second call changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut client = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .timeout(CHECK_TIMEOUT)
            .tls_version_min(tls::Version::TLS_1_2)
            .tls_certs_merge(authorities.for_client()?)
            .user_agent(concat!("gatepost/", env!("CARGO_PKG_VERSION")));
        let (host, port) = (application.external.host(), application.external.port());
        if host.is_loopback() && host.to_string().ends_with("localhost") {
            // These names mean this machine without a DNS query (RFC 6761 section 6.3).
            client = client.resolve(&host.to_string(), (Ipv4Addr::LOCALHOST, port).into());
        }
        Ok(Self { application, client: client.build()? })
    }

    async fn inspect(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let ping = self.application.endpoint("ping");
        match self.get(&ping, &[]).await {
            Err(cause) => return vec![self.unreachable(&ping, cause).await],
            Ok(answer) if answer.status == StatusCode::NO_CONTENT => {
                findings.push(Finding::ok("ping", format!("{ping} arrives at Gatepost (204)")));
            }
            Ok(answer) => return vec![not_gatepost(&ping, answer.status)],
        }
        let start = self.application.endpoint("start");
        match self.get(&start, &[]).await {
            Err(cause) => {
                findings.push(Finding::warn("start", format!("{start}: {cause}"), "see the log of the front proxy"));
            }
            Ok(answer) => self.about_start(&start, &answer, &mut findings).await,
        }
        findings
    }

    async fn about_start(&self, start: &str, answer: &Answer, findings: &mut Vec<Finding>) {
        if let Some(finding) = self.scheme_hidden(start, answer) {
            findings.push(finding);
            return;
        }
        let begun = self.begun(start, answer);
        let has_begun = begun.level == Level::Ok;
        findings.push(begun);
        if !has_begun {
            return;
        }
        let scheme = self.application.external.scheme().as_str();
        findings.push(Finding::ok("scheme", format!("Gatepost sees {scheme}, the scheme of `external_host`")));
        findings.push(self.cookies(start, &answer.headers).await);
        findings.push(self.spoofed(start, answer).await);
    }

    /// Gatepost redirects a request to https, or says that the scheme is hidden, where plain http arrives.
    fn scheme_hidden(&self, start: &str, answer: &Answer) -> Option<Finding> {
        let is_https = self.application.external.scheme() == Scheme::Https;
        let again = answer.location.as_deref().is_some_and(|location| location.starts_with(start));
        if !is_https || !(again || answer.status == StatusCode::MISDIRECTED_REQUEST) {
            return None;
        }
        let text = format!("{start} arrives at Gatepost as plain http ({})", answer.status.as_u16());
        let help = "let the proxy that terminates TLS send `X-Forwarded-Proto: https`, and let the proxy behind it trust it (docs/front-proxies.md, docs/envoy.md)";
        Some(Finding::fail("scheme", text, help))
    }

    /// Whether the answer begins a sign-in of this application.
    fn begun(&self, start: &str, answer: &Answer) -> Finding {
        let (check, party) = ("start", &self.application.relying_party);
        let status = answer.status;
        let to = answer.location.as_deref().and_then(|location| Url::parse(location).ok());
        let Some(to) = to.filter(|_| status.is_redirection()) else {
            let text = format!("{start} answers {}, where a redirect to the provider is expected", status.as_u16());
            return if status == StatusCode::SERVICE_UNAVAILABLE {
                Finding::warn(
                    check,
                    text,
                    "the log of the running Gatepost says why, as when the provider does not answer",
                )
            } else {
                Finding::fail(
                    check,
                    text,
                    "let the front proxy pass requests and answers of this path unchanged (docs/front-proxies.md)",
                )
            };
        };
        let value =
            |wanted: &str| to.query_pairs().find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned());
        let (redirect_uri, client_id) = (value("redirect_uri"), value("client_id"));
        if redirect_uri.as_deref() == Some(party.redirect_uri.as_str())
            && client_id.as_deref() == Some(&party.client_id)
        {
            return Finding::ok(check, format!("{start} begins a sign-in with the configured client and redirect URI"));
        }
        let text = format!(
            "{start} redirects with the redirect URI {:?} and the client {:?}; configured are {:?} and {:?}",
            redirect_uri.unwrap_or_default(),
            client_id.unwrap_or_default(),
            party.redirect_uri.as_str(),
            party.client_id
        );
        Finding::warn(
            check,
            text,
            "the running Gatepost has another configuration, or another one answers there; reload or restart it",
        )
    }

    /// Whether the cookie of a sign-in reaches the browser, and comes back to Gatepost, which then does not set it again.
    async fn cookies(&self, start: &str, headers: &HeaderMap) -> Finding {
        let check = "cookies";
        let expected = cookies::set_binding(self.application, &Binding::new([0; 32]));
        let name = expected.split('=').next().unwrap_or_default();
        let Some(pair) = pair(headers, name) else {
            let text = format!("the answer of {start} sets no cookie {name}");
            return Finding::fail(check, text, "let each proxy in front pass `Set-Cookie` on");
        };
        if self.application.takes_form_posts() {
            return Finding::ok(check, format!("{name} reaches the browser"));
        }
        match self.get(start, &[(COOKIE.as_str(), &pair)]).await {
            Err(cause) => Finding::note(check, format!("not told: {cause}")),
            Ok(answer) if pair_of(&answer.headers, name) => {
                let text = format!("{name} does not come back to Gatepost: it is set again at the next request");
                Finding::fail(
                    check,
                    text,
                    "let each proxy in front pass `Cookie` on to Gatepost (docs/front-proxies.md)",
                )
            }
            Ok(_) => Finding::ok(check, format!("{name} reaches the browser, and comes back to Gatepost")),
        }
    }

    /// Whether a client can describe another request than its own.
    async fn spoofed(&self, start: &str, usual: &Answer) -> Finding {
        let (check, names) = ("forwarded_headers", SPOOFED.map(|(name, _)| name).join(", "));
        match self.get(start, &SPOOFED).await {
            Err(cause) => Finding::note(check, format!("not told: {cause}")),
            Ok(answer) if gist(&answer) == gist(usual) => {
                Finding::ok(check, format!("a client's own {names} change nothing"))
            }
            Ok(answer) => {
                let text = format!(
                    "a client's own {names} change the answer of {start} ({} instead of {})",
                    answer.status.as_u16(),
                    usual.status.as_u16()
                );
                Finding::warn(
                    check,
                    text,
                    "let the front proxy remove or replace these headers of clients (docs/front-proxies.md)",
                )
            }
        }
    }

    async fn get(&self, url: &str, headers: &[(&str, &str)]) -> Result<Answer, String> {
        let mut request = self.client.get(url).header(ACCEPT, "text/html");
        for (name, value) in [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")].iter().chain(headers) {
            request = request.header(*name, *value);
        }
        let response = request.send().await.map_err(http_answer::cause)?;
        http_answer::read(response, MAX_BYTES).await
    }

    /// Not a failure: this machine need not be able to reach the public address, and browsers may trust an authority that it does not
    /// know.
    async fn unreachable(&self, ping: &str, cause: String) -> Finding {
        let cause = match Url::parse(ping) {
            Ok(url) => explained(&url, cause, CHECK_TIMEOUT).await,
            Err(_) => cause,
        };
        let help = "if browsers reach it, the front proxy cannot be checked from this machine; else correct `external_host`, the name or the certificate";
        Finding::warn("ping", format!("{ping} cannot be asked from here: {cause}"), help)
    }
}

fn not_gatepost(ping: &str, status: StatusCode) -> Finding {
    let text = format!("{ping} answers {} where Gatepost answers 204", status.as_u16());
    let help = if status.is_server_error() {
        "the front proxy does not reach Gatepost; compare the address in its configuration with `listen` (`gatepost snippet` prints one)"
    } else {
        "let the front proxy send /outpost.goauthentik.io/ of this host to Gatepost (docs/front-proxies.md, `gatepost snippet`)"
    };
    Finding::fail("ping", text, help)
}

/// `name=value` of the cookie that an answer sets.
fn pair(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all(SET_COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.filter_map(|line| line.split(';').next());
    pairs.find(|pair| pair.split('=').next() == Some(name)).map(str::to_owned)
}

fn pair_of(headers: &HeaderMap, name: &str) -> bool {
    pair(headers, name).is_some()
}

/// The parts of an answer that do not differ between two sign-ins: status, address without query, redirect URI.
fn gist(answer: &Answer) -> (StatusCode, Option<String>, Option<String>) {
    let to = answer.headers.get(LOCATION).and_then(|to| Url::parse(to.to_str().ok()?).ok());
    let redirect_uri = to
        .as_ref()
        .and_then(|to| to.query_pairs().find(|(name, _)| name == "redirect_uri").map(|(_, uri)| uri.into_owned()));
    let address = to.map(|mut to| {
        to.set_query(None);
        to.into()
    });
    (answer.status, address, redirect_uri)
}
