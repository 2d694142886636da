//! The shipped files name exactly the headers that Gatepost sends: one that is missing there would be accepted from the
//! client.

use std::collections::BTreeSet;
use std::fs;

use gatepost::domain::policy::identity_headers::HeaderPlan;

const FILES: [&str; 7] = [
    "nginx/nginx.conf",
    "ingress-nginx/ingress.yaml",
    "traefik/dynamic.yaml",
    "traefik/compose.yaml",
    "traefik/kubernetes.yaml",
    "caddy/Caddyfile",
    "haproxy/haproxy.cfg",
];

fn shipped(name: &str) -> String {
    fs::read_to_string(format!("envoy/forward-auth/{name}")).unwrap()
}

/// The words of a file, in lower case.
fn words(text: &str) -> BTreeSet<String> {
    let is_part = |sign: char| sign.is_ascii_alphanumeric() || sign == '-';
    text.to_ascii_lowercase().split(|sign| !is_part(sign)).map(str::to_owned).collect()
}

#[test]
fn every_identity_header_stands_in_every_file_and_no_other() {
    let plan = HeaderPlan::default();
    let expected: BTreeSet<String> = plan.names().map(str::to_owned).collect();
    for name in FILES {
        let words = words(&shipped(name));
        let found: BTreeSet<String> = words.iter().filter(|word| word.starts_with("x-authentik-")).cloned().collect();
        assert_eq!(found, expected, "{name}");
        for other in ["cookie", "authorization"] {
            assert!(words.contains(other), "{name}: {other}");
        }
    }
}

/// Traefik removes matching headers before it sets Gatepost's.
#[test]
fn traefik_removes_every_spelling() {
    let line = "(?i)^x[^a-z0-9]authentik([^a-z0-9].*)?$";
    for name in ["dynamic", "compose", "kubernetes"] {
        assert!(shipped(&format!("traefik/{name}.yaml")).contains(line), "{name}");
    }
    let pattern = regex::Regex::new(line).unwrap();
    for name in
        HeaderPlan::default().owned_spellings().chain(["X_Authentik.Username", "X-Authentik", "x!authentik~jwt"])
    {
        assert!(pattern.is_match(name), "{name}");
    }
    for name in ["x-authentikate", "authentik", "cookie"] {
        assert!(!pattern.is_match(name), "{name}");
    }
}

#[test]
fn yaml_files_can_be_read() {
    let of_their_own = ["traefik/traefik.yaml", "ingress-nginx/controller.yaml"];
    for name in FILES.iter().filter(|name| name.contains(".yaml")).chain(&of_their_own) {
        for event in saphyr_parser::Parser::new_from_str(&shipped(name)) {
            assert!(event.is_ok(), "{name}: {event:?}");
        }
    }
}
