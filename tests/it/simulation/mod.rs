//! Random workloads on a living cluster under seeds: whatever is created, scaled, changed, deleted,
//! evicted and broken, what must hold of every cluster holds.
//!
//! A seed that fails is named, and runs alone with `SEED=N cargo test --test it simulation`;
//! `SEEDS=200` runs as many.

mod checks;
mod workload;

use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use mockernetes::Cluster;
use mockernetes::controllers::Selection;
use mockernetes::sim::{Clock, Entropy};

use self::checks::Witness;
use self::workload::Workload;

/// So many seeds are run where nobody says.
const SEEDS: u64 = 200;

/// Threads that run them.
const THREADS: u64 = 2;

/// Steps of a workload, and of every tenth.
const STEPS: [u64; 2] = [8, 16];

/// Where everything happens.
const NAMESPACE: &str = "sim";

/// A cluster with all controllers but some.
async fn cluster(seed: u64, without: &[&str]) -> Cluster {
    let start = "2026-01-01T00:00:00Z".parse().unwrap();
    let without = without.iter().map(|name| (*name).to_owned()).collect();
    let mut builder = Cluster::builder()
        .bare()
        .seed(seed)
        .clock(Clock::virtual_at(start))
        .controllers(Selection::AllBut(without))
        .nodes(3 + (seed % 3) as u32);
    if seed.is_multiple_of(2) {
        // Every other seed lets requests in while controllers are at work.
        builder = builder.without_turns();
    }
    let cluster = builder.start().await.unwrap();
    let namespace = serde_json::json!({"metadata": {"name": NAMESPACE}});
    let client = cluster.client();
    client
        .api("v1", "namespaces")
        .create(&namespace)
        .await
        .unwrap();
    let class = serde_json::json!({"provisioner": "volume.mockernetes.io", "metadata": {
        "name": "standard",
        "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}});
    let classes = client.api("storage.k8s.io/v1", "storageclasses");
    classes.create(&class).await.unwrap();
    cluster.settle().await;
    cluster
}

/// Runs a workload to its end; what does not hold is the error.
async fn run(seed: u64, without: &[&str]) -> Result<(), String> {
    let cluster = cluster(seed, without).await;
    let entropy = Entropy::seeded(seed);
    let mut witness = Witness::new(&cluster).await;
    let mut workload = Workload::new(&cluster, &entropy);
    for _ in 0..STEPS[usize::from(seed.is_multiple_of(10))] {
        workload.step().await?;
        if entropy.below(3) == 0 {
            cluster.settle().await;
            checks::settled(&cluster, &mut witness).await?;
        }
        // As far as the controllers come meanwhile.
        for _ in 0..entropy.below(4) {
            tokio::task::yield_now().await;
        }
    }
    workload.heal().await;
    cluster.settle().await;
    checks::settled(&cluster, &mut witness).await?;
    checks::healed(&cluster).await?;
    workload.remove_all().await;
    checks::gone(&cluster, &mut witness).await
}

/// The same on a runtime of its own, with the seed in whatever goes wrong.
fn outcome(seed: u64, run: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let result = runtime.block_on(AssertUnwindSafe(run).catch_unwind());
    let why = match result {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(why)) => why,
        Err(panic) => panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .unwrap_or_default(),
    };
    Err(format!("seed {seed}: {why}"))
}

/// The seeds to run: the one that `SEED` names, or the first `SEEDS`.
fn seeds() -> Vec<u64> {
    let number = |name: &str| {
        let text = std::env::var(name).ok()?;
        Some(text.parse::<u64>().expect("a seed is a number"))
    };
    match number("SEED") {
        Some(seed) => vec![seed],
        None => (0..number("SEEDS").unwrap_or(SEEDS)).collect(),
    }
}

#[test]
fn whatever_happens_to_a_cluster_its_rules_hold() {
    let seeds = seeds();
    let part = |thread: u64| {
        let own = seeds
            .iter()
            .copied()
            .filter(move |seed| seed % THREADS == thread);
        own.filter_map(|seed| outcome(seed, run(seed, &[])).err())
    };
    let failures: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| scope.spawn(move || part(thread).collect::<Vec<_>>()))
            .collect();
        threads
            .into_iter()
            .flat_map(|one| one.join().unwrap())
            .collect()
    });
    assert!(
        failures.is_empty(),
        "{} of {} seeds fail; run one with SEED=N cargo test --test it simulation\n{}",
        failures.len(),
        seeds.len(),
        failures.join("\n")
    );
}

#[test]
fn a_cluster_that_lacks_a_controller_is_found_out() {
    for (controller, seeds) in [
        ("garbage-collector-controller", 1..9),
        ("endpointslice-controller", 1..9),
        ("disruption-controller", 1..9),
        ("replicaset-controller", 1..9),
    ] {
        let is_found = seeds
            .clone()
            .any(|seed| outcome(seed, run(seed, &[controller])).is_err());
        assert!(is_found, "nobody misses the {controller}");
    }
}
