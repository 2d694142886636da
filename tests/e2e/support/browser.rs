//! A browser without a display: cookies, redirects and the sign-in form, over HTTP/1.1 or HTTP/2.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Mutex;

use http::{HeaderMap, Method, StatusCode};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use url::Url;

use super::application::Seen;
use super::cookies::{Cookie, Jar};
use super::json::Json;
use super::process::TIMEOUT;

/// The protocol between the browser and Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

impl Protocol {
    pub(crate) const BOTH: [Self; 2] = [Self::Http1, Self::Http2];
}

/// Resolves every name to this machine, as browsers do for `*.localhost`.
struct ThisMachine;

impl Resolve for ThisMachine {
    fn resolve(&self, _name: Name) -> Resolving {
        let addresses: Addrs = Box::new(std::iter::once(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))));
        Box::pin(std::future::ready(Ok(addresses)))
    }
}

/// One answer.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) url: Url,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Page {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The target of a redirect.
    pub(crate) fn location(&self) -> Url {
        let location = self.header("location").unwrap_or_else(|| panic!("no redirect: {self:#?}"));
        self.url.join(location).expect("an address")
    }

    /// The names of the cookies that this answer sets.
    pub(crate) fn sets_cookies(&self) -> Vec<&str> {
        let lines = self.headers.get_all("set-cookie").iter().filter_map(|line| line.to_str().ok());
        lines.filter_map(|line| line.split('=').next()).collect()
    }

    /// The request that the application received; any answer other than the application's fails the test.
    pub(crate) fn seen(&self) -> Seen {
        assert_eq!(self.status, StatusCode::OK, "{self:#?}");
        Seen::from_body(&self.body).unwrap_or_else(|| panic!("not the application's answer: {self:#?}"))
    }

    pub(crate) fn json(&self) -> Json {
        Json::parse(&self.body).unwrap_or_else(|| panic!("no JSON: {self:#?}"))
    }

    /// The names and values of the hidden fields of the form.
    fn hidden_fields(&self) -> Vec<(String, String)> {
        let plain = |text: &str| {
            let signs = [("&quot;", "\""), ("&#39;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")];
            signs.iter().fold(text.to_owned(), |text, (written, sign)| text.replace(written, sign))
        };
        let fields = self.body.split("<input type=\"hidden\" name=\"").skip(1).filter_map(|field| {
            let (name, rest) = field.split_once("\" value=\"")?;
            Some((plain(name), plain(rest.split('"').next()?)))
        });
        fields.collect()
    }

    fn form_action(&self) -> Url {
        let action = self.body.split_once("action=\"").and_then(|(_, rest)| rest.split_once('"'));
        let (action, _) = action.unwrap_or_else(|| panic!("no form here: {self:#?}"));
        self.url.join(&action.replace("&amp;", "&")).expect("the form's address")
    }

    /// The value of a hidden field of the form.
    fn hidden(&self, name: &str) -> &str {
        let field =
            self.body.split_once(&format!("name=\"{name}\" value=\"")).and_then(|(_, rest)| rest.split_once('"'));
        field.unwrap_or_else(|| panic!("no field {name}: {self:#?}")).0
    }
}

/// One request, as a script or a user's click sends it.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    method: Method,
    url: Url,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Ask {
    fn new(method: Method, url: &str) -> Self {
        let url = Url::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        Self { method, url, headers: Vec::new(), body: String::new() }
    }

    /// A user opens an address.
    pub(crate) fn navigation(url: &str) -> Self {
        Self::new(Method::GET, url)
            .header("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-dest", "document")
            .header("sec-fetch-site", "none")
            .header("upgrade-insecure-requests", "1")
    }

    /// A script of the same page sends a request.
    pub(crate) fn script(method: Method, url: &str) -> Self {
        Self::new(method, url)
            .header("accept", "application/json")
            .header("sec-fetch-mode", "cors")
            .header("sec-fetch-dest", "empty")
            .header("sec-fetch-site", "same-origin")
    }

    /// A program that sends only what it is told to send.
    pub(crate) fn plain(method: Method, url: &str) -> Self {
        Self::new(method, url)
    }

    /// Sets a header, replacing an existing one.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(kept, _)| *kept != name);
        self.also(name, value)
    }

    /// Adds another line of a header.
    pub(crate) fn also(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn with_method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// Sets a JSON body.
    pub(crate) fn json(mut self, body: &serde_json::Value) -> Self {
        self.body = body.to_string();
        self.header("content-type", "application/json")
    }

    /// A form post.
    pub(crate) fn form(mut self, fields: &[(&str, &str)]) -> Self {
        self.body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.method = Method::POST;
        self.header("content-type", "application/x-www-form-urlencoded")
    }
}

async fn answered(request: reqwest::RequestBuilder, url: Url) -> Page {
    let response = request.send().await.unwrap_or_else(|error| panic!("{url}: {error:?}"));
    let (status, headers) = (response.status(), response.headers().clone());
    let body = String::from_utf8_lossy(&response.bytes().await.expect("a body")).into_owned();
    Page { url, status, headers, body }
}

pub(crate) struct Browser {
    to_envoy: reqwest::Client,
    to_provider: reqwest::Client,
    jar: Mutex<Jar>,
    /// Every address that was requested or that an answer contained, in order: none of them must be logged.
    trail: Mutex<Vec<Url>>,
}

impl Browser {
    pub(crate) fn new(protocol: Protocol) -> Self {
        Self::from_address(protocol, Ipv4Addr::LOCALHOST)
    }

    /// A browser at this address of the machine.
    pub(crate) fn from_address(protocol: Protocol, address: Ipv4Addr) -> Self {
        // The first one is used; every test installs the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = || {
            reqwest::Client::builder()
                .redirect(Policy::none())
                .dns_resolver(ThisMachine)
                .no_proxy()
                .local_address(IpAddr::from(address))
                // The certificates of these tests are made for them and signed by no authority.
                .tls_danger_accept_invalid_certs(true)
                .timeout(TIMEOUT)
        };
        let to_provider = builder().http1_only().build().expect("a client");
        let to_envoy = match protocol {
            Protocol::Http1 => to_provider.clone(),
            Protocol::Http2 => builder().http2_prior_knowledge().build().expect("a client"),
        };
        Self { to_envoy, to_provider, jar: Mutex::default(), trail: Mutex::default() }
    }

    /// Sends one request with the cookies for its address, and stores those of the answer.
    pub(crate) async fn ask(&self, ask: Ask) -> Page {
        // Providers run on 127.0.0.1 and use HTTP/1.1; applications have names, and Envoy supports both protocols.
        let client = if ask.url.domain().is_some() { &self.to_envoy } else { &self.to_provider };
        let mut request = client.request(ask.method, ask.url.clone()).body(ask.body);
        for (name, value) in ask.headers {
            request = request.header(name, value);
        }
        if let Some(cookies) = self.cookie_header(&ask.url) {
            request = request.header("cookie", cookies);
        }
        let page = answered(request, ask.url).await;
        self.remember(&page);
        page
    }

    /// Sends one request to Envoy as a load balancer in front of it does: for a browser elsewhere, which stores the cookies.
    pub(crate) async fn forward(&self, ask: Ask) -> Page {
        let mut request = self.to_envoy.request(ask.method, ask.url.clone()).body(ask.body);
        for (name, value) in ask.headers {
            request = request.header(name, value);
        }
        answered(request, ask.url).await
    }

    fn remember(&self, page: &Page) {
        let mut jar = self.jar.lock().expect("the jar");
        for line in page.headers.get_all("set-cookie") {
            jar.take(line.to_str().expect("a cookie of visible characters"), &page.url);
        }
        let mut trail = self.trail.lock().expect("the trail");
        trail.push(page.url.clone());
        if page.header("location").is_some() {
            trail.push(page.location());
        }
    }

    /// The `cookie` header for this address.
    pub(crate) fn cookie_header(&self, url: &Url) -> Option<String> {
        let pairs: Vec<String> =
            self.cookies(url).iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    pub(crate) fn cookies(&self, url: &Url) -> Vec<Cookie> {
        self.jar.lock().expect("the jar").for_url(url)
    }

    /// The value of every cookie that any application has set so far.
    pub(crate) fn all_cookie_values(&self) -> Vec<String> {
        self.jar.lock().expect("the jar").values_ever_taken()
    }

    /// Deletes cookies, as a user may.
    pub(crate) fn forget(&self, which: impl Fn(&Cookie) -> bool) {
        self.jar.lock().expect("the jar").forget(which);
    }

    pub(crate) fn trail(&self) -> Vec<Url> {
        self.trail.lock().expect("the trail").clone()
    }

    /// Opens an address and returns the first answer.
    pub(crate) async fn open(&self, url: &str) -> Page {
        self.ask(Ask::navigation(url)).await
    }

    /// Whether the application sees a user at this address, which must not be public.
    pub(crate) async fn is_signed_in_at(&self, url: &str) -> bool {
        let page = self.open(url).await;
        match page.status {
            StatusCode::OK => page.seen().header("x-authentik-username").is_some(),
            StatusCode::FOUND => false,
            _ => panic!("{page:#?}"),
        }
    }

    /// Opens an address and follows its redirects.
    pub(crate) async fn visit(&self, url: &str) -> Page {
        let page = self.open(url).await;
        self.follow(page).await
    }

    /// Follows redirects to the end.
    pub(crate) async fn follow(&self, mut page: Page) -> Page {
        for _ in 0..20 {
            if !page.status.is_redirection() {
                return page;
            }
            page = self.open(page.location().as_str()).await;
        }
        panic!("redirected without end: {page:#?}");
    }

    /// Opens an address, fills in the provider's form and follows its redirects.
    pub(crate) async fn sign_in(&self, url: &str, user: &str) -> Page {
        let form = self.visit(url).await;
        self.fill_in(&form, user).await
    }

    /// Sends the provider's sign-in form.
    pub(crate) async fn fill_in(&self, form: &Page, user: &str) -> Page {
        let fields = [("prompt", "login"), ("login", user), ("password", "any")];
        let answer = self.ask(Ask::navigation(form.form_action().as_str()).form(&fields)).await;
        self.follow(answer).await
    }

    /// Sends the provider's sign-in form and follows up to, not into, Gatepost's callback: returns its address.
    pub(crate) async fn fill_in_until_callback(&self, form: &Page, user: &str) -> Url {
        let fields = [("prompt", "login"), ("login", user), ("password", "any")];
        let mut answer = self.ask(Ask::navigation(form.form_action().as_str()).form(&fields)).await;
        while !answer.location().path().ends_with("/callback") {
            answer = self.open(answer.location().as_str()).await;
        }
        answer.location()
    }

    /// Consents to what the provider's page lists, and follows its redirects.
    pub(crate) async fn consent(&self, question: &Page) -> Page {
        let fields = [("prompt", question.hidden("prompt"))];
        let answer = self.ask(Ask::navigation(question.form_action().as_str()).form(&fields)).await;
        self.follow(answer).await
    }

    /// Sends the form of a page of another site, as the script of that page does.
    pub(crate) async fn send_form(&self, page: &Page) -> Page {
        let fields = page.hidden_fields();
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.post_from_elsewhere(&page.form_action(), &fields).await
    }

    /// Posts a form of another site: with the cookies that are for every site.
    pub(crate) async fn post_from_elsewhere(&self, action: &Url, fields: &[(&str, &str)]) -> Page {
        let cookies: Vec<_> = self.cookies(action).into_iter().filter(|cookie| cookie.same_site == "none").collect();
        let cookies: Vec<_> = cookies.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        let ask = Ask::navigation(action.as_str()).form(fields).header("sec-fetch-site", "cross-site");
        let answer = self.forward(ask.header("cookie", &cookies.join("; "))).await;
        self.remember(&answer);
        answer
    }

    /// Confirms the provider's question whether to sign out there as well.
    pub(crate) async fn confirm_sign_out(&self, question: &Page) -> Page {
        let fields = [("xsrf", question.hidden("xsrf")), ("logout", "yes")];
        let answer = self.ask(Ask::navigation(question.form_action().as_str()).form(&fields)).await;
        self.follow(answer).await
    }
}
