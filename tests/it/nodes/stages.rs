//! kwok's Stages say what becomes of pods, nodes and others, and when.

use std::time::Duration;

use mockernetes::Cluster;
use mockernetes::client::Api;
use mockernetes::controllers::Selection;
use mockernetes::sim::Clock;
use serde_json::{Value, json};

use super::{condition, living_cluster_with_nodes, pod, pods};

async fn stage(cluster: &Cluster, name: &str, spec: Value) {
    let stage = json!({
        "apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Stage",
        "metadata": {"name": name}, "spec": spec,
    });
    stages(cluster).create(&stage).await.unwrap();
    cluster.settle().await;
}

fn stages(cluster: &Cluster) -> Api {
    cluster.client().api("kwok.x-k8s.io/v1alpha1", "stages")
}

async fn advance(cluster: &Cluster, seconds: u64) {
    assert!(cluster.advance(Duration::from_secs(seconds)).await);
}

/// Pods that are waiting become ready after ten seconds, or as long as their annotation says.
fn ready() -> Value {
    json!({
        "resourceRef": {"apiGroup": "v1", "kind": "Pod"},
        "selector": {"matchExpressions": [
            {"key": ".metadata.deletionTimestamp", "operator": "DoesNotExist"},
            {"key": ".status.phase", "operator": "In", "values": ["Pending"]},
            {"key": ".status.conditions.[] | select( .type == \"Ready\" ) | .status",
                "operator": "NotIn", "values": ["True"]},
        ]},
        "delay": {
            "durationMilliseconds": 10000,
            "durationFrom": {"expressionFrom": ".metadata.annotations[\"example.com/delay\"]"},
        },
        "next": {"statusTemplate": r#"
            {{ $now := Now }}
            {{ $root := . }}
            conditions:
            {{ range list "Initialized" "Ready" "ContainersReady" }}
            - lastTransitionTime: {{ $now | Quote }}
              status: "True"
              type: {{ . | Quote }}
            {{ end }}
            containerStatuses:
            {{ range $index, $item := .spec.containers }}
            - image: {{ $item.image | Quote }}
              name: {{ $item.name | Quote }}
              ready: true
              restartCount: {{ $index }}
              state:
                running:
                  startedAt: {{ $now | Quote }}
            {{ end }}
            {{ $ips := PodIPsWith .spec.nodeName ( or .spec.hostNetwork false ) "" "" "" }}
            {{ with $ips }}
            podIP: {{ index . 0 | Quote }}
            podIPs:
            {{ range . }}
            - ip: {{ . | Quote }}
            {{ end }}
            {{ end }}
            hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
            phase: Running
            message: by {{ $root.metadata.name }}
        "#},
    })
}

#[tokio::test]
async fn a_stage_takes_the_place_of_what_pods_do_otherwise() {
    let cluster = living_cluster_with_nodes(1).await;
    stage(&cluster, "pod-ready", ready()).await;
    let pods = pods(&cluster);
    pods.create(&pod("slow", &json!({}))).await.unwrap();
    let quick = json!({"example.com/delay": "2s"});
    pods.create(&pod("quick", &quick)).await.unwrap();
    cluster.settle().await;
    assert_eq!(
        pods.get("quick").await.unwrap()["status"]["phase"],
        "Pending"
    );
    advance(&cluster, 2).await;
    let quick = pods.get("quick").await.unwrap();
    assert_eq!(quick["status"]["phase"], "Running");
    assert_eq!(quick["status"]["message"], "by quick");
    assert_eq!(condition(&quick, "Ready"), "True");
    let container = &quick["status"]["containerStatuses"][0];
    assert_eq!(
        container["state"]["running"]["startedAt"],
        "2026-01-01T00:00:02Z"
    );
    assert_eq!(quick["status"]["podIPs"][0]["ip"], quick["status"]["podIP"]);
    assert_eq!(
        pods.get("slow").await.unwrap()["status"]["phase"],
        "Pending"
    );
    advance(&cluster, 8).await;
    let slow = pods.get("slow").await.unwrap();
    assert_eq!(slow["status"]["phase"], "Running");
    assert_ne!(slow["status"]["podIP"], quick["status"]["podIP"]);
    // Without it, pods do again what they do.
    stages(&cluster).delete("pod-ready").await.unwrap();
    pods.create(&pod("late", &json!({}))).await.unwrap();
    cluster.settle().await;
    assert_eq!(
        pods.get("late").await.unwrap()["status"]["phase"],
        "Running"
    );
}

#[tokio::test]
async fn a_stage_makes_the_pods_fail_that_it_is_about_and_no_others() {
    let cluster = living_cluster_with_nodes(1).await;
    let fails = json!({
        "resourceRef": {"apiGroup": "v1", "kind": "Pod"},
        "selector": {
            "matchLabels": {"app": "bad"},
            "matchExpressions": [
                {"jq": {"key": ".status.phase", "operator": "In", "values": ["Running"]}},
                {"cel": {"expression": "self.spec.containers.size() == 1"}},
            ],
        },
        "weight": 10000,
        "delay": {"durationMilliseconds": 1000, "jitterDurationMilliseconds": 1000},
        "next": {
            "event": {"type": "Warning", "reason": "Broken", "message": "it broke"},
            "statusTemplate": r#"
                {{ $annotations := or .metadata.annotations dict }}
                {{ $reason := or ( index $annotations "example.com/reason" ) "failed" }}
                containerStatuses:
                {{ range .spec.containers }}
                - image: {{ .image | Quote }}
                  name: {{ .name | Quote }}
                  ready: false
                  restartCount: 0
                  state:
                    terminated: { exitCode: 3, reason: {{ $reason }} }
                {{ end }}
                phase: Failed
            "#,
        },
    });
    stage(&cluster, "fails", fails).await;
    let pods = pods(&cluster);
    let mut bad = pod("bad", &json!({"example.com/reason": "OOMKilled"}));
    bad["metadata"]["labels"] = json!({"app": "bad"});
    pods.create(&bad).await.unwrap();
    pods.create(&pod("good", &json!({}))).await.unwrap();
    cluster.settle().await;
    assert_eq!(pods.get("bad").await.unwrap()["status"]["phase"], "Running");
    advance(&cluster, 1).await;
    let bad = pods.get("bad").await.unwrap();
    assert_eq!(bad["status"]["phase"], "Failed");
    let ended = &bad["status"]["containerStatuses"][0]["state"]["terminated"];
    assert_eq!(
        (&ended["exitCode"], &ended["reason"]),
        (&json!(3), &json!("OOMKilled"))
    );
    assert_eq!(
        pods.get("good").await.unwrap()["status"]["phase"],
        "Running"
    );
    let events = cluster.client().api("v1", "events").namespace("default");
    let broken = events.list("fieldSelector=reason%3DBroken").await.unwrap();
    assert_eq!(broken["items"][0]["message"], "it broke");
    assert_eq!(broken["items"][0]["type"], "Warning");
}

#[tokio::test]
async fn stages_add_and_take_finalizers_and_delete() {
    // Under roles, too.
    let cluster = Cluster::builder()
        .bare()
        .seed(1)
        .clock(Clock::virtual_at("2026-01-01T00:00:00Z".parse().unwrap()))
        .authorization(vec![mockernetes::auth::authorize::Mode::Rbac])
        .controllers(Selection::AllBut(Vec::new()))
        .nodes(1);
    let cluster = cluster.start().await.unwrap();
    cluster.settle().await;
    let about = |expressions: Value, next: Value| {
        json!({
            "resourceRef": {"apiGroup": "v1", "kind": "Pod"},
            "selector": {"matchExpressions": expressions},
            "delay": {"durationMilliseconds": 5000},
            "steps": next,
        })
    };
    let keeps = json!([
        {"key": ".metadata.deletionTimestamp", "operator": "DoesNotExist"},
        {"key": ".metadata.finalizers.[]", "operator": "NotIn", "values": ["example.com/keep"]},
    ]);
    let keep = json!([{"finalizers": {"add": [{"value": "example.com/keep"}]}}]);
    stage(&cluster, "keep", about(keeps, keep)).await;
    let goes = json!([{"key": ".metadata.deletionTimestamp", "operator": "Exists"}]);
    let gone = json!({"type": "Normal", "reason": "Gone", "message": "it went"});
    let go = json!([{"event": gone}, {"finalizers": {"empty": true}}, {"delete": true}]);
    stage(&cluster, "go", about(goes, go)).await;
    let pods = pods(&cluster);
    pods.create(&pod("web", &json!({}))).await.unwrap();
    advance(&cluster, 5).await;
    let web = pods.get("web").await.unwrap();
    assert_eq!(web["metadata"]["finalizers"], json!(["example.com/keep"]));
    pods.delete("web").await.unwrap();
    cluster.settle().await;
    advance(&cluster, 4).await;
    assert!(pods.get("web").await.unwrap()["metadata"]["deletionTimestamp"].is_string());
    advance(&cluster, 1).await;
    assert_eq!(pods.get("web").await.unwrap_err().code, 404);
    let events = cluster.client().api("v1", "events").namespace("default");
    let gone = events.list("fieldSelector=reason%3DGone").await.unwrap();
    assert_eq!(gone["items"][0]["message"], "it went");
}

#[tokio::test]
async fn stages_say_how_nodes_are() {
    let cluster = living_cluster_with_nodes(2).await;
    let breaks = json!({
        "resourceRef": {"apiGroup": "v1", "kind": "Node"},
        "selector": {"matchExpressions": [
            {"key": ".metadata.labels[\"example.com/broken\"]", "operator": "In",
                "values": ["true"]},
            {"key": ".status.phase", "operator": "In", "values": ["Running"]},
        ]},
        "delay": {"durationMilliseconds": 1000},
        "next": {"statusTemplate": r#"
conditions:
{{ range NodeConditions }}
{{ if eq .type "Ready" }}
- lastHeartbeatTime: {{ Now | Quote }}
  message: it broke
  reason: Broken
  status: "False"
  type: {{ .type  | Quote}}
{{ end }}
{{ end }}
allocatable:
{{ with .status.allocatable }}
{{ YAML . 1 }}
{{ else }}
  cpu: 1k
{{ end }}
addresses:
- address: {{ NodeIP | Quote }}
  type: InternalIP
- address: {{ NodeName | Quote }}
  type: Hostname
"#},
    });
    stage(&cluster, "node-breaks", breaks).await;
    let nodes = cluster.client().api("v1", "nodes");
    let label = json!({"metadata": {"labels": {"example.com/broken": "true"}}});
    let how = mockernetes::client::PatchKind::Merge;
    nodes.patch("node-1", how, &label).await.unwrap();
    cluster.settle().await;
    advance(&cluster, 2).await;
    let broken = nodes.get("node-1").await.unwrap();
    assert_eq!(condition(&broken, "Ready"), "False");
    assert_eq!(broken["status"]["allocatable"]["cpu"], "32");
    assert_eq!(broken["status"]["addresses"][0]["address"], "172.20.0.1");
    let taints = broken["spec"]["taints"].as_array().unwrap();
    assert!(
        taints
            .iter()
            .any(|taint| taint["key"] == "node.kubernetes.io/not-ready")
    );
    assert_eq!(
        condition(&nodes.get("node-2").await.unwrap(), "Ready"),
        "True"
    );
    // A node that is broken is so again and again; nobody waits for that.
    advance(&cluster, 24 * 3600).await;
    stages(&cluster).delete("node-breaks").await.unwrap();
    cluster.settle().await;
    assert_eq!(
        condition(&nodes.get("node-1").await.unwrap(), "Ready"),
        "True"
    );
}

#[tokio::test]
async fn stages_change_and_make_whatever_they_name() {
    let cluster = living_cluster_with_nodes(1).await;
    let spec = json!({
        "resourceRef": {"apiGroup": "v1", "kind": "ConfigMap"},
        "selector": {"matchLabels": {"copy": "me"}},
        "steps": [
            {"patch": {"root": "data", "template": "seen: {{ .metadata.name | upper }}"}},
            {"patch": {"type": "json", "root": "metadata",
                "template": "[{op: add, path: /labels/copy, value: done}]"}},
            {"apply": {"template":
                "apiVersion: v1\nkind: Secret\nmetadata: {name: {{ .metadata.name }}-copy}\n\
                 stringData: {from: {{ toJson .data | quote }}}"}},
        ],
    });
    stage(&cluster, "copies", spec).await;
    let maps = cluster
        .client()
        .api("v1", "configmaps")
        .namespace("default");
    let map = json!({"metadata": {"name": "one", "labels": {"copy": "me"}}, "data": {"a": "b"}});
    maps.create(&map).await.unwrap();
    cluster.settle().await;
    let one = maps.get("one").await.unwrap();
    assert_eq!(one["data"], json!({"a": "b", "seen": "ONE"}));
    assert_eq!(one["metadata"]["labels"]["copy"], "done");
    let events = cluster.client().api("v1", "events").namespace("default");
    let failed = events
        .list("fieldSelector=reason%3DStageFailed")
        .await
        .unwrap();
    assert_eq!(failed["items"], json!([]));
    let secrets = cluster.client().api("v1", "secrets").namespace("default");
    let copy = secrets.get("one-copy").await.unwrap();
    assert_eq!(copy["data"]["from"], "eyJhIjoiYiJ9");
}

#[tokio::test]
async fn of_several_stages_one_is_drawn_by_weight() {
    let cluster = living_cluster_with_nodes(1).await;
    for (name, weight) in [("often", 9), ("seldom", 1), ("never", 0)] {
        let from = json!({"expressionFrom": ".metadata.annotations[\"example.com/never\"]"});
        let mut spec = json!({
            "resourceRef": {"apiGroup": "v1", "kind": "ConfigMap"},
            "selector": {"matchLabels": {"draw": "me"}},
            "weight": weight,
            "next": {"patches": [{"template": format!("metadata: {{labels: {{draw: {name}}}}}")}]},
        });
        if name == "never" {
            spec["weightFrom"] = from;
        }
        stage(&cluster, name, spec).await;
    }
    let maps = cluster
        .client()
        .api("v1", "configmaps")
        .namespace("default");
    for number in 0..60 {
        let name = format!("m{number}");
        let map = json!({"metadata": {"name": name, "labels": {"draw": "me"}}});
        maps.create(&map).await.unwrap();
    }
    let always = json!({"example.com/never": "1000000"});
    let map = json!({"metadata": {"name": "odd", "labels": {"draw": "me"}, "annotations": always}});
    maps.create(&map).await.unwrap();
    cluster.settle().await;
    let drawn = async |label: &str| {
        let list = maps
            .list(&format!("labelSelector=draw%3D{label}"))
            .await
            .unwrap();
        list["items"].as_array().unwrap().len()
    };
    let (often, seldom, never) = (
        drawn("often").await,
        drawn("seldom").await,
        drawn("never").await,
    );
    assert_eq!(often + seldom + never, 61);
    assert_eq!(never, 1);
    assert!(often > 40 && seldom > 0, "{often} {seldom}");
}

#[tokio::test]
async fn a_stage_that_cannot_be_read_says_so() {
    let cluster = living_cluster_with_nodes(1).await;
    let spec = json!({
        "resourceRef": {"apiGroup": "v1", "kind": "Pod"},
        "selector": {"matchExpressions": [{"key": ".status.[", "operator": "Exists"}]},
        "next": {"delete": true},
    });
    stage(&cluster, "broken", spec).await;
    let events = cluster.client().api("v1", "events").namespace("default");
    let told = events
        .list("fieldSelector=reason%3DInvalidStage")
        .await
        .unwrap();
    let message = told["items"][0]["message"].as_str().unwrap();
    assert!(message.contains("not a query that jq reads"), "{message}");
    pods(&cluster)
        .create(&pod("web", &json!({})))
        .await
        .unwrap();
    cluster.settle().await;
    let web = pods(&cluster).get("web").await.unwrap();
    assert_eq!(web["status"]["phase"], "Running");
}

#[tokio::test]
async fn hostile_stages_fail_by_themselves() {
    let cluster = living_cluster_with_nodes(1).await;
    let about = |key: &str, template: &str| {
        json!({
            "resourceRef": {"apiGroup": "v1", "kind": "ConfigMap"},
            "selector": {"matchExpressions": [{"key": key, "operator": "Exists"}]},
            "weight": i64::MAX,
            "next": {"patches": [{"template": template}]},
        })
    };
    let deep = format!("{{{{ {}1{} }}}}", "(".repeat(5000), ")".repeat(5000));
    let templates = [
        "{{ indent 9000000000000 \"a\" }}",
        "{{ repeat 60000 (repeat 60000 \"a\") }}",
        "{{ YAML . 9000000000000 }}",
        "{{ printf \"%70000d\" 1 }}",
        "{{ untilStep 9223372036854775806 9223372036854775807 5 }}",
        "{{ range 99999999 }}{{ range 99999999 }}{{ end }}{{ end }}",
        deep.as_str(),
    ];
    for (number, template) in templates.iter().enumerate() {
        let spec = about(".metadata.name", template);
        stage(&cluster, &format!("template-{number}"), spec).await;
    }
    let maps = cluster
        .client()
        .api("v1", "configmaps")
        .namespace("default");
    for number in 0..20 {
        let map = json!({"metadata": {"name": format!("m{number}")}});
        maps.create(&map).await.unwrap();
    }
    pods(&cluster)
        .create(&pod("web", &json!({})))
        .await
        .unwrap();
    cluster.settle().await;
    let web = pods(&cluster).get("web").await.unwrap();
    assert_eq!(web["status"]["phase"], "Running");
    let events = cluster.client().api("v1", "events").namespace("default");
    let told = events.list("fieldSelector=reason%3DStageFailed");
    assert_ne!(told.await.unwrap()["items"], json!([]));
}
