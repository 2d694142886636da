//! One provider never takes others with it.

use serde_json::json;

use super::*;
use crate::domain::application::endpoints::Prefixes;
use crate::domain::oidc::relying_party::ProviderEndpoints;
use crate::domain::slug::Slug;
use crate::testing;

/// Makes the application at the external host; a client without a name is a fault.
#[derive(Debug)]
struct ByClient;

impl ApplicationMapping for ByClient {
    fn application(&self, _: &Outpost, provider: &ProxyOutpostConfig) -> Result<MappedApplication, Vec<String>> {
        if provider.client_id.is_none() {
            return Err(vec![format!("{} has no client", provider.name)]);
        }
        let mut application = testing::application(&provider.external_host);
        application.slug = Slug::parse(&provider.assigned_application_slug).unwrap();
        let given = &provider.oidc_configuration;
        application.relying_party.issuer.clone_from(&given.issuer);
        let at = |text: &str| text.parse().unwrap();
        application.relying_party.endpoints = Some(ProviderEndpoints {
            authorization_endpoint: at(&given.authorization_endpoint),
            token_endpoint: at(&given.token_endpoint),
            jwks_uri: at(&given.jwks_uri),
            userinfo_endpoint: None,
            end_session_endpoint: None,
            introspection_endpoint: None,
            revocation_endpoint: None,
            backchannel_host: None,
        });
        Ok(MappedApplication { application, warnings: Vec::new() })
    }

    fn prefixes(&self) -> Prefixes {
        Prefixes::new(true)
    }
}

fn outpost() -> Outpost {
    let pk = "3b1c0e0e-5a55-4d7c-9d0e-0c6f6f0f2a11";
    serde_json::from_value(json!({ "pk": pk, "name": "edge", "type": "proxy" })).unwrap()
}

fn provider(pk: i64, slug: &str) -> ProxyOutpostConfig {
    let at = |path: &str| format!("https://sso.example.com/{slug}/{path}");
    serde_json::from_value(json!({
        "pk": pk, "name": slug, "external_host": format!("https://{slug}.example.com"), "client_id": "abc",
        "oidc_configuration": {
            "issuer": at(""), "authorization_endpoint": at("authorize"), "token_endpoint": at("token"),
            "userinfo_endpoint": at("userinfo"), "end_session_endpoint": at("end"), "jwks_uri": at("jwks"),
            "introspection_endpoint": at("introspect"), "id_token_signing_alg_values_supported": ["HS256"],
        },
        "scopes_to_request": [], "assigned_application_slug": slug, "assigned_application_name": slug,
    }))
    .unwrap()
}

fn served(answer: &MappedAnswer) -> Vec<&str> {
    answer.applications.iter().map(|application| application.slug.as_str()).collect()
}

fn mapped(
    providers: &[ProxyOutpostConfig],
    invalid: &[InvalidProvider],
    earlier: &[ProxyOutpostConfig],
) -> MappedAnswer {
    MappedAnswer::new(&ByClient, &outpost(), providers, invalid, earlier)
}

#[test]
fn a_provider_that_breaks_keeps_its_last_good_form() {
    let (wiki, board) = (provider(7, "wiki"), provider(8, "board"));
    let whole = mapped(&[wiki.clone(), board.clone()], &[], &[]);
    assert_eq!((served(&whole), whole.findings.len()), (vec!["wiki", "board"], 0));
    assert_eq!(whole.applications.prefixes(), Prefixes::new(true));

    let broken = ProxyOutpostConfig { client_id: None, name: "new name".to_owned(), ..wiki.clone() };
    let kept = mapped(&[broken.clone(), board.clone()], &[], &whole.providers);
    assert_eq!(served(&kept), ["wiki", "board"]);
    assert_eq!(
        kept.findings,
        [
            "new name has no client",
            "provider \"new name\" of authentik is served as it was before, because of the faults above"
        ]
    );
    // It is kept the next time as well.
    assert_eq!(kept.providers, [wiki.clone(), board.clone()]);

    let unreadable = InvalidProvider { pk: Some(7), name: Some("wiki".to_owned()), member: "mode".to_owned() };
    let kept = mapped(std::slice::from_ref(&board), &[unreadable], &whole.providers);
    assert_eq!(served(&kept), ["board", "wiki"]);

    let unknown = mapped(&[broken, board.clone()], &[], &[]);
    assert_eq!(served(&unknown), ["board"]);
    assert_eq!(unknown.providers, std::slice::from_ref(&board));
    // What authentik does not list any more is gone.
    assert_eq!(served(&mapped(&[board], &[], &whole.providers)), ["board"]);
}

#[test]
fn of_two_providers_that_exclude_each_other_the_first_is_served() {
    let wiki = provider(7, "wiki");
    let same_host = ProxyOutpostConfig { external_host: wiki.external_host.clone(), ..provider(8, "board") };
    let answer = mapped(&[wiki.clone(), same_host, provider(9, "forum")], &[], &[]);
    assert_eq!(served(&answer), ["wiki", "forum"]);
    assert_eq!(
        answer.findings,
        [
            "provider \"board\" of authentik has the same external_host as \"wiki\", so it is left out; change or remove one of the two in authentik"
        ]
    );

    let mut same_issuer = provider(8, "board");
    same_issuer.oidc_configuration.issuer.clone_from(&wiki.oidc_configuration.issuer);
    let answer = mapped(&[wiki, same_issuer], &[], &[]);
    assert_eq!(served(&answer), ["wiki"]);
    assert!(answer.findings[0].contains("has the issuer of \"wiki\" and other endpoints"), "{}", answer.findings[0]);
}
