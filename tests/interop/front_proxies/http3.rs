//! A sign-in over HTTP/3, with aioquic as the client.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::{Value, json};
use url::Url;

use super::checks::assert_is_of;
use super::program::Program;
use super::site::{Listener, Site};
use crate::support::application::Seen;
use crate::support::browser::{Browser, Protocol};
use crate::support::tools;
use crate::version::interop;

/// Larger than what a connection takes without an answer of its peer.
const UPLOAD: usize = 4 << 20;

/// A client with its cookies.
struct Client<'a> {
    site: &'a Site,
    cookies: BTreeMap<String, String>,
}

struct Answer {
    status: u64,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    fn seen(&self) -> Seen {
        assert_eq!(self.status, 200, "{:?} {}", self.headers, self.body);
        Seen::from_body(&self.body).unwrap_or_else(|| panic!("not the application's answer: {}", self.body))
    }

    fn location(&self) -> &str {
        let found = self.headers.iter().find(|(name, _)| name == "location");
        found.map_or_else(|| panic!("no redirect: {} {}", self.status, self.body), |(_, value)| value.as_str())
    }
}

impl Client<'_> {
    fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], upload: usize) -> Answer {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut headers = headers.to_vec();
        let cookies = cookies.join("; ");
        if !cookies.is_empty() {
            headers.push(("cookie", &cookies));
        }
        let request = json!({
            "port": self.site.front, "authority": self.site.host(), "method": method, "path": path,
            "headers": headers, "upload": upload,
        });
        let script = tools::root().join("tests/interop/front_proxies/http3_client.py");
        let mut command = Command::new(interop("venv/bin/python"));
        let output = command.arg(script).arg(request.to_string()).output().expect("python runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let answer: Value = serde_json::from_slice(&output.stdout).expect("one answer");
        let headers: Vec<(String, String)> = serde_json::from_value(answer["headers"].clone()).expect("headers");
        for (_, line) in headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, value) = line.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        Answer {
            status: answer["status"].as_u64().expect("a status"),
            headers,
            body: answer["body"].as_str().expect("a body").to_owned(),
        }
    }

    fn get(&mut self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask("GET", path, headers, 0)
    }
}

const NAVIGATION: &[(&str, &str)] = &[
    ("accept", "text/html"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
    ("sec-fetch-site", "none"),
];

/// The requests to the application go over HTTP/3, those to the provider as ever.
pub(super) async fn signs_in(program: Program) {
    let site = Site::start(&program, Listener::Tls).await;
    let mut client = Client { site: &site, cookies: BTreeMap::new() };
    assert_is_of(&client.get("/public/page", &[("x-authentik-username", "eve")]).seen(), None);
    assert_eq!(client.get("/api", &[("accept", "application/json")]).status, 401);

    let mut answer = client.get("/page?a=1", NAVIGATION);
    // nginx would go to `start` first; every other front proxy leads to the provider at once.
    while Url::parse(answer.location()).is_err() {
        let next = answer.location().to_owned();
        answer = client.get(&next, NAVIGATION);
    }
    let at_provider = Browser::new(Protocol::Http1);
    let form = at_provider.visit(answer.location()).await;
    let callback = at_provider.fill_in_until_callback(&form, "alice").await;
    let callback = callback[url::Position::BeforePath..].to_owned();
    let back = client.get(&callback, NAVIGATION);
    assert_eq!((back.status, back.location().ends_with("/page?a=1")), (302, true), "{}", back.body);
    let seen = client.get("/page?a=1", NAVIGATION).seen();
    assert_eq!(seen.path, "/page?a=1");
    assert_is_of(&seen, Some("alice"));
    assert_eq!(seen.header("cookie").unwrap_or_default(), "", "Gatepost's cookies stay out");

    let spoofed = [("x-authentik-username", "eve"), ("x_authentik_username", "eve"), ("x.authentik.groups", "eve")];
    assert_is_of(&client.get("/private", &spoofed).seen(), Some("alice"));
    let upload = client.ask("POST", "/upload", &[], UPLOAD);
    assert_eq!((upload.status, upload.body.as_str()), (200, UPLOAD.to_string().as_str()));
}
