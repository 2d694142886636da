//! names that could have another meaning in a front proxy's syntax.

use proptest::prelude::*;

use super::{FrontProxy, ListenerAddress, NoSnippet, SnippetArgs, snippet};
use crate::domain::application::Application;
use crate::domain::application::registry::Applications;
use crate::domain::policy::identity_headers::{HeaderName, HeaderPlan, HeaderSettings, OwnHeader, OwnValue};
use crate::testing::application;

/// The snippet for an application with a header of this name.
fn printed(front_proxy: FrontProxy, name: &str) -> Result<String, NoSnippet> {
    let name = HeaderName::parse(name).expect("is a name");
    let own = vec![OwnHeader { name, value: OwnValue::Text("1".into()) }];
    let headers = HeaderPlan::new(HeaderSettings { own, ..HeaderSettings::default() });
    let application = Application { headers, ..application("https://wiki.example.com") };
    snippet(&SnippetArgs {
        front_proxy,
        applications: &Applications::new(vec![application]).expect("one application"),
        only: None,
        http: ListenerAddress::parse("http://127.0.0.1:9000").expect("is an address"),
        grpc: ListenerAddress::parse("http://127.0.0.1:9001").expect("is an address"),
        dialects: vec!["nginx"],
    })
}

/// Whether the snippet contains header names at all.
fn names_headers(front_proxy: FrontProxy) -> bool {
    match front_proxy {
        FrontProxy::Nginx | FrontProxy::Traefik | FrontProxy::Caddy | FrontProxy::Haproxy => true,
        FrontProxy::HaproxyScript | FrontProxy::Envoy | FrontProxy::Istio | FrontProxy::EnvoyGateway => false,
    }
}

#[test]
fn each_file_removes_the_clients_own_header_in_its_other_spelling() {
    for (front_proxy, name) in FrontProxy::ALL.into_iter().filter(|(front_proxy, _)| names_headers(*front_proxy)) {
        let text = printed(front_proxy, "zq_name").expect("a plain name");
        let (spelled, by_pattern) = (text.contains("zq-name"), text.contains("zq[^a-z0-9]name"));
        assert!(spelled || by_pattern, "{name}: {text}");
    }
}

/// The text with every spelling of the name as one word, and every run of white space as one blank.
fn without(name: &str, text: &str) -> String {
    let spelled = |sign: &str| name.replace(['-', '_'], sign);
    let names = [name.to_owned(), spelled("-"), spelled("_"), spelled("."), spelled("[^a-z0-9]")];
    let lines = text.lines().map(|line| {
        let line = names.iter().fold(line.to_owned(), |line, name| line.replace(name.as_str(), "NAME"));
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    });
    // Lines that clear a spelling occur once for each spelling, so they are left out.
    let cleared = ["request_header -NAME", "http-request del-header NAME", "proxy_set_header NAME \"\";"];
    lines.filter(|line| !cleared.contains(&line.as_str())).collect::<Vec<_>>().join("\n")
}

proptest! {
    #[test]
    fn a_25_a_name_is_one_word_wherever_it_stands_or_nothing_is_printed(
        name in "zq[a-z0-9!#$%&'*+.^_`|~-]{0,20}z",
        index in 0..FrontProxy::ALL.len(),
    ) {
        let (front_proxy, _) = FrontProxy::ALL[index];
        let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        match printed(front_proxy, &name) {
            Ok(text) if names_headers(front_proxy) => {
                prop_assert!(is_plain);
                let plain = printed(front_proxy, "zq-name").expect("a plain name");
                // nginx does not distinguish `-` and `_` in its variables.
                prop_assert_eq!(without(&name, &text), without("zq-name", &plain));
            }
            Ok(text) => prop_assert!(!text.contains(&name)),
            Err(fault) => prop_assert!(!is_plain, "{}", fault),
        }
    }
}

#[test]
fn a_25_names_that_break_out_of_somewhere_are_refused() {
    for name in ["x$http_cookie", "x'y", "x`y", "x#y", "x%y", "x|y", "x.y", "x*", "x!", "-x"] {
        for (front_proxy, _) in FrontProxy::ALL {
            let refused = matches!(printed(front_proxy, name), Err(NoSnippet::HeaderName { .. }));
            assert_eq!(refused, names_headers(front_proxy), "{front_proxy:?} {name}");
        }
    }
}
