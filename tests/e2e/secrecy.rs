//! Values that must never be logged, at any level: tokens, codes, cookies, states, secrets.

use std::collections::BTreeSet;

use crate::support::browser::{Ask, Browser, Protocol};
use crate::support::envoy::Scenario;
use crate::support::settings::Mode;
use crate::support::site::{Plan, Site};

/// The secret values that passed through this browser.
pub(crate) fn secrets_of(browser: &Browser, site: &Site) -> BTreeSet<String> {
    let secret = |name: &str| ["code", "state", "nonce", "code_challenge", "id_token_hint"].contains(&name);
    let mut values = BTreeSet::new();
    for url in browser.trail() {
        let pairs = url.query_pairs().filter(|(name, _)| secret(name));
        values.extend(pairs.map(|(_, value)| value.into_owned()));
    }
    values.extend(browser.all_cookie_values());
    values.extend(site.provider.as_ref().expect("a provider").tokens(0));
    values.extend(site.plan.settings.secrets());
    values
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_logged_at_any_level() {
    for (scenario, mode) in [(Scenario::InsideTheCheck, Mode::Single), (Scenario::SideListener, Mode::Domain)] {
        let mut plan = Plan::new(scenario, mode);
        plan.settings.log_level = "trace";
        plan.provider.print_tokens = true;
        plan.settings.sections = "audit: { file: audit.jsonl }\n";
        let mut site = plan.start().await;
        let browser = site.signed_in(Protocol::Http1).await;
        let is_callback = |url: &&url::Url| url.path().ends_with("/callback");
        let callback = browser.trail().iter().find(is_callback).expect("a callback").clone();
        // Faults are logged as well: a used callback, a forged state, a refused code.
        browser.visit(callback.as_str()).await;
        let forged = callback.as_str().replace("state=", "state=forged");
        Browser::new(Protocol::Http1).open(&forged).await;
        let left = browser.ask(Ask::navigation(&site.wiki("/outpost.goauthentik.io/sign_out"))).await;
        assert!(left.status.is_redirection(), "{left:#?}");
        site.gatepost.stop();

        let secrets = secrets_of(&browser, &site);
        assert!(secrets.len() >= 8, "the test knows what to look for: {secrets:?}");
        let audit = std::fs::read_to_string(site.folder().join("audit.jsonl")).expect("the audit stream");
        assert!(audit.contains("sign_in") && audit.contains("sign_out"), "{audit}");
        for (place, text) in [
            ("Gatepost's log", site.gatepost.log().text()),
            ("Envoy's access log", site.envoy.access_log()),
            ("the audit stream", audit),
        ] {
            for secret in secrets.iter().filter(|secret| secret.len() >= 8) {
                assert!(!text.contains(secret.as_str()), "{secret} stands in {place}");
            }
        }
    }
}
