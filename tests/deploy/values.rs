//! The values of the chart: each one is documented, has an effect, and is refused when it is wrong.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::helm::{chart, merged, parse, render, replicated, smallest, values};
use super::resources::everything;

/// Values that are passed on to Kubernetes as they are.
const PASSED_ON: [&str; 3] = ["podSecurityContext", "securityContext", "resources"];

/// The values with their defaults, by path; sections are no values.
fn defaults() -> BTreeMap<String, Value> {
    fn collect(path: &str, value: &Value, found: &mut BTreeMap<String, Value>) {
        match value {
            Value::Object(members) if !members.is_empty() && !PASSED_ON.contains(&path) => {
                let joined = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
                members.iter().for_each(|(name, member)| collect(&joined(name), member, found));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
                drop(found.insert(path.to_owned(), value.clone()));
            }
        }
    }
    let text = std::fs::read_to_string(chart("values.yaml")).unwrap();
    let mut found = BTreeMap::new();
    collect("", &parse(&[&text]).remove(0).remove(0), &mut found);
    found
}

/// `{a: {b: value}}` for `a.b`.
fn at(path: &str, value: Value) -> Value {
    path.rsplit('.').fold(value, |value, name| json!({ name: value }))
}

/// Every section that does not depend on values of `config` comes from the program: the copy is written by
/// `BLESS=1 cargo test --test deploy`.
#[test]
fn the_schema_of_config_is_the_programs() {
    let mut config: Value = serde_json::from_str(&gatepost::config::schema()).unwrap();
    let members = config.as_object_mut().unwrap();
    // `authentik.host` of the chart is another source of the applications, so the chart's own rules say what is required.
    for removed in ["$schema", "title", "oneOf"] {
        members.remove(removed).unwrap();
    }
    let authentik = config.pointer_mut("/properties/authentik/anyOf/0").unwrap().as_object_mut().unwrap();
    assert_eq!(authentik.remove("required"), Some(json!(["host"])));

    let mut schema: Value =
        serde_json::from_str(&std::fs::read_to_string(chart("values.schema.json")).unwrap()).unwrap();
    if std::env::var_os("BLESS").is_some() {
        schema["properties"]["config"] = config.clone();
        std::fs::write(chart("values.schema.json"), format!("{schema:#}\n")).unwrap();
    }
    assert!(schema["properties"]["config"] == config, "run `BLESS=1 cargo test --test deploy`");
}

#[test]
fn the_chart_has_the_version_of_the_program() {
    let text = std::fs::read_to_string(chart("Chart.yaml")).unwrap();
    let chart = parse(&[&text]).remove(0).remove(0);
    assert_eq!(
        (&chart["version"], &chart["appVersion"]),
        (&json!(env!("CARGO_PKG_VERSION")), &json!(env!("CARGO_PKG_VERSION")))
    );
}

#[test]
fn each_value_is_documented_with_its_default() {
    let table = std::fs::read_to_string(chart("README.md")).unwrap();
    let rows: BTreeMap<&str, &str> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | ")?.into())
        .map(|(path, rest)| (path, rest.split(" | ").next().unwrap().trim_matches('`')))
        .collect();
    let is_section = |value: &Value| value.as_object().is_some_and(|members| !members.is_empty());
    let shown = |value: &Value| if is_section(value) { "see below".to_owned() } else { value.to_string() };
    let defaults: BTreeMap<_, _> = defaults().iter().map(|(path, value)| (path.clone(), shown(value))).collect();
    for (path, default) in &defaults {
        let row = rows.get(&**path).unwrap_or_else(|| panic!("`{path}` is missing"));
        assert!(row == default || *row == "see below", "{path}: {row}, not {default}");
    }
    let unknown: Vec<_> = rows.keys().filter(|path| !defaults.contains_key(**path)).collect();
    assert_eq!(unknown, Vec::<&&str>::new());
}

/// Another value for each path, as YAML.
const OTHERS: [(&str, &str); 69] = [
    ("config", "{log: {level: warn}}"),
    ("image.repository", "mirror.example.com/gatepost"),
    ("image.tag", "0.2.0"),
    ("image.digest", "sha256:0000000000000000000000000000000000000000000000000000000000000000"),
    ("image.pullPolicy", "Never"),
    ("imagePullSecrets", "[{name: other}]"),
    ("fullnameOverride", "outpost"),
    ("replicas", "2"),
    ("secretFiles", "[{secretName: other}]"),
    ("secretEnv", "[{key: other, name: OTHER, secretName: other}]"),
    ("sealingKey.secretName", "other"),
    ("sealingKey.key", "other"),
    ("authentik.host", "https://other.example.com"),
    ("authentik.token.secretName", "other"),
    ("authentik.token.key", "other"),
    ("persistence.size", "2Gi"),
    ("persistence.storageClassName", "fast"),
    ("persistence.annotations", "{example.com/backup: daily}"),
    ("serviceAccount.create", "false"),
    ("serviceAccount.name", "other"),
    ("serviceAccount.annotations", "{example.com/role: other}"),
    ("service.annotations", "{example.com/owner: other}"),
    ("podAnnotations", "{example.com/owner: other}"),
    ("podLabels", "{team: other}"),
    ("podSecurityContext", "{runAsUser: 1000}"),
    ("securityContext", "{readOnlyRootFilesystem: false}"),
    ("resources", "{limits: {memory: 1Gi}}"),
    ("extraVolumes", "[]"),
    ("extraVolumeMounts", "[]"),
    ("nodeSelector", "{kubernetes.io/os: other}"),
    ("tolerations", "[]"),
    ("affinity", "{podAntiAffinity: null}"),
    ("priorityClassName", "other"),
    ("topologySpreadKeys", "[kubernetes.io/hostname]"),
    ("podDisruptionBudget.enabled", "false"),
    ("podDisruptionBudget.maxUnavailable", "50%"),
    ("autoscaling.enabled", "false"),
    ("autoscaling.minReplicas", "3"),
    ("autoscaling.maxReplicas", "9"),
    ("autoscaling.targetCPUUtilizationPercentage", "50"),
    ("networkPolicy.enabled", "false"),
    ("networkPolicy.gateways", "[{podSelector: {}}]"),
    ("networkPolicy.monitoring", "[]"),
    ("networkPolicy.egress.enabled", "false"),
    ("networkPolicy.egress.dns.to", "[]"),
    ("networkPolicy.egress.dns.ports", "[5353]"),
    ("networkPolicy.egress.provider.to", "[]"),
    ("networkPolicy.egress.provider.ports", "[8443]"),
    ("networkPolicy.egress.redis.to", "[]"),
    ("networkPolicy.egress.redis.ports", "[26379]"),
    ("networkPolicy.egress.extra", "[]"),
    ("serviceMonitor.enabled", "false"),
    ("serviceMonitor.interval", "1m"),
    ("serviceMonitor.labels", "{release: other}"),
    ("istio.enabled", "false"),
    ("istio.provider", "other"),
    ("istio.hosts", "[other.example.com]"),
    ("istio.otherHosts", "[open.example.com]"),
    ("istio.targets", "[{namespace: wiki, selector: {app: wiki}}]"),
    ("envoyGateway.enabled", "false"),
    ("envoyGateway.routes", "[{name: other, namespace: default}]"),
    ("httpRoute.enabled", "false"),
    ("httpRoute.parentRefs", "[{name: other}]"),
    ("httpRoute.hostnames", "[other.example.com]"),
    ("httpRoute.endpoints", "[backchannel_logout, callback]"),
    ("ingressNginx.enabled", "false"),
    ("ingressNginx.className", "other"),
    ("ingressNginx.hosts", "[other.example.com]"),
    ("ingressNginx.tls", "[]"),
];

/// The values in which the value at `path` has an effect.
fn base(path: &str) -> Value {
    match path {
        path if path.starts_with("persistence.") => smallest(),
        "replicas" => replicated(),
        path if path.starts_with("authentik.") => json!({
            "image": { "repository": "registry.example.com/gatepost" },
            "authentik": { "host": "https://authentik.example.com", "token": { "secretName": "api" } },
        }),
        // These hosts are named where a policy checks all requests.
        "istio.otherHosts" => merged(&smallest(), &json!({ "istio": { "enabled": true, "hosts": ["*.example.com"] } })),
        _ => everything(),
    }
}

#[test]
fn each_value_has_an_effect() {
    let others: Vec<_> = OTHERS.iter().map(|(path, _)| *path).zip(values(&OTHERS.map(|(_, value)| value))).collect();
    let mut covered: Vec<_> = OTHERS.iter().map(|(path, _)| (*path).to_owned()).collect();
    covered.sort_unstable();
    let mut known: Vec<_> = defaults().into_keys().collect();
    known.push("image.repository".to_owned());
    known.sort_unstable();
    known.dedup();
    assert_eq!(covered, known);
    let pairs = others.iter().flat_map(|(path, value)| [base(path), merged(&base(path), &at(path, value.clone()))]);
    let rendered = render(&pairs.collect::<Vec<_>>());
    for ((path, _), pair) in others.iter().zip(rendered.chunks(2)) {
        let [before, after] =
            [&pair[0], &pair[1]].map(|release| release.as_ref().unwrap_or_else(|error| panic!("{path}: {error}")));
        assert!(before.resources != after.resources, "{path} has no effect");
        assert_eq!(after.faults, Vec::<Value>::new(), "{path}");
    }
}

/// What has to be among the applications for a front proxy.
const PROXIED: &str = "{name: Files, external_host: 'https://files.example.com', mode: proxy, issuer: 'https://sso.example.com', client_id: files}";

/// The values on which the others stand, wrong values, and words of the message with which Helm refuses them: that of the
/// schema, or that of a template.
const WRONG: [(&str, &str, &[&str]); 29] = [
    ("smallest", "replica: 2", &["additional properties 'replica' not allowed"]),
    ("smallest", "config: {sesion: {}}", &["at '/config': additional properties 'sesion' not allowed"]),
    ("smallest", "config: {session: {stor: file}}", &["/config/session", "'stor' not allowed"]),
    ("smallest", "config: {session: {store: disk}}", &["/config/session/store"]),
    ("smallest", "replicas: 2", &["at '/replicas': maximum: got 2, want 1"]),
    ("smallest", "{replicas: 2, config: {session: {store: memory}}}", &["at '/replicas': maximum: got 2, want 1"]),
    ("smallest", "replicas: two", &["at '/replicas': got string, want integer"]),
    ("smallest", "autoscaling: {enabled: true}", &["at '/autoscaling/enabled': value must be false"]),
    ("smallest", "image: {repository: ''}", &["at '/image/repository': minLength: got 0, want 1"]),
    ("image", "{}", &["at '/config': missing property 'applications'"]),
    ("smallest", "networkPolicy: {enabled: true}", &["at '/networkPolicy/gateways': minItems: got 0, want 1"]),
    ("smallest", "istio: {enabled: true, targets: []}", &["at '/istio/targets': minItems: got 0, want 1"]),
    ("smallest", "istio: {targets: [{namespace: wiki}]}", &["at '/istio/targets/0'", "missing property 'selector'"]),
    ("smallest", "envoyGateway: {enabled: true}", &["at '/envoyGateway/routes': minItems: got 0, want 1"]),
    ("smallest", "httpRoute: {enabled: true}", &["at '/httpRoute/parentRefs': minItems: got 0, want 1"]),
    ("smallest", "secretEnv: [{name: A B, secretName: a, key: b}]", &["/secretEnv/0/name"]),
    ("replicated", "sealingKey: {secretName: ''}", &["config.session.store is redis", "sealingKey.secretName"]),
    (
        "replicated",
        "config: {session: {sealing_key_file: /key}}",
        &["sealingKey.secretName and config.session.sealing_key_file both"],
    ),
    ("smallest", "config: {session: {path: /data/sessions.db}}", &["config.session.path is /data/sessions.db"]),
    (
        "smallest",
        "authentik: {host: 'https://authentik.example.com', token: {secretName: api}}",
        &["authentik.host and config.applications are both given"],
    ),
    (
        "image",
        "authentik: {host: 'https://authentik.example.com'}",
        &["authentik.host needs authentik.token.secretName"],
    ),
    (
        "image",
        "{authentik: {host: 'https://authentik.example.com', token: {secretName: api}}, config: {authentik: {token: x}}}",
        &["config.authentik.token stands beside"],
    ),
    (
        "smallest",
        "config: {listen: {grpc: '127.0.0.1:9001'}}",
        &["config.listen.grpc is 127.0.0.1:9001", "such as 9001"],
    ),
    ("smallest", "config: {listen: {metrics: 0}}", &["config.listen.metrics is 0", "such as 9300"]),
    ("everything", "config: {listen: {http: off}}", &["sends requests to listen.http, which is off"]),
    ("smallest", "ingressNginx: {enabled: true}", &["config.forward_auth does not accept"]),
    ("variable", "istio: {enabled: true}", &["the application Wiki has a variable in external_host"]),
    ("proxied", "istio: {enabled: true}", &["istio.enabled: no hosts are known", "istio.hosts"]),
    ("smallest", "istio: {enabled: true, otherHosts: [a.example.com]}", &["istio.otherHosts has no effect"]),
];

/// The values with this name.
fn named(base: &str) -> Value {
    let mut small = smallest();
    match base {
        "image" => json!({ "image": small["image"] }),
        "replicated" => replicated(),
        "everything" => everything(),
        "variable" => {
            small["config"]["applications"][0]["external_host"] = json!("https://${HOST}");
            small
        }
        "proxied" => merged(&small, &json!({ "config": { "applications": values(&[PROXIED]) } })),
        base => {
            assert_eq!(base, "smallest");
            small
        }
    }
}

#[test]
fn wrong_values_are_refused_with_a_message_that_says_what_is_wrong() {
    let changes = values(&WRONG.map(|(_, changes, _)| changes));
    let cases: Vec<_> = WRONG.iter().zip(&changes).map(|((base, ..), changes)| merged(&named(base), changes)).collect();
    for ((_, wrong, words), release) in WRONG.iter().zip(render(&cases)) {
        let message = release.err().unwrap_or_else(|| panic!("accepted: {wrong}"));
        for word in *words {
            assert!(message.contains(word), "{word} in {message}");
        }
    }
}
