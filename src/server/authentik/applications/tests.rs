//! One provider never takes others with it.

use serde_json::json;

use super::*;
use crate::domain::application::endpoints::Prefixes;
use crate::domain::oidc::relying_party::ProviderEndpoints;
use crate::domain::slug::Slug;
use crate::outbound::authentik::ProxyMode;
use crate::testing;

/// Makes the application at the external host; a client without a name is a fault.
#[derive(Debug)]
struct ByClient(Vec<OverlayTarget>);

impl ApplicationMapping for ByClient {
    fn application(
        &self,
        _: &Outpost,
        provider: &ProxyOutpostConfig,
        overlay: Option<&str>,
    ) -> Result<MappedApplication, Vec<String>> {
        if provider.client_id.is_none() {
            return Err(vec![format!("{} has no client", provider.name)]);
        }
        let mut application = testing::application(&provider.external_host);
        if matches!(provider.mode, ProxyMode::ForwardDomain) {
            application = testing::domain_application(&provider.external_host, "example.com");
        }
        application.name = overlay.unwrap_or("no overlay").to_owned();
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

    fn overlays(&self) -> Vec<OverlayTarget> {
        self.0.clone()
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

fn target(slug: &str, external_host: Option<&str>) -> OverlayTarget {
    let external_host = external_host.map(|host| ExternalHost::parse(host).unwrap());
    OverlayTarget { slug: slug.to_owned(), external_host }
}

/// The overlay of each application, as [`ByClient`] writes it.
fn names(answer: &MappedAnswer) -> Vec<String> {
    answer.applications.iter().map(|application| application.name.clone()).collect()
}

fn served(answer: &MappedAnswer) -> Vec<&str> {
    answer.applications.iter().map(|application| application.slug.as_str()).collect()
}

fn mapped(
    providers: &[ProxyOutpostConfig],
    invalid: &[InvalidProvider],
    earlier: &[ProxyOutpostConfig],
) -> MappedAnswer {
    let before = Before { providers: earlier, left_out: &[], overlaid: Vec::new() };
    MappedAnswer::new(&ByClient(Vec::new()), &outpost(), providers, invalid, before)
}

#[test]
fn a_provider_that_breaks_keeps_its_last_good_form() {
    let (wiki, board) = (provider(7, "wiki"), provider(8, "board"));
    let whole = mapped(&[wiki.clone(), board.clone()], &[], &[]);
    assert_eq!((served(&whole), whole.findings.len()), (vec!["wiki", "board"], 0));
    assert_eq!(whole.applications.prefixes(), Prefixes::new(true));

    let broken = ProxyOutpostConfig { client_id: None, name: "new name".to_owned(), ..wiki.clone() };
    let kept = mapped(&[broken.clone(), board.clone()], &[], &whole.providers);
    assert_eq!(served(&kept), ["board", "wiki"]);
    assert_eq!(
        kept.findings,
        [
            "new name has no client",
            "provider \"new name\" of authentik is served as it was before, because of the faults above"
        ]
    );
    // It is kept the next time as well.
    assert_eq!(kept.providers, [board.clone(), wiki.clone()]);

    let unreadable = |external_host: Option<&str>| InvalidProvider {
        pk: Some(7),
        name: Some("wiki".to_owned()),
        external_host: external_host.map(str::to_owned),
        member: "mode".to_owned(),
    };
    let kept = mapped(std::slice::from_ref(&board), &[unreadable(None)], &whole.providers);
    assert_eq!((served(&kept), kept.left_out.len()), (vec!["board", "wiki"], 0));

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

/// The application that answers at this address.
fn owner<'a>(answer: &'a MappedAnswer, host: &str, target: &str) -> Option<&'a str> {
    let found = answer.applications.find(&testing::request(host, target, &[])).ok();
    found.map(|application| application.slug.as_str())
}

#[test]
fn no_other_application_answers_at_the_address_of_one_that_is_left_out() {
    let mut domain = provider(1, "portal");
    domain.mode = ProxyMode::ForwardDomain;
    let root = ProxyOutpostConfig { external_host: "https://root.example.org".to_owned(), ..provider(2, "root") };
    let below =
        |host: &str| ProxyOutpostConfig { external_host: host.to_owned(), client_id: None, ..provider(3, "below") };
    let unreadable = |host: &str| InvalidProvider {
        pk: Some(4),
        name: None,
        external_host: Some(host.to_owned()),
        member: "mode".to_owned(),
    };
    let whole = [domain.clone(), root.clone()];
    for (answer, host, denied) in [
        (mapped(&[&whole[..], &[below("https://admin.example.com")]].concat(), &[], &[]), "admin.example.com", "/x"),
        // Not even the scheme decides.
        (mapped(&[&whole[..], &[below("http://admin.example.com/")]].concat(), &[], &[]), "admin.example.com", "/x"),
        (mapped(&whole, &[unreadable("https://admin.example.com")], &[]), "admin.example.com", "/"),
        (
            mapped(&[&whole[..], &[below("https://root.example.org/admin/")]].concat(), &[], &[]),
            "root.example.org",
            "/admin/x",
        ),
        (
            mapped(&[&whole[..], &[below("https://root.example.org/admin")]].concat(), &[], &[]),
            "root.example.org",
            "/ADMIN",
        ),
        (
            {
                let left_out = ["https://admin.example.com".to_owned()];
                let before = Before { providers: &[], left_out: &left_out, overlaid: Vec::new() };
                MappedAnswer::new(&ByClient(Vec::new()), &outpost(), &whole, &[], before)
            },
            "admin.example.com",
            "/x",
        ),
    ] {
        assert_eq!(owner(&answer, host, denied), None, "{:?}", answer.left_out);
        assert_eq!(owner(&answer, "portal.example.com", "/x"), Some("portal"));
        assert_eq!(owner(&answer, "other.example.com", "/x"), Some("portal"));
        assert_eq!(owner(&answer, "root.example.org", "/public"), Some("root"));
        assert_eq!(answer.left_out.len(), 1, "it is kept on disk");
    }
    // Where nothing broader is, the address is nobody's anyway; a more precise application still answers.
    let precise =
        ProxyOutpostConfig { external_host: "https://root.example.org/admin/tool".to_owned(), ..provider(5, "tool") };
    let answer = mapped(&[root, precise, below("https://root.example.org/admin")], &[], &[]);
    assert_eq!(owner(&answer, "root.example.org", "/admin/tool/x"), Some("tool"));
    assert_eq!(owner(&answer, "root.example.org", "/admin/x"), None);
}

#[test]
fn an_earlier_form_never_wins_against_a_provider_of_today_and_a_new_one_not_against_one_in_service() {
    let wiki = provider(7, "wiki");
    let moved =
        ProxyOutpostConfig { external_host: "https://docs.example.com".to_owned(), client_id: None, ..wiki.clone() };
    let secure = ProxyOutpostConfig { external_host: wiki.external_host.clone(), ..provider(9, "secure") };
    let answer = mapped(&[moved, secure], &[], std::slice::from_ref(&wiki));
    assert_eq!((served(&answer), owner(&answer, "wiki.example.com", "/")), (vec!["secure"], Some("secure")));

    let evil = ProxyOutpostConfig { external_host: wiki.external_host.clone(), ..provider(3, "evil") };
    let answer = mapped(&[evil, wiki.clone()], &[], std::slice::from_ref(&wiki));
    assert_eq!(served(&answer), ["wiki"]);
}

#[test]
fn settings_for_an_application_that_is_not_there_are_reported() {
    let mapping = ByClient(vec![target("wiki", None), target("renamed", None)]);
    let before = Before { providers: &[], left_out: &[], overlaid: Vec::new() };
    let answer = MappedAnswer::new(&mapping, &outpost(), &[provider(7, "wiki")], &[], before);
    assert_eq!(answer.findings.len(), 1, "{:?}", answer.findings);
    assert!(answer.findings[0].contains("`authentik.applications.renamed` has no effect"), "{}", answer.findings[0]);
}

/// Rules of the operator's stay with the application under each name that authentik gives it.
#[test]
fn settings_stay_with_an_application_that_is_renamed() {
    let overlaid = |overlays: &[&str], providers: &[ProxyOutpostConfig], overlaid: &[Overlaid]| {
        let mapping = ByClient(overlays.iter().map(|slug| target(slug, None)).collect());
        let before = Before { providers: &[], left_out: &[], overlaid: overlaid.to_vec() };
        MappedAnswer::new(&mapping, &outpost(), providers, &[], before)
    };
    let first = overlaid(&["wiki"], &[provider(7, "wiki"), provider(8, "board")], &[]);
    assert_eq!((names(&first), first.findings.len()), (vec!["wiki".to_owned(), "no overlay".to_owned()], 0));

    let renamed = overlaid(&["wiki"], &[provider(7, "docs")], &first.overlaid);
    assert_eq!(names(&renamed), ["wiki"]);
    assert_eq!(renamed.findings.len(), 1);
    let expected = "`authentik.applications.wiki` applies to the application that authentik calls \"docs\" now";
    assert!(renamed.findings[0].starts_with(expected), "{}", renamed.findings[0]);

    // Another application with the old slug gets them as well, and an overlay for the new slug wins.
    let successor = overlaid(&["wiki"], &[provider(7, "docs"), provider(9, "wiki")], &renamed.overlaid);
    assert_eq!(names(&successor), ["wiki", "wiki"]);
    let mended = overlaid(&["wiki", "docs"], &[provider(7, "docs")], &renamed.overlaid);
    assert_eq!(names(&mended), ["docs"]);
    // A provider that is made anew for the same host is the same application.
    let anew = ProxyOutpostConfig { external_host: "https://wiki.example.com".to_owned(), ..provider(12, "manual") };
    let anew = overlaid(&["wiki"], &[anew, provider(8, "board")], &first.overlaid);
    assert_eq!(names(&anew), ["wiki", "no overlay"]);
    // Settings that the operator removed are gone.
    assert_eq!(names(&overlaid(&[], &[provider(7, "docs")], &renamed.overlaid)), ["no overlay"]);
}

/// Also when nothing is known of an earlier answer: a new pod with an empty volume.
#[test]
fn settings_that_name_an_external_host_stay_with_it_under_every_slug() {
    let overlays =
        [target("wiki", Some("https://wiki.example.com/")), target("board", Some("https://board.example.com"))];
    let mapped = |providers: &[ProxyOutpostConfig]| {
        let before = Before { providers: &[], left_out: &[], overlaid: Vec::new() };
        MappedAnswer::new(&ByClient(overlays.to_vec()), &outpost(), providers, &[], before)
    };
    let renamed = |slug: &str| ProxyOutpostConfig { assigned_application_slug: slug.to_owned(), ..provider(7, "wiki") };
    let answer = mapped(&[renamed("docs"), provider(8, "board"), provider(9, "forum")]);
    assert_eq!(names(&answer), ["wiki", "board", "no overlay"]);
    assert_eq!(answer.findings.len(), 1, "{:?}", answer.findings);
    assert!(answer.findings[0].contains("calls \"docs\" now"), "{}", answer.findings[0]);

    // At another address than the settings name, the application is denied until the file names it.
    let moved = ProxyOutpostConfig { external_host: "https://new.example.com".to_owned(), ..provider(7, "wiki") };
    let answer = mapped(&[moved, provider(8, "board")]);
    assert_eq!(
        (names(&answer), &answer.left_out[..]),
        (vec!["board".to_owned()], &["https://new.example.com".to_owned()][..])
    );
    assert!(answer.findings[0].contains("is at https://new.example.com, but"), "{:?}", answer.findings);

    // Of two neither is chosen: the address is denied.
    let answer = mapped(&[renamed("board"), provider(9, "forum")]);
    assert_eq!(
        (names(&answer), &answer.left_out[..]),
        (vec!["no overlay".to_owned()], &["https://wiki.example.com".to_owned()][..])
    );
    assert!(answer.findings[0].contains("two settings would apply"), "{:?}", answer.findings);
    // In the form in which it was served before it has the settings for this address.
    let before = Before { providers: &[provider(7, "wiki")], left_out: &[], overlaid: Vec::new() };
    let again = MappedAnswer::new(&ByClient(overlays.to_vec()), &outpost(), &[renamed("board")], &[], before);
    assert_eq!(names(&again), ["wiki"]);
}

/// Settings may open something: they never go to another address than the one that they name.
#[test]
fn settings_that_name_an_external_host_never_go_to_another_address() {
    let mapped = |providers: &[ProxyOutpostConfig], overlaid: &[Overlaid]| {
        let before = Before { providers: &[], left_out: &[], overlaid: overlaid.to_vec() };
        let mapping = ByClient(vec![target("wiki", Some("https://wiki.example.com"))]);
        MappedAnswer::new(&mapping, &outpost(), providers, &[], before)
    };
    let at = |host: &str, pk, slug: &str| ProxyOutpostConfig { external_host: host.to_owned(), ..provider(pk, slug) };
    let first = mapped(&[provider(7, "wiki")], &[]);
    assert_eq!(names(&first), ["wiki"]);
    // The provider is used for another application, with a new one in its place, or without.
    let other = at("https://other.example.com", 7, "other");
    let replaced = mapped(&[other.clone(), at("https://wiki.example.com/", 8, "wiki")], &first.overlaid);
    assert_eq!(names(&replaced), ["no overlay", "wiki"]);
    assert_eq!(names(&mapped(&[other], &first.overlaid)), Vec::<String>::new());
    // The slug is given to another application.
    let swapped = mapped(
        &[at("https://wiki.example.com", 10, "docs"), at("https://docs.example.com", 11, "wiki")],
        &first.overlaid,
    );
    assert_eq!(names(&swapped), ["wiki"]);
    assert_eq!(swapped.left_out, ["https://docs.example.com"]);
}

#[test]
fn an_earlier_address_is_compared_as_an_address() {
    let mapped = |provider: ProxyOutpostConfig, overlaid: &[Overlaid]| {
        let before = Before { providers: &[], left_out: &[], overlaid: overlaid.to_vec() };
        MappedAnswer::new(&ByClient(vec![target("wiki", None)]), &outpost(), &[provider], &[], before)
    };
    let first = mapped(provider(7, "wiki"), &[]);
    let anew = ProxyOutpostConfig { external_host: "https://wiki.example.com/".to_owned(), ..provider(8, "manual") };
    assert_eq!(names(&mapped(anew, &first.overlaid)), ["wiki"]);
}
