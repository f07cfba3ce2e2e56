//! `CronJob`: a Job whenever its schedule says so.

use std::time::Duration;

use mockernetes::Cluster;
use mockernetes::client::{Api, PatchKind};
use serde_json::{Value, json};

use super::workloads::events;
use super::{items, living_cluster};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A CronJob whose Jobs have as many pods to wait for.
fn cron_job(schedule: &str, completions: i64) -> Value {
    json!({
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "tick"},
        "spec": {
            "schedule": schedule,
            "jobTemplate": {"spec": {
                "completions": completions,
                "parallelism": completions,
                "template": {"spec": {
                    "restartPolicy": "Never",
                    "containers": [{"name": "tick", "image": "busybox"}],
                }},
            }},
        },
    })
}

fn api(cluster: &Cluster) -> Api {
    cluster
        .client()
        .api("batch/v1", "cronjobs")
        .namespace("default")
}

async fn jobs(cluster: &Cluster) -> Vec<Value> {
    let jobs = cluster
        .client()
        .api("batch/v1", "jobs")
        .namespace("default");
    items(&jobs.list("").await.unwrap()).to_vec()
}

async fn advance(cluster: &Cluster, seconds: u64) {
    cluster.advance(Duration::from_secs(seconds)).await;
}

#[tokio::test]
async fn jobs_come_as_scheduled_and_are_named_after_the_minute() {
    let cluster = living_cluster().await;
    api(&cluster)
        .create(&cron_job("*/5 * * * *", 1))
        .await
        .unwrap();
    advance(&cluster, 5 * MINUTE - 1).await;
    assert!(jobs(&cluster).await.is_empty());
    advance(&cluster, 2).await;
    let all = jobs(&cluster).await;
    assert_eq!(all[0]["metadata"]["name"], "tick-29453765");
    let stamp =
        &all[0]["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"];
    assert_eq!(stamp, "2026-01-01T00:05:00Z");
    let tick = api(&cluster).get("tick").await.unwrap();
    assert_eq!(tick["status"]["lastScheduleTime"], "2026-01-01T00:05:00Z");
    assert_eq!(tick["status"]["active"][0]["name"], "tick-29453765");
    assert_eq!(
        events(&cluster, "tick").await,
        ["SuccessfulCreate: Created job tick-29453765"]
    );
}

#[tokio::test]
async fn a_day_of_jobs_passes_and_leaves_what_the_limits_keep() {
    let cluster = living_cluster().await;
    api(&cluster)
        .create(&cron_job("*/5 * * * *", 0))
        .await
        .unwrap();
    advance(&cluster, DAY + 1).await;
    let all = jobs(&cluster).await;
    let names: Vec<&Value> = all.iter().map(|job| &job["metadata"]["name"]).collect();
    assert_eq!(names, ["tick-29455190", "tick-29455195", "tick-29455200"]);
    let tick = api(&cluster).get("tick").await.unwrap();
    assert_eq!(tick["status"]["lastScheduleTime"], "2026-01-02T00:00:00Z");
}

#[tokio::test]
async fn times_are_those_of_the_time_zone() {
    let cluster = living_cluster().await;
    let mut tick = cron_job("30 9 * * *", 0);
    tick["spec"]["timeZone"] = "Asia/Tokyo".into();
    api(&cluster).create(&tick).await.unwrap();
    advance(&cluster, HOUR).await;
    let all = jobs(&cluster).await;
    let stamp =
        &all[0]["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"];
    assert_eq!(stamp, "2026-01-01T09:30:00+09:00");
}

#[tokio::test]
async fn what_happens_while_a_job_is_running_is_a_matter_of_policy() {
    for (policy, count) in [("Allow", 3), ("Forbid", 1), ("Replace", 1)] {
        let cluster = living_cluster().await;
        let mut tick = cron_job("* * * * *", 1);
        tick["spec"]["concurrencyPolicy"] = policy.into();
        api(&cluster).create(&tick).await.unwrap();
        advance(&cluster, 3 * MINUTE + 1).await;
        assert_eq!(jobs(&cluster).await.len(), count, "{policy}");
        let told = events(&cluster, "tick").await;
        let is_held = told.iter().any(|one| one.starts_with("JobAlreadyActive"));
        assert_eq!(is_held, policy == "Forbid");
        let is_replaced = told.iter().any(|one| one.starts_with("SuccessfulDelete"));
        assert_eq!(is_replaced, policy == "Replace");
    }
}

#[tokio::test]
async fn a_suspended_cron_job_makes_up_for_the_last_time_only() {
    let cluster = living_cluster().await;
    let mut tick = cron_job("* * * * *", 1);
    tick["spec"]["suspend"] = true.into();
    api(&cluster).create(&tick).await.unwrap();
    advance(&cluster, 10 * MINUTE + 30).await;
    assert!(jobs(&cluster).await.is_empty());
    let patch = json!({"spec": {"suspend": false}});
    api(&cluster)
        .patch("tick", PatchKind::Merge, &patch)
        .await
        .unwrap();
    cluster.settle().await;
    assert_eq!(jobs(&cluster).await.len(), 1);
    let tick = api(&cluster).get("tick").await.unwrap();
    assert_eq!(tick["status"]["lastScheduleTime"], "2026-01-01T00:10:00Z");
}
