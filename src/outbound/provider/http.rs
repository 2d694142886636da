//! Requests to identity providers: verified TLS, no proxy but the configured one, no redirect, short timeouts, bounded answers. Failures are
//! described in texts that contain no part of a request or an answer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use http::{StatusCode, header};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Request, RequestBuilder, tls};
use thiserror::Error;
use tokio::time::Instant;
use url::{Host, Url};

use super::client_certificate;
use super::settings::{ProviderSettings, StartFault};
use crate::domain::oidc::client_authentication::ClientCertificate;
use crate::domain::oidc::relying_party::BackchannelHost;
pub(super) use crate::outbound::http_answer::Answer;
use crate::outbound::http_answer::{self, cause};
use crate::telemetry::names;
use crate::telemetry::traces::{self, Called};

/// Names the scheme of the host that a request names.
const X_FORWARDED_PROTO: &str = "x-forwarded-proto";

/// The purpose of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Discovery,
    Authorization,
    Keys,
    Token,
    Refresh,
    UserInfo,
    Introspection,
    AppPassword,
    Revocation,
}

impl Operation {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Discovery => "discovery",
            Self::Authorization => "authorization",
            Self::Keys => "keys",
            Self::Token => "token",
            Self::Refresh => "refresh",
            Self::UserInfo => "userinfo",
            Self::Introspection => "introspection",
            Self::AppPassword => "app_password",
            Self::Revocation => "revocation",
        }
    }

    /// The size limit of an answer.
    const fn max_bytes(self) -> usize {
        match self {
            Self::Discovery => 256 * 1024,
            Self::Authorization
            | Self::Keys
            | Self::Token
            | Self::Refresh
            | Self::UserInfo
            | Self::Introspection
            | Self::AppPassword
            | Self::Revocation => 1024 * 1024,
        }
    }
}

/// There is no complete answer, with the cause.
#[derive(Debug, Error)]
#[error("{operation}: {cause}", operation = .operation.as_str())]
pub(super) struct NoAnswer {
    operation: Operation,
    cause: String,
}

/// The HTTP client for all providers of one outpost.
pub(super) struct ProviderClient {
    client: Client,
    /// The clients that present a certificate.
    with_certificate: Vec<(ClientCertificate, Client)>,
}

impl ProviderClient {
    /// A client that may connect to this machine only under the hosts of `configured`, the addresses that the operator named.
    /// `names_other_host`: requests may carry the `Host` of another address.
    pub(super) fn new<'a>(
        settings: &ProviderSettings,
        configured: impl IntoIterator<Item = &'a Url>,
        names_other_host: bool,
        certificates: impl IntoIterator<Item = &'a ClientCertificate>,
    ) -> Result<Self, StartFault> {
        // The first call installs the crypto provider of this process; a second call changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut hosts: Vec<String> =
            configured.into_iter().filter_map(Url::host_str).map(str::to_ascii_lowercase).collect();
        hosts.extend(settings.proxy.as_ref().and_then(|proxy| proxy.url().host_str()).map(str::to_ascii_lowercase));
        let names = Arc::new(GuardedNames { named: hosts });
        let client = Self::builder(settings, &names, names_other_host)?;
        let client = client.build().map_err(|fault| StartFault::client(&fault))?;
        let mut with_certificate: Vec<(ClientCertificate, Client)> = Vec::new();
        for certificate in certificates {
            let identity = client_certificate::identity(certificate).map_err(|fault| StartFault::client(&fault))?;
            let client = Self::builder(settings, &names, names_other_host)?.identity(identity);
            let client = client.build().map_err(|fault| StartFault::client(&fault))?;
            with_certificate.push((certificate.clone(), client));
        }
        Ok(Self { client, with_certificate })
    }

    fn builder(
        settings: &ProviderSettings,
        names: &Arc<GuardedNames>,
        names_other_host: bool,
    ) -> Result<ClientBuilder, StartFault> {
        let private = settings.ca_certificates.for_client().map_err(|fault| StartFault::client(&fault))?;
        // This also turns off the proxies of the environment.
        let client = Client::builder().no_proxy();
        let client = match &settings.proxy {
            Some(proxy) => client.proxy(proxy.for_client().map_err(|fault| StartFault::client(&fault))?),
            None => client,
        };
        let client = client
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.timeout)
            .tls_version_min(tls::Version::TLS_1_2)
            .tls_certs_merge(private)
            // It covers the host name, too.
            .tls_danger_accept_invalid_certs(settings.insecure)
            .dns_resolver(Arc::clone(names))
            .user_agent(concat!("gatepost/", env!("CARGO_PKG_VERSION")));
        // HTTP/2 names the host in `:authority`, which always is the one to which a request is sent.
        Ok(if names_other_host { client.http1_only() } else { client })
    }

    pub(super) fn get(&self, url: &Url) -> RequestBuilder {
        self.client.get(url.clone()).header(header::ACCEPT, "application/json")
    }

    /// A request as a browser opens a page, with these cookies.
    pub(super) fn navigate(&self, url: &Url, cookies: &str) -> RequestBuilder {
        let request = self.client.get(url.clone()).header(header::ACCEPT, "text/html,*/*;q=0.8");
        if cookies.is_empty() { request } else { request.header(header::COOKIE, cookies) }
    }

    /// Adapts a request that a library built, and directs it to `url`; `as_if_to` is the host that it names instead.
    pub(super) fn request(
        &self,
        url: &Url,
        request: http::Request<Vec<u8>>,
        as_if_to: Option<&BackchannelHost>,
    ) -> RequestBuilder {
        let (parts, body) = request.into_parts();
        let mut headers = parts.headers;
        if let Some(credentials) = headers.get_mut(header::AUTHORIZATION) {
            credentials.set_sensitive(true);
        }
        let request = self.client.request(parts.method, url.clone()).headers(headers).body(body);
        match as_if_to {
            // The client adds no `Host` beside one that is given.
            Some(BackchannelHost { authority, scheme }) => {
                request.header(header::HOST, authority).header(X_FORWARDED_PROTO, scheme)
            }
            None => request,
        }
    }

    /// Sends `request` and reads the whole answer; a `certificate` authenticates the client. Records count and duration as metrics.
    pub(super) async fn send(
        &self,
        issuer: &str,
        operation: Operation,
        request: RequestBuilder,
        certificate: Option<&ClientCertificate>,
    ) -> Result<Answer, NoAnswer> {
        let begun = Instant::now();
        let answer = async {
            match (request.build(), self.presenting(certificate)) {
                (Ok(request), Some(client)) => Self::answer(client, operation, request).await,
                (Ok(_), None) => Err("the configuration has another client certificate now".to_owned()),
                (Err(error), _) => Err(cause(error)),
            }
        };
        let answer = traces::called(Called::Provider { issuer, operation: operation.as_str() }, answer).await;
        let outcome = answer.as_ref().map_or("none", |answer| class(answer.status));
        let labels = [
            ("issuer", issuer.to_owned()),
            ("operation", operation.as_str().to_owned()),
            ("outcome", outcome.to_owned()),
        ];
        metrics::counter!(names::PROVIDER_REQUESTS, &labels).increment(1);
        metrics::histogram!(names::PROVIDER_SECONDS, &labels).record(begun.elapsed());
        answer.map_err(|cause| NoAnswer { operation, cause })
    }

    /// The client that presents this certificate; `None`: it was replaced after the request began.
    fn presenting(&self, certificate: Option<&ClientCertificate>) -> Option<&Client> {
        let Some(certificate) = certificate else { return Some(&self.client) };
        self.with_certificate.iter().find(|(known, _)| known == certificate).map(|(_, client)| client)
    }

    async fn answer(client: &Client, operation: Operation, request: Request) -> Result<Answer, String> {
        let response = client.execute(request).await.map_err(cause)?;
        http_answer::read(response, operation.max_bytes()).await
    }
}

const fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}

/// Resolves names, but to addresses of this machine or its link only those that the operator configured (TL-2): metadata
/// must not direct requests to neighbouring services. Names under `localhost` mean this machine without a DNS query
/// (RFC 6761 section 6.3); whether metadata may use them is checked when it is parsed.
struct GuardedNames {
    named: Vec<String>,
}

impl Resolve for GuardedNames {
    fn resolve(&self, name: Name) -> Resolving {
        let trusted = self.named.iter().any(|host| host == name.as_str());
        Box::pin(async move {
            let found: Vec<SocketAddr> = if is_localhost(name.as_str()) {
                vec![(Ipv4Addr::LOCALHOST, 0).into(), (Ipv6Addr::LOCALHOST, 0).into()]
            } else {
                let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
                found.filter(|address| trusted || !is_neighbourhood(address.ip())).collect()
            };
            if found.is_empty() {
                return Err("the host name resolves to a loopback or link-local address, and the configuration does not name it".into());
            }
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

fn is_localhost(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// Whether `address` is this machine or reachable only on its own link.
fn is_neighbourhood(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_link_local() || v4.is_unspecified(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unicast_link_local() || v6.is_unspecified(),
    }
}

/// Whether `url` names this machine or its link, judged by the text alone, without a DNS query.
pub(super) fn names_neighbourhood(url: &Url) -> bool {
    names(url, is_neighbourhood)
}

/// Whether `url` names this machine: the only place for which plain http is acceptable.
pub(super) fn names_this_machine(url: &Url) -> bool {
    names(url, |address| address.to_canonical().is_loopback())
}

fn names(url: &Url, place: fn(IpAddr) -> bool) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => is_localhost(name),
        Some(Host::Ipv4(address)) => place(address.into()),
        Some(Host::Ipv6(address)) => place(address.into()),
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tl_2_names_lead_to_this_machine_only_where_the_operator_named_them() {
        let own = std::fs::read_to_string("/etc/hostname").unwrap_or_default().trim().to_ascii_lowercase();
        let resolve = |named: &[&str], name: &str| {
            let guard = GuardedNames { named: named.iter().map(ToString::to_string).collect() };
            guard.resolve(name.parse().unwrap())
        };
        // Names that the system's hosts file maps to this machine.
        for name in ["ip6-localhost", "ip6-loopback", own.as_str()] {
            let Ok(found) = tokio::net::lookup_host((name, 0)).await else { continue };
            if found.into_iter().all(|address| is_neighbourhood(address.ip())) {
                assert!(resolve(&[], name).await.is_err(), "{name}");
                assert!(resolve(&[name], name).await.is_ok(), "{name}");
            }
        }
        assert!(resolve(&[], "sso.demo.localhost").await.unwrap().all(|address| address.ip().is_loopback()));
    }

    #[test]
    fn tl_2_neighbours() {
        for (address, expected) in [
            ("127.0.0.1", true),
            ("127.255.0.9", true),
            ("0.0.0.0", true),
            ("169.254.169.254", true),
            ("::1", true),
            ("::", true),
            ("fe80::1", true),
            ("::ffff:127.0.0.1", true),
            ("::ffff:169.254.169.254", true),
            ("10.0.0.1", false),
            ("192.0.2.1", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(is_neighbourhood(address.parse().unwrap()), expected, "{address}");
        }
    }
}
