//! What closes an application: a restriction that does not translate, and everything that is not known.

use std::path::Path;

use serde_json::{Value, json};

use super::import;
use super::translated::Translated;

const OAUTH2_PROXY: &str = r#"
provider = "oidc"
oidc_issuer_url = "https://sso.example.com"
redirect_url = "https://wiki.example.com/oauth2/callback"
client_id = "wiki"
client_secret = "hunter2-hunter2-hunter2"
"#;

fn alice() -> Value {
    json!({
        "sub": "17", "preferred_username": "alice", "email": "alice@example.com", "email_verified": true,
        "groups": ["staff"], "realm_access": { "roles": ["editor"] },
    })
}

/// What is made of a file, and the exit code.
fn run(name: &str, text: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    std::fs::write(&file, text).unwrap();
    std::fs::write(folder.path().join("emails"), "# who\nAlice@Example.com\n").unwrap();
    let mut all = vec![arguments[0], file.to_str().unwrap()];
    all.extend(&arguments[1..]);
    let output = import(&all);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(!out.contains("hunter2") && !err.contains("hunter2"), "a secret is told: {out}{err}");
    (output.status.code(), out, err)
}

fn is_allowed(printed: &str, path: &str, claims: Option<&Value>) -> bool {
    Translated::read(printed).allows("GET", &format!("https://wiki.example.com{path}"), claims)
}

#[test]
fn a_restriction_of_oauth2_proxy_that_is_not_understood_closes_the_application() {
    let open = "email_domains = [\"example.com\"]\nskip_auth_routes = [\"^/public\"]\n";
    let (_, printed, _) = run("o.cfg", &format!("{OAUTH2_PROXY}{open}"), &["oauth2-proxy"]);
    assert!(is_allowed(&printed, "/", Some(&alice())) && is_allowed(&printed, "/public", None), "{printed}");
    for line in [
        "google_groups = [\"staff\"]",
        "gitlab_groups = \"staff\"",
        "gitlab_projects = \"group/project\"",
        "github_org = \"acme\"",
        "bitbucket_team = \"acme\"",
        "keycloak_groups = [\"/staff\"]",
        "azure_tenant = \"x\"",
        "entra_id_allowed_tenants = [\"x\"]",
        "oidc_email_claim = \"mail\"",
        "user_id_claim = \"mail\"",
        "a_setting_of_tomorrow = true",
        "provider = \"github\"",
        "[table]\nx = 1",
    ] {
        let base = if line.starts_with("provider") {
            OAUTH2_PROXY.replace("provider = \"oidc\"\n", "")
        } else {
            OAUTH2_PROXY.to_owned()
        };
        let (code, printed, told) = run("o.cfg", &format!("{base}{open}{line}\n"), &["oauth2-proxy"]);
        assert_eq!(code, Some(3), "{line}: {told}");
        assert!(!is_allowed(&printed, "/", Some(&alice())), "{line}: {printed}");
        assert!(!is_allowed(&printed, "/public", None), "{line}: {printed}");
        assert!(told.contains("closed"), "{line}: {told}");
    }
}

#[test]
fn every_restriction_of_oauth2_proxy_that_is_understood_holds() {
    let without = |name: &str| {
        let mut claims = alice();
        claims.as_object_mut().unwrap().remove(name);
        claims
    };
    let with = |name: &str, value: Value| {
        let mut claims = alice();
        claims[name] = value;
        claims
    };
    for (lines, claims, expected) in [
        ("email_domains = [\"*\"]", alice(), true),
        ("email_domains = [\"*\"]", with("email_verified", json!(false)), false),
        (
            "email_domains = [\"*\"]\ninsecure_oidc_allow_unverified_email = true",
            with("email_verified", json!(false)),
            true,
        ),
        ("email_domains = \"example.com, example.org\"", alice(), true),
        ("email_domains = [\"example.org\"]", alice(), false),
        ("email_domains = [\"example.com\"]", with("email_verified", json!(false)), false),
        (
            "email_domains = [\"example.com\"]\ninsecure_oidc_allow_unverified_email = true",
            with("email_verified", json!(false)),
            false,
        ),
        ("email_domains = [\".example.com\"]", with("email", json!("a@evilexample.com")), false),
        ("", alice(), false),
        ("authenticated_emails_file = \"emails\"", alice(), true),
        ("authenticated_emails_file = \"emails\"", with("email", json!("bob@example.com")), false),
        ("authenticated_emails_file = \"missing\"", alice(), false),
        ("email_domains = [\"example.org\"]\nauthenticated_emails_file = \"emails\"", alice(), true),
        ("email_domains = [\"*\"]\nallowed_groups = [\"staff\", \"admins\"]", alice(), true),
        ("email_domains = [\"*\"]\nallowed_groups = [\"admins\"]", alice(), false),
        ("email_domains = [\"*\"]\nallowed_groups = [\"staff\"]", without("groups"), false),
        ("email_domains = [\"example.org\"]\nallowed_groups = [\"staff\"]", alice(), false),
        ("email_domains = [\"*\"]\nallowed_roles = [\"editor\"]", alice(), true),
        ("email_domains = [\"*\"]\nallowed_roles = [\"wiki:editor\"]", alice(), false),
        ("email_domains = [\"*\"]\nallowed_groups = [\"staff\"]\noidc_groups_claim = \"roles\"", alice(), false),
        ("email_domains = [\"*\"]\ntrusted_ips = [\"0.0.0.0/0\"]", alice(), true),
    ] {
        let (_, printed, told) = run("o.cfg", &format!("{OAUTH2_PROXY}{lines}\n"), &["oauth2-proxy"]);
        assert_eq!(is_allowed(&printed, "/", Some(&claims)), expected, "{lines}: {claims}\n{printed}{told}");
        assert!(!is_allowed(&printed, "/", None), "{lines}: {printed}");
    }
}

#[test]
fn public_paths_of_oauth2_proxy_are_never_more() {
    for (route, path, expected) in [
        ("^/public", "/public/a", true),
        ("GET=^/public", "/public/a", false),
        ("!=^/private", "/public/a", false),
        (r"^/v\\d+/", "/v1/x", true),
        (r"^/v\\d+/", "/v\u{663}/x", false),
        (r"^/\\pN", "/1", false),
        ("^/[[:alpha:]]", "/a", false),
        ("^/public|", "/private", false),
        (".*", "/private", false),
        ("^/", "/private", true),
    ] {
        let lines = format!("email_domains = [\"example.com\"]\nskip_auth_routes = [\"{route}\"]\n");
        let (_, printed, told) = run("o.cfg", &format!("{OAUTH2_PROXY}{lines}"), &["oauth2-proxy"]);
        let path: String =
            path.chars().map(|sign| if sign.is_ascii() { sign.to_string() } else { "%D9%A3".to_owned() }).collect();
        assert_eq!(is_allowed(&printed, &path, None), expected, "{route}: {path}\n{printed}{told}");
    }
}

#[test]
fn all_hosts_of_a_domain_have_the_same_rules() {
    let lines = "email_domains = [\"example.com\"]\ncookie_domains = [\".example.com\"]\nskip_auth_routes = [\"^/public\", \"static\", \"^/a|^/b\"]\n";
    let (_, printed, _) = run("o.cfg", &format!("{OAUTH2_PROXY}{lines}"), &["oauth2-proxy"]);
    let gatepost = Translated::read(&printed);
    for (url, expected) in [
        ("https://other.example.com/public", true),
        ("https://static.example.com/private", false),
        ("https://other.example.com/private", false),
        ("https://other.example.com/x/public", false),
        ("https://other.example.com/b", false),
    ] {
        assert_eq!(gatepost.allows("GET", url, None), expected, "{url}\n{printed}");
        assert!(gatepost.allows("GET", url, Some(&alice())), "{url}\n{printed}");
    }
}

fn ingress(annotations: &str, tls: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: wiki\n  annotations:\n    \
         nginx.ingress.kubernetes.io/auth-url: https://oauth2.example.com/oauth2/auth{annotations}\nspec:\n  rules:\n    - host: wiki.example.com\n{tls}"
    )
}

const TLS: &str = "  tls: [{ hosts: [wiki.example.com] }]\n";
const FOR_WIKI: [&str; 6] =
    ["ingress-nginx", "--issuer", "https://sso.example.com", "--client-id", "wiki", "--allow-anyone"];

#[test]
fn an_ingress_is_closed_unless_its_users_are_known() {
    let allowed = |annotations: &str, arguments: &[&str]| {
        let (code, printed, told) = run("i.yaml", &ingress(annotations, TLS), arguments);
        (code, is_allowed(&printed, "/", Some(&alice())), told)
    };
    assert!(allowed("", &FOR_WIKI).1);
    assert_eq!(allowed("", &FOR_WIKI).0, Some(0));
    assert!(!allowed("", &FOR_WIKI[..5]).1);
    assert!(allowed("?allowed_groups=staff", &FOR_WIKI).1);
    assert!(!allowed("?allowed_groups=admins", &FOR_WIKI).1);
    assert!(!allowed("?allowed_emails=bob@example.com", &FOR_WIKI).1);
    for annotation in [
        "whitelist-source-range: 10.0.0.0/8",
        "denylist-source-range: 10.0.0.0/8",
        "auth-type: basic",
        "auth-tls-secret: default/ca",
        "satisfy: any",
        "auth-snippet: deny all;",
        "configuration-snippet: deny all;",
        "server-snippet: deny all;",
        "auth-of-tomorrow: x",
    ] {
        let text = format!("\n    nginx.ingress.kubernetes.io/{annotation}");
        let (code, is_allowed, told) = allowed(&text, &FOR_WIKI);
        assert_eq!((code, is_allowed), (Some(3), false), "{annotation}: {told}");
    }
    let (_, is_allowed, told) = allowed("?level=2", &FOR_WIKI);
    assert!(!is_allowed, "{told}");
}

#[test]
fn a_host_whose_ingresses_differ_is_closed_and_an_open_one_is_no_application() {
    let two = format!("{}---\n{}", ingress("?allowed_groups=staff", TLS), ingress("", TLS));
    let (code, printed, told) = run("i.yaml", &two, &FOR_WIKI);
    assert_eq!((code, is_allowed(&printed, "/", Some(&alice()))), (Some(3), false), "{told}");
    let open = ingress("", TLS).replace("nginx.ingress.kubernetes.io/auth-url", "other/annotation");
    let (code, printed, told) = run("i.yaml", &open, &FOR_WIKI);
    assert_eq!((code, printed.as_str()), (Some(2), ""), "{told}");
    let mixed = format!("{}---\n{open}", ingress("", TLS));
    let (_, printed, _) = run("i.yaml", &mixed, &FOR_WIKI);
    assert!(!is_allowed(&printed, "/public", None), "{printed}");
}

#[test]
fn what_cannot_be_read_ends_with_another_exit_code_and_prints_nothing() {
    for (name, text, arguments, part) in [
        ("o.cfg", "provider = [", &["oauth2-proxy"][..], "not usable TOML"),
        ("o.cfg", "client_id = \"x\"\n", &["oauth2-proxy"], "--host"),
        ("o.cfg", "redirect_url = \"https://a.example.com/\"\nprovider = \"github\"\n", &["oauth2-proxy"], "--issuer"),
        ("o.cfg", "redirect_url = \"https://a.example.com/\"\n", &["oauth2-proxy"], "--client-id"),
        ("o.env", "OAUTH2_PROXY_CLIENT_ID\n", &["oauth2-proxy"], "NAME=value"),
        ("o.yaml", "- a\n", &["oauth2-proxy"], "no section"),
        ("a.yml", "a: [", &["authelia", "--client-id", "x"], "not usable YAML"),
        ("a.yml", "session: {}\n", &["authelia", "--client-id", "x"], "access_control"),
        ("a.yml", "access_control: {}\n", &["authelia", "--client-id", "x"], "--issuer"),
        ("a.yml", "access_control: {}\n", &["authelia", "--issuer", "https://a.example.com"], "--client-id"),
        ("i.yaml", "kind: Ingress\n", &["ingress-nginx"], "--issuer"),
        ("i.yaml", "kind: Service\n", &FOR_WIKI, "no application"),
    ] {
        let (code, printed, told) = run(name, text, arguments);
        assert_eq!((code, printed.as_str()), (Some(2), ""), "{text}: {told}");
        assert!(told.contains(part), "{text}: {told}");
    }
    let missing = import(&["authelia", "missing.yml", "--client-id", "x"]);
    assert_eq!(missing.status.code(), Some(2));
}

#[test]
fn an_output_file_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gatepost.yaml");
    let output = path.to_str().unwrap();
    let (code, printed, _) = run("i.yaml", &ingress("", TLS), &[&FOR_WIKI[..], &["--output", output]].concat());
    assert_eq!((code, printed.as_str()), (Some(0), ""));
    let before = std::fs::read_to_string(Path::new(output)).unwrap();
    Translated::read(&before);
    let (code, _, told) = run("i.yaml", &ingress("", TLS), &[&FOR_WIKI[..], &["--output", output]].concat());
    assert_eq!(code, Some(1), "{told}");
    assert_eq!(std::fs::read_to_string(path).unwrap(), before);
}
