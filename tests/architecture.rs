//! Which module may depend on which: the table of the design, checked against every path in `src/`.
#![expect(clippy::expect_used, reason = "a test fails where what it expects does not hold")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use reading::{Code, Names, Tests};

#[path = "architecture/cycles.rs"]
mod cycles;
#[path = "architecture/reading.rs"]
mod reading;

/// A module, the modules of this crate that it may depend on besides itself, and the crates and modules it must never depend
/// on.
struct Module {
    name: &'static str,
    may_know: &'static [&'static str],
    must_not_know: &'static [&'static str],
}

/// Everything that has effects: runtimes, wire types, clients, stores.
const OUTER_CRATES: [&str; 24] = [
    "async_trait",
    "axum",
    "clap",
    "clap_complete",
    "clap_mangen",
    "envoy_types",
    "futures_util",
    "hyper",
    "hyper_util",
    "metrics",
    "prost",
    "rcgen",
    "rusqlite",
    "redis",
    "reqwest",
    "rustls",
    "tokio",
    "tokio_stream",
    "tokio_tungstenite",
    "tonic",
    "tower",
    "tower_http",
    "tracing",
    "tracing_appender",
];

/// The parts of `openidconnect` and `oauth2` that are not pure functions.
const IMPURE_IN_THE_PROTOCOL: [&str; 6] =
    ["AsyncHttpClient", "SyncHttpClient", "new_random", "new_random_len", "new_random_sha256", "Utc"];

/// Clock, environment, randomness and the file system: a pure function receives these as arguments.
const AMBIENT: [&str; 11] = [
    "getrandom",
    "rand",
    "ring::rand",
    "std::env",
    "std::fs",
    "std::io",
    "std::net::TcpStream",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
];

const WIRE: &[&str] = &[
    "axum",
    "envoy_types",
    "hyper",
    "hyper_util",
    "prost",
    "rusqlite",
    "redis",
    "reqwest",
    "tokio_tungstenite",
    "tonic",
    "tower",
    "tower_http",
];
const ASKED_ONLY: &[&str] = &["axum", "envoy_types", "tonic", "tower", "tower_http"];
const PROTOCOL: &[&str] = &["oauth2", "openidconnect"];
const BEYOND_EXT_AUTHZ: &[&str] = &["oauth2", "openidconnect", "rusqlite", "redis", "reqwest"];
const BEYOND_OTHER_PROTOCOLS: &[&str] = &["envoy_types", "oauth2", "openidconnect", "rusqlite", "redis", "reqwest"];
/// The modules for Envoy: only Envoy receives the backend of a request, and what follows from a session is encoded once.
const OF_EXT_AUTHZ: &[&str] = &[
    "domain::http",
    "domain::decision",
    "domain::policy::backend",
    "domain::policy::identity_headers",
    "outpost",
    "telemetry",
    "inbound::connections",
    "inbound::grpc",
];
const OF_HTTP_PROTOCOLS: &[&str] = &[
    "domain::http",
    "domain::decision",
    "outpost",
    "telemetry",
    "inbound::connections",
    "inbound::http_response",
    "inbound::router",
];

/// The modules of the domain in order: each may depend on those before it.
const DOMAIN: [&str; 10] = [
    "domain::slug",
    "domain::time",
    "domain::http",
    "domain::crypto",
    "domain::oidc",
    "domain::session",
    "domain::policy",
    "domain::application",
    "domain::decision",
    "domain::audit",
];

/// For a module, the entry with the longest matching name applies.
const MODULES: [Module; 51] = [
    Module { name: "domain", may_know: &[], must_not_know: PROTOCOL },
    Module { name: DOMAIN[0], may_know: &[], must_not_know: PROTOCOL },
    Module { name: DOMAIN[1], may_know: &[], must_not_know: PROTOCOL },
    Module { name: DOMAIN[2], may_know: before(2), must_not_know: PROTOCOL },
    Module { name: DOMAIN[3], may_know: before(2), must_not_know: PROTOCOL },
    Module { name: DOMAIN[4], may_know: before(4), must_not_know: PROTOCOL },
    // Keys of the library verify signatures, and the library builds the URL to which the browser is sent.
    Module { name: "domain::oidc::jws", may_know: before(5), must_not_know: &[] },
    Module { name: "domain::oidc::sign_in", may_know: before(5), must_not_know: &[] },
    Module { name: DOMAIN[5], may_know: before(5), must_not_know: PROTOCOL },
    Module { name: DOMAIN[6], may_know: before(6), must_not_know: PROTOCOL },
    Module { name: DOMAIN[7], may_know: before(7), must_not_know: PROTOCOL },
    Module { name: "domain::application::sign_out", may_know: before(8), must_not_know: &[] },
    Module { name: DOMAIN[8], may_know: before(8), must_not_know: PROTOCOL },
    Module { name: DOMAIN[9], may_know: before(9), must_not_know: PROTOCOL },
    Module { name: "ports", may_know: &["domain"], must_not_know: WIRE },
    Module { name: "outpost", may_know: &["domain", "ports", "telemetry", "single_flight"], must_not_know: WIRE },
    Module { name: "single_flight", may_know: &[], must_not_know: WIRE },
    Module { name: "inbound::ext_authz", may_know: OF_EXT_AUTHZ, must_not_know: BEYOND_EXT_AUTHZ },
    Module { name: "inbound::forward_auth", may_know: OF_HTTP_PROTOCOLS, must_not_know: BEYOND_OTHER_PROTOCOLS },
    Module { name: "inbound::side_listener", may_know: OF_HTTP_PROTOCOLS, must_not_know: BEYOND_OTHER_PROTOCOLS },
    Module { name: "inbound::ops", may_know: OF_HTTP_PROTOCOLS, must_not_know: BEYOND_OTHER_PROTOCOLS },
    Module {
        // The operators' protocol: no request of a browser reaches it.
        name: "inbound::admin",
        may_know: &[
            "domain::audit",
            "domain::session",
            "outpost",
            "telemetry",
            "admin_api",
            "inbound::connections",
            "inbound::grpc",
        ],
        must_not_know: BEYOND_OTHER_PROTOCOLS,
    },
    Module {
        name: "inbound::connections",
        may_know: &["domain::http", "telemetry"],
        must_not_know: BEYOND_OTHER_PROTOCOLS,
    },
    Module {
        name: "inbound::grpc",
        may_know: &["telemetry", "inbound::connections"],
        must_not_know: BEYOND_OTHER_PROTOCOLS,
    },
    Module {
        name: "inbound::router",
        may_know: &["domain::http", "inbound::connections"],
        must_not_know: BEYOND_OTHER_PROTOCOLS,
    },
    Module {
        name: "inbound::http_response",
        may_know: &["domain::decision", "inbound::connections"],
        must_not_know: BEYOND_OTHER_PROTOCOLS,
    },
    Module { name: "inbound", may_know: &[], must_not_know: BEYOND_OTHER_PROTOCOLS },
    Module {
        name: "outbound::provider",
        may_know: &[
            "domain",
            "ports",
            "telemetry",
            "single_flight",
            "outbound::connecting",
            "outbound::finding",
            "outbound::http_answer",
            "outbound::private_file",
            "outbound::trusted_certificates",
        ],
        must_not_know: ASKED_ONLY,
    },
    Module {
        name: "outbound::store",
        may_know: &[
            "domain",
            "ports",
            "telemetry",
            "single_flight",
            "outbound::finding",
            "outbound::private_file",
            "outbound::trusted_certificates",
        ],
        must_not_know: ASKED_ONLY,
    },
    Module {
        // It yields what authentik says; which applications follow from that is decided elsewhere.
        name: "outbound::authentik",
        may_know: &[
            "domain::crypto",
            "domain::oidc::relying_party",
            "domain::time",
            "ports",
            "telemetry",
            "outbound::http_answer",
            "outbound::private_file",
            "outbound::trusted_certificates",
        ],
        must_not_know: &[
            "axum",
            "envoy_types",
            "oauth2",
            "openidconnect",
            "redis",
            "rusqlite",
            "tonic",
            "tower",
            "tower_http",
        ],
    },
    Module {
        name: "outbound::audit",
        may_know: &["domain::audit", "ports", "telemetry", "outbound::private_file"],
        must_not_know: WIRE,
    },
    Module { name: "outbound::otlp", may_know: &["outbound::trusted_certificates"], must_not_know: ASKED_ONLY },
    Module {
        // It asks as a browser does; what it knows of an application is its public address.
        name: "outbound::front_proxy",
        may_know: &[
            "domain",
            "outbound::connecting",
            "outbound::finding",
            "outbound::http_answer",
            "outbound::trusted_certificates",
        ],
        must_not_know: ASKED_ONLY,
    },
    Module { name: "outbound::connecting", may_know: &[], must_not_know: ASKED_ONLY },
    Module { name: "outbound::finding", may_know: &[], must_not_know: WIRE },
    Module { name: "outbound::http_answer", may_know: &[], must_not_know: ASKED_ONLY },
    Module { name: "outbound::trusted_certificates", may_know: &[], must_not_know: ASKED_ONLY },
    Module { name: "outbound::private_file", may_know: &["ports"], must_not_know: WIRE },
    Module { name: "outbound", may_know: &[], must_not_know: ASKED_ONLY },
    // A command depends on what it needs.
    Module { name: "cli", may_know: &["domain::time", "config", "server"], must_not_know: BEYOND_OTHER_PROTOCOLS },
    // It receives what to explain; it neither reads files nor calls any server.
    Module { name: "cli::explain", may_know: &["domain", "ports", "outpost"], must_not_know: WIRE },
    // It asks the other servers through the modules that the service uses for it.
    Module {
        name: "cli::doctor",
        may_know: &["cli", "domain", "ports", "config", "server", "outbound"],
        must_not_know: BEYOND_OTHER_PROTOCOLS,
    },
    // They read other programs' files and the provider's metadata, and write files.
    Module {
        name: "cli::init",
        may_know: &["cli", "domain", "ports", "config", "server", "outbound"],
        must_not_know: BEYOND_OTHER_PROTOCOLS,
    },
    Module { name: "cli::import", may_know: &["cli", "config"], must_not_know: WIRE },
    Module { name: "cli::snippet", may_know: &["domain"], must_not_know: WIRE },
    // Generated code only.
    Module { name: "admin_api", may_know: &[], must_not_know: BEYOND_OTHER_PROTOCOLS },
    // A client in a process of its own; it knows about sessions only what the protocol sends.
    Module {
        name: "cli::sessions",
        may_know: &["domain::time", "admin_api", "config::duration"],
        must_not_know: BEYOND_OTHER_PROTOCOLS,
    },
    Module {
        // It fills in the settings of every module, including the whole application's.
        name: "config",
        may_know: &["domain", "ports", "outpost", "inbound", "outbound", "telemetry", "server"],
        must_not_know: WIRE,
    },
    Module {
        // It names the recorded facts about a decision.
        name: "telemetry",
        may_know: &["domain::decision"],
        must_not_know: &["envoy_types", "oauth2", "openidconnect", "rusqlite", "redis", "reqwest", "tonic"],
    },
    Module {
        // Only `cli` reads the configuration: the server receives its own settings.
        name: "server",
        may_know: &["domain", "ports", "outpost", "inbound", "outbound", "telemetry"],
        must_not_know: &["envoy_types"],
    },
    // Fakes and builders. No module may use it; tests may use every module.
    Module { name: TESTING, may_know: &["domain", "ports", "outbound::store"], must_not_know: WIRE },
];

/// The module that only tests and benchmarks contain.
const TESTING: &str = "testing";

/// The modules of the domain before the one at `position`.
const fn before(position: usize) -> &'static [&'static str] {
    DOMAIN.split_at(position).0
}

/// One file of `src/`.
struct Source {
    file: PathBuf,
    code: Code,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of src").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                found.push(Source::read(&root, entry));
            }
        }
    }
    assert!(!found.is_empty(), "src/ holds Rust files");
    found
}

impl Source {
    fn read(root: &Path, file: PathBuf) -> Self {
        let text = fs::read_to_string(&file).expect("a file of src");
        let inner = file.strip_prefix(root).expect("a file under src").with_extension("");
        let mut module: Vec<&str> = inner.iter().map(|part| part.to_str().expect("a name in UTF-8")).collect();
        if module.last() == Some(&"mod") {
            module.pop();
        }
        let code = Code::parse(&module, &text).map_err(|fault| format!("{}: {fault}", file.display()));
        let code = code.expect("a file of Rust");
        Self { file, code }
    }

    /// Everything in the file that violates the design.
    fn offences(&self) -> Vec<String> {
        offences(&self.code).into_iter().map(|offence| format!("{}: {offence}", self.file.display())).collect()
    }
}

/// The crate root and the command line are above all modules.
fn is_root(module: &[String]) -> bool {
    module == ["lib"] || module == ["main"]
}

/// Tests may use every module.
fn is_test(module: &[String]) -> bool {
    !starts_with(module, TESTING)
        && module.iter().any(|part| part == "tests" || part.ends_with("_tests") || part == "testing")
}

/// Everything in the code that violates the design.
fn offences(code: &Code) -> Vec<String> {
    let mut offences = [
        knows_too_much(code),
        waits_in_the_pure_part(code),
        asks_the_world_through_the_protocol(code),
        takes_a_detour(code),
    ]
    .concat();
    if !code.has_doc() {
        offences.push("no module doc on the first line".to_owned());
    }
    offences
}

fn knows_too_much(code: &Code) -> Vec<String> {
    if is_root(&code.module) || is_test(&code.module) {
        return Vec::new();
    }
    match rules_of(&code.module) {
        Some(rules) => code.paths().into_iter().filter_map(|path| offence(rules, &path)).collect(),
        None => vec!["no module of the table; add it to MODULES here and to the table in ARCHITECTURE.md".to_owned()],
    }
}

fn waits_in_the_pure_part(code: &Code) -> Vec<String> {
    let waits = starts_with(&code.module, "domain") && code.waits();
    waits.then(|| "async or await in the pure part".to_owned()).into_iter().collect()
}

/// `openidconnect` and `oauth2` could use the network, the clock and the system's randomness; the pure part uses only their
/// types and checks.
fn asks_the_world_through_the_protocol(code: &Code) -> Vec<String> {
    if !starts_with(&code.module, "domain") {
        return Vec::new();
    }
    let paths = code.written_paths(Tests::LeftOut).into_iter().map(|(_, path)| path.join("::"));
    let impure = paths.filter(|path| path.split("::").any(|part| IMPURE_IN_THE_PROTOCOL.contains(&part)));
    impure.map(|path| format!("{path} in the pure part")).collect()
}

fn takes_a_detour(code: &Code) -> Vec<String> {
    let mut offences = Vec::new();
    if code.written_paths(Tests::Included).iter().any(|(_, path)| starts_with(path, "super::super")) {
        offences.push("super::super; write the path from crate::".to_owned());
    }
    if is_root(&code.module) && code.re_exports() {
        offences.push("a re-export at the root".to_owned());
    }
    offences
}

fn rules_of(module: &[String]) -> Option<&'static Module> {
    let fits = |rules: &&Module| {
        let name: Vec<&str> = rules.name.split("::").collect();
        module.len() >= name.len() && module.iter().zip(&name).all(|(part, wanted)| part == wanted)
    };
    MODULES.iter().filter(fits).max_by_key(|rules| rules.name.len())
}

fn starts_with(path: &[String], name: &str) -> bool {
    let name: Vec<&str> = name.split("::").collect();
    path.len() >= name.len() && path.iter().zip(name).all(|(part, wanted)| part == wanted)
}

/// The path as text when the module must not depend on it; `None` when the path is allowed.
fn offence(rules: &Module, path: &[String]) -> Option<String> {
    let text = path.join("::");
    let Some((_, inner)) = path.split_first().filter(|(first, _)| *first == "crate") else {
        let pure = rules.name.split("::").next() == Some("domain");
        let forbidden = rules.must_not_know.iter().chain(OUTER_CRATES.iter().chain(&AMBIENT).filter(|_| pure));
        let mut hits = forbidden.filter(|name| starts_with(path, name));
        return hits.next().map(|name| format!("{text} ({} must not know {name})", rules.name));
    };
    // A visibility: `pub(in crate::domain)`.
    if starts_with(&rules.name.split("::").map(str::to_owned).collect::<Vec<_>>(), &inner.join("::")) {
        return None;
    }
    // `crate::Thing` would be a re-export at the root, which another test rejects.
    rules_of(inner)?;
    let allowed = std::iter::once(&rules.name).chain(rules.may_know);
    let known = allowed.into_iter().any(|name| starts_with(inner, name));
    (!known).then(|| format!("{text} ({} may know {:?} only)", rules.name, rules.may_know))
}

#[test]
fn the_code_follows_the_design() {
    let offences: Vec<String> = sources().iter().flat_map(Source::offences).collect();
    assert!(offences.is_empty(), "{}", offences.join("\n"));
}

/// The service never contains a fake: the module needs `cfg(test)` or a feature, which only the dev-dependency enables.
#[test]
fn only_tests_and_benchmarks_contain_the_fakes() {
    let read = |name: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect("a file");
    let (library, manifest) = (read("src/lib.rs"), read("Cargo.toml"));
    assert_eq!(library.matches("mod testing;").count(), 1);
    assert!(library.contains("#[cfg(any(test, feature = \"testing\"))]\npub mod testing;\n"));
    let (before, after) = manifest.split_once("[dev-dependencies]").expect("has dev-dependencies");
    let (_, features) = before.split_once("[features]").expect("has features");
    let (features, _) = features.split_once("\n[").expect("ends");
    let features: Vec<&str> = features.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert_eq!(features, ["testing = []"], "nothing else enables it");
    let enabled = "features = [\"testing\"]";
    assert!(after.contains(enabled) && !before.contains(enabled), "only the dev-dependency enables it");
}

#[test]
fn no_file_comes_back_to_itself() {
    let sources = sources();
    let files: Vec<&Code> = sources
        .iter()
        .map(|source| &source.code)
        .filter(|code| !is_root(&code.module) && !is_test(&code.module))
        .collect();
    let found = cycles::cycles(&files);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_cycle_is_found_whatever_leads_to_it() {
    let found = |files: &[(&str, &str)]| {
        let parse = |(module, text): &(&str, &str)| {
            Code::parse(&module.split("::").collect::<Vec<_>>(), text).expect("is Rust")
        };
        let codes: Vec<Code> = files.iter().map(parse).collect();
        cycles::cycles(&codes.iter().collect::<Vec<_>>())
    };
    let none: [String; 0] = [];
    for (what, files, expected) in [
        ("a line", vec![("a", "use crate::b::B;"), ("b", "use crate::c::C;"), ("c", "")], None),
        ("a circle", vec![("a", "use crate::b::B;"), ("b", "use crate::a::A;")], Some("a, b")),
        ("a call", vec![("a", "fn x() { crate::b::y() }"), ("b", "fn y() { super::a::x() }")], Some("a, b")),
        (
            "three",
            vec![("a", "use crate::b::B;"), ("b", "use crate::c::C;"), ("c", "use crate::a::A;")],
            Some("a, b, c"),
        ),
        ("parent and child", vec![("a", "mod b; fn x() { b::y() }"), ("a::b", "use super::X;")], Some("a, a::b")),
        ("a re-export alone", vec![("a", "mod b; pub use b::Y;"), ("a::b", "use super::X;")], None),
        (
            "through a re-export",
            vec![("a", "pub use b::Y;"), ("a::b", "use crate::c::C;"), ("c", "use crate::a::Y;")],
            Some("a::b, c"),
        ),
        ("how far an item can be seen", vec![("a", "use self::b::Y;"), ("a::b", "pub(in crate::a) struct Y;")], None),
        ("tests", vec![("a", "use crate::b::B;"), ("b", "#[cfg(test)] mod tests { use crate::a::A; }")], None),
    ] {
        let expected: Vec<String> = expected.map(str::to_owned).into_iter().collect();
        assert_eq!(found(&files), expected, "{what}");
    }
    assert_eq!(found(&[]), none);
}

/// Tests the scanner: paths are found wherever they are, and nothing is found in comments, texts and tests.
#[test]
fn paths_are_found_wherever_they_stand() {
    let text = r##"
        //! crate::in_a_comment
        use crate::{config::Config, outbound::{store::{self, Memory as Kept}, provider}};
        use super::sibling;
        use tokio;
        use crate::all::*;
        fn one() { let text = "crate::in_a_text"; let raw = r#"crate::in_a_raw_text"#; tokio::spawn(two()) }
        fn lifetime<'a>(sign: char) -> bool { sign == '"' || sign == '\'' && crate::inbound::called::<'a>() }
        #[cfg(test)]
        mod tests { use crate::in_a_test; fn nested() { { crate::in_a_test::too() } } }
        #[cfg(test)]
        fn for_tests() { crate::in_a_test::function() }
        impl One {
            #[cfg(test)]
            fn method() { crate::in_a_test::method() }
            pub(in crate::shown) fn other(one: &dyn crate::a_type::One) -> bool { matches!(one, crate::a_pattern::Two) }
        }
        #[derive(crate::an_attribute::Derived)]
        struct Two;
        mod inline { use super::beside; use self::below; }
        macro_rules! made { ($name:ident) => { $crate::made::by(stringify!($name), crate::in_a_macro::one { a: 1 }) } }
        fn last() -> std::time::SystemTime { gatepost::server::now() }
    "##;
    let code = Code::parse(&["domain", "http"], text).expect("is Rust");
    let found: BTreeSet<String> = code.paths().into_iter().map(|path| path.join("::")).collect();
    let expected = [
        "crate::a_pattern::Two",
        "crate::a_type::One",
        "crate::all",
        "crate::an_attribute::Derived",
        "crate::server::now",
        "crate::config::Config",
        "crate::domain::http::beside",
        "crate::domain::http::inline::below",
        "crate::domain::sibling",
        "crate::in_a_macro::one",
        "crate::inbound::called",
        "crate::made::by",
        "crate::outbound::provider",
        "crate::outbound::store::Memory",
        "crate::outbound::store::self",
        "crate::shown",
        "std::time::SystemTime",
        "tokio",
        "tokio::spawn",
    ];
    assert_eq!(found, expected.map(str::to_owned).into());
}

/// The checks fail where they should: each of these files has exactly one violation.
#[test]
fn what_is_against_the_design_is_found() {
    let found = |module: &str, text: &str| {
        let module: Vec<&str> = module.split("::").collect();
        offences(&Code::parse(&module, text).expect("is Rust"))
    };
    for (module, text, expected) in [
        ("domain::session", "//! X\nuse crate::domain::time::Timestamp;\nfn x() -> std::time::Duration { y() }", None),
        ("domain::session", "//! X\nfn x() { tokio::spawn(y()) }", Some("must not know tokio")),
        ("domain::session", "//! X\nfn x() { let now = std::time::SystemTime::now(); }", Some("std::time::SystemTime")),
        ("domain::session", "//! X\nfn x() { assert!(tracing::enabled!(a)) }", Some("must not know tracing")),
        ("domain::session", "//! X\nuse std::{fmt, fs};", Some("std::fs")),
        ("domain::session", "//! X\n#[tokio::main]\nfn x() {}", Some("must not know tokio")),
        ("domain::session", "//! X\nasync fn x() {}", Some("async or await")),
        ("domain::session", "//! X\nfn x() { let y = async || 1; }", Some("async or await")),
        ("domain::session", "//! X\nfn x() { y!(z.await) }", Some("async or await")),
        ("domain::session", "//! X\nfn x() { let y = async { 1 }; }", Some("async or await")),
        ("domain::session", "//! X\n#[cfg(test)]\nmod tests { async fn x() { tokio::spawn(y()) } }", None),
        ("domain::session::tests", "//! X\nfn x() { tokio::spawn(y()) }", None),
        (
            "domain::oidc::jws",
            "//! X\nuse openidconnect::Nonce;\nfn x() { Nonce::new_random() }",
            Some("Nonce::new_random"),
        ),
        ("domain::oidc::jws", "//! X\nuse openidconnect::core::CoreJsonWebKey;", None),
        ("domain::oidc::jwt", "//! X\nuse openidconnect::core::CoreJsonWebKey;", Some("must not know openidconnect")),
        ("outpost::sign_in", "//! X\nuse crate::outbound::store::Memory;", Some("may know")),
        (
            "outpost::sign_in",
            "//! X\nuse crate::{domain::time, outbound::{provider}};",
            Some("crate::outbound::provider"),
        ),
        ("inbound::admin", "//! X\nfn x(y: crate::inbound::ext_authz::Health) {}", Some("ext_authz")),
        ("inbound::admin", "//! X\nfn x() { super::super::y() }", Some("super::super")),
        ("inbound::admin", "//! X\n#[cfg(test)]\nmod tests { use super::super::y; }", Some("super::super")),
        ("nowhere", "//! X\n", Some("no module")),
        ("lib", "//! X\npub use crate::server::run;", Some("re-export")),
        ("lib", "//! X\npub mod server;\nuse crate::config::load;", None),
        ("server", "use std::fmt;", Some("no module doc")),
        ("outpost::sign_in", "//! X\nuse crate::testing::ManualClock;", Some("may know")),
        (
            "cli::explain",
            "//! X\n#[cfg(any(test, feature = \"testing\"))]\nuse crate::testing::ManualClock;",
            Some("may know"),
        ),
        ("outpost::tests", "//! X\nuse crate::testing::ManualClock;", None),
        ("outpost::sign_in", "//! X\n#[cfg(test)]\nmod tests { use crate::testing::ManualClock; }", None),
        ("testing::store", "//! X\nuse crate::server::run;", Some("may know")),
        ("testing::store", "//! X\nuse crate::outbound::store::open;", None),
    ] {
        let found = found(module, text);
        match expected {
            None => assert!(found.is_empty(), "{module}: {text}: {found:?}"),
            Some(expected) => assert!(found.iter().any(|one| one.contains(expected)), "{module}: {text}: {found:?}"),
        }
    }
}

#[test]
fn the_table_tells_right_from_wrong() {
    let rows = [
        ("domain::session", "crate::domain::http::RequestHead", true),
        ("domain::http", "crate::domain::session::Session", false),
        ("domain::session", "crate::domain::application::Application", false),
        ("domain::oidc::jws", "crate::domain::policy::PublicPath", false),
        ("domain", "serde_json::Value", true),
        ("domain", "std::time::Duration", true),
        ("domain", "std::time::SystemTime::now", false),
        ("domain", "tokio::spawn", false),
        ("domain", "crate::ports::Clock", false),
        ("outpost", "crate::ports::SessionStore", true),
        ("outpost", "crate::outbound::store::Memory", false),
        ("outpost::sign_in", "reqwest::Client", false),
        ("inbound::ext_authz", "crate::domain::http::RequestHead", true),
        ("inbound::ext_authz", "envoy_types::pb::envoy", true),
        ("inbound::ext_authz", "crate::domain::oidc::sign_in::Attempt", false),
        ("inbound::ext_authz", "crate::inbound::ops::Ops", false),
        ("inbound::ops", "envoy_types::pb::envoy", false),
        ("outbound::store", "crate::outbound::provider::Client", false),
        ("outbound::authentik", "crate::outbound::provider::OpenIdProviders", false),
        ("outbound::authentik", "crate::domain::application::Application", false),
        ("outbound::authentik", "tokio_tungstenite::WebSocketStream", true),
        ("outpost", "tokio_tungstenite::WebSocketStream", false),
        ("outbound::provider", "crate::outpost::Outpost", false),
        ("telemetry", "crate::config::Log", false),
        ("inbound::admin", "crate::inbound::ext_authz::CheckService", false),
        ("cli::sessions", "crate::outpost::Outpost", false),
        ("outbound::store", "crate::config::Session", false),
        ("cli::explain", "crate::outpost::Outpost", true),
        ("cli::explain", "crate::outbound::provider::OpenIdProviders", false),
        ("server", "crate::outbound::store::Memory", true),
        ("inbound::ops", "crate::config::Config", false),
        ("domain::session", "crate::testing::ManualClock", false),
        ("ports", "crate::testing::ManualClock", false),
        ("outbound::store", "crate::testing::ManualClock", false),
        ("server", "crate::testing::ManualClock", false),
        ("testing", "crate::ports::Clock", true),
    ];
    let words = |text: &str| -> Names { text.split("::").map(str::to_owned).collect() };
    for (module, path, allowed) in rows {
        let rules = rules_of(&words(module)).expect("is in the table");
        assert_eq!(offence(rules, &words(path)).is_none(), allowed, "{module} and {path}");
    }
}
