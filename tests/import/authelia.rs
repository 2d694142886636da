//! Random rules of Authelia beside a model of Authelia: whatever Gatepost allows with the translated rules, Authelia allowed.

use std::fmt::Write as _;

use proptest::prelude::*;
use regex::Regex;
use serde_json::{Value, json};

use super::import;
use super::translated::Translated;

const HOST: &str = "app.example.com";
const PATTERNS: [&str; 12] = [
    "^/api([/?].*)?$",
    "^/api",
    "^/api/",
    "^/api/.*$",
    "^/api$",
    "^/API([/?].*)?$",
    "^/admin.*",
    "^/admin/users([/?].*)?$",
    "/admin",
    r"\.css$",
    "^/",
    "^/(api|admin)/x",
];
const PATHS: [&str; 16] = [
    "/",
    "/api",
    "/api/",
    "/api/x",
    "/api?x=1",
    "/API/x",
    "/apix",
    "/admin",
    "/admin/users",
    "/admin/users/1?a=/api",
    "/administrator",
    "/x/admin",
    "/static/a.css",
    "//api",
    "/api/../admin",
    "/api%2Fx",
];
const METHODS: [&str; 3] = ["GET", "POST", "OPTIONS"];

#[derive(Clone, Debug)]
struct Rule {
    hosts: Vec<&'static str>,
    host_pattern: Option<&'static str>,
    policy: &'static str,
    resources: Vec<&'static str>,
    /// Alternatives, each of which lists what must all match.
    subjects: Vec<Vec<&'static str>>,
    methods: Vec<&'static str>,
    is_for_a_network: bool,
}

#[derive(Clone, Copy, Debug)]
struct User {
    name: &'static str,
    groups: &'static [&'static str],
    factors: u8,
}

const USERS: [User; 6] = [
    User { name: "u", groups: &[], factors: 1 },
    User { name: "u", groups: &["a"], factors: 2 },
    User { name: "v", groups: &["a"], factors: 1 },
    User { name: "v", groups: &["a", "b"], factors: 1 },
    User { name: "v", groups: &["b"], factors: 2 },
    User { name: "v", groups: &[], factors: 2 },
];

impl Rule {
    fn matches(&self, path: &str, method: &str, user: Option<User>, is_in_network: bool) -> bool {
        let is_host = self.hosts.iter().any(|host| {
            *host == HOST || host.strip_prefix('*').is_some_and(|end| end.starts_with('.') && HOST.ends_with(end))
        }) || self.host_pattern.is_some_and(|pattern| Regex::new(pattern).unwrap().is_match(HOST));
        let is_path = self.resources.is_empty()
            || self.resources.iter().any(|pattern| Regex::new(pattern).unwrap().is_match(path));
        let is_method = self.methods.is_empty() || self.methods.contains(&method);
        // For an anonymous request conditions on the user count as met, and ask for a sign-in.
        let is_user = user.is_none_or(|user| {
            self.subjects.is_empty() || self.subjects.iter().any(|all| all.iter().all(|one| user.is(one)))
        });
        is_host && is_path && is_method && is_user && (is_in_network || !self.is_for_a_network)
    }
}

impl User {
    fn is(self, subject: &str) -> bool {
        match subject.split_once(':') {
            Some(("user", name)) => self.name == name,
            Some(("group", name)) => self.groups.contains(&name),
            _ => false,
        }
    }

    fn claims(self) -> Value {
        let amr = if self.factors == 2 { json!(["pwd", "otp", "mfa"]) } else { json!(["pwd"]) };
        json!({ "preferred_username": self.name, "groups": self.groups, "amr": amr })
    }
}

/// Authelia's decision: the first rule that matches, else the default.
fn authelia(rules: &[Rule], default: &str, path: &str, method: &str, user: Option<User>, is_in_network: bool) -> bool {
    let found = rules.iter().find(|rule| rule.matches(path, method, user, is_in_network));
    let policy = found.map_or(default, |rule| rule.policy);
    match (policy, user) {
        ("bypass", None) => found.is_none_or(|rule| rule.subjects.is_empty()),
        ("bypass" | "one_factor", Some(_)) => true,
        ("two_factor", Some(user)) => user.factors == 2,
        _ => false,
    }
}

/// Path and query as Authelia compares them: decoded, without dots and doubled slashes.
fn cleaned(target: &str) -> String {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let decoded = path.replace("%2F", "/");
    let mut segments: Vec<&str> = Vec::new();
    for segment in decoded.split('/').filter(|segment| !matches!(*segment, "" | ".")) {
        if segment == ".." {
            segments.pop();
        } else {
            segments.push(segment);
        }
    }
    let mut clean = format!("/{}", segments.join("/"));
    if decoded.len() > 1 && decoded.ends_with('/') && clean.len() > 1 {
        clean.push('/');
    }
    query.map_or(clean.clone(), |query| format!("{clean}?{query}"))
}

fn yaml(rules: &[Rule], default: &str) -> String {
    let mut text = format!(
        "session: {{ cookies: [{{ domain: example.com, authelia_url: 'https://auth.example.com' }}] }}\n\
         access_control:\n  default_policy: {default}\n  rules:\n"
    );
    for rule in rules {
        let entry = json!({
            "domain": rule.hosts,
            "domain_regex": rule.host_pattern,
            "policy": rule.policy,
            "resources": Some(&rule.resources).filter(|list| !list.is_empty()),
            "subject": Some(&rule.subjects).filter(|list| !list.is_empty()),
            "methods": Some(&rule.methods).filter(|list| !list.is_empty()),
            "networks": rule.is_for_a_network.then_some(["10.0.0.0/8"]),
        });
        writeln!(text, "    - {entry}").unwrap();
    }
    text
}

fn rule() -> impl Strategy<Value = Rule> {
    let hosts = prop::sample::subsequence(vec![HOST, "*.example.com", "other.example.com", "*example.com"], 1..=2);
    let pattern = prop::option::weighted(0.2, prop::sample::select(vec![r"^app\.", r"^\w+\.example\.com$", "^other"]));
    let policy = prop::sample::select(vec!["bypass", "one_factor", "two_factor", "deny", "one_factor"]);
    let resources = prop::sample::subsequence(PATTERNS.to_vec(), 0..=2);
    let subject = prop::sample::select(vec![
        vec!["user:u"],
        vec!["group:a"],
        vec!["group:b"],
        vec!["group:a", "group:b"],
        vec!["user:v", "group:b"],
    ]);
    let subjects = prop::collection::vec(subject, 0..=2);
    let methods = prop_oneof![3 => Just(Vec::new()), 1 => prop::sample::subsequence(METHODS.to_vec(), 1..=2)];
    (hosts, pattern, policy, resources, subjects, methods, prop::bool::weighted(0.1)).prop_map(
        |(hosts, host_pattern, policy, resources, subjects, methods, is_for_a_network)| Rule {
            hosts,
            host_pattern,
            policy,
            resources,
            // Authelia refuses a bypass for some users.
            subjects: if policy == "bypass" { Vec::new() } else { subjects },
            methods,
            is_for_a_network,
        },
    )
}

fn translated(text: &str) -> Translated {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("configuration.yml");
    std::fs::write(&file, text).unwrap();
    let host = format!("https://{HOST}");
    let output = import(&["authelia", file.to_str().unwrap(), "--client-id", "gatepost", "--host", &host]);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{output:?}");
    Translated::read(std::str::from_utf8(&output.stdout).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_translated_rules_allow_authelia_allowed(
        rules in prop::collection::vec(rule(), 1..=5),
        default in prop::sample::select(vec!["deny", "one_factor", "two_factor", "bypass"]),
    ) {
        let text = yaml(&rules, default);
        let gatepost = translated(&text);
        for (path, method) in PATHS.iter().flat_map(|path| METHODS.map(|method| (*path, method))) {
            for user in std::iter::once(None).chain(USERS.map(Some)) {
                let url = format!("https://{HOST}{path}");
                if !gatepost.allows(method, &url, user.map(User::claims).as_ref()) {
                    continue;
                }
                for is_in_network in [false, true] {
                    let allowed = authelia(&rules, default, &cleaned(path), method, user, is_in_network);
                    prop_assert!(allowed, "{method} {path} of {user:?} passes, but not with Authelia:\n{text}");
                }
            }
        }
    }
}

/// The translation is of use: these requests pass.
#[test]
fn what_has_a_counterpart_still_passes() {
    let at = |resources: &[&'static str], policy, subjects: &[&[&'static str]]| Rule {
        hosts: vec![HOST],
        host_pattern: None,
        policy,
        resources: resources.to_vec(),
        subjects: subjects.iter().map(|all| all.to_vec()).collect(),
        methods: Vec::new(),
        is_for_a_network: false,
    };
    let [u, ua2, va, vab, _, v2] = USERS;
    for (rules, path, user, expected) in [
        (vec![at(&[], "one_factor", &[])], "/x", Some(u), true),
        (vec![at(&[], "one_factor", &[])], "/x", None, false),
        (vec![at(&[], "two_factor", &[])], "/x", Some(u), false),
        (vec![at(&[], "two_factor", &[])], "/x", Some(ua2), true),
        (vec![at(&[], "bypass", &[])], "/x", None, true),
        (vec![at(&["^/api([/?].*)?$"], "bypass", &[]), at(&[], "one_factor", &[])], "/api/x?y", None, true),
        (vec![at(&["^/api([/?].*)?$"], "bypass", &[]), at(&[], "one_factor", &[])], "/x", None, false),
        (vec![at(&["^/api([/?].*)?$"], "deny", &[]), at(&[], "one_factor", &[])], "/api/x", Some(u), false),
        (vec![at(&["^/api([/?].*)?$"], "deny", &[]), at(&[], "one_factor", &[])], "/x", Some(u), true),
        // The first rule decides, although the path of the second one is longer.
        (
            vec![at(&[], "one_factor", &[&["user:u"]]), at(&["^/api([/?].*)?$"], "one_factor", &[&["group:a"]])],
            "/api",
            Some(u),
            true,
        ),
        (vec![at(&[], "one_factor", &[&["group:a", "group:b"], &["user:u"]])], "/x", Some(vab), true),
        (vec![at(&[], "one_factor", &[&["group:a", "group:b"], &["user:u"]])], "/x", Some(va), false),
        (vec![at(&[], "one_factor", &[&["group:a", "group:b"], &["user:u"]])], "/x", Some(u), true),
        (vec![at(&[], "deny", &[&["group:a"]]), at(&[], "one_factor", &[])], "/x", Some(v2), false),
    ] {
        let text = yaml(&rules, "deny");
        let claims = user.map(User::claims);
        let allowed = translated(&text).allows("GET", &format!("https://{HOST}{path}"), claims.as_ref());
        assert_eq!(allowed, expected, "{path} of {user:?}\n{text}");
    }
}
