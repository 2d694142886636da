//! A browser behind Envoy, and the answers it receives.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use envoy_types::pb::envoy::config::core::v3::{HeaderMap, HeaderValue, HeaderValueOption};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest, CheckResponse};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;

use crate::op::HostileOp;
use crate::test_outpost::TestOutpost;

pub(crate) const WIKI: &str = "https://wiki.example.com/page?x=1";

/// A `CheckResponse` in readable form. Creating one fails where Envoy would allow a request by mistake.
#[derive(Debug)]
pub(crate) struct Answer {
    /// HTTP status; 200 when the request goes on to the application.
    pub(crate) status: i32,
    pub(crate) allowed: bool,
    pub(crate) reason: String,
    /// Headers of the answer, or of the request as it goes on.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) cookies: Vec<String>,
    pub(crate) body: String,
    /// The whole answer as text, for searching.
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn new(response: CheckResponse) -> Self {
        let text = format!("{response:?}");
        let status = response.status.expect("an answer without a status is an allow");
        let split = |options: Vec<HeaderValueOption>| -> (Vec<_>, Vec<_>) {
            let lines = options.into_iter().map(|option| option.header.unwrap()).map(|line| (line.key, line.value));
            lines.partition(|(name, _)| name != "set-cookie")
        };
        let values = |lines: Vec<(String, String)>| lines.into_iter().map(|(_, value)| value).collect();
        let reason = status.message;
        match response.http_response.expect("an empty answer is an allow") {
            HttpResponse::OkResponse(ok) => {
                assert_eq!(status.code, 0);
                let (headers, _) = split(ok.headers);
                let (_, cookies) = split(ok.response_headers_to_add);
                let cookies = values(cookies);
                Self { status: 200, allowed: true, reason, headers, cookies, body: String::new(), text }
            }
            HttpResponse::DeniedResponse(denied) => {
                assert_ne!(status.code, 0, "to Envoy a denial with code 0 is an allow");
                let http = denied.status.expect("a denial has a status").code;
                let pages = ["ping", "signed_out", "sign_out_unconfirmed", "logout_by_provider"];
                assert!(http >= 300 || pages.contains(&reason.as_str()));
                let (headers, cookies) = split(denied.headers);
                Self {
                    status: http,
                    allowed: false,
                    reason,
                    headers,
                    cookies: values(cookies),
                    body: denied.body,
                    text,
                }
            }
            HttpResponse::ErrorResponse(_) => panic!("no such answer is ours"),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The target of a redirect.
    pub(crate) fn location(&self) -> Url {
        let location = self.header("location").unwrap_or_else(|| panic!("no redirect: {self:#?}"));
        Url::parse(location).unwrap()
    }

    /// The user in the identity headers for the application.
    pub(crate) fn user(&self) -> Option<&str> {
        self.header("x-authentik-uid").filter(|_| self.allowed)
    }

    pub(crate) fn sets_session(&self) -> bool {
        self.cookies.iter().any(|cookie| cookie.contains("gatepost-session") && !cookie.contains("Max-Age=0"))
    }

    /// Fails unless this is a page that refuses the request and says what to do.
    pub(crate) fn expect_refusal(&self, status: i32, name: &str) {
        assert_eq!(self.status, status, "{name}: {self:#?}");
        assert!(!self.allowed && self.header("location").is_none(), "{name}: no redirect leads on: {self:#?}");
        assert!(!self.sets_session(), "{name}: no session");
        assert_eq!(self.header("content-type"), Some("text/html; charset=utf-8"), "{name}");
        assert!(self.body.contains("<a href=\"https://wiki.example.com/"), "{name}: says what to do: {}", self.body);
    }
}

/// Cookies by host and name, and requests that carry them.
#[derive(Clone, Default)]
pub(crate) struct Browser {
    pub(crate) cookies: BTreeMap<(String, String), String>,
    /// Those that are sent with a form post of another site, too.
    for_every_site: BTreeSet<(String, String)>,
}

impl Browser {
    pub(crate) fn request(&self, url: &Url, headers: &[(&str, &str)]) -> CheckRequest {
        let host = url.host_str().unwrap().to_owned();
        let own = self.cookies.iter().filter(|((of, _), _)| *of == host);
        let cookies: Vec<_> = own.map(|((_, name), value)| format!("{name}={value}")).collect();
        let line = |(name, value): (&str, &str)| HeaderValue {
            key: name.to_owned(),
            value: String::new(),
            raw_value: value.as_bytes().to_vec(),
        };
        let page = [("accept", "text/html"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
        let mut lines: Vec<_> = page.into_iter().chain(headers.iter().copied()).map(line).collect();
        if !cookies.is_empty() {
            lines.push(line(("cookie", &cookies.join("; "))));
        }
        let http = HttpRequest {
            method: "GET".to_owned(),
            scheme: url.scheme().to_owned(),
            path: url[url::Position::BeforePath..].split('#').next().unwrap_or_default().to_owned(),
            header_map: Some(HeaderMap { headers: lines }),
            host,
            ..HttpRequest::default()
        };
        let request = Request { http: Some(http), ..Request::default() };
        CheckRequest { attributes: Some(AttributeContext { request: Some(request), ..AttributeContext::default() }) }
    }

    pub(crate) async fn open(&mut self, test_outpost: &TestOutpost, url: &str) -> Answer {
        self.open_with(test_outpost, url, &[]).await
    }

    /// Opens a page and stores its cookies.
    pub(crate) async fn open_with(
        &mut self,
        test_outpost: &TestOutpost,
        url: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let url = Url::parse(url).unwrap();
        let answer = test_outpost.check(self.request(&url, headers)).await;
        self.remember(&url, &answer);
        answer
    }

    /// A page of another site posts a form; the body is what Envoy sends of it.
    pub(crate) async fn post(
        &mut self,
        test_outpost: &TestOutpost,
        url: &str,
        kind: &str,
        body: Option<&str>,
    ) -> Answer {
        let url = Url::parse(url).unwrap();
        let sent = self.cookies.iter().filter(|(at, _)| self.for_every_site.contains(*at));
        let sender = Self { cookies: sent.map(|(at, value)| (at.clone(), value.clone())).collect(), ..Self::default() };
        let mut request = sender.request(&url, &[("sec-fetch-site", "cross-site"), ("content-type", kind)]);
        let http = request.attributes.as_mut().unwrap().request.as_mut().unwrap().http.as_mut().unwrap();
        http.method = "POST".to_owned();
        http.raw_body = body.unwrap_or_default().as_bytes().to_vec();
        let answer = test_outpost.check(request).await;
        self.remember(&url, &answer);
        answer
    }

    fn remember(&mut self, url: &Url, answer: &Answer) {
        for cookie in &answer.cookies {
            let (name, rest) = cookie.split_once('=').unwrap();
            let at = (url.host_str().unwrap().to_owned(), name.to_owned());
            self.cookies.remove(&at);
            self.for_every_site.remove(&at);
            if cookie.ends_with("; SameSite=None") {
                self.for_every_site.insert(at.clone());
            }
            if !cookie.contains("Max-Age=0;") {
                self.cookies.insert(at, rest.split(';').next().unwrap().to_owned());
            }
        }
    }

    /// Opens a page, is sent to the provider, and comes back: the answer to the callback.
    pub(crate) async fn come_back(&mut self, test_outpost: &TestOutpost, op: &HostileOp, url: &str) -> Answer {
        let there = self.begin(test_outpost, url).await;
        self.open(test_outpost, op.authorize(&there).as_str()).await
    }

    /// Opens a page that redirects to the provider, once its metadata is known; returns the target.
    pub(crate) async fn begin(&mut self, test_outpost: &TestOutpost, url: &str) -> Url {
        let answer = self.open(test_outpost, url).await;
        assert_eq!((answer.status, answer.reason.as_str()), (302, "sign_in_started"), "{answer:#?}");
        answer.location()
    }

    /// A whole sign-in; returns the application's answer.
    pub(crate) async fn sign_in(&mut self, test_outpost: &TestOutpost, op: &HostileOp, url: &str) -> Answer {
        let back = self.come_back(test_outpost, op, url).await;
        assert_eq!((back.location().as_str(), back.reason.as_str()), (url, "sign_in_completed"), "{back:#?}");
        let answer = self.open(test_outpost, url).await;
        assert!(answer.allowed, "{answer:#?}");
        answer
    }

    pub(crate) fn has_session(&self) -> bool {
        self.cookies.keys().any(|(_, name)| name.contains("session"))
    }
}

/// A parameter of an address.
pub(crate) fn parameter(url: &Url, name: &str) -> String {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// The address to which the program at `url` redirects a browser, over a real connection.
pub(crate) async fn redirected(url: &Url) -> Url {
    let address = SocketAddr::new(url.host_str().unwrap().parse().unwrap(), url.port().unwrap());
    let mut stream = TcpStream::connect(address).await.unwrap();
    let target = &url[url::Position::BeforePath..];
    let request = format!("GET {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let location = answer.lines().find_map(|line| line.strip_prefix("location: ")).expect("a redirect");
    Url::parse(location).unwrap()
}
