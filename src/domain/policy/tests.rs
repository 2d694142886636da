//! No allowed path is another one to some backend: public paths, rules for some paths, and applications that share a
//! host, tested against [`oracle`](super::oracle).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use serde_json::json;

use super::oracle::{is_below, readings};
use super::*;
use crate::domain::application::Application;
use crate::domain::application::registry::Applications;
use crate::domain::http::{RequestHead, RequestTarget};
use crate::domain::policy::identity::Identity;
use crate::domain::session::{Lifetimes, Session};
use crate::domain::slug::Slug;
use crate::domain::time::Timestamp;
use crate::testing;

const PATHS: u32 = 100_000;

/// Parts that can be read in several ways, names, and complete attack strings.
const PIECES: &[&str] = &[
    "/",
    "/",
    "/",
    "/",
    "//",
    ";",
    ";",
    "..",
    ".",
    "...",
    "x",
    "%61",
    "%2e",
    "%2E",
    "%252e",
    "%2f",
    "%2F",
    "%252f",
    "%5c",
    "%255c",
    "%3b",
    "%253b",
    "%23",
    "%2523",
    "%3f",
    "%20",
    "%2520",
    "%09",
    "%00",
    "%0a",
    "%7f",
    "%25",
    "%",
    "%c0%af",
    "%c0%ae",
    "%e0%80%ae",
    "%u002e",
    "%u002f",
    "%25u002e",
    "%ff",
    "%c3%a9",
    "%e2%80%89",
    "public",
    "admin",
    "PUBLIC",
    "Admin",
    "adm%69n",
    "%61dmin",
    "%2561dmin",
    "tas%e2%84%aa",
    "ta%c5%bf%6b",
    "task",
    "/admin",
    "/public",
    "/task",
    "/public/admin",
    "/..;/",
    "/;%2f..",
    "/..%2f",
    "/..%20/",
    "/%2e%2e/",
    "/.%20./",
    "..%23",
    "%3b..",
    ".%ff.",
    "%%32%65",
];

fn any_path() -> impl Strategy<Value = String> {
    let begin = prop::sample::select(vec![
        "/",
        "/public/",
        "/public",
        "/admin",
        "/task",
        "/x/",
        "/x",
        "/PUBLIC/",
        "/public/admin",
    ]);
    let pieces = prop::collection::vec(prop::sample::select(PIECES), 0..7);
    (begin, pieces).prop_map(|(begin, pieces)| format!("{begin}{}", pieces.concat()))
}

fn user(groups: &[&str]) -> Identity {
    let (application, now) = (testing::application("https://wiki.example.com"), Timestamp::from_unix(1_000_000));
    let hour = std::time::Duration::from_hours(1);
    let lifetimes = Lifetimes { absolute: hour, idle: hour };
    let session =
        Arc::new(Session::begin(testing::signed_in(&json!({ "groups": groups }), now), &application, now, lifetimes));
    Identity::Session(session.live(now, &application, now, lifetimes).expect("is alive"))
}

fn rule(path: Option<&str>, group: Option<&str>) -> Rule {
    let conditions = Conditions { groups: group.into_iter().map(str::to_owned).collect(), ..Conditions::default() };
    let paths = path.into_iter().map(|path| PathPrefix::parse(path).expect("is a prefix")).collect();
    Rule { paths, ..testing::rule(Principals::matching(conditions).unwrap_or(Principals::Any)) }
}

/// The applications of one host: at `/`, `/admin` and `/public`.
fn neighbours() -> Applications {
    let at = |(path, slug): (&str, &str)| Application {
        slug: Slug::parse(slug).expect("is a slug"),
        ..testing::application(&format!("https://wiki.example.com{path}"))
    };
    Applications::new([("", "root"), ("/admin", "admin"), ("/public", "public")].map(at).into()).expect("do not clash")
}

/// The rules under test: public paths, access rules, and applications that share a host.
struct Rules {
    public: PublicPaths,
    protected: AccessRules,
    narrow: AccessRules,
    user: Identity,
    application: Application,
    applications: Applications,
    head: RequestHead,
    passed: [AtomicUsize; 5],
}

impl Rules {
    fn new() -> Self {
        let rules = |rules: Vec<Rule>| AccessRules::new(rules).expect("are not empty");
        Self {
            public: PublicPaths::compile(&["^/public/".to_owned()]).expect("compiles"),
            protected: rules(vec![
                rule(None, None),
                rule(Some("/admin"), Some("admins")),
                rule(Some("/task"), Some("admins")),
            ]),
            narrow: rules(vec![rule(Some("/public"), Some("readers")), rule(Some("/public/admin"), Some("admins"))]),
            user: user(&["readers"]),
            application: testing::application("https://wiki.example.com"),
            applications: neighbours(),
            head: testing::request("wiki.example.com", "/", &[]),
            passed: std::array::from_fn(|_| AtomicUsize::new(0)),
        }
    }

    fn head(&self, raw: &str) -> Option<RequestHead> {
        let target = RequestTarget::read(raw.to_owned()).ok()?;
        Some(RequestHead { target, ..self.head.clone() })
    }

    fn judge(&self, raw: &str) -> Result<(), TestCaseError> {
        let Some(head) = self.head(raw) else { return Ok(()) };
        let mut claims: Vec<(usize, &str, bool)> = Vec::new();
        let application = &self.application;
        let (scheme, host) = (application.external.scheme(), &head.authority);
        if self.public.admit(&application.mode, scheme, host, &head.target).is_some() {
            claims.push((0, "/public", true));
        }
        if self.protected.permit(&self.user, &head, Timestamp::default()).is_ok() {
            claims.extend([(1, "/admin", false), (1, "/task", false)]);
        }
        if self.narrow.permit(&self.user, &head, Timestamp::default()).is_ok() {
            claims.extend([(2, "/public", true), (2, "/public/admin", false)]);
        }
        match self.applications.find(&head).map(|application| application.slug.as_str()) {
            Ok("root") => claims.extend([(3, "/admin", false), (3, "/public", false)]),
            Ok("public") => claims.push((4, "/public", true)),
            Ok("admin") => claims.push((4, "/admin", true)),
            Ok(_) | Err(_) => {}
        }
        if claims.is_empty() {
            return Ok(());
        }
        let path = raw.split('?').next().unwrap_or_default();
        for reading in readings(path) {
            for (place, prefix, all_below) in &claims {
                let shown = String::from_utf8_lossy(&reading);
                prop_assert_eq!(is_below(&reading, prefix), *all_below, "{}: {} is read as {}", place, raw, shown);
            }
        }
        if path.contains(['%', ';']) || path.contains("//") || path.contains("./") {
            for (place, ..) in &claims {
                self.passed[*place].fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(())
    }
}

#[test]
fn n4_to_n7_what_passes_is_no_other_path_in_any_reading() {
    let rules = Rules::new();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(PATHS));
    runner.run(&any_path(), |raw| rules.judge(&raw)).expect("no reading leads elsewhere");
    // The sample must contain many odd paths that are allowed, otherwise the property would be vacuous.
    for (place, passed) in rules.passed.iter().enumerate() {
        let passed = passed.load(Ordering::Relaxed);
        assert!(passed > 500, "{passed} odd paths pass at {place}");
    }
}

#[test]
fn n5_to_n7_hold_together_and_inside_parameters() {
    let rules = Rules::new();
    let (application, user) = (&rules.application, &rules.user);
    for raw in [
        "/public/;%252f..%252f..%252fadmin",
        "/public/x;%252f..%252f..%252fadmin",
        "/public/%3b%255c..%255cadmin",
        "/public/x;y=100%25",
        "/public/x;a%23b",
        "/public/x;a%3fb",
        "/public/x;a%2fb",
        "/public/...",
        "/public/%20../x",
        "/public/.%20./x",
    ] {
        let head = rules.head(raw).expect("is a target");
        let scheme = application.external.scheme();
        let admitted = rules.public.admit(&application.mode, scheme, &head.authority, &head.target);
        assert!(admitted.is_none(), "{raw}");
    }
    for raw in [
        "/admin.%3fx",
        "/admin%20%23x",
        "/admin.%23",
        "/admin.;x",
        "/admin%20%3bx",
        "/;x%2fy/admin",
        "/%20admin",
        "/...%2fadmin",
        "/tas%e2%84%aa",
        "/x/.%20./admin",
        "/admin%e2%80%89",
    ] {
        let head = rules.head(raw).expect("is a target");
        assert_eq!(
            rules.protected.permit(user, &head, Timestamp::default()).map(|_| ()),
            Err(Forbidden::OddPath),
            "{raw}"
        );
    }
}
