//! One stored object, read in two versions or two groups.

use mockernetes::client::Api;
use serde_json::json;

use crate::support::{self, Fixture};

/// A cluster, and its autoscalers in both versions.
async fn autoscalers() -> (Fixture, Api, Api) {
    let fixture = support::cluster().await;
    let [old, new] = ["autoscaling/v1", "autoscaling/v2"].map(|version| {
        let api = fixture.client.api(version, "horizontalpodautoscalers");
        api.namespace("default")
    });
    (fixture, old, new)
}

#[tokio::test]
async fn an_autoscaler_of_v1_has_a_metric_in_v2() {
    let (_fixture, old, new) = autoscalers().await;
    let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"});
    let spec = json!({
        "maxReplicas": 5,
        "scaleTargetRef": target,
        "targetCPUUtilizationPercentage": 70,
    });
    old.create(&json!({"metadata": {"name": "a"}, "spec": spec}))
        .await
        .unwrap();
    let read = new.get("a").await.unwrap();
    let wanted = json!([{
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
    }]);
    assert_eq!(read["spec"]["metrics"], wanted);
}

#[tokio::test]
async fn what_v1_has_no_field_for_it_keeps_in_annotations() {
    let (_fixture, old, new) = autoscalers().await;
    let metric = json!({
        "type": "Pods",
        "pods": {
            "metric": {"name": "hits"},
            "target": {"type": "AverageValue", "averageValue": "5"},
        },
    });
    let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"});
    let spec = json!({"maxReplicas": 5, "scaleTargetRef": target, "metrics": [metric]});
    let made = new
        .create(&json!({"metadata": {"name": "a"}, "spec": spec}))
        .await
        .unwrap();
    let read = old.get("a").await.unwrap();
    let annotations = &read["metadata"]["annotations"];
    let text = annotations["autoscaling.alpha.kubernetes.io/metrics"]
        .as_str()
        .unwrap();
    assert!(text.contains("\"metricName\":\"hits\""), "{text}");
    let back = old.update(&read).await.unwrap();
    assert_eq!(back["spec"], read["spec"]);
    assert_eq!(new.get("a").await.unwrap()["spec"], made["spec"]);
}

#[tokio::test]
async fn an_event_is_one_object_in_both_groups() {
    let fixture = support::cluster().await;
    let events = fixture
        .client
        .api("events.k8s.io/v1", "events")
        .namespace("default");
    let event = json!({
        "metadata": {"name": "a"},
        "eventTime": "2026-01-02T03:04:05.000006Z",
        "action": "Did",
        "reason": "Because",
        "type": "Normal",
        "note": "n",
        "regarding": {"kind": "Pod", "name": "p", "namespace": "default"},
        "reportingController": "example.com/me",
        "reportingInstance": "me-1",
    });
    events.create(&event).await.unwrap();
    let core = fixture.client.api("v1", "events").namespace("default");
    let read = core.get("a").await.unwrap();
    assert_eq!(read["message"], "n");
    assert_eq!(read["involvedObject"]["name"], "p");
    assert_eq!(read["reportingComponent"], "example.com/me");
}
