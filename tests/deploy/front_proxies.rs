//! The resources for Istio, Envoy Gateway and ingress-nginx, beside what `gatepost snippet` prints and `envoy/` holds.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::helm::{NAMESPACE, gatepost, merged, parse, render, render_one, root, smallest};

/// The applications of the snippets' tests.
const APPLICATIONS: &str = "tests/snippet/gatepost.yaml";

fn values(changes: &Value) -> Value {
    let config = parse(&[&std::fs::read_to_string(root().join(APPLICATIONS)).unwrap()]).remove(0).remove(0);
    let base = json!({ "image": { "repository": "registry.example.com/gatepost" }, "config": config });
    merged(&base, changes)
}

fn snippet(arguments: &[&str]) -> String {
    let address = format!("http://gatepost.{NAMESPACE}.svc.cluster.local:9000");
    let output = gatepost(&[&["snippet", "--config", APPLICATIONS, "--gatepost", &address], arguments].concat());
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The application with this name alone.
fn only(mut values: Value, name: &str) -> Value {
    values["config"]["applications"].as_array_mut().unwrap().retain(|application| application["name"] == name);
    values
}

fn as_set(hosts: &Value) -> BTreeSet<&str> {
    hosts.as_array().unwrap().iter().map(|host| host.as_str().unwrap()).collect()
}

#[test]
fn istios_resources_are_those_of_the_snippet() {
    for (release, arguments) in [
        (values(&json!({ "istio": { "enabled": true } })), &["istio"][..]),
        (only(values(&json!({ "istio": { "enabled": true } })), "Team Wiki"), &["istio", "--app", "wiki"]),
        (only(values(&json!({ "istio": { "enabled": true } })), "Docs"), &["istio", "--app", "docs"]),
    ] {
        let release = render_one(release);
        let [mesh, policy]: [Value; 2] = parse(&[&snippet(arguments)]).remove(0).try_into().unwrap();
        let (_, notes) = release.notes.split_once("\nextensionProviders:").unwrap();
        let notes = format!("extensionProviders:{}", notes.split("\n\n").next().unwrap());
        assert_eq!(parse(&[&notes]).remove(0), [mesh]);
        let rendered = release.the("AuthorizationPolicy");
        for member in ["apiVersion", "kind"] {
            assert_eq!(rendered[member], policy[member]);
        }
        assert_eq!(rendered["metadata"]["namespace"], policy["metadata"]["namespace"]);
        assert_eq!(rendered["spec"], policy["spec"], "{arguments:?}");
    }
}

/// Each place at which Istio can ask.
#[test]
fn istios_policy_has_each_kind_of_target() {
    let waypoint = json!([{ "group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "waypoint" }]);
    let release = render_one(merged(
        &smallest(),
        &json!({ "istio": { "enabled": true, "targets": [
            { "namespace": "istio-system", "selector": { "istio": "ingressgateway" } },
            { "namespace": "wiki", "selector": { "app": "wiki" } },
            { "namespace": "wiki", "targetRefs": waypoint },
        ] } }),
    ));
    assert_eq!(release.faults, Vec::<Value>::new());
    let policies = release.all("AuthorizationPolicy");
    let names: Vec<_> = policies.iter().map(|policy| &policy["metadata"]["name"]).collect();
    assert_eq!(names, ["gatepost", "gatepost-1", "gatepost-2"]);
    assert_eq!(policies[1]["spec"]["selector"]["matchLabels"], json!({ "app": "wiki" }));
    assert_eq!((&policies[2]["spec"]["selector"], &policies[2]["spec"]["targetRefs"]), (&Value::Null, &waypoint));
    assert!(policies.iter().all(|policy| policy["spec"]["action"] == "CUSTOM"));
}

/// A path is excluded for those hosts only for which a route leads it to Gatepost.
#[test]
fn istios_policy_excludes_only_what_is_routed_to_gatepost() {
    let routed = json!({ "enabled": true, "parentRefs": [{ "name": "gateway" }] });
    let single = merged(
        &smallest(),
        &json!({ "istio": { "enabled": true, "hosts": ["more.example.com"] }, "httpRoute": routed }),
    );
    let domain =
        values(&json!({ "istio": { "enabled": true, "otherHosts": ["open.example.com"] }, "httpRoute": routed }));
    let releases: Vec<_> = render(&[single, domain]).into_iter().map(Result::unwrap).collect();
    let operations = |index: usize| &releases[index].the("AuthorizationPolicy")["spec"]["rules"][0]["to"];

    assert_eq!(operations(0)[0]["operation"], json!({ "hosts": ["more.example.com", "more.example.com:*"] }));
    let paths = json!(["/outpost.goauthentik.io/backchannel_logout"]);
    let hosts = json!(["wiki.example.com", "wiki.example.com:*"]);
    assert_eq!(operations(0)[1]["operation"], json!({ "hosts": hosts, "notPaths": paths }));

    // Below a domain every request is checked, except these paths of the hosts that the route has.
    let others = as_set(&operations(1)[0]["operation"]["notHosts"]);
    let routed = as_set(&operations(1)[1]["operation"]["hosts"]);
    let difference: BTreeSet<_> = others.difference(&routed).copied().collect();
    assert_eq!(difference, BTreeSet::from(["open.example.com", "open.example.com:*"]));
    let route = &releases[1].the("HTTPRoute")["spec"];
    for host in as_set(&route["hostnames"]) {
        assert!(routed.contains(host) && routed.contains(&*format!("{host}:*")), "{host}");
    }
    assert_eq!(routed.len(), 2 * as_set(&route["hostnames"]).len());
    let matched = route["rules"][0]["matches"].as_array().unwrap().iter();
    let matched: Vec<_> = matched.map(|matched| &matched["path"]["value"]).collect();
    let not_paths = operations(1)[1]["operation"]["notPaths"].as_array().unwrap();
    assert_eq!(matched, not_paths.iter().collect::<Vec<_>>());
}

#[test]
fn envoy_gateways_resources_are_those_of_the_snippet() {
    let slugs = ["docs", "wiki", "tools", "local", "portal"];
    let routes: Vec<_> = slugs.iter().map(|slug| json!({ "name": slug, "namespace": "default" })).collect();
    let release = render_one(values(&json!({ "envoyGateway": { "enabled": true, "routes": routes } })));
    let mut expected = parse(&[&snippet(&["envoy-gateway"])]).remove(0);
    let grant = expected.pop().unwrap();
    assert_eq!(release.the("ReferenceGrant")["spec"], grant["spec"]);
    assert_eq!(release.the("ReferenceGrant")["apiVersion"], grant["apiVersion"]);
    let policies = release.all("SecurityPolicy");
    assert_eq!(policies.len(), expected.len());
    for (policy, expected) in policies.iter().zip(expected) {
        assert_eq!(policy["metadata"]["name"], expected["metadata"]["name"]);
        assert_eq!((&policy["apiVersion"], &policy["spec"]), (&expected["apiVersion"], &expected["spec"]));
        assert_eq!(policy["metadata"]["namespace"], expected["metadata"]["namespace"]);
    }
}

/// The paths of an Ingress, by host.
fn paths(ingress: &Value) -> Vec<(String, Vec<String>)> {
    let rules = ingress["spec"]["rules"].as_array().unwrap().iter();
    let of_rule = |rule: &Value| {
        let paths = rule["http"]["paths"].as_array().unwrap().iter();
        let paths =
            paths.map(|path| format!("{} {}", path["pathType"].as_str().unwrap(), path["path"].as_str().unwrap()));
        (rule["host"].as_str().unwrap().to_owned(), paths.collect())
    };
    rules.map(of_rule).collect()
}

#[test]
fn ingress_nginx_gets_the_paths_and_annotations_of_the_shipped_file() {
    let shipped = std::fs::read_to_string(root().join("envoy/forward-auth/ingress-nginx/ingress.yaml")).unwrap();
    let shipped = parse(&[&shipped]).remove(0);
    let changes = json!({
        "ingressNginx": { "enabled": true },
        "config": { "forward_auth": { "dialects": ["nginx"], "trusted_proxies": ["10.244.0.0/16"] } },
    });
    let mut values = merged(&smallest(), &changes);
    values["config"]["applications"][0]["bearer"] = json!({ "verify": "introspection", "resource_metadata": {} });
    let release = render_one(values);
    assert_eq!(paths(release.the("Ingress")), paths(&shipped[1]));
    let (_, notes) = release.notes.split_once("\nnginx.ingress.kubernetes.io/auth-url").unwrap();
    let mut notes = parse(&[&format!("nginx.ingress.kubernetes.io/auth-url{notes}")]).remove(0).remove(0);
    let address = &mut notes["nginx.ingress.kubernetes.io/auth-url"];
    *address = address.as_str().unwrap().replace(&format!("gatepost.{NAMESPACE}.svc"), "gatepost.gatepost.svc").into();
    assert_eq!(notes, shipped[0]["metadata"]["annotations"]);
}

/// A header that is not listed reaches the application as the client sent it.
#[test]
fn ingress_nginx_copies_the_headers_of_each_application() {
    let release = render_one(values(&json!({ "ingressNginx": { "enabled": true } })));
    let header = regex::Regex::new(r"(?m)^    proxy_set_header (\S+) +\$gp_").unwrap();
    for (name, slug) in [("Team Wiki", "wiki"), ("Docs", "docs"), ("Tools", "tools"), ("Portal", "portal")] {
        let (_, notes) = release.notes.split_once(&format!("\n{name}: add these annotations")).unwrap();
        assert!(notes.lines().any(|line| line.ends_with(&format!("/auth/nginx/{slug}"))), "{name}: {notes}");
        let (_, listed) = notes.split_once("auth-response-headers: ").unwrap();
        let listed: BTreeSet<_> = listed.lines().next().unwrap().split(',').map(str::to_lowercase).collect();
        let printed = snippet(&["nginx", "--app", slug]);
        let copied: BTreeSet<_> = header.captures_iter(&printed).map(|found| found[1].to_lowercase()).collect();
        assert_eq!(listed, copied, "{name}");
    }
}
