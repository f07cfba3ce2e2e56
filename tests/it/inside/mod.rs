//! What is inside of pods, over the wire: commands, ports, logs, by every protocol that leads
//! there.

mod exec;
mod forward;
mod hostile;
mod logs;
mod proxy;
mod refusals;
mod spdy;
mod upgrade;

use mockernetes::Cluster;
use mockernetes::controllers::Selection;
use mockernetes::sim::Clock;
use serde_json::{Value, json};

/// A cluster that listens, with a pod `web` that runs.
pub(crate) async fn cluster() -> Cluster {
    with_pod(&pod(&json!({}))).await
}

/// The same with this pod.
pub(crate) async fn with_pod(pod: &Value) -> Cluster {
    let start = "2026-01-01T00:00:00Z".parse().unwrap();
    let builder = Cluster::builder()
        .clock(Clock::virtual_at(start))
        .controllers(Selection::AllBut(Vec::new()))
        .nodes(1);
    let cluster = crate::support::listening(builder).await;
    cluster.settle().await;
    let pods = cluster.client().api("v1", "pods").namespace("default");
    pods.create(pod).await.unwrap();
    cluster.settle().await;
    cluster
}

/// A pod `web` with two containers, of which one is named like it.
pub(crate) fn pod(annotations: &Value) -> Value {
    json!({
        "metadata": {"name": "web", "annotations": annotations},
        "spec": {"containers": [
            {"name": "web", "image": "nginx", "ports": [{"containerPort": 8080}]},
            {"name": "side", "image": "nginx"},
        ]},
    })
}

/// The path of a face of the pod.
pub(crate) fn path(face: &str) -> String {
    format!("/api/v1/namespaces/default/pods/web/{face}")
}
