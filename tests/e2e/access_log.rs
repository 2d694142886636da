//! Envoy's access log contains the facts about each decision.

use http::Method;

use crate::support::browser::{Ask, Browser, Protocol};
use crate::support::envoy::Scenario;
use crate::support::settings::Mode;
use crate::support::site::Site;

#[tokio::test(flavor = "multi_thread")]
async fn decisions_are_told_to_envoys_access_log() {
    let site = Site::start(Scenario::InsideTheCheck, Mode::Single).await;
    let nobody = Browser::new(Protocol::Http1);
    let alice = site.signed_in(Protocol::Http2).await;
    let mark = site.envoy.log_mark();
    alice.open(&site.wiki("/signed-in?secret=1")).await;
    nobody.open(&site.wiki("/not-signed-in")).await;
    nobody.ask(Ask::script(Method::GET, &site.wiki("/script"))).await;
    nobody.open(&site.wiki("/public/page")).await;

    let entry = site.envoy.logged(mark, "/signed-in");
    assert_eq!(entry.text("user"), Some("alice"));
    assert_eq!((entry.number("code"), entry.text("details")), (Some(200), Some("via_upstream")));
    let allowed = entry.text("decision_id").expect("a decision id").to_owned();

    let mut decisions = vec![allowed];
    let denied = Some("ext_authz_denied");
    for (path, code, details) in
        [("/not-signed-in", 302, denied), ("/script", 401, denied), ("/public/page", 200, Some("via_upstream"))]
    {
        let entry = site.envoy.logged(mark, path);
        assert_eq!((entry.number("code"), entry.text("details")), (Some(code), details), "{entry:?}");
        assert_eq!(entry.text("application"), Some("wiki"), "{entry:?}");
        assert_eq!(entry.text("user").unwrap_or_default(), "", "{entry:?}");
        assert!(entry.text("reason").is_some_and(|reason| !reason.is_empty()), "{entry:?}");
        decisions.push(entry.text("decision_id").expect("a decision id").to_owned());
    }
    // Each line refers to one in Gatepost's own log.
    for decision in &decisions {
        assert!(site.gatepost.log().says(decision), "{decision} is not in Gatepost's log");
    }
    decisions.sort_unstable();
    decisions.dedup();
    assert_eq!(decisions.len(), 4, "every decision has an id of its own");
}
