//! The resources of a release, for values with each feature off and on.

use serde_json::{Value, json};

use super::helm::{NAMESPACE, Release, lint, merged, render, render_one, replicated, smallest, values};

/// Every feature at once.
pub(crate) fn everything() -> Value {
    let changes = json!({
        "image": { "tag": "0.1.0", "pullPolicy": "Always" },
        "imagePullSecrets": [{ "name": "registry" }],
        "serviceAccount": { "annotations": { "example.com/role": "gatepost" } },
        "service": { "annotations": { "example.com/owner": "platform" } },
        "podAnnotations": { "example.com/owner": "platform" },
        "podLabels": { "team": "platform" },
        "extraVolumes": [{ "name": "ca", "configMap": { "name": "ca" } }],
        "extraVolumeMounts": [{ "name": "ca", "mountPath": "/etc/ca", "readOnly": true }],
        "nodeSelector": { "kubernetes.io/os": "linux" },
        "tolerations": [{ "key": "edge", "operator": "Exists", "effect": "NoSchedule" }],
        "affinity": { "podAntiAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [
            { "topologyKey": "kubernetes.io/hostname", "labelSelector": { "matchLabels": { "app.kubernetes.io/name": "gatepost" } } },
        ] } },
        "priorityClassName": "system-cluster-critical",
        "autoscaling": { "enabled": true },
        "networkPolicy": {
            "enabled": true,
            "gateways": [{ "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "istio-system" } } }],
            "monitoring": [{ "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "monitoring" } } }],
            "egress": {
                "provider": { "to": [{ "ipBlock": { "cidr": "203.0.113.0/24" } }] },
                "redis": { "to": [{ "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "data" } } }] },
                "extra": [{ "to": [{ "ipBlock": { "cidr": "10.9.0.0/16" } }], "ports": [{ "port": 3128 }] }],
            },
        },
        "serviceMonitor": { "enabled": true, "labels": { "release": "prometheus" } },
        "istio": { "enabled": true },
        "envoyGateway": { "enabled": true, "routes": [{ "name": "wiki", "namespace": "default" }] },
        "httpRoute": { "enabled": true, "parentRefs": [{ "name": "eg", "namespace": "gateways" }] },
        "ingressNginx": { "enabled": true, "tls": [{ "hosts": ["wiki.example.com"], "secretName": "wiki-tls" }] },
        "config": { "forward_auth": { "dialects": ["nginx"], "trusted_proxies": ["10.244.0.0/16"] } },
    });
    merged(&replicated(), &changes)
}

fn authentik() -> Value {
    json!({
        "image": { "repository": "registry.example.com/gatepost" },
        "authentik": { "host": "https://authentik.example.com", "token": { "secretName": "authentik-outpost-api" } },
    })
}

/// The name of a case, its values on top of the smallest or of the replicated ones, and the kinds that it has beside those of
/// every release; `-` means that it lacks one of those.
const CASES: [(&str, &str, &[&str]); 15] = [
    ("smallest", "{}", &["StatefulSet"]),
    ("smallest", "config: {session: {store: memory}}", &["Deployment"]),
    ("smallest", "podDisruptionBudget: {enabled: false}", &["StatefulSet", "-PodDisruptionBudget"]),
    ("smallest", "serviceAccount: {create: false, name: own}", &["StatefulSet", "-ServiceAccount"]),
    ("smallest", "topologySpreadKeys: []", &["StatefulSet"]),
    ("smallest", "networkPolicy: {enabled: true, gateways: [{podSelector: {}}]}", &["StatefulSet", "NetworkPolicy"]),
    ("smallest", "serviceMonitor: {enabled: true}", &["StatefulSet", "ServiceMonitor"]),
    ("smallest", "istio: {enabled: true}", &["StatefulSet", "AuthorizationPolicy"]),
    (
        "smallest",
        "envoyGateway: {enabled: true, routes: [{name: wiki, namespace: default}]}",
        &["StatefulSet", "SecurityPolicy", "ReferenceGrant"],
    ),
    ("smallest", "httpRoute: {enabled: true, parentRefs: [{name: eg}]}", &["StatefulSet", "HTTPRoute"]),
    (
        "smallest",
        "{ingressNginx: {enabled: true}, config: {forward_auth: {dialects: [nginx], trusted_proxies: [10.244.0.0/16]}}}",
        &["StatefulSet", "Ingress"],
    ),
    ("smallest", "config: {listen: {http: off, https: false}}", &["StatefulSet"]),
    ("smallest", "podSecurityContext: {runAsUser: null, runAsGroup: null, fsGroup: null}", &["StatefulSet"]),
    ("replicated", "{}", &["Deployment"]),
    ("replicated", "autoscaling: {enabled: true}", &["Deployment", "HorizontalPodAutoscaler"]),
];

/// The kinds of [`everything`], beside those of every release.
const ALL_KINDS: [&str; 9] = [
    "Deployment",
    "HorizontalPodAutoscaler",
    "NetworkPolicy",
    "ServiceMonitor",
    "AuthorizationPolicy",
    "SecurityPolicy",
    "ReferenceGrant",
    "HTTPRoute",
    "Ingress",
];

#[test]
fn each_set_of_values_gives_resources_that_kubernetes_accepts() {
    let changes = values(&CASES.map(|(_, changes, _)| changes));
    let of_case = |(base, _, kinds): &(&str, &str, &'static [&'static str]), changes: &Value| {
        let base = if *base == "replicated" { replicated() } else { smallest() };
        (merged(&base, changes), *kinds)
    };
    let mut cases: Vec<_> = CASES.iter().zip(&changes).map(|(case, changes)| of_case(case, changes)).collect();
    cases.extend([(authentik(), &["StatefulSet"][..]), (everything(), &ALL_KINDS)]);
    let rendered = render(&cases.iter().map(|(values, _)| values.clone()).collect::<Vec<_>>());
    for ((values, kinds), release) in cases.iter().zip(rendered) {
        let release = release.unwrap_or_else(|error| panic!("{values}: {error}"));
        let mut expected = vec!["ConfigMap", "PodDisruptionBudget", "Service", "ServiceAccount"];
        for kind in *kinds {
            match kind.strip_prefix('-') {
                Some(absent) => expected.retain(|kind| *kind != absent),
                None => expected.push(kind),
            }
        }
        expected.sort_unstable();
        assert_eq!((release.kinds(), &release.faults), (expected, &Vec::new()), "{values}");
    }
}

#[test]
fn helms_linter_finds_nothing() {
    assert_eq!(lint(&[smallest(), everything()]), Vec::<Value>::new());
}

/// What a resource must not be able to do, however it is configured.
#[test]
fn the_pod_has_no_privileges() {
    for release in render(&[smallest(), everything(), authentik()]).into_iter().map(Result::unwrap) {
        let (pod, container) = (release.pod(), release.container());
        assert_eq!(pod["automountServiceAccountToken"], false);
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        assert_eq!(pod["securityContext"]["seccompProfile"], json!({ "type": "RuntimeDefault" }));
        assert_eq!(
            container["securityContext"],
            json!({ "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": { "drop": ["ALL"] } })
        );
        // The only place that can be written is the folder of the state.
        let mounts = container["volumeMounts"].as_array().unwrap();
        let writable: Vec<_> = mounts.iter().filter(|mount| mount["readOnly"] != true).collect();
        assert_eq!(writable, [&json!({ "name": "state", "mountPath": "/var/lib/gatepost" })]);
    }
}

#[test]
fn ports_are_those_of_the_configuration() {
    let listen = json!({ "grpc": "0.0.0.0:19001", "http": 19000, "https": "off", "metrics": "[::]:19300" });
    let changes = json!({ "config": { "listen": listen } });
    let release = render_one(merged(&everything(), &changes));
    let ports = |ports: &Value, key: &str| -> Vec<(String, u64)> {
        let ports = ports.as_array().unwrap().iter();
        ports.map(|port| (port["name"].as_str().unwrap_or_default().to_owned(), port[key].as_u64().unwrap())).collect()
    };
    let expected = [("grpc", 19001), ("http", 19000), ("metrics", 19300)].map(|(name, port)| (name.to_owned(), port));
    assert_eq!(ports(&release.the("Service")["spec"]["ports"], "port"), expected);
    assert_eq!(ports(&release.container()["ports"], "containerPort"), expected);
    assert_eq!(release.container()["startupProbe"]["grpc"]["port"], 19001);
    let ingress = &release.the("NetworkPolicy")["spec"]["ingress"];
    assert_eq!(ingress[0]["ports"], json!([{ "port": 19001 }, { "port": 19000 }]));
    assert_eq!(ingress[1]["ports"], json!([{ "port": 19300 }]));
    let policy = &release.the("SecurityPolicy")["spec"]["extAuth"]["grpc"]["backendRefs"][0];
    assert_eq!(policy, &json!({ "name": "gatepost", "namespace": NAMESPACE, "port": 19001 }));
    assert_eq!(release.the("HTTPRoute")["spec"]["rules"][0]["backendRefs"][0]["port"], 19000);
}

/// Without a configuration of `listen`, the ports are the program's defaults.
#[test]
fn default_ports_are_the_programs() {
    let schema: Value = serde_json::from_str(&gatepost::config::schema()).unwrap();
    let defaults = schema.pointer("/properties/listen/anyOf/0/properties").unwrap();
    let release = render_one(smallest());
    for port in release.the("Service")["spec"]["ports"].as_array().unwrap() {
        assert_eq!(port["port"], defaults[port["name"].as_str().unwrap()]["default"]);
    }
    // What the chart leaves out is reachable within the pod only.
    assert_eq!(defaults["admin"]["default"], "127.0.0.1:9302");
    assert_eq!(defaults.as_object().unwrap().len(), 5);
}

/// SIGKILL comes after the program's own limits.
#[test]
fn the_grace_period_is_longer_than_the_programs_shutdown() {
    let schema: Value = serde_json::from_str(&gatepost::config::schema()).unwrap();
    let defaults = schema.pointer("/properties/shutdown/anyOf/0/properties").unwrap();
    assert_eq!((&defaults["delay"]["default"], &defaults["grace"]["default"]), (&json!("5s"), &json!("25s")));
    let cases = [
        (json!({}), 35),
        (json!({ "delay": "1m30s" }), 120),
        (json!({ "grace": "1h", "delay": "1500ms" }), 3607),
        (json!({ "delay": "0s", "grace": "0s" }), 5),
    ];
    for (shutdown, expected) in cases {
        let release = render_one(merged(&smallest(), &json!({ "config": { "shutdown": shutdown } })));
        assert_eq!(release.pod()["terminationGracePeriodSeconds"], expected, "{shutdown}");
    }
}

#[test]
fn a_session_file_has_a_volume_and_one_process() {
    let file = render_one(smallest());
    let spec = &file.workload()["spec"];
    assert_eq!((&spec["replicas"], &spec["serviceName"]), (&json!(1), &json!("gatepost")));
    let claim = &spec["volumeClaimTemplates"][0];
    assert_eq!(
        (&claim["metadata"]["name"], &claim["spec"]["accessModes"]),
        (&json!("state"), &json!(["ReadWriteOnce"]))
    );
    let env = file.container()["env"].as_array().unwrap();
    assert!(env.contains(&json!({ "name": "STATE_DIRECTORY", "value": "/var/lib/gatepost" })), "{env:?}");

    let memory = render_one(merged(&smallest(), &json!({ "config": { "session": { "store": "memory" } } })));
    assert_eq!(memory.workload()["spec"]["strategy"], json!({ "type": "Recreate" }));

    let redis = render_one(replicated());
    assert_eq!(redis.workload()["spec"]["replicas"], 3);
    assert_eq!(volume(&redis, "state")["emptyDir"], json!({}));
    assert_eq!(volume(&redis, "sealing-key")["secret"]["secretName"], "gatepost-sealing-key");
}

fn volume<'a>(release: &'a Release, name: &str) -> &'a Value {
    release.pod()["volumes"].as_array().unwrap().iter().find(|volume| volume["name"] == name).unwrap()
}
