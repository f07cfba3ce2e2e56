//! The kinds that make pods: what they are given, and what may change.

use mockernetes::client::{Api, Client, Failure, PatchKind};
use mockernetes::cluster::Cluster;
use serde_json::{Value, json};

use crate::support::cluster;

async fn client() -> (Cluster, Client) {
    let fixture = cluster().await;
    (fixture.cluster, fixture.client)
}

fn api(client: &Client, version: &str, plural: &str) -> Api {
    client.api(version, plural).namespace("default")
}

/// A template of pods with the label `app: a`.
fn template(spec: &Value) -> Value {
    let mut complete = json!({"containers": [{"name": "c", "image": "i:1"}]});
    for (field, value) in spec.as_object().unwrap() {
        complete[field] = value.clone();
    }
    json!({"metadata": {"labels": {"app": "a"}}, "spec": complete})
}

/// An object that selects the pods it makes.
fn selecting(spec: &Value) -> Value {
    let mut complete = json!({"selector": {"matchLabels": {"app": "a"}},
        "template": template(&json!({}))});
    for (field, value) in spec.as_object().unwrap() {
        complete[field] = value.clone();
    }
    json!({"metadata": {"name": "w"}, "spec": complete})
}

fn job(spec: &Value) -> Value {
    let mut complete = json!({"template": template(&json!({"restartPolicy": "Never"}))});
    for (field, value) in spec.as_object().unwrap() {
        complete[field] = value.clone();
    }
    json!({"metadata": {"name": "w"}, "spec": complete})
}

fn fields(failure: &Failure) -> Vec<&str> {
    let causes = failure.status["details"]["causes"].as_array();
    causes
        .into_iter()
        .flatten()
        .map(|cause| cause["field"].as_str().unwrap_or(""))
        .collect()
}

#[tokio::test]
async fn a_deployment_rolls_unless_it_says_otherwise() {
    let (_cluster, client) = client().await;
    let deployments = api(&client, "apps/v1", "deployments");
    let made = deployments.create(&selecting(&json!({}))).await.unwrap();
    let rolling = json!({"maxSurge": "25%", "maxUnavailable": "25%"});
    let strategy = json!({"type": "RollingUpdate", "rollingUpdate": rolling});
    assert_eq!(made["spec"]["strategy"], strategy);
    assert_eq!(made["spec"]["replicas"], 1);
    assert_eq!(made["spec"]["template"]["spec"]["restartPolicy"], "Always");
    let both = json!({"spec": {"strategy": {"type": "Recreate"}}});
    let failure = deployments.patch("w", PatchKind::Merge, &both).await;
    assert_eq!(
        fields(&failure.unwrap_err()),
        ["spec.strategy.rollingUpdate"]
    );
    let recreate = json!({"spec": {"strategy": {"type": "Recreate", "rollingUpdate": null}}});
    let made = deployments.patch("w", PatchKind::Merge, &recreate).await;
    assert_eq!(
        made.unwrap()["spec"]["strategy"],
        json!({"type": "Recreate"})
    );
}

#[tokio::test]
async fn a_workload_must_select_its_own_pods_for_ever() {
    let (_cluster, client) = client().await;
    for plural in ["deployments", "replicasets", "statefulsets", "daemonsets"] {
        let workloads = api(&client, "apps/v1", plural);
        let stray = selecting(&json!({"selector": {"matchLabels": {"app": "b"}}}));
        let failure = workloads.create(&stray).await.unwrap_err();
        let path = "spec.template.metadata.labels";
        assert_eq!(fields(&failure), [path], "{plural}");
        workloads.create(&selecting(&json!({}))).await.unwrap();
        let moved = json!({"spec": {"selector": {"matchLabels": {"app": "a", "x": "y"}},
            "template": {"metadata": {"labels": {"x": "y"}}}}});
        let failure = workloads.patch("w", PatchKind::Merge, &moved).await;
        let failure = failure.unwrap_err();
        assert!(fields(&failure).contains(&"spec.selector"), "{plural}");
    }
}

#[tokio::test]
async fn pods_of_workloads_run_for_ever() {
    let (_cluster, client) = client().await;
    for plural in ["deployments", "replicasets", "statefulsets", "daemonsets"] {
        let workloads = api(&client, "apps/v1", plural);
        let once = template(&json!({"restartPolicy": "Never", "activeDeadlineSeconds": 5}));
        let failure = workloads
            .create(&selecting(&json!({"template": once})))
            .await;
        let failure = failure.unwrap_err();
        let mut found = fields(&failure);
        found.sort_unstable();
        let path = "spec.template.spec";
        let expected = [
            format!("{path}.activeDeadlineSeconds"),
            format!("{path}.restartPolicy"),
        ];
        assert_eq!(found, expected, "{plural}");
    }
}

#[tokio::test]
async fn a_generation_counts_changes_of_the_spec_alone() {
    let (_cluster, client) = client().await;
    let deployments = api(&client, "apps/v1", "deployments");
    deployments.create(&selecting(&json!({}))).await.unwrap();
    let label = json!({"metadata": {"labels": {"x": "y"}}});
    let made = deployments.patch("w", PatchKind::Merge, &label).await;
    assert_eq!(made.unwrap()["metadata"]["generation"], 1);
    let status = json!({"spec": {"replicas": 9}, "status": {"replicas": 1}});
    let made = deployments
        .patch("w/status", PatchKind::Merge, &status)
        .await;
    let made = made.unwrap();
    assert_eq!(made["metadata"]["generation"], 1);
    assert_eq!(made["spec"]["replicas"], 1);
    let scaled = json!({"spec": {"replicas": 3}});
    let made = deployments
        .patch("w/scale", PatchKind::Merge, &scaled)
        .await;
    assert_eq!(made.unwrap()["spec"]["replicas"], 3);
    let made = deployments.get("w").await.unwrap();
    assert_eq!(made["metadata"]["generation"], 2);
}

#[tokio::test]
async fn a_stateful_set_keeps_its_claims_and_its_service() {
    let (_cluster, client) = client().await;
    let sets = api(&client, "apps/v1", "statefulsets");
    let claim = json!({"metadata": {"name": "v"}, "spec": {"accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}}}});
    let spec = json!({"serviceName": "s", "volumeClaimTemplates": [claim]});
    let made = sets.create(&selecting(&spec)).await.unwrap();
    let claim = &made["spec"]["volumeClaimTemplates"][0];
    assert_eq!(claim["kind"], "PersistentVolumeClaim");
    assert_eq!(claim["spec"]["volumeMode"], "Filesystem");
    assert_eq!(claim["status"]["phase"], "Pending");
    let scaled = json!({"spec": {"replicas": 3}});
    sets.patch("w", PatchKind::Merge, &scaled).await.unwrap();
    for change in [
        json!({"spec": {"serviceName": "t"}}),
        json!({"spec": {"volumeClaimTemplates": null}}),
        json!({"spec": {"podManagementPolicy": "Parallel"}}),
    ] {
        let failure = sets.patch("w", PatchKind::Merge, &change).await;
        assert_eq!(failure.unwrap_err().code, 422, "{change}");
    }
}

#[tokio::test]
async fn a_job_labels_its_pods_and_selects_them_by_its_uid() {
    let (_cluster, client) = client().await;
    let jobs = api(&client, "batch/v1", "jobs");
    let made = jobs.create(&job(&json!({}))).await.unwrap();
    let uid = &made["metadata"]["uid"];
    let spec = &made["spec"];
    let selector = json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}});
    assert_eq!(spec["selector"], selector);
    let labels = json!({"app": "a", "job-name": "w", "batch.kubernetes.io/job-name": "w",
        "controller-uid": uid, "batch.kubernetes.io/controller-uid": uid});
    assert_eq!(spec["template"]["metadata"]["labels"], labels);
    assert_eq!(
        (&spec["completions"], &spec["parallelism"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(spec["backoffLimit"], 6);
}

#[tokio::test]
async fn a_job_never_changes_what_it_runs() {
    let (_cluster, client) = client().await;
    let jobs = api(&client, "batch/v1", "jobs");
    jobs.create(&job(&json!({"completions": 3}))).await.unwrap();
    let wider = json!({"spec": {"parallelism": 2}});
    jobs.patch("w", PatchKind::Merge, &wider).await.unwrap();
    let image = json!({"spec": {"template": {"spec": {
        "containers": [{"name": "c", "image": "other"}]}}}});
    let failure = jobs.patch("w", PatchKind::Strategic, &image).await;
    assert_eq!(fields(&failure.unwrap_err()), ["spec.template"]);
    let more = json!({"spec": {"completions": 5}});
    let failure = jobs.patch("w", PatchKind::Merge, &more).await;
    assert_eq!(fields(&failure.unwrap_err()), ["spec.completions"]);
}

#[tokio::test]
async fn a_job_that_succeeds_says_so_in_order() {
    let (_cluster, client) = client().await;
    let jobs = api(&client, "batch/v1", "jobs");
    jobs.create(&job(&json!({}))).await.unwrap();
    let at = "2026-01-01T00:00:00Z";
    let hasty = json!({"status": {"conditions": [{"type": "Complete", "status": "True"}]}});
    let failure = jobs.patch("w/status", PatchKind::Merge, &hasty).await;
    assert_eq!(failure.unwrap_err().code, 422);
    let done = json!({"status": {"startTime": at, "completionTime": at, "succeeded": 1,
        "conditions": [{"type": "SuccessCriteriaMet", "status": "True"},
            {"type": "Complete", "status": "True"}]}});
    jobs.patch("w/status", PatchKind::Merge, &done)
        .await
        .unwrap();
    let list = jobs
        .list("fieldSelector=status.successful%3D1")
        .await
        .unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_cron_job_is_held_to_its_calendar() {
    let (_cluster, client) = client().await;
    let cron_jobs = api(&client, "batch/v1", "cronjobs");
    let daily = |schedule: &str, zone: &str| {
        let template = job(&json!({}))["spec"].clone();
        json!({"metadata": {"name": "w"}, "spec": {"schedule": schedule, "timeZone": zone,
            "jobTemplate": {"spec": template}}})
    };
    for (schedule, zone, field) in [
        ("* * * *", "UTC", "spec.schedule"),
        ("60 * * * *", "UTC", "spec.schedule"),
        ("TZ=UTC 0 0 * * *", "UTC", "spec.schedule"),
        ("@daily", "Mars/Phobos", "spec.timeZone"),
    ] {
        let failure = cron_jobs.create(&daily(schedule, zone)).await.unwrap_err();
        assert_eq!(fields(&failure), [field], "{schedule} {zone}");
    }
    for (i, schedule) in ["@daily", "@every 1h", "0 0 ? * SUN-TUE/2"]
        .iter()
        .enumerate()
    {
        let mut object = daily(schedule, "Europe/Berlin");
        object["metadata"]["name"] = format!("w{i}").into();
        let made = cron_jobs.create(&object).await.unwrap();
        assert_eq!(made["spec"]["concurrencyPolicy"], "Allow");
        assert!(made["spec"]["jobTemplate"]["spec"]["selector"].is_null());
    }
}

#[tokio::test]
async fn jobs_leave_their_pods_to_others_and_say_so() {
    let (_cluster, client) = client().await;
    let jobs = api(&client, "batch/v1", "jobs");
    jobs.create(&job(&json!({}))).await.unwrap();
    let reply = client.request("DELETE", &jobs.path("w"), &[], "").await;
    assert_eq!(reply.code, 200);
    let words = "child pods are preserved by default when jobs are deleted";
    assert!(reply.header("warning").contains(words));
}

#[tokio::test]
async fn finalizers_of_built_in_kinds_say_whose_they_are() {
    let (_cluster, client) = client().await;
    let sets = api(&client, "apps/v1", "replicasets");
    let mut object = selecting(&json!({}));
    object["metadata"]["finalizers"] = json!(["mine", "orphan", "example.com/mine"]);
    let failure = sets.create(&object).await.unwrap_err();
    assert_eq!(fields(&failure), ["metadata.finalizers[0]"]);
}

#[tokio::test]
async fn how_an_update_rolls_is_defaulted_only_where_updates_roll() {
    let (_cluster, client) = client().await;
    let daemon_sets = api(&client, "apps/v1", "daemonsets");
    let strategy = |kind: &str| json!({"type": kind, "rollingUpdate": {"maxSurge": 1}});
    let idle = selecting(&json!({"updateStrategy": strategy("OnDelete")}));
    let created = daemon_sets.create(&idle).await.unwrap();
    assert_eq!(
        created["spec"]["updateStrategy"]["rollingUpdate"],
        json!({"maxSurge": 1, "maxUnavailable": 0})
    );
    let unknown = selecting(&json!({"updateStrategy": strategy("Nope")}));
    let failure = daemon_sets.create(&unknown).await.unwrap_err();
    let printed = r#"{"Type":"Nope","RollingUpdate":{"MaxUnavailable":0,"MaxSurge":1}}"#;
    assert!(failure.message().contains(printed), "{}", failure.message());
    let unknown = selecting(&json!({"strategy": strategy("Nope")}));
    let deployments = api(&client, "apps/v1", "deployments");
    let failure = deployments.create(&unknown).await.unwrap_err();
    assert!(failure.message().contains(printed), "{}", failure.message());
    let stateful = json!({"updateStrategy": {"type": "OnDelete", "rollingUpdate": {}}});
    let stateful_sets = api(&client, "apps/v1", "statefulsets");
    let failure = stateful_sets
        .create(&selecting(&stateful))
        .await
        .unwrap_err();
    let printed = r#"{"Partition":0,"MaxUnavailable":null}"#;
    assert!(failure.message().contains(printed), "{}", failure.message());
}

#[tokio::test]
async fn a_daemon_set_counts_its_templates_where_it_is_shown_whole() {
    let (_cluster, client) = client().await;
    let daemon_sets = api(&client, "apps/v1", "daemonsets");
    let made = daemon_sets.create(&selecting(&json!({}))).await.unwrap();
    let annotation = "deprecated.daemonset.template.generation";
    assert_eq!(made["metadata"]["annotations"][annotation], "1");
    let patch = json!({"metadata": {"annotations": {annotation: "x"}}});
    let failure = daemon_sets.patch("w", PatchKind::Merge, &patch).await;
    let why = "DaemonSet in version \"v1\" cannot be handled as a DaemonSet: strconv.ParseInt: \
               parsing \"x\": invalid syntax";
    assert_eq!(failure.unwrap_err().message(), why);
    let partial = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    let reply = client
        .request("GET", &daemon_sets.path("w"), &[("accept", partial)], "")
        .await;
    let partial = reply.into_json().await.unwrap();
    assert_eq!(partial["metadata"]["name"], "w");
    assert_eq!(partial["metadata"].get("annotations"), None);
}
