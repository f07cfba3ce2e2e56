//! What a runtime tells of a container: that what it ran has ended. The container's status is all
//! that says so; its kubelet goes on from there.
//!
//! *Upstream:* the events of container runtimes that `pkg/kubelet/pleg` relists.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Place;
use crate::client::Client;
use crate::object::time;

/// How often is tried again where somebody else wrote meanwhile.
const TRIES_MAX: u32 = 10;

/// Tells that what a container ran has ended with a code. A container that is over by now, or was
/// started again, is left alone.
pub async fn ended(client: &Client, place: &Place, code: i32, now: Timestamp) {
    let pods = client.api("v1", "pods").namespace(place.pod.namespace());
    let target = format!("{}/status", pods.path(place.pod.name()));
    for _ in 0..TRIES_MAX {
        let Ok(pod) = pods.get(place.pod.name()).await else {
            return;
        };
        let Some(patch) = patch(&pod, place, code, now) else {
            return;
        };
        let headers = [("content-type", "application/merge-patch+json")];
        let reply = client.request("PATCH", &target, &headers, patch.to_string());
        if reply.await.code != 409 {
            return;
        }
    }
}

/// What changes in a pod.
fn patch(pod: &Value, place: &Place, code: i32, now: Timestamp) -> Option<Value> {
    let lists = [
        "containerStatuses",
        "initContainerStatuses",
        "ephemeralContainerStatuses",
    ];
    let mut found = lists.into_iter().filter_map(|list| {
        let all = pod["status"][list].as_array()?;
        let at = all
            .iter()
            .position(|one| one["name"] == place.container.as_str())?;
        Some((list, all.clone(), at))
    });
    let (list, mut all, at) = found.next()?;
    let is_same = pod["metadata"]["uid"] == place.pod.uid()
        && all[at]["restartCount"].as_u64().unwrap_or(0) == place.restarts();
    let started = all[at]["state"]["running"]["startedAt"].clone();
    if !is_same || started.is_null() {
        return None;
    }
    all[at]["ready"] = false.into();
    all[at]["started"] = false.into();
    all[at]["state"] = json!({"terminated": {
        "exitCode": code,
        "reason": if code == 0 { "Completed" } else { "Error" },
        "startedAt": started,
        "finishedAt": time::seconds(now),
        "containerID": all[at]["containerID"],
    }});
    let mut status = json!({list: all});
    if list == "containerStatuses" {
        let mut conditions = pod["status"]["conditions"].clone();
        for one in conditions.as_array_mut().into_iter().flatten() {
            if matches!(one["type"].as_str(), Some("Ready" | "ContainersReady")) {
                one["status"] = "False".into();
                one["lastTransitionTime"] = time::seconds(now).into();
            }
        }
        status["conditions"] = conditions;
    }
    let version = &pod["metadata"]["resourceVersion"];
    Some(json!({"metadata": {"resourceVersion": version}, "status": status}))
}
