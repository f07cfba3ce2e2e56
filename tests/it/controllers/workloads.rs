//! What tests of workloads do in the place of a kubelet.

use mockernetes::Cluster;
use mockernetes::client::PatchKind;
use serde_json::{Value, json};

use super::items;

/// The pods with a label `app`, by name.
pub(super) async fn pods(cluster: &Cluster, app: &str) -> Vec<Value> {
    let pods = cluster.client().api("v1", "pods").namespace("default");
    let list = pods
        .list(&format!("labelSelector=app%3D{app}"))
        .await
        .unwrap();
    items(&list).to_vec()
}

/// Their names.
pub(super) async fn names(cluster: &Cluster, app: &str) -> Vec<String> {
    let name = |pod: &Value| pod["metadata"]["name"].as_str().unwrap().to_owned();
    pods(cluster, app).await.iter().map(name).collect()
}

/// Has a pod be in a phase, and ready if it runs.
pub(super) async fn put(cluster: &Cluster, pod: &str, phase: &str) {
    let now = cluster
        .clock()
        .now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string();
    let is_ready = if phase == "Running" { "True" } else { "False" };
    let status = json!({"status": {"phase": phase, "conditions": [
        {"type": "Ready", "status": is_ready, "lastTransitionTime": now},
    ]}});
    let pods = cluster.client().api("v1", "pods").namespace("default");
    pods.patch(&format!("{pod}/status"), PatchKind::Merge, &status)
        .await
        .unwrap();
}

/// Has all pods that wait run, again and again until nothing waits any more.
pub(super) async fn run_all(cluster: &Cluster, app: &str) {
    for _ in 0..100 {
        cluster.settle().await;
        let waiting = |pod: &&Value| pod["status"]["phase"] == "Pending";
        let all = pods(cluster, app).await;
        let names = all
            .iter()
            .filter(waiting)
            .map(|pod| pod["metadata"]["name"].clone());
        let names: Vec<Value> = names.collect();
        if names.is_empty() {
            return;
        }
        for name in names {
            put(cluster, name.as_str().unwrap(), "Running").await;
        }
    }
    panic!("pods of {app} are made without end");
}

/// The reasons and messages of events on an object.
pub(super) async fn events(cluster: &Cluster, name: &str) -> Vec<String> {
    let events = cluster.client().api("v1", "events").namespace("default");
    let list = events.list("").await.unwrap();
    let is_about = |event: &&Value| event["involvedObject"]["name"] == name;
    let mut all: Vec<&Value> = items(&list).iter().filter(is_about).collect();
    let revision = |event: &Value| {
        let text = event["metadata"]["resourceVersion"].as_str().unwrap();
        text.parse::<u64>().unwrap()
    };
    all.sort_by_key(|event| revision(event));
    let told = |event: &&Value| {
        let text = |field: &str| event[field].as_str().unwrap().to_owned();
        format!("{}: {}", text("reason"), text("message"))
    };
    all.iter().map(told).collect()
}

/// The condition of a type: its status and reason.
pub(super) fn condition(object: &Value, kind: &str) -> String {
    let conditions = object["status"]["conditions"].as_array().unwrap();
    let found = conditions.iter().find(|one| one["type"] == kind);
    found.map_or_else(String::new, |one| {
        let text = |field: &str| one[field].as_str().unwrap().to_owned();
        format!("{} {}", text("status"), text("reason"))
    })
}
