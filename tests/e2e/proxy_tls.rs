//! Mode `proxy` with https backends: the certificate has to be for the backend's own name, with every `Host` that is sent.

use http::StatusCode;
use serde_json::json;

use crate::support::application::Application;
use crate::support::browser::{Browser, Protocol};
use crate::support::certificates::Authority;
use crate::support::envoy::Scenario;
use crate::support::settings::{Entry, Mode};
use crate::support::site::Plan;

#[tokio::test(flavor = "multi_thread")]
async fn https_backends_prove_who_they_are() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let good = Application::start_tls(authority.vouch_for("good.localhost"));
    let address = Application::start_tls(authority.vouch_for("127.0.0.1"));
    let wrong = Application::start_tls(authority.vouch_for("other.localhost"));
    let unknown = Application::start_tls(stranger.vouch_for("good.localhost"));
    let lines = |host: &str, to: &Application, further: &str| {
        format!("    internal_host: https://{host}:{}\n{further}", to.port)
    };
    let lax = "    internal_host_ssl_validation: false\n";
    let mut plan = Plan::new(Scenario::ProxyMode, Mode::Single);
    plan.trusted_ca = Some(authority.pem());
    plan.settings.entries = vec![
        Entry::proxy("Wiki", "wiki", &lines("good.localhost", &good, "")),
        Entry::proxy("Address", "address", &lines("127.0.0.1", &address, "")),
        Entry::proxy("Wrong", "wrong", &lines("good.localhost", &wrong, "")),
        Entry::proxy("Unknown", "unknown", &lines("good.localhost", &unknown, "")),
        Entry::proxy("LaxWrong", "lax-wrong", &lines("good.localhost", &wrong, lax)),
        Entry::proxy("LaxUnknown", "lax-unknown", &lines("127.0.0.1", &unknown, lax)),
    ];
    // A name for which a wrong backend would have a certificate, if `Host` were what is verified.
    plan.provider.claims = json!({ "bob": { "ak_proxy": { "host_header": "other.localhost" } } });
    let site = plan.start().await;

    for (user, host) in [("alice", format!("good.localhost:{}", good.port)), ("bob", "other.localhost".to_owned())] {
        let browser = Browser::new(Protocol::Http1);
        let seen = browser.sign_in(&site.wiki("/"), user).await.seen();
        assert_eq!((seen.server_name(), seen.header("host")), (Some("good.localhost"), Some(host.as_str())));
        for application in ["wrong", "unknown"] {
            let page = browser.visit(&site.at(application, "/")).await;
            assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{application}: {page:#?}");
        }
        assert!(wrong.seen().is_empty() && unknown.seen().is_empty(), "they are told nothing");
    }
    let browser = site.signed_in(Protocol::Http1).await;
    for (application, server_name) in [("address", None), ("lax-wrong", Some("good.localhost")), ("lax-unknown", None)]
    {
        let seen = browser.visit(&site.at(application, "/")).await.seen();
        assert_eq!(seen.header("x-authentik-username"), Some("alice"), "{application}");
        assert!(server_name.is_none() || seen.server_name() == server_name, "{application}: {seen:?}");
    }
}
