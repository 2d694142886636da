//! Sources that are read in two ways, in each of which a translation could allow more than the other program.

use serde_json::{Value, json};

use super::import;
use super::translated::Translated;

const OAUTH2_PROXY: &str = "provider = \"oidc\"\noidc_issuer_url = \"https://sso.example.com\"\n\
    redirect_url = \"https://wiki.example.com/oauth2/callback\"\nclient_id = \"wiki\"\nclient_secret = \"x\"\n";
const INGRESS: [&str; 6] =
    ["ingress-nginx", "--issuer", "https://sso.example.com", "--client-id", "wiki", "--allow-anyone"];

fn bob() -> Value {
    json!({
        "sub": "18", "preferred_username": "bob", "email": "bob@example.com", "email_verified": true, "groups": ["users"],
        "amr": ["pwd"],
    })
}

/// The exit code, the configuration, and the lines about it.
fn run(command: &[&str], files: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut all = vec![command[0].to_owned()];
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        all.push(path.to_str().unwrap().to_owned());
    }
    all.extend(command[1..].iter().map(|&argument| argument.to_owned()));
    let output = import(&all.iter().map(String::as_str).collect::<Vec<_>>());
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn allows(printed: &str, url: &str, claims: Option<&Value>) -> bool {
    Translated::read(printed).allows("GET", url, claims)
}

#[test]
fn an_empty_variable_removes_no_restriction() {
    let cfg = format!("{OAUTH2_PROXY}email_domains = [\"example.com\"]\nallowed_groups = [\"admins\"]\n");
    for variable in ["OAUTH2_PROXY_ALLOWED_GROUPS=", "OAUTH2_PROXY_ALLOWED_GROUPS=\"\""] {
        let (_, printed, told) = run(&["oauth2-proxy"], &[("a.cfg", &cfg), ("a.env", variable)]);
        assert!(!allows(&printed, "https://wiki.example.com/", Some(&bob())), "{variable}: {printed}{told}");
    }
    let cfg = format!("{OAUTH2_PROXY}email_domains = [\"example.com\"]\ngithub_org = \"acme\"\n");
    let (_, printed, told) = run(&["oauth2-proxy"], &[("a.cfg", &cfg), ("a.env", "OAUTH2_PROXY_GITHUB_ORG=")]);
    assert!(!allows(&printed, "https://wiki.example.com/", Some(&bob())), "{printed}{told}");
}

#[test]
fn what_opens_something_needs_a_clear_yes() {
    let mut unverified = bob();
    unverified["email_verified"] = false.into();
    for value in ["no", "off", "0", "false", "2"] {
        let lines = format!("email_domains = [\"*\"]\ninsecure_oidc_allow_unverified_email = \"{value}\"\n");
        let (_, printed, told) = run(&["oauth2-proxy"], &[("a.cfg", &format!("{OAUTH2_PROXY}{lines}"))]);
        assert!(!allows(&printed, "https://wiki.example.com/", Some(&unverified)), "{value}: {printed}{told}");
    }
    let variable = "OAUTH2_PROXY_SKIP_AUTH_PREFLIGHT=false # no\n";
    let (code, printed, told) = run(&["oauth2-proxy"], &[("a.cfg", OAUTH2_PROXY), ("a.env", variable)]);
    assert_eq!((code, printed.as_str()), (Some(2), ""), "{told}");
    assert!(told.contains("as a comment"), "{told}");
}

#[test]
fn an_expression_about_paths_matches_no_host() {
    for pattern in ["^/?metrics", "^/*metrics", "^/{0,1}metrics"] {
        let lines = format!(
            "email_domains = [\"example.com\"]\ncookie_domains = [\".example.com\"]\nskip_auth_regex = [\"{pattern}\"]\n"
        );
        let (_, printed, told) = run(&["oauth2-proxy"], &[("a.cfg", &format!("{OAUTH2_PROXY}{lines}"))]);
        assert!(!allows(&printed, "https://mymetrics.example.com/admin", None), "{pattern}: {printed}{told}");
    }
}

#[test]
fn upstreams_that_leave_paths_out_are_named() {
    for (upstreams, expected) in [
        ("[\"http://app:8080\"]", Some(0)),
        ("[\"http://app:8080/\"]", Some(0)),
        ("[\"http://app:8080/wiki/\"]", Some(3)),
        ("[\"http://app:8080/\", \"static://403/admin\"]", Some(3)),
    ] {
        let lines = format!("email_domains = [\"example.com\"]\nupstreams = {upstreams}\n");
        let (code, _, told) = run(&["oauth2-proxy"], &[("a.cfg", &format!("{OAUTH2_PROXY}{lines}"))]);
        assert_eq!(code, expected, "{upstreams}: {told}");
    }
}

fn ingress(name: &str, annotations: &str, path: &str) -> String {
    format!(
        "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  {name}\n  annotations:\n{annotations}spec:\n  \
         tls: [{{ hosts: [wiki.example.com] }}]\n  rules:\n    - host: wiki.example.com\n      http: {{ paths: [{{ path: {path} }}] }}\n"
    )
}

#[test]
fn what_restricts_another_ingress_of_the_host_closes_it() {
    let url = "    nginx.ingress.kubernetes.io/auth-url: https://oauth2.example.com/oauth2/auth\n";
    let main = ingress("name: main", url, "/");
    for (name, annotations) in [
        ("name: admin", "    nginx.ingress.kubernetes.io/whitelist-source-range: 10.0.0.0/8\n"),
        ("name: admin", "    nginx.ingress.kubernetes.io/auth-type: basic\n"),
        ("name: admin", "    nginx.ingress.kubernetes.io/server-snippet: deny all;\n"),
        // Another service.
        ("name: admin", "    nginx.ingress.kubernetes.io/auth-url: https://two.example.com/oauth2/auth\n"),
        // No name, and a key twice.
        (
            "generateName: admin-",
            "    nginx.ingress.kubernetes.io/auth-url: https://oauth2.example.com/?allowed_groups=x\n",
        ),
        ("name: admin", "    a: b\n    a: c\n"),
    ] {
        let both = format!("{main}{}", ingress(name, annotations, "/admin"));
        let (code, printed, told) = run(&INGRESS, &[("i.yaml", &both)]);
        assert_ne!(code, Some(0), "{annotations}: {told}");
        let is_open = !printed.is_empty() && allows(&printed, "https://wiki.example.com/admin", Some(&bob()));
        assert!(!is_open, "{annotations}: {printed}{told}");
    }
    let (code, printed, told) = run(&INGRESS, &[("i.yaml", &main)]);
    assert_eq!(code, Some(0), "{told}");
    assert!(allows(&printed, "https://wiki.example.com/", Some(&bob())), "{printed}");
}

/// Rules of Authelia, and an address that its user bob does not reach.
#[test]
fn rules_of_authelia_that_are_read_in_two_ways_open_nothing() {
    for (rules, url) in [
        // A named group compares with the user.
        ("[{ domain_regex: '^(?<User>\\w+)\\.example\\.com$', policy: one_factor }]", "https://alice.example.com/"),
        ("[{ domain_regex: '^(?P<User>[a-z]+)\\.example\\.com$', policy: one_factor }]", "https://alice.example.com/"),
        // What a variable or template stands for is not known.
        (
            "[{ domain: 'wiki.${DOMAIN}', policy: deny, resources: ['^/admin'] }, { domain: '*.example.com', policy: one_factor }]",
            "https://wiki.example.com/admin",
        ),
        (
            "[{ domain: '*.{{ env \"DOMAIN\" }}', policy: two_factor }, { domain: '*.example.com', policy: one_factor }]",
            "https://wiki.example.com/",
        ),
        // Go takes the hyphen after a class for itself.
        (
            "[{ domain_regex: '^[\\w-z]+\\.example\\.com$', policy: deny }, { domain: '*.example.com', policy: one_factor }]",
            "https://my-admin.example.com/",
        ),
        // A parenthesis in a class opens no group.
        (
            "[{ domain: wiki.example.com, policy: deny, resources: ['^/docs/[(]|^/admin'] }, { domain: wiki.example.com, policy: one_factor }]",
            "https://wiki.example.com/admin",
        ),
    ] {
        let text = format!("access_control:\n  default_policy: deny\n  rules: {rules}\n");
        let host = url::Url::parse(url).unwrap().origin().ascii_serialization();
        let command = ["authelia", "--issuer", "https://sso.example.com", "--client-id", "wiki", "--host", &host];
        let (_, printed, told) = run(&command, &[("a.yml", &text)]);
        let is_open = !printed.is_empty() && allows(&printed, url, Some(&bob()));
        assert!(!is_open, "{rules}\n{printed}{told}");
    }
}

#[test]
fn long_lifetimes_of_authelia_are_written_so_that_they_can_be_read() {
    for lifetime in ["12d", "30d", "300d", "1y", "90061"] {
        let text = format!(
            "session: {{ expiration: {lifetime} }}\naccess_control:\n  default_policy: one_factor\n  rules: [{{ domain: wiki.example.com, policy: one_factor }}]\n"
        );
        let command = ["authelia", "--issuer", "https://sso.example.com", "--client-id", "wiki"];
        let (code, printed, told) = run(&command, &[("a.yml", &text)]);
        assert_ne!(code, Some(2), "{lifetime}: {told}");
        assert!(allows(&printed, "https://wiki.example.com/", Some(&bob())), "{lifetime}: {printed}{told}");
    }
}
