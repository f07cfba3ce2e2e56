//! Pods on a node: they start, run, fail, and end.

use std::time::Duration;

use serde_json::{Value, json};

use super::{condition, living_cluster_with_nodes, pod, pods};

#[tokio::test]
async fn a_pod_is_given_a_node_and_runs() {
    let cluster = living_cluster_with_nodes(3).await;
    cluster.settle().await;
    let pods = pods(&cluster);
    pods.create(&pod("web", &json!({}))).await.unwrap();
    pods.create(&pod("other", &json!({}))).await.unwrap();
    cluster.settle().await;
    let web = pods.get("web").await.unwrap();
    let status = &web["status"];
    assert_eq!(status["phase"], "Running");
    assert_eq!(status["qosClass"], "BestEffort");
    assert_eq!(status["startTime"], "2026-01-01T00:00:00Z");
    for kind in ["PodScheduled", "Initialized", "Ready", "ContainersReady"] {
        assert_eq!(condition(&web, kind), "True", "{kind}");
    }
    let container = &status["containerStatuses"][0];
    assert_eq!(container["ready"], true);
    assert_eq!(
        container["state"]["running"]["startedAt"],
        "2026-01-01T00:00:00Z"
    );
    assert!(
        container["containerID"]
            .as_str()
            .unwrap()
            .starts_with("containerd://")
    );
    assert_eq!(status["podIPs"][0]["ip"], status["podIP"]);
    let other = pods.get("other").await.unwrap();
    assert_ne!(other["status"]["podIP"], status["podIP"]);
    assert_ne!(other["spec"]["nodeName"], web["spec"]["nodeName"]);
    let events = cluster.client().api("v1", "events").namespace("default");
    let events = events
        .list("fieldSelector=reason%3DScheduled")
        .await
        .unwrap();
    let message = events["items"][0]["message"].as_str().unwrap();
    assert!(
        message.starts_with("Successfully assigned default/"),
        "{message}"
    );
}

#[tokio::test]
async fn init_containers_complete_and_sidecars_run_before_the_others() {
    let cluster = living_cluster_with_nodes(1).await;
    let pods = pods(&cluster);
    let slow = json!({"mockernetes.dev/exit-after.first": "5s"});
    let mut body = pod("web", &slow);
    body["spec"]["initContainers"] = json!([
        {"name": "first", "image": "a"},
        {"name": "side", "image": "b", "restartPolicy": "Always"},
    ]);
    pods.create(&body).await.unwrap();
    cluster.settle().await;
    let web = pods.get("web").await.unwrap();
    assert_eq!(web["status"]["phase"], "Pending");
    assert_eq!(condition(&web, "Initialized"), "False");
    let waiting = &web["status"]["containerStatuses"][0]["state"]["waiting"];
    assert_eq!(waiting["reason"], "PodInitializing");
    cluster.advance(Duration::from_secs(5)).await;
    let web = pods.get("web").await.unwrap();
    assert_eq!(web["status"]["phase"], "Running");
    let inits = &web["status"]["initContainerStatuses"];
    assert_eq!(inits[0]["state"]["terminated"]["reason"], "Completed");
    assert_eq!(inits[1]["started"], true);
    assert_eq!(condition(&web, "Initialized"), "True");
}

#[tokio::test]
async fn a_container_that_crashes_is_restarted_after_pauses_that_grow() {
    let cluster = living_cluster_with_nodes(1).await;
    let pods = pods(&cluster);
    let crash = json!({"mockernetes.dev/exit-code": "3"});
    pods.create(&pod("web", &crash)).await.unwrap();
    cluster.settle().await;
    let status = async || {
        let web = pods.get("web").await.unwrap();
        web["status"]["containerStatuses"][0].clone()
    };
    let web = status().await;
    assert_eq!(web["restartCount"], 1);
    assert_eq!(web["state"]["waiting"]["reason"], "CrashLoopBackOff");
    assert_eq!(web["lastState"]["terminated"]["exitCode"], 3);
    cluster.advance(Duration::from_secs(9)).await;
    assert_eq!(status().await["restartCount"], 1);
    cluster.advance(Duration::from_secs(1)).await;
    assert_eq!(status().await["restartCount"], 2);
    cluster.advance(Duration::from_secs(20)).await;
    let web = status().await;
    assert_eq!(web["restartCount"], 3);
    let message = web["state"]["waiting"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("back-off 40s restarting failed container=web"),
        "{message}"
    );
}

#[tokio::test]
async fn a_pod_that_is_not_restarted_completes_or_fails() {
    let cluster = living_cluster_with_nodes(1).await;
    let pods = pods(&cluster);
    for (name, code, phase) in [("good", "0", "Succeeded"), ("bad", "1", "Failed")] {
        let mut body = pod(
            name,
            &json!({
                "mockernetes.dev/exit-code": code,
                "mockernetes.dev/exit-after": "30s",
            }),
        );
        body["spec"]["restartPolicy"] = "Never".into();
        pods.create(&body).await.unwrap();
        cluster.settle().await;
        assert_eq!(pods.get(name).await.unwrap()["status"]["phase"], "Running");
        cluster.advance(Duration::from_secs(30)).await;
        let pod = pods.get(name).await.unwrap();
        assert_eq!(pod["status"]["phase"], phase);
        assert_eq!(condition(&pod, "Ready"), "False");
    }
}

#[tokio::test]
async fn an_image_that_is_missing_and_a_pod_that_is_never_ready() {
    let cluster = living_cluster_with_nodes(1).await;
    let pods = pods(&cluster);
    let image = json!({"mockernetes.dev/image-pull": "fail"});
    pods.create(&pod("image", &image)).await.unwrap();
    let never = json!({"mockernetes.dev/ready-after": "never"});
    pods.create(&pod("never", &never)).await.unwrap();
    cluster.settle().await;
    let reason = async || {
        let pod = pods.get("image").await.unwrap();
        pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"].clone()
    };
    assert_eq!(reason().await, "ImagePullBackOff");
    let never = pods.get("never").await.unwrap();
    assert_eq!(never["status"]["phase"], "Running");
    assert_eq!(condition(&never, "Ready"), "False");
}

#[tokio::test]
async fn a_deleted_pod_has_its_grace_and_goes() {
    let cluster = living_cluster_with_nodes(1).await;
    let pods = pods(&cluster);
    pods.create(&pod("quick", &json!({}))).await.unwrap();
    let slow = json!({"mockernetes.dev/stop-after": "5s"});
    pods.create(&pod("slow", &slow)).await.unwrap();
    cluster.settle().await;
    pods.delete("quick").await.unwrap();
    pods.delete("slow").await.unwrap();
    cluster.settle().await;
    assert_eq!(pods.get("quick").await.unwrap_err().code, 404);
    let going = pods.get("slow").await.unwrap();
    assert_eq!(going["metadata"]["deletionGracePeriodSeconds"], 30);
    assert_eq!(going["status"]["phase"], "Running");
    cluster.advance(Duration::from_secs(5)).await;
    assert_eq!(pods.get("slow").await.unwrap_err().code, 404);
}

#[tokio::test]
async fn a_pod_of_a_job_completes_and_one_that_is_overdue_fails() {
    let cluster = living_cluster_with_nodes(1).await;
    let pods = pods(&cluster);
    let jobs = cluster
        .client()
        .api("batch/v1", "jobs")
        .namespace("default");
    let suspended = json!({"metadata": {"name": "j"}, "spec": {
        "suspend": true,
        "template": {"spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "web", "image": "nginx"}],
        }},
    }});
    let owner = jobs.create(&suspended).await.unwrap();
    let mut job = pod("job", &json!({}));
    job["spec"]["restartPolicy"] = "Never".into();
    job["metadata"]["ownerReferences"] = json!([
        {"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": owner["metadata"]["uid"]},
    ]);
    pods.create(&job).await.unwrap();
    let mut late = pod("late", &json!({}));
    late["spec"]["activeDeadlineSeconds"] = 60.into();
    pods.create(&late).await.unwrap();
    cluster.settle().await;
    assert_eq!(
        pods.get("job").await.unwrap()["status"]["phase"],
        "Succeeded"
    );
    assert_eq!(
        pods.get("late").await.unwrap()["status"]["phase"],
        "Running"
    );
    cluster.advance(Duration::from_mins(1)).await;
    let late = pods.get("late").await.unwrap();
    assert_eq!(late["status"]["phase"], "Failed");
    assert_eq!(late["status"]["reason"], "DeadlineExceeded");
}

#[tokio::test]
async fn a_readiness_gate_is_opened_by_somebody_else() {
    let cluster = living_cluster_with_nodes(1).await;
    let pods = pods(&cluster);
    let mut body = pod("web", &json!({}));
    body["spec"]["readinessGates"] = json!([{"conditionType": "example.com/open"}]);
    pods.create(&body).await.unwrap();
    cluster.settle().await;
    let web = pods.get("web").await.unwrap();
    assert_eq!(condition(&web, "Ready"), "False");
    assert_eq!(condition(&web, "ContainersReady"), "True");
    let open = json!({"status": {"conditions": [{"type": "example.com/open", "status": "True"}]}});
    let headers = [("content-type", "application/strategic-merge-patch+json")];
    let path = format!("{}/status", pods.path("web"));
    let client = cluster.client();
    let answer = client
        .request("PATCH", &path, &headers, open.to_string())
        .await;
    assert_eq!(answer.code, 200);
    cluster.settle().await;
    let web = pods.get("web").await.unwrap();
    assert_eq!(condition(&web, "Ready"), "True");
    assert_eq!(web["status"]["conditions"][0]["reason"], Value::Null);
}
