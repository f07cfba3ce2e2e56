//! One seed, one log: whatever else the machine is doing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mockernetes::Cluster;
use mockernetes::client::{Client, PatchKind};
use mockernetes::controllers::Selection;
use mockernetes::sim::Clock;
use serde_json::{Value, json};

/// A cluster that speaks TLS, with everything that it starts with.
async fn cluster(seed: u64) -> Cluster {
    Cluster::builder()
        .seed(seed)
        .clock(Clock::virtual_at("2026-01-01T00:00:00Z".parse().unwrap()))
        .listen("127.0.0.1:0".parse().unwrap())
        .controllers(Selection::AllBut(Vec::new()))
        .nodes(5)
        .start()
        .await
        .unwrap()
}

fn template(name: &str) -> Value {
    json!({
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": "c", "image": "app:1"}]},
    })
}

async fn create(client: &Client, api_version: &str, plural: &str, object: Value) {
    let api = client.api(api_version, plural).namespace("default");
    api.create(&object).await.unwrap();
}

/// More than two thousand writes: of clients, one after the other and without waiting for what
/// controllers make of them, and of controllers.
async fn scenario(cluster: &Cluster) {
    let client = cluster.client();
    for number in 0..16 {
        let name = format!("w{number}");
        let workload = json!({"metadata": {"name": name}, "spec": {"replicas": 5,
            "serviceName": name,
            "selector": {"matchLabels": {"app": name}}, "template": template(&name)}});
        let plural = ["deployments", "statefulsets"][number % 2];
        create(&client, "apps/v1", plural, workload).await;
        let service = json!({"metadata": {"name": name}, "spec": {
            "selector": {"app": name}, "type": "NodePort", "ports": [{"port": 80}]}});
        create(&client, "v1", "services", service).await;
    }
    let token = json!({"metadata": {"name": "token", "annotations": {
        "kubernetes.io/service-account.name": "default"}},
        "type": "kubernetes.io/service-account-token"});
    create(&client, "v1", "secrets", token).await;
    let mut job = template("job");
    job["spec"]["restartPolicy"] = "Never".into();
    let job = json!({"metadata": {"name": "job"}, "spec": {"schedule": "*/5 * * * *",
        "jobTemplate": {"spec": {"template": job, "completions": 3, "parallelism": 2}}}});
    create(&client, "batch/v1", "cronjobs", job).await;
    assert!(cluster.advance(Duration::from_mins(45)).await);
    let deployments = client.api("apps/v1", "deployments").namespace("default");
    for number in (0..16).step_by(2) {
        let image = json!([{"name": "c", "image": "app:2"}]);
        let patch = json!({"spec": {"template": {"spec": {"containers": image}}}});
        let name = format!("w{number}");
        deployments
            .patch(&name, PatchKind::Strategic, &patch)
            .await
            .unwrap();
    }
    for number in (0..16).step_by(4) {
        deployments.delete(&format!("w{number}")).await.unwrap();
    }
    assert!(cluster.advance(Duration::from_mins(5)).await);
}

/// The log of a run.
fn log(seed: u64) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let cluster = cluster(seed).await;
        scenario(&cluster).await;
        cluster.log()
    })
}

#[test]
fn two_runs_of_one_seed_write_the_same_log_under_load() {
    let is_over = AtomicBool::new(false);
    let logs = std::thread::scope(|scope| {
        scope.spawn(|| {
            // Somebody else's work, on the other core.
            while !is_over.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
        let logs = [log(42), log(42), log(43)];
        is_over.store(true, Ordering::Relaxed);
        logs
    });
    let [first, second, other] = logs;
    assert!(first.len() >= 2000, "{} writes are few", first.len());
    for (one, two) in first.iter().zip(&second) {
        assert_eq!(one, two);
    }
    assert_eq!(first.len(), second.len());
    let differs = |what: &str| {
        let find = |log: &[String]| log.iter().find(|line| line.contains(what)).cloned();
        assert!(find(&first).is_some(), "nothing says {what}");
        assert_ne!(find(&first), find(&other), "{what}");
    };
    for what in [
        "BEGIN CERTIFICATE",
        "\"token\":",
        "\"uid\":",
        "pods default/w0-",
    ] {
        differs(what);
    }
}
