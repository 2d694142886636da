//! Arguments for which nothing is printed.

use super::snippet;

fn refused(arguments: &[&str]) -> String {
    let output = snippet(arguments);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn what_cannot_be_printed_is_told_with_exit_code_2() {
    assert_eq!(refused(&["nginx", "--app", "nope"]), "gatepost: there is no application `nope`\n");
    for front_proxy in ["nginx", "traefik", "caddy", "haproxy", "istio", "envoy-gateway"] {
        assert_eq!(
            refused(&[front_proxy, "--app", "files"]),
            "gatepost: `files` has `mode: proxy`, which only Envoy supports: `gatepost snippet envoy`\n"
        );
    }
    assert!(refused(&["no-such-proxy"]).contains("known front proxies: nginx, traefik, "));
    assert!(
        refused(&["nginx", "--gatepost", "https://gatepost:9000"])
            .contains("write it like http://gatepost.internal:9000")
    );
    assert!(refused(&[]).contains("<FRONT-PROXY>"));
}

#[test]
fn a_configuration_that_does_not_answer_such_questions_is_told_so() {
    let said = String::from_utf8(snippet(&["caddy", "--app", "wiki"]).stdout).unwrap();
    assert!(said.contains("# forward_auth: { dialects: [caddy], trusted_proxies: [127.0.0.1] }\n"), "{said}");
    let said = String::from_utf8(snippet(&["haproxy", "--app", "wiki"]).stdout).unwrap();
    assert!(!said.contains("# forward_auth"), "traefik's way is HAProxy's: {said}");
}
