//! Metadata about an application as a protected resource: where it is, who may read it, and which challenges lead to it.

use serde_json::{Value, json};

use super::test_outpost::{Browser, PAGE, TestOutpost, denied, outpost_with};
use crate::domain::application::resource_metadata::{Resource, ResourceIdentifier, ResourceMetadata};
use crate::domain::application::{Application, Mode};
use crate::domain::decision::{Decision, Page, Reason, Verdict};
use crate::domain::oidc::credentials::{AcceptedCredentials, BearerCheck, BearerRules, IntrospectionRules};
use crate::domain::policy::AccessRules;
use crate::domain::policy::{PathPrefix, Principals, Rule};
use crate::testing;

const METADATA: &str = "https://wiki.example.com/.well-known/oauth-protected-resource/mcp";
const PROGRAM: (&str, &str) = ("accept", "application/json");

/// Each application publishes metadata; the wiki is called by its path `/mcp`.
fn publishing(application: &mut Application) {
    let verify = BearerCheck::Introspection(IntrospectionRules::Clients(Vec::new()));
    let bearer = Some(BearerRules { scopes: vec!["read".to_owned(), "write".to_owned()], ..verify.into() });
    application.credentials = AcceptedCredentials { bearer, ..AcceptedCredentials::default() };
    let resource = match &application.mode {
        Mode::ForwardDomain(_) => Resource::EachHost,
        Mode::ForwardSingle | Mode::Proxy(_) => {
            let path = if application.slug.as_str() == "wiki" { "/mcp" } else { "" };
            Resource::At(ResourceIdentifier::new(&application.external.origin(), path))
        }
    };
    application.resource_metadata = Some(ResourceMetadata {
        resource,
        authorization_servers: vec![application.relying_party.issuer.clone()],
        scopes_supported: vec!["read".to_owned()],
        resource_name: "A name".to_owned(),
        resource_documentation: None,
        resource_policy_uri: None,
        resource_tos_uri: None,
    });
    // Nobody may pass, wherever it is.
    let nowhere = Rule { paths: vec![PathPrefix::parse("/nowhere").unwrap()], ..testing::rule(Principals::Any) };
    application.rules = AccessRules::new(vec![nowhere]).unwrap();
}

async fn ask(test_outpost: &TestOutpost, method: &str, url: &str, headers: &[(&str, &str)]) -> Decision {
    let mut head = Browser::default().head(url, headers);
    method.clone_into(&mut head.method);
    test_outpost.ask(&head).await
}

fn page(decision: &Decision) -> &Page {
    let Verdict::Page(page) = &decision.verdict else { panic!("no page: {decision:?}") };
    assert_eq!(decision.audit.reason, Reason::ResourceMetadata);
    page
}

fn header<'p>(page: &'p Page, name: &str) -> Vec<&'p str> {
    page.headers.iter().filter(|(it, _)| it == name).map(|(_, value)| value.to_str().unwrap()).collect()
}

#[tokio::test]
async fn rs_1_every_client_reads_the_document_at_its_address() {
    let test_outpost = outpost_with(publishing);
    for (url, resource) in [
        (METADATA, "https://wiki.example.com/mcp"),
        ("https://board.example.com/.well-known/oauth-protected-resource", "https://board.example.com"),
        ("https://a.corp.example.com/.well-known/oauth-protected-resource", "https://a.corp.example.com"),
    ] {
        for headers in
            [&[PROGRAM][..], &[PAGE], &[("origin", "https://evil.example")], &[("authorization", "Bearer junk")]]
        {
            let decision = ask(&test_outpost, "GET", url, headers).await;
            let page = page(&decision);
            assert_eq!((page.status.as_u16(), page.content_type), (200, "application/json"), "{url}");
            let document: Value = serde_json::from_str(&page.body).unwrap();
            assert_eq!(
                document,
                json!({
                    "resource": resource, "resource_name": "A name", "scopes_supported": ["read"],
                    "authorization_servers": [testing::ISSUER], "bearer_methods_supported": ["header"],
                })
            );
            assert_eq!(header(page, "access-control-allow-origin"), ["*"]);
            assert_eq!(header(page, "cache-control"), ["public, max-age=300"]);
            assert!(page.common_headers().all(|(name, _)| name != "cache-control"), "there is one line only");
        }
    }
}

#[tokio::test]
async fn rs_1_other_methods_and_addresses_read_nothing() {
    let test_outpost = outpost_with(publishing);
    assert_eq!(page(&ask(&test_outpost, "HEAD", METADATA, &[]).await).status.as_u16(), 200);
    for method in ["POST", "PUT", "DELETE", "QUERY"] {
        let decision = ask(&test_outpost, method, METADATA, &[]).await;
        assert_eq!((denied(&decision).status.as_u16(), decision.audit.reason), (405, Reason::MethodNotAllowed));
    }
    let asked = [("origin", "https://agent.example"), ("access-control-request-method", "GET")];
    let decision = ask(&test_outpost, "OPTIONS", METADATA, &asked).await;
    let preflight = page(&decision);
    assert_eq!((preflight.status.as_u16(), preflight.body.as_str()), (204, ""));
    assert_eq!(header(preflight, "access-control-allow-origin"), ["*"]);
    assert_eq!(header(preflight, "access-control-allow-headers"), ["*"]);
    for url in [
        "https://wiki.example.com/.well-known/oauth-protected-resource",
        "https://wiki.example.com/.well-known/oauth-protected-resource/mcp/",
        "https://wiki.example.com/mcp/.well-known/oauth-protected-resource",
        "https://board.example.com/.well-known/oauth-protected-resource/mcp",
    ] {
        let decision = ask(&test_outpost, "GET", url, &[PROGRAM]).await;
        assert_eq!((denied(&decision).status.as_u16(), decision.audit.reason), (401, Reason::SignInRequired), "{url}");
    }
    let without = outpost_with(|application| {
        publishing(application);
        application.resource_metadata = None;
    });
    let decision = ask(&without, "GET", METADATA, &[PROGRAM]).await;
    assert_eq!(decision.audit.reason, Reason::SignInRequired, "the address is the application's");
    assert_eq!(header(denied(&decision), "www-authenticate").len(), 1);
}

#[tokio::test]
async fn rs_2_programs_are_led_to_the_metadata_and_browsers_to_the_sign_in() {
    let test_outpost = outpost_with(publishing);
    let wiki = "https://wiki.example.com/x";
    let named = format!("resource_metadata=\"{METADATA}\"");
    for headers in [&[PROGRAM][..], &[("accept", "*/*")], &[("content-type", "application/grpc")]] {
        let decision = ask(&test_outpost, "GET", wiki, headers).await;
        let challenges = header(denied(&decision), "www-authenticate");
        assert_eq!(challenges[0], format!("Bearer realm=\"wiki\", scope=\"read write\", {named}"), "{headers:?}");
        assert!(challenges[1].starts_with("Gatepost realm=\"wiki\", sign_in="), "{challenges:?}");
    }
    let decision = ask(&test_outpost, "GET", wiki, &[PROGRAM, ("authorization", "Bearer junk")]).await;
    let challenges = header(denied(&decision), "www-authenticate");
    assert_eq!(challenges, [format!("Bearer realm=\"wiki\", error=\"invalid_token\", {named}")]);
    let browser = ask(&test_outpost, "GET", wiki, &[PAGE]).await;
    assert!(matches!(browser.verdict, Verdict::Redirect(_)), "{browser:?}");
    let domain = ask(&test_outpost, "GET", "https://a.corp.example.com:443/x", &[PROGRAM]).await;
    let challenges = header(denied(&domain), "www-authenticate");
    let address = "https://a.corp.example.com/.well-known/oauth-protected-resource";
    assert!(challenges[0].ends_with(&format!("resource_metadata=\"{address}\"")), "{challenges:?}");
}
