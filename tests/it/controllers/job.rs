//! `Job`: pods that run to their end.

use std::time::Duration;

use mockernetes::Cluster;
use mockernetes::client::{Api, PatchKind};
use serde_json::{Value, json};

use super::living_cluster;
use super::workloads::{condition, events, pods, put};

fn job(spec: &Value) -> Value {
    let mut job = json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "sum"},
        "spec": spec,
    });
    job["spec"]["template"] = json!({
        "metadata": {"labels": {"app": "sum"}},
        "spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "sum", "image": "busybox"}],
        },
    });
    job
}

fn api(cluster: &Cluster) -> Api {
    cluster
        .client()
        .api("batch/v1", "jobs")
        .namespace("default")
}

/// Has all pods that are not at their end come to one.
async fn end_all(cluster: &Cluster, phase: &str) {
    cluster.settle().await;
    for pod in pods(cluster, "sum").await {
        if pod["status"]["phase"] == "Pending" {
            put(cluster, pod["metadata"]["name"].as_str().unwrap(), phase).await;
        }
    }
    cluster.settle().await;
}

#[tokio::test]
async fn a_job_is_complete_when_its_pods_have_succeeded() {
    let cluster = living_cluster().await;
    let made = job(&json!({"completions": 2, "parallelism": 2}));
    api(&cluster).create(&made).await.unwrap();
    cluster.settle().await;
    let running = api(&cluster).get("sum").await.unwrap();
    assert_eq!(running["status"]["active"], 2);
    assert_eq!(running["status"]["startTime"], "2026-01-01T00:00:00Z");
    let finalizers = &pods(&cluster, "sum").await[0]["metadata"]["finalizers"];
    assert_eq!(*finalizers, json!(["batch.kubernetes.io/job-tracking"]));
    end_all(&cluster, "Succeeded").await;
    let done = api(&cluster).get("sum").await.unwrap();
    assert_eq!(done["status"]["succeeded"], 2);
    assert_eq!(done["status"]["uncountedTerminatedPods"], json!({}));
    assert_eq!(done["status"]["completionTime"], "2026-01-01T00:00:00Z");
    assert_eq!(
        condition(&done, "SuccessCriteriaMet"),
        "True CompletionsReached"
    );
    assert_eq!(condition(&done, "Complete"), "True CompletionsReached");
    assert_eq!(
        pods(&cluster, "sum").await[0]["metadata"]["finalizers"],
        Value::Null
    );
    assert_eq!(
        events(&cluster, "sum").await.last().unwrap(),
        "Completed: Job completed"
    );
}

#[tokio::test]
async fn a_job_tries_again_ever_later_until_its_limit() {
    let cluster = living_cluster().await;
    api(&cluster)
        .create(&job(&json!({"backoffLimit": 1})))
        .await
        .unwrap();
    end_all(&cluster, "Failed").await;
    assert_eq!(pods(&cluster, "sum").await.len(), 1);
    cluster.advance(Duration::from_secs(9)).await;
    assert_eq!(pods(&cluster, "sum").await.len(), 1);
    cluster.advance(Duration::from_secs(2)).await;
    assert_eq!(pods(&cluster, "sum").await.len(), 2);
    end_all(&cluster, "Failed").await;
    let done = api(&cluster).get("sum").await.unwrap();
    assert_eq!(done["status"]["failed"], 2);
    assert_eq!(
        condition(&done, "FailureTarget"),
        "True BackoffLimitExceeded"
    );
    assert_eq!(condition(&done, "Failed"), "True BackoffLimitExceeded");
    let told = "BackoffLimitExceeded: Job has reached the specified backoff limit";
    assert_eq!(events(&cluster, "sum").await.last().unwrap(), told);
}

#[tokio::test]
async fn a_job_ends_with_its_deadline_and_goes_when_its_time_is_over() {
    let cluster = living_cluster().await;
    let made = job(&json!({"activeDeadlineSeconds": 30, "ttlSecondsAfterFinished": 60}));
    api(&cluster).create(&made).await.unwrap();
    cluster.advance(Duration::from_secs(31)).await;
    let done = api(&cluster).get("sum").await.unwrap();
    assert_eq!(condition(&done, "Failed"), "True DeadlineExceeded");
    assert_eq!(done["status"]["failed"], 1);
    assert!(pods(&cluster, "sum").await.is_empty());
    cluster.advance(Duration::from_mins(1)).await;
    assert_eq!(api(&cluster).get("sum").await.unwrap_err().code, 404);
}

#[tokio::test]
async fn an_indexed_job_gives_each_pod_its_index() {
    let cluster = living_cluster().await;
    let made = job(&json!({
        "completionMode": "Indexed",
        "completions": 4,
        "parallelism": 4,
        "successPolicy": {"rules": [{"succeededIndexes": "0-2", "succeededCount": 2}]},
    }));
    api(&cluster).create(&made).await.unwrap();
    cluster.settle().await;
    let all = pods(&cluster, "sum").await;
    let index = "batch.kubernetes.io/job-completion-index";
    for (number, pod) in all.iter().enumerate() {
        assert_eq!(pod["metadata"]["labels"][index], number.to_string());
        assert_eq!(pod["spec"]["hostname"], format!("sum-{number}"));
        assert_eq!(
            pod["spec"]["containers"][0]["env"][0]["name"],
            "JOB_COMPLETION_INDEX"
        );
    }
    put(
        &cluster,
        all[0]["metadata"]["name"].as_str().unwrap(),
        "Succeeded",
    )
    .await;
    cluster.settle().await;
    let running = api(&cluster).get("sum").await.unwrap();
    assert_eq!(running["status"]["completedIndexes"], "0");
    put(
        &cluster,
        all[2]["metadata"]["name"].as_str().unwrap(),
        "Succeeded",
    )
    .await;
    cluster.settle().await;
    let done = api(&cluster).get("sum").await.unwrap();
    assert_eq!(done["status"]["completedIndexes"], "0,2");
    assert_eq!(condition(&done, "Complete"), "True SuccessPolicy");
}

#[tokio::test]
async fn indexes_fail_one_by_one_where_each_has_its_limit() {
    let cluster = living_cluster().await;
    let made = job(&json!({
        "completionMode": "Indexed",
        "completions": 2,
        "parallelism": 2,
        "backoffLimitPerIndex": 0,
    }));
    api(&cluster).create(&made).await.unwrap();
    cluster.settle().await;
    let all = pods(&cluster, "sum").await;
    put(
        &cluster,
        all[0]["metadata"]["name"].as_str().unwrap(),
        "Failed",
    )
    .await;
    cluster.settle().await;
    let running = api(&cluster).get("sum").await.unwrap();
    assert_eq!(running["status"]["failedIndexes"], "0");
    put(
        &cluster,
        all[1]["metadata"]["name"].as_str().unwrap(),
        "Succeeded",
    )
    .await;
    cluster.settle().await;
    let done = api(&cluster).get("sum").await.unwrap();
    assert_eq!(condition(&done, "Failed"), "True FailedIndexes");
}

#[tokio::test]
async fn a_policy_of_failures_ends_a_job_at_once() {
    let cluster = living_cluster().await;
    let made = job(&json!({"podFailurePolicy": {"rules": [{
        "action": "FailJob",
        "onPodConditions": [{"type": "Ready", "status": "False"}],
    }]}}));
    api(&cluster).create(&made).await.unwrap();
    end_all(&cluster, "Failed").await;
    let done = api(&cluster).get("sum").await.unwrap();
    assert_eq!(condition(&done, "Failed"), "True PodFailurePolicy");
    let pod = pods(&cluster, "sum").await[0]["metadata"]["name"].clone();
    let conditions = done["status"]["conditions"].as_array().unwrap();
    assert_eq!(
        conditions[0]["message"],
        format!(
            "Pod default/{} has condition Ready matching FailJob rule at index 0",
            pod.as_str().unwrap()
        )
    );
}

#[tokio::test]
async fn a_suspended_job_has_no_pods_until_it_goes_on() {
    let cluster = living_cluster().await;
    api(&cluster)
        .create(&job(&json!({"suspend": true})))
        .await
        .unwrap();
    cluster.settle().await;
    let waiting = api(&cluster).get("sum").await.unwrap();
    assert_eq!(condition(&waiting, "Suspended"), "True JobSuspended");
    assert!(pods(&cluster, "sum").await.is_empty());
    let patch = json!({"spec": {"suspend": false}});
    api(&cluster)
        .patch("sum", PatchKind::Merge, &patch)
        .await
        .unwrap();
    cluster.settle().await;
    let running = api(&cluster).get("sum").await.unwrap();
    assert_eq!(condition(&running, "Suspended"), "False JobResumed");
    assert_eq!(running["status"]["active"], 1);
}

#[tokio::test]
async fn a_job_that_another_looks_after_is_left_alone() {
    let cluster = living_cluster().await;
    let made = job(&json!({"managedBy": "example.com/queue"}));
    api(&cluster).create(&made).await.unwrap();
    cluster.settle().await;
    assert!(pods(&cluster, "sum").await.is_empty());
    assert_eq!(api(&cluster).get("sum").await.unwrap()["status"], json!({}));
}
