//! What pods are given, refused, and how they go.

use mockernetes::client::{Client, Failure, PatchKind};
use mockernetes::cluster::Cluster;
use serde_json::{Value, json};

use crate::support::start;

const PODS: &str = "/api/v1/namespaces/default/pods";

/// A client of a cluster whose pods need no service accounts.
async fn client() -> (Cluster, Client) {
    let builder = Cluster::builder().disable_admission_plugins(["ServiceAccount".to_owned()]);
    let fixture = start(builder).await;
    (fixture.cluster, fixture.client)
}

fn pod(name: &str, spec: &Value) -> Value {
    let mut complete = json!({"containers": [{"name": "c", "image": "nginx:1"}]});
    for (field, value) in spec.as_object().unwrap() {
        complete[field] = value.clone();
    }
    json!({"metadata": {"name": name}, "spec": complete})
}

async fn create(client: &Client, name: &str, spec: &Value) -> Result<Value, Failure> {
    client.json("POST", PODS, Some(&pod(name, spec))).await
}

/// The fields that a refusal names, in its order.
fn fields(failure: &Failure) -> Vec<&str> {
    let causes = failure.status["details"]["causes"].as_array();
    causes
        .into_iter()
        .flatten()
        .map(|cause| cause["field"].as_str().unwrap_or(""))
        .collect()
}

#[tokio::test]
async fn a_new_pod_has_what_the_server_adds() {
    let (_cluster, client) = client().await;
    let pod = create(&client, "a", &json!({})).await.unwrap();
    let spec = &pod["spec"];
    assert_eq!(spec["restartPolicy"], "Always");
    assert_eq!(spec["terminationGracePeriodSeconds"], 30);
    assert_eq!(spec["enableServiceLinks"], true);
    assert_eq!(spec["priority"], 0);
    assert_eq!(spec["preemptionPolicy"], "PreemptLowerPriority");
    assert_eq!(spec["containers"][0]["imagePullPolicy"], "IfNotPresent");
    let seconds: Vec<&Value> = spec["tolerations"].as_array().unwrap().iter().collect();
    assert_eq!(seconds.len(), 2);
    assert!(seconds.iter().all(|one| one["tolerationSeconds"] == 300));
    assert_eq!(
        pod["status"],
        json!({"phase": "Pending", "qosClass": "BestEffort"})
    );
    assert_eq!(pod["metadata"]["generation"], 1);
}

#[tokio::test]
async fn images_without_a_tag_of_their_own_are_always_pulled() {
    let (_cluster, client) = client().await;
    let digest = format!("nginx@sha256:{}", "a".repeat(64));
    for (name, image, policy) in [
        ("bare", "nginx", "Always"),
        ("latest", "host:5000/nginx:latest", "Always"),
        ("port", "host:5000/nginx", "Always"),
        ("tagged", "host:5000/nginx:1", "IfNotPresent"),
        ("digest", digest.as_str(), "IfNotPresent"),
    ] {
        let containers = json!({"containers": [{"name": "c", "image": image}]});
        let pod = create(&client, name, &containers).await.unwrap();
        let found = &pod["spec"]["containers"][0]["imagePullPolicy"];
        assert_eq!(found, policy, "{image}");
    }
}

#[tokio::test]
async fn requests_follow_limits_and_decide_the_quality_of_service() {
    let (_cluster, client) = client().await;
    let limits = json!({"limits": {"cpu": "1000m", "memory": "1Gi"}});
    let containers = json!({"containers": [{"name": "c", "image": "i:1", "resources": limits}]});
    let pod = create(&client, "a", &containers).await.unwrap();
    let resources = &pod["spec"]["containers"][0]["resources"];
    assert_eq!(resources["requests"], json!({"cpu": "1", "memory": "1Gi"}));
    assert_eq!(pod["status"]["qosClass"], "Guaranteed");
    let requests = json!({"requests": {"cpu": "1"}});
    let containers = json!({"containers": [{"name": "c", "image": "i:1", "resources": requests}]});
    let pod = create(&client, "b", &containers).await.unwrap();
    assert_eq!(pod["status"]["qosClass"], "Burstable");
}

#[tokio::test]
async fn everything_wrong_with_a_pod_is_told_at_once() {
    let (_cluster, client) = client().await;
    let spec = json!({
        "restartPolicy": "Sometimes",
        "containers": [
            {"name": "C", "image": "i", "ports": [{"containerPort": 0}]},
            {"name": "d", "image": "", "volumeMounts": [{"name": "v", "mountPath": "/v"}]},
        ],
    });
    let failure = create(&client, "a", &spec).await.unwrap_err();
    assert_eq!(failure.code, 422);
    let mut found = fields(&failure);
    found.sort_unstable();
    let expected = [
        "spec.containers[0].name",
        "spec.containers[0].ports[0].containerPort",
        "spec.containers[1].image",
        "spec.containers[1].volumeMounts[0].name",
        "spec.restartPolicy",
    ];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_cause_found_twice_is_told_once() {
    let (_cluster, client) = client().await;
    create(&client, "a", &json!({})).await.unwrap();
    let change = json!({"spec": {"containers": [{"name": "c", "image": ""}]}});
    let pods = client.api("v1", "pods").namespace("default");
    let failure = pods.patch("a", PatchKind::Strategic, &change).await;
    assert_eq!(fields(&failure.unwrap_err()), ["spec.containers[0].image"]);
}

#[tokio::test]
async fn of_a_pod_only_images_and_a_few_numbers_change() {
    let (_cluster, client) = client().await;
    create(&client, "a", &json!({})).await.unwrap();
    let pods = client.api("v1", "pods").namespace("default");
    let image = json!({"spec": {"containers": [{"name": "c", "image": "other:2"}]}});
    let pod = pods.patch("a", PatchKind::Strategic, &image).await.unwrap();
    assert_eq!(pod["metadata"]["generation"], 2);
    let deadline = json!({"spec": {"activeDeadlineSeconds": 5}});
    pods.patch("a", PatchKind::Merge, &deadline).await.unwrap();
    let name = json!({"spec": {"hostname": "h"}});
    let failure = pods.patch("a", PatchKind::Merge, &name).await.unwrap_err();
    assert_eq!((failure.code, fields(&failure)), (422, vec!["spec"]));
    let words = "pod updates may not change fields other than `spec.containers[*].image`";
    assert!(failure.message().contains(words), "{}", failure.message());
}

#[tokio::test]
async fn a_pod_without_a_node_goes_at_once_and_another_waits_for_its_kubelet() {
    let (_cluster, client) = client().await;
    let pods = client.api("v1", "pods").namespace("default");
    create(&client, "loose", &json!({})).await.unwrap();
    pods.delete("loose").await.unwrap();
    assert_eq!(pods.get("loose").await.unwrap_err().code, 404);

    create(&client, "bound", &json!({"nodeName": "n"}))
        .await
        .unwrap();
    let marked = pods.delete("bound").await.unwrap();
    assert_eq!(marked["metadata"]["deletionGracePeriodSeconds"], 30);
    let options = json!({"gracePeriodSeconds": 60});
    let target = format!("{PODS}/bound");
    let longer = client.json("DELETE", &target, Some(&options)).await;
    assert_eq!(
        longer.unwrap()["metadata"]["deletionGracePeriodSeconds"],
        30
    );
    let options = json!({"gracePeriodSeconds": 5});
    let shorter = client.json("DELETE", &target, Some(&options)).await;
    assert_eq!(
        shorter.unwrap()["metadata"]["deletionGracePeriodSeconds"],
        5
    );
    let options = json!({"gracePeriodSeconds": 0});
    client
        .json("DELETE", &target, Some(&options))
        .await
        .unwrap();
    assert_eq!(pods.get("bound").await.unwrap_err().code, 404);
}

#[tokio::test]
async fn a_binding_gives_a_pod_its_node_once() {
    let (_cluster, client) = client().await;
    create(&client, "a", &json!({})).await.unwrap();
    let binding = json!({"metadata": {"name": "a"}, "target": {"kind": "Node", "name": "n"}});
    let target = format!("{PODS}/a/binding");
    client.json("POST", &target, Some(&binding)).await.unwrap();
    let pods = client.api("v1", "pods").namespace("default");
    let pod = pods.get("a").await.unwrap();
    assert_eq!(pod["spec"]["nodeName"], "n");
    assert_eq!(pod["status"]["conditions"][0]["type"], "PodScheduled");
    let failure = client.json("POST", &target, Some(&binding)).await;
    assert_eq!(failure.unwrap_err().code, 409);
    let list = pods.list("fieldSelector=spec.nodeName%3Dn").await.unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_pod_with_gates_is_not_bound() {
    let (_cluster, client) = client().await;
    let gates = json!({"schedulingGates": [{"name": "wait"}]});
    create(&client, "a", &gates).await.unwrap();
    let binding = json!({"metadata": {"name": "a"}, "target": {"name": "n"}});
    let target = format!("{PODS}/a/binding");
    let failure = client.json("POST", &target, Some(&binding)).await;
    let words = "pod a has non-empty .spec.schedulingGates";
    assert!(failure.unwrap_err().message().contains(words));
}

#[tokio::test]
async fn an_eviction_keeps_to_the_disruption_budget() {
    let (_cluster, client) = client().await;
    let mut guarded = pod("a", &json!({"nodeName": "n"}));
    guarded["metadata"]["labels"] = json!({"app": "x"});
    client.json("POST", PODS, Some(&guarded)).await.unwrap();
    let pods = client.api("v1", "pods").namespace("default");
    let running = json!({"status": {"phase": "Running",
        "conditions": [{"type": "Ready", "status": "True"}]}});
    pods.patch("a/status", PatchKind::Merge, &running)
        .await
        .unwrap();
    let budgets = client
        .api("policy/v1", "poddisruptionbudgets")
        .namespace("default");
    let budget = json!({"metadata": {"name": "b"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "x"}}}});
    budgets.create(&budget).await.unwrap();
    let counted = |allowed: i64| {
        json!({"status": {"observedGeneration": 1, "disruptionsAllowed": allowed,
            "currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1}})
    };
    let none = counted(0);
    budgets
        .patch("b/status", PatchKind::Merge, &none)
        .await
        .unwrap();

    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction",
        "metadata": {"name": "a"}});
    let target = format!("{PODS}/a/eviction");
    let failure = client
        .json("POST", &target, Some(&eviction))
        .await
        .unwrap_err();
    assert_eq!(failure.code, 429);
    assert_eq!(
        failure.status["details"]["causes"][0]["reason"],
        "DisruptionBudget"
    );

    let one = counted(1);
    budgets
        .patch("b/status", PatchKind::Merge, &one)
        .await
        .unwrap();
    client.json("POST", &target, Some(&eviction)).await.unwrap();
    let budget = budgets.get("b").await.unwrap();
    assert_eq!(budget["status"]["disruptionsAllowed"], 0);
    assert!(budget["status"]["disruptedPods"]["a"].is_string());
    let pod = pods.get("a").await.unwrap();
    assert!(pod["metadata"]["deletionTimestamp"].is_string());
}

#[tokio::test]
async fn a_debugger_enters_a_pod_and_never_leaves() {
    let (_cluster, client) = client().await;
    create(&client, "a", &json!({})).await.unwrap();
    let pods = client.api("v1", "pods").namespace("default");
    let face = "a/ephemeralcontainers";
    let add = json!({"spec": {"ephemeralContainers": [{"name": "debug", "image": "i:1"}]}});
    let pod = pods.patch(face, PatchKind::Strategic, &add).await.unwrap();
    assert_eq!(pod["spec"]["ephemeralContainers"][0]["name"], "debug");
    let none = json!({"spec": {"ephemeralContainers": null}});
    let failure = pods.patch(face, PatchKind::Merge, &none).await.unwrap_err();
    assert_eq!(fields(&failure), ["spec.ephemeralContainers"]);
    let failure = create(&client, "b", &add["spec"]).await.unwrap_err();
    assert_eq!(fields(&failure), ["spec.ephemeralContainers"]);
}

#[tokio::test]
async fn a_resize_changes_resources_and_nothing_else() {
    let (_cluster, client) = client().await;
    let containers = json!({"containers": [
        {"name": "c", "image": "i:1", "resources": {"requests": {"cpu": "1"}}}]});
    create(&client, "a", &containers).await.unwrap();
    let pods = client.api("v1", "pods").namespace("default");
    let more = json!({"spec": {"containers": [
        {"name": "c", "resources": {"requests": {"cpu": "2"}}}]}});
    let failure = pods.patch("a", PatchKind::Strategic, &more).await;
    assert_eq!(failure.unwrap_err().code, 422);
    let pod = pods.patch("a/resize", PatchKind::Strategic, &more).await;
    let resources = &pod.unwrap()["spec"]["containers"][0]["resources"];
    assert_eq!(resources["requests"]["cpu"], "2");
    let image = json!({"spec": {"containers": [{"name": "c", "image": "other"}]}});
    let pod = pods.patch("a/resize", PatchKind::Strategic, &image).await;
    assert_eq!(pod.unwrap()["spec"]["containers"][0]["image"], "i:1");
}

#[tokio::test]
async fn what_is_odd_is_warned_of_whether_or_not_it_is_refused() {
    let (_cluster, client) = client().await;
    let twice = json!([{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]);
    let odd = json!({"containers": [{"name": "c", "image": "i:1", "env": twice}]});
    let headers = [("content-type", "application/json")];
    let body = pod("a", &odd).to_string();
    let reply = client.request("POST", PODS, &headers, body).await;
    assert_eq!(reply.code, 201);
    let words = "spec.containers[0].env[1]: hides previous definition of \\\"A\\\"";
    assert!(
        reply.header("warning").contains(words),
        "{}",
        reply.header("warning")
    );
    let mut unknown = pod("b", &json!({"restartPolicy": "Foo"}));
    unknown["spec"]["tyop"] = 1.into();
    let reply = client
        .request("POST", PODS, &headers, unknown.to_string())
        .await;
    assert_eq!(reply.code, 422);
    assert!(
        reply
            .header("warning")
            .contains("unknown field \\\"spec.tyop\\\"")
    );
}
