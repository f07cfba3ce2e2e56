//! How a cluster lives at scale: what its controllers, its scheduler and its kubelets come to.
//!
//! `cargo bench --bench scale` measures all; a word after `--` chooses: `pods`, `memory`, `cron`.
//! Writes come from a client in process, time from the wall, but for `cron`, whose clock is virtual.
//!
//! *Invariant:* measures and asserts nothing; a slow machine fails no test.

#![allow(clippy::disallowed_methods, clippy::print_stdout)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::{Duration, Instant};

use mockernetes::client::{Api, Client};
use mockernetes::cluster::Cluster;
use mockernetes::controllers::Selection;
use mockernetes::sim::Clock;
use serde_json::{Value, json};

/// As in the binary: a server makes and drops many small objects on several threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a kube-apiserver with kwok came to on the same two cores, as shipped and with its clients'
/// limits raised.
const REFERENCE_PODS: &str = "reference with kwok: 16, with its clients' limits raised: 94";
/// What it took there to remove a namespace.
const REFERENCE_REMOVAL: &str = "reference with kwok: 1,400 pods in 21 s";

/// The pods of a Deployment.
const PODS: usize = 10;

fn main() {
    let chosen: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let is_chosen = |name: &str| chosen.is_empty() || chosen.iter().any(|word| word == name);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if is_chosen("pods") {
        runtime.block_on(pods(100, 300));
        runtime.block_on(pods(200, 1_000));
    }
    if is_chosen("cron") {
        runtime.block_on(cron());
    }
    if is_chosen("memory") {
        runtime.block_on(memory());
    }
}

async fn cluster(nodes: u32, clock: Clock) -> Cluster {
    let cluster = Cluster::builder()
        .controllers(Selection::AllBut(Vec::new()))
        .clock(clock)
        .seed(1)
        .nodes(nodes)
        .start()
        .await
        .unwrap();
    cluster.settle().await;
    cluster
}

/// Deployments to all Ready, and the namespace that holds them gone.
async fn pods(nodes: u32, deployments: usize) {
    let cluster = cluster(nodes, Clock::wall()).await;
    let client = cluster.client();
    let count = deployments * PODS;
    let start = Instant::now();
    deploy(&client, deployments).await;
    until_ready(&client, deployments).await;
    let seconds = start.elapsed().as_secs_f64();
    let rate = count as f64 / seconds;
    println!("{count} pods of Deployments, all Ready: {seconds:.2} s, {rate:.0} pods/s");
    println!("  {REFERENCE_PODS}");
    cluster.settle().await;
    let namespaces = client.api("v1", "namespaces");
    let start = Instant::now();
    namespaces.delete("scale").await.unwrap();
    while namespaces.get("scale").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("namespace of {count} pods gone: {seconds:.2} s");
    println!("  {REFERENCE_REMOVAL}");
    cluster.stop().await;
}

async fn deploy(client: &Client, deployments: usize) {
    let namespace = json!({"metadata": {"name": "scale"}});
    let namespaces = client.api("v1", "namespaces");
    namespaces.create(&namespace).await.unwrap();
    let api = all(client);
    for number in 0..deployments {
        let name = format!("app-{number}");
        let labels = json!({"app": name});
        let deployment = json!({
            "metadata": {"name": name},
            "spec": {
                "replicas": PODS,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "app", "image": "app:1"}]},
                },
            },
        });
        api.create(&deployment).await.unwrap();
    }
}

fn all(client: &Client) -> Api {
    client.api("apps/v1", "deployments").namespace("scale")
}

async fn until_ready(client: &Client, deployments: usize) {
    let api = all(client);
    loop {
        let list = api.list("").await.unwrap();
        let ready = list["items"].as_array().into_iter().flatten();
        let ready = ready.filter_map(|one| one["status"]["readyReplicas"].as_u64());
        if ready.sum::<u64>() == (deployments * PODS) as u64 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What a large cluster holds.
async fn memory() {
    let (nodes, deployments) = (5_000, 5_000);
    let cluster = cluster(nodes, Clock::wall()).await;
    let client = cluster.client();
    println!("{nodes} nodes: {} MiB", resident());
    deploy(&client, deployments).await;
    until_ready(&client, deployments).await;
    cluster.settle().await;
    let count = deployments * PODS;
    println!("{nodes} nodes and {count} pods: {} MiB", resident());
    cluster.stop().await;
}

/// What the process holds, in MiB; 0 where the system does not say.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1024
}

/// A month of a `CronJob`.
async fn cron() {
    const DAYS: u64 = 30;
    let clock = Clock::virtual_at("2026-01-01T00:00:00Z".parse().unwrap());
    let cluster = cluster(3, clock).await;
    let client = cluster.client();
    let cron_jobs = client.api("batch/v1", "cronjobs").namespace("default");
    cron_jobs.create(&cron_job()).await.unwrap();
    let start = Instant::now();
    cluster.advance(Duration::from_hours(24 * DAYS)).await;
    let seconds = start.elapsed().as_secs_f64();
    let jobs = client.api("batch/v1", "jobs").namespace("default");
    let left = jobs.list("").await.unwrap();
    let left = left["items"].as_array().map_or(0, Vec::len);
    let made = DAYS * 24 * 12;
    println!("{made} Jobs of a CronJob in {DAYS} days: {seconds:.2} s, {left} Jobs kept");
    cluster.stop().await;
}

fn cron_job() -> Value {
    json!({
        "metadata": {"name": "often"},
        "spec": {
            "schedule": "*/5 * * * *",
            "jobTemplate": {"spec": {"template": {"spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "job", "image": "job:1"}],
            }}}},
        },
    })
}
