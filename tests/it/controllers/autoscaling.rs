//! As many replicas as what is measured asks for.

use std::time::Duration;

use mockernetes::Cluster;
use mockernetes::client::{Api, PatchKind};
use serde_json::{Value, json};

use super::{items, living_cluster_with_nodes};

const USAGE: &str = "mockernetes.dev/cpu-usage";

/// A Deployment whose pods ask for 100m, and an autoscaler of it.
async fn cluster_with(replicas: i64, spec: Value, annotations: Value) -> (Cluster, Api) {
    let cluster = living_cluster_with_nodes(1).await;
    let client = cluster.client();
    let deployment = json!({
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}, "annotations": annotations},
                "spec": {"containers": [{
                    "name": "c",
                    "image": "nginx",
                    "resources": {"requests": {"cpu": "100m"}},
                }]},
            },
        },
    });
    let deployments = client.api("apps/v1", "deployments").namespace("default");
    deployments.create(&deployment).await.unwrap();
    cluster.settle().await;
    // Pods that have just begun are not counted yet.
    cluster.advance(Duration::from_mins(10)).await;
    let autoscalers = client.api("autoscaling/v2", "horizontalpodautoscalers");
    let autoscalers = autoscalers.namespace("default");
    let mut object = json!({
        "metadata": {"name": "web"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": 1,
            "maxReplicas": 10,
        },
    });
    for (key, value) in spec.as_object().unwrap() {
        object["spec"][key] = value.clone();
    }
    autoscalers.create(&object).await.unwrap();
    cluster.settle().await;
    (cluster, autoscalers)
}

fn cpu(percent: i64) -> Value {
    let target = json!({"type": "Utilization", "averageUtilization": percent});
    json!([{"type": "Resource", "resource": {"name": "cpu", "target": target}}])
}

async fn replicas(cluster: &Cluster) -> i64 {
    let client = cluster.client();
    let deployments = client.api("apps/v1", "deployments").namespace("default");
    let web = deployments.get("web").await.unwrap();
    web["spec"]["replicas"].as_i64().unwrap()
}

fn condition<'a>(object: &'a Value, kind: &str) -> &'a Value {
    let conditions = object["status"]["conditions"].as_array().unwrap();
    conditions.iter().find(|one| one["type"] == kind).unwrap()
}

async fn annotate_pods(cluster: &Cluster, key: &str, value: &str) {
    let pods = cluster.client().api("v1", "pods").namespace("default");
    for pod in items(&pods.list("").await.unwrap()) {
        let patch = json!({"metadata": {"annotations": {key: value}}});
        let name = pod["metadata"]["name"].as_str().unwrap();
        pods.patch(name, PatchKind::Merge, &patch).await.unwrap();
    }
}

async fn events(cluster: &Cluster) -> Vec<(String, String)> {
    let events = cluster.client().api("v1", "events").namespace("default");
    let list = events.list("").await.unwrap();
    let of = items(&list)
        .iter()
        .filter(|event| event["involvedObject"]["kind"] == "HorizontalPodAutoscaler");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    of.map(|event| (text(&event["reason"]), text(&event["message"])))
        .collect()
}

#[tokio::test]
async fn busy_pods_become_more() {
    let spec = json!({"metrics": cpu(50)});
    let (cluster, autoscalers) = cluster_with(2, spec, json!({USAGE: "100m"})).await;
    assert_eq!(replicas(&cluster).await, 4);
    let web = autoscalers.get("web").await.unwrap();
    assert_eq!(web["status"]["currentReplicas"], 2);
    assert_eq!(web["status"]["desiredReplicas"], 4);
    assert_eq!(web["status"]["lastScaleTime"], "2026-01-01T00:10:00Z");
    assert_eq!(
        web["status"]["currentMetrics"],
        json!([{
            "type": "Resource",
            "resource": {
                "name": "cpu",
                "current": {"averageUtilization": 100, "averageValue": "100m"},
            },
        }])
    );
    let able = condition(&web, "AbleToScale");
    assert_eq!(able["reason"], "SucceededRescale");
    let message = "the HPA controller was able to update the target scale to 4";
    assert_eq!(able["message"], message);
    assert_eq!(
        condition(&web, "ScalingActive")["reason"],
        "ValidMetricFound"
    );
    assert_eq!(
        condition(&web, "ScalingLimited")["reason"],
        "DesiredWithinRange"
    );
    let told = "New size: 4; reason: cpu resource utilization (percentage of request) above target";
    let told = ("SuccessfulRescale".to_owned(), told.to_owned());
    assert!(events(&cluster).await.contains(&told));
}

#[tokio::test]
async fn idle_pods_stay_for_five_minutes() {
    let spec = json!({"metrics": cpu(50)});
    let (cluster, autoscalers) = cluster_with(4, spec, json!({USAGE: "50m"})).await;
    assert_eq!(replicas(&cluster).await, 4);
    annotate_pods(&cluster, USAGE, "10m").await;
    cluster.advance(Duration::from_mins(4)).await;
    assert_eq!(replicas(&cluster).await, 4);
    let web = autoscalers.get("web").await.unwrap();
    assert_eq!(
        condition(&web, "AbleToScale")["reason"],
        "ScaleDownStabilized"
    );
    cluster.advance(Duration::from_mins(2)).await;
    assert_eq!(replicas(&cluster).await, 1);
}

#[tokio::test]
async fn a_policy_limits_how_fast_pods_become_more() {
    let spec = json!({
        "metrics": cpu(10),
        "behavior": {"scaleUp": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}},
    });
    let (cluster, autoscalers) = cluster_with(1, spec, json!({USAGE: "100m"})).await;
    assert_eq!(replicas(&cluster).await, 2);
    let web = autoscalers.get("web").await.unwrap();
    let limited = condition(&web, "ScalingLimited");
    assert_eq!(limited["status"], "True");
    assert_eq!(limited["reason"], "ScaleUpLimit");
    cluster.advance(Duration::from_secs(45)).await;
    assert_eq!(replicas(&cluster).await, 2);
    cluster.advance(Duration::from_secs(30)).await;
    assert_eq!(replicas(&cluster).await, 3);
}

#[tokio::test]
async fn what_nobody_measures_is_said() {
    let spec = json!({"metrics": cpu(50)});
    let (cluster, autoscalers) = cluster_with(
        2,
        spec,
        json!({USAGE: "none", "mockernetes.dev/memory-usage": "none"}),
    )
    .await;
    let web = autoscalers.get("web").await.unwrap();
    let active = condition(&web, "ScalingActive");
    assert_eq!(active["status"], "False");
    assert_eq!(active["reason"], "FailedGetResourceMetric");
    assert_eq!(
        active["message"],
        "the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get metrics for resource cpu: no metrics returned from resource metrics API"
    );
    let told: Vec<String> = events(&cluster)
        .await
        .into_iter()
        .map(|event| event.0)
        .collect();
    assert!(told.contains(&"FailedComputeMetricsReplicas".to_owned()));
    assert_eq!(replicas(&cluster).await, 2);
}

#[tokio::test]
async fn a_target_that_is_not_there_is_said() {
    let reference = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "gone"});
    let spec = json!({"metrics": cpu(50), "scaleTargetRef": reference});
    let (_, autoscalers) = cluster_with(1, spec, json!({})).await;
    let web = autoscalers.get("web").await.unwrap();
    let able = condition(&web, "AbleToScale");
    assert_eq!(able["reason"], "FailedGetScale");
    let message = "the HPA controller was unable to get the target's current scale: deployments.apps \"gone\" not found";
    assert_eq!(able["message"], message);
}

#[tokio::test]
async fn metrics_of_pods_objects_and_the_outside_count() {
    let average = json!({"type": "AverageValue", "averageValue": "10"});
    let metric = |kind: &str, field: &str, name: &str, more: Value| {
        let mut source = json!({"metric": {"name": name}, "target": average});
        for (key, value) in more.as_object().unwrap() {
            source[key] = value.clone();
        }
        json!({"type": kind, field: source})
    };
    let service = json!({"apiVersion": "v1", "kind": "Service", "name": "kubernetes"});
    let selector = json!({"name": "queue", "selector": {"matchLabels": {"of": "mail"}}});
    let metrics = json!([
        metric("Pods", "pods", "requests", json!({})),
        metric(
            "Object",
            "object",
            "hits",
            json!({"describedObject": service})
        ),
        metric("External", "external", "queue", json!({"metric": selector})),
    ]);
    let said = json!({"mockernetes.dev/metric.requests": "12"});
    let (cluster, autoscalers) = cluster_with(2, json!({"metrics": metrics}), said).await;
    // Of two nothing is known, and the third asks for more.
    assert_eq!(replicas(&cluster).await, 3);
    let client = cluster.client();
    let annotate = |key: &str, value: &str| json!({"metadata": {"annotations": {key: value}}});
    let hits = annotate("mockernetes.dev/metric.hits", "45");
    let services = client.api("v1", "services").namespace("default");
    services
        .patch("kubernetes", PatchKind::Merge, &hits)
        .await
        .unwrap();
    let queue = annotate(
        "mockernetes.dev/external-metric.queue",
        "90{of=mail} 900{of=sms}",
    );
    let namespaces = client.api("v1", "namespaces");
    namespaces
        .patch("default", PatchKind::Merge, &queue)
        .await
        .unwrap();
    cluster.advance(Duration::from_secs(15)).await;
    assert_eq!(replicas(&cluster).await, 6);
    cluster.advance(Duration::from_secs(15)).await;
    assert_eq!(replicas(&cluster).await, 9);
    let web = autoscalers.get("web").await.unwrap();
    let told = condition(&web, "ScalingActive")["message"].clone();
    assert_eq!(
        told,
        "the HPA was able to successfully calculate a replica count from external metric queue(&LabelSelector{MatchLabels:map[string]string{of: mail,},MatchExpressions:[]LabelSelectorRequirement{},})"
    );
}

#[tokio::test]
async fn what_is_used_is_served() {
    let (cluster, _) = cluster_with(2, json!({"metrics": cpu(50)}), json!({USAGE: "40m"})).await;
    let client = cluster.client();
    let groups = client.json("GET", "/apis", None).await.unwrap();
    let mut groups = groups["groups"].as_array().unwrap().iter();
    assert!(groups.any(|group| group["name"] == "metrics.k8s.io"));
    let path = "/apis/metrics.k8s.io/v1beta1";
    let nodes = client.json("GET", &format!("{path}/nodes"), None).await;
    assert_eq!(nodes.unwrap()["items"][0]["usage"]["cpu"], "80m");
    let pods = format!("{path}/namespaces/default/pods?labelSelector=app%3Dweb");
    let pods = client.json("GET", &pods, None).await.unwrap();
    assert_eq!(items(&pods).len(), 2);
    assert_eq!(
        items(&pods)[0]["containers"],
        json!([{"name": "c", "usage": {"cpu": "40m", "memory": "1Mi"}}])
    );
    let missing = format!("{path}/namespaces/default/pods/gone");
    assert_eq!(
        client.json("GET", &missing, None).await.unwrap_err().code,
        404
    );
}

#[tokio::test]
async fn what_is_used_is_printed_as_a_table() {
    let (cluster, _) = cluster_with(2, json!({"metrics": cpu(50)}), json!({USAGE: "40m"})).await;
    let client = cluster.client();
    let accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    let target = "/apis/metrics.k8s.io/v1beta1/namespaces/default/pods";
    let reply = client
        .request("GET", target, &[("accept", accept)], "")
        .await;
    let table = reply.into_json().await.unwrap();
    assert_eq!(table["kind"], "Table");
    let columns = table["columnDefinitions"].as_array().unwrap();
    let names: Vec<&str> = columns
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["Name", "cpu", "memory", "Window"]);
    let row = &table["rows"][0];
    assert_eq!(row["cells"][1], "40m");
    assert_eq!(row["cells"][2], "1Mi");
    assert_eq!(row["cells"][3], "15s");
    assert_eq!(row["object"]["kind"], "PartialObjectMetadata");
    assert_eq!(row["object"]["metadata"]["name"], row["cells"][0]);
}
