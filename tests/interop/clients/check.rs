//! Checks by the client that go-control-plane generates from Envoy's API.

use std::process::Command;

use serde_json::Value;
use url::Url;

use super::{Cells, OTHER};
use crate::support::browser::Protocol;
use crate::support::envoy::Scenario;
use crate::support::settings::Mode;
use crate::support::site::Site;
use crate::table::Cell;
use crate::version::{interop, said_by};

fn ask(site: &Site, url: &str, headers: &[&str]) -> Value {
    let mut command = Command::new(interop("bin/envoy-check"));
    command.arg(format!("127.0.0.1:{}", site.gatepost.port("grpc"))).arg(url).args(headers);
    let output = command.output().expect("the client runs");
    assert!(output.status.success(), "{url}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The value of a header that an answer sets.
fn set<'a>(answer: &'a Value, part: &str, name: &str) -> Option<&'a str> {
    let headers = answer[part]["headers"].as_array()?;
    headers.iter().map(|line| &line["header"]).find(|header| header["key"] == name)?["value"].as_str()
}

async fn decides() {
    let site = Site::start(Scenario::InsideTheCheck, Mode::Single).await;
    let browser = site.signed_in(Protocol::Http1).await;
    let cookies = browser.cookie_header(&Url::parse(&site.wiki("/")).expect("an address")).expect("a session");

    let page = ["accept=text/html", "sec-fetch-mode=navigate", "sec-fetch-dest=document"];
    let asked = ask(&site, &site.wiki("/private"), &page);
    assert_eq!(
        (asked["deniedResponse"]["status"]["code"].as_str(), asked["status"]["code"].as_u64()),
        (Some("Found"), Some(16)),
        "{asked}"
    );
    assert!(
        set(&asked, "deniedResponse", "location").is_some_and(|to| to.starts_with(&site.plan.provider.issuer())),
        "{asked}"
    );

    let cookie = format!("cookie=first=1; {cookies}");
    let allowed = ask(&site, &site.wiki("/private"), &[&cookie, "x-authentik-username=eve"]);
    assert_eq!(set(&allowed, "okResponse", "x-authentik-username"), Some("alice"), "{allowed}");
    assert_eq!(set(&allowed, "okResponse", "cookie"), Some("first=1"), "{allowed}");
    assert_eq!(allowed["deniedResponse"], Value::Null, "{allowed}");

    let public = ask(&site, &site.wiki("/public/a"), &["x-authentik-username=eve"]);
    assert!(
        public["okResponse"].is_object() && set(&public, "okResponse", "x-authentik-username").is_none(),
        "{public}"
    );
    let removed = public["okResponse"]["headersToRemove"].to_string();
    assert!(removed.to_lowercase().contains("x-authentik-username"), "{public}");

    let elsewhere = ask(&site, "http://nowhere.example.com/", &[&cookie]);
    assert!(elsewhere["deniedResponse"].is_object() && elsewhere["okResponse"] == Value::Null, "{elsewhere}");
}

pub(super) async fn go_control_plane() -> (String, Cells) {
    let check = Cell::of(decides()).await;
    let version = said_by(Command::new(interop("bin/envoy-check")).arg("version"));
    (version, [OTHER, OTHER, OTHER, check, OTHER, OTHER, OTHER, OTHER])
}
