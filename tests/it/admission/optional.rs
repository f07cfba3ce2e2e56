//! Plugins that are off until somebody switches them on, and configurations of plugins.

use mockernetes::cluster::{Builder, Cluster};
use serde_json::{Value, json};

use super::{CONFIG_MAPS, PODS, pod};
use crate::support::{Fixture, start};

fn with(name: &str) -> Builder {
    Cluster::builder().enable_admission_plugins([name.to_owned()])
}

fn configured(name: &str, settings: Value) -> Builder {
    with(name).admission_settings([(name.to_owned(), settings)].into())
}

/// Annotates the namespace `default`.
async fn annotate(cluster: &Fixture, key: &str, value: &str) {
    let path = "/api/v1/namespaces/default";
    let mut namespace = cluster.client.json("GET", path, None).await.unwrap();
    namespace["metadata"]["annotations"][key] = value.into();
    cluster.ask("PUT", path, &namespace).await.unwrap();
}

async fn refused(cluster: &Fixture, path: &str, object: &Value) -> (u16, String) {
    let failure = cluster.post(path, object).await.unwrap_err();
    (failure.code, failure.message().to_owned())
}

#[tokio::test]
async fn images_are_always_pulled_where_that_is_asked_for() {
    let cluster = start(with("AlwaysPullImages")).await;
    let spec = json!({
        "initContainers": [{"name": "i", "image": "a:1", "imagePullPolicy": "Never"}],
        "containers": [{"name": "c", "image": "b:1"}],
        "volumes": [{"name": "v", "image": {"reference": "r:1"}}],
    });
    let made = cluster.post(PODS, &pod("a", &spec)).await.unwrap();
    let policies = [
        &made["spec"]["initContainers"][0]["imagePullPolicy"],
        &made["spec"]["containers"][0]["imagePullPolicy"],
        &made["spec"]["volumes"][0]["image"]["pullPolicy"],
    ];
    assert!(
        policies.iter().all(|policy| **policy == "Always"),
        "{policies:?}"
    );
}

#[tokio::test]
async fn pods_keep_others_away_from_their_node_only() {
    let cluster = start(with("LimitPodHardAntiAffinityTopology")).await;
    let affinity = |key: &str| {
        let term = json!({"topologyKey": key, "labelSelector": {}});
        json!({"affinity": {"podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [term],
        }}})
    };
    let near = pod("near", &affinity("kubernetes.io/hostname"));
    cluster.post(PODS, &near).await.unwrap();
    assert_eq!(
        refused(&cluster, PODS, &pod("far", &affinity("zone"))).await,
        (
            403,
            "pods \"far\" is forbidden: affinity.PodAntiAffinity.RequiredDuringScheduling has \
             TopologyKey zone but only key kubernetes.io/hostname is allowed"
                .to_owned()
        )
    );
}

#[tokio::test]
async fn pods_run_on_the_nodes_that_their_namespace_is_for() {
    let settings = json!({"podNodeSelectorPluginConfig": {
        "clusterDefaultNodeSelector": "disk=ssd", "default": "disk=ssd,zone=a",
    }});
    let cluster = start(configured("PodNodeSelector", settings)).await;
    let made = cluster.post(PODS, &pod("a", &json!({}))).await.unwrap();
    assert_eq!(made["spec"]["nodeSelector"], json!({"disk": "ssd"}));
    let other = pod("b", &json!({"nodeSelector": {"disk": "hdd"}}));
    let (code, message) = refused(&cluster, PODS, &other).await;
    let why = "pod node label selector conflicts with its namespace node label selector";
    assert_eq!(
        (code, message),
        (403, format!("pods \"b\" is forbidden: {why}"))
    );
    let foreign = pod("c", &json!({"nodeSelector": {"zone": "b"}}));
    let (code, message) = refused(&cluster, PODS, &foreign).await;
    let why = "pod node label selector labels conflict with its namespace whitelist";
    assert_eq!(
        (code, message),
        (403, format!("pods \"c\" is forbidden: {why}"))
    );
    annotate(
        &cluster,
        "scheduler.alpha.kubernetes.io/node-selector",
        "zone=a",
    )
    .await;
    let made = cluster.post(PODS, &pod("d", &json!({}))).await.unwrap();
    assert_eq!(made["spec"]["nodeSelector"], json!({"zone": "a"}));
}

#[tokio::test]
async fn pods_tolerate_what_their_namespace_lets_them() {
    let cluster = start(with("PodTolerationRestriction")).await;
    let key = "scheduler.alpha.kubernetes.io/defaultTolerations";
    let given = r#"[{"key":"gpu","operator":"Exists","effect":"NoSchedule"}]"#;
    annotate(&cluster, key, given).await;
    let made = cluster.post(PODS, &pod("a", &json!({}))).await.unwrap();
    let keys = |pod: &Value| -> Vec<String> {
        let all = pod["spec"]["tolerations"].as_array().unwrap().iter();
        all.map(|one| one["key"].as_str().unwrap().to_owned())
            .collect()
    };
    assert!(keys(&made).contains(&"gpu".to_owned()));
    let requests = json!({"requests": {"cpu": "1"}});
    let spec = json!({"containers": [{"name": "c", "image": "i", "resources": requests}]});
    let made = cluster.post(PODS, &pod("b", &spec)).await.unwrap();
    assert!(keys(&made).contains(&"node.kubernetes.io/memory-pressure".to_owned()));
    let key = "scheduler.alpha.kubernetes.io/tolerationsWhitelist";
    annotate(&cluster, key, given).await;
    let (code, message) = refused(&cluster, PODS, &pod("c", &json!({}))).await;
    let why = "pod tolerations (possibly merged with namespace default tolerations) conflict with \
               its namespace whitelist";
    assert_eq!((code, message.as_str()), (500, why));
}

#[tokio::test]
async fn pods_with_devices_tolerate_their_taint() {
    let cluster = start(with("ExtendedResourceToleration")).await;
    let amounts = json!({"example.com/gpu": "1"});
    let resources = json!({"requests": amounts, "limits": amounts});
    let spec = json!({"containers": [{"name": "c", "image": "i", "resources": resources}]});
    let made = cluster.post(PODS, &pod("a", &spec)).await.unwrap();
    let expected = json!({"key": "example.com/gpu", "operator": "Exists", "effect": "NoSchedule"});
    let tolerations = made["spec"]["tolerations"].as_array().unwrap();
    assert!(tolerations.contains(&expected), "{tolerations:?}");
}

#[tokio::test]
async fn services_get_no_new_external_addresses() {
    let cluster = start(with("DenyServiceExternalIPs")).await;
    let path = "/api/v1/namespaces/default/services";
    let service = |ips: Value| {
        let spec = json!({"ports": [{"port": 80}], "externalIPs": ips});
        json!({"metadata": {"name": "s"}, "spec": spec})
    };
    assert_eq!(
        refused(&cluster, path, &service(json!(["192.0.2.7"]))).await,
        (
            403,
            "services \"s\" is forbidden: Use of external IPs is denied by admission control"
                .to_owned()
        )
    );
    cluster.post(path, &service(json!([]))).await.unwrap();
}

#[tokio::test]
async fn a_missing_namespace_is_made_or_refused() {
    let cluster = start(with("NamespaceAutoProvision")).await;
    let path = "/api/v1/namespaces/fresh/configmaps";
    let object = json!({"metadata": {"name": "a"}});
    let dry = format!("{path}?dryRun=All");
    assert_eq!(refused(&cluster, &dry, &object).await.0, 404);
    cluster.post(path, &object).await.unwrap();
    let namespace = cluster
        .client
        .json("GET", "/api/v1/namespaces/fresh", None)
        .await;
    assert_eq!(namespace.unwrap()["status"]["phase"], "Active");
    let cluster = start(with("NamespaceExists")).await;
    let lease = "/apis/coordination.k8s.io/v1/namespaces/fresh/leases/a";
    let object = json!({"metadata": {"name": "a"}, "spec": {}});
    let failure = cluster.ask("PUT", lease, &object).await.unwrap_err();
    let expected = (404, "namespaces \"fresh\" not found");
    assert_eq!((failure.code, failure.message()), expected);
}

#[tokio::test]
async fn events_come_as_fast_as_they_may() {
    let settings = json!({"limits": [{"type": "Namespace", "qps": 1, "burst": 2}]});
    let clock = mockernetes::sim::Clock::virtual_at(jiff::Timestamp::UNIX_EPOCH);
    let cluster = start(configured("EventRateLimit", settings).clock(clock.clone())).await;
    let path = "/api/v1/namespaces/default/events";
    let event = |name: &str| {
        let about = json!({"kind": "Pod", "namespace": "default", "name": "p"});
        json!({"metadata": {"name": name}, "involvedObject": about})
    };
    for name in ["a", "b"] {
        cluster.post(path, &event(name)).await.unwrap();
    }
    let (code, message) = refused(&cluster, path, &event("c")).await;
    let why = "Too many requests: limit reached on type Namespace for key default";
    assert_eq!((code, message.as_str()), (429, why));
    clock.advance(std::time::Duration::from_secs(1));
    cluster.post(path, &event("c")).await.unwrap();
}

#[tokio::test]
async fn defaults_and_exemptions_of_pod_security_are_configured() {
    let settings = json!({
        "defaults": {"enforce": "baseline", "enforce-version": "latest"},
        "exemptions": {"namespaces": ["exempt"], "usernames": [], "runtimeClasses": []},
    });
    let cluster = start(configured("PodSecurity", settings)).await;
    let namespace = json!({"metadata": {"name": "exempt"}});
    cluster
        .post("/api/v1/namespaces", &namespace)
        .await
        .unwrap();
    let host = pod("a", &json!({"hostNetwork": true}));
    let (code, message) = refused(&cluster, PODS, &host).await;
    let why = "violates PodSecurity \"baseline:latest\": host namespaces (hostNetwork=true)";
    assert_eq!(
        (code, message),
        (403, format!("pods \"a\" is forbidden: {why}"))
    );
    cluster
        .post("/api/v1/namespaces/exempt/pods", &host)
        .await
        .unwrap();
}

#[tokio::test]
async fn what_cannot_be_configured_stops_the_start_by_its_name() {
    for (name, settings, why) in [
        ("LimitRanger", json!({}), "takes no configuration here"),
        (
            "PodSecurity",
            json!({"defaults": {"warn": "strict"}}),
            "defaults.warn: Invalid value: \"strict\": must be one of privileged, baseline, \
             restricted",
        ),
        (
            "EventRateLimit",
            json!({"limits": [{"type": "Cluster", "qps": 1, "burst": 1}]}),
            "limits[0].type: Unsupported value: \"Cluster\": supported values: \"Namespace\", \
             \"Server\", \"SourceAndObject\", \"User\"",
        ),
    ] {
        let failed = configured(name, settings).start().await.err().unwrap();
        assert_eq!(
            failed.to_string(),
            format!("admission plugin {name}: {why}")
        );
    }
}

#[tokio::test]
async fn where_everything_is_refused_nothing_can_even_be_started() {
    let failed = with("AlwaysDeny").start().await.err().unwrap().to_string();
    assert!(
        failed.contains("admission control is denying all modifications"),
        "{failed}"
    );
    let cluster = start(with("AlwaysAdmit")).await;
    let object = json!({"metadata": {"name": "a"}});
    cluster.post(CONFIG_MAPS, &object).await.unwrap();
}

#[tokio::test]
async fn a_pod_on_a_node_is_changed_as_the_node_has_said_it_can_follow() {
    let cluster = start(Cluster::builder()).await;
    let node = json!({"metadata": {"name": "n"}});
    cluster.post("/api/v1/nodes", &node).await.unwrap();
    let amounts = json!({"cpu": "4", "memory": "8Gi", "pods": "10"});
    let status = json!({"metadata": {"name": "n"}, "status": {"allocatable": amounts}});
    let own = "/api/v1/nodes/n/status";
    cluster.ask("PUT", own, &status).await.unwrap();
    let amounts = |cpu: &str| json!({"requests": {"cpu": cpu, "memory": "64Mi"}});
    let spec = json!({
        "nodeName": "n",
        "resources": amounts("1"),
        "containers": [{"name": "c", "image": "i"}],
    });
    let mut made = cluster.post(PODS, &pod("a", &spec)).await.unwrap();
    made["spec"]["resources"] = amounts("2");
    let path = format!("{PODS}/a/resize");
    let failure = cluster.ask("PUT", &path, &made).await.unwrap_err();
    assert_eq!(
        (failure.code, failure.message()),
        (
            403,
            "pods \"a\" is forbidden: pod update requires features \
             InPlacePodLevelResourcesVerticalScaling which are not available on node \"n\""
        )
    );
    let status = json!({"metadata": {"name": "n"}, "status": {
        "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "10"},
        "declaredFeatures": ["InPlacePodLevelResourcesVerticalScaling"],
    }});
    cluster.ask("PUT", own, &status).await.unwrap();
    cluster.ask("PUT", &path, &made).await.unwrap();
}
