//! A long run: many watchers, mixed writes, nothing missed, nothing leaked.
//!
//! Opt-in by `MOCKERNETES_SLOW=1`. `MOCKERNETES_SOAK_SECONDS` (300), `MOCKERNETES_SOAK_WATCHERS`
//! (200) and `MOCKERNETES_SOAK_WRITES` (400 a second) say how long, how many and how fast.
//! Half of the watchers and of the writers are in process, half come over HTTP.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and this one reports figures"
)]

mod inside;
mod watcher;
mod wire;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mockernetes::cluster::Cluster;
use watcher::Seen;

/// Namespaces that are written to.
const NAMESPACES: [&str; 4] = ["soak-a", "soak-b", "soak-c", "soak-d"];
/// The object that ends a namespace.
const LAST: &str = "the-last";

/// What everybody shares.
struct Run {
    stop: AtomicBool,
    writes: AtomicU64,
}

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

/// Resident memory in KiB.
fn resident_kib() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm
        .split(' ')
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    pages * 4
}

#[test]
fn every_watcher_sees_every_revision_once_and_in_order_and_memory_stays_flat() {
    if std::env::var_os("MOCKERNETES_SLOW").is_none() {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(soak());
}

async fn soak() {
    let seconds = setting("MOCKERNETES_SOAK_SECONDS", 300);
    let watchers = setting("MOCKERNETES_SOAK_WATCHERS", 200);
    let cluster = Cluster::builder()
        .listen("127.0.0.1:0".parse().unwrap())
        .plaintext()
        .start()
        .await
        .unwrap();
    let client = cluster.client();
    let address = cluster.address().unwrap();
    for namespace in NAMESPACES {
        let body = serde_json::json!({"metadata": {"name": namespace}});
        let path = "/api/v1/namespaces";
        client.json("POST", path, Some(&body)).await.unwrap();
    }
    let list = client
        .json("GET", "/api/v1/configmaps", None)
        .await
        .unwrap();
    let version = list["metadata"]["resourceVersion"].as_str().unwrap();
    let start: u64 = version.parse().unwrap();

    let mut watching = Vec::new();
    for index in 0..watchers {
        // Every other one watches everything, the rest one namespace each.
        let namespace = (index / 2 % 2 == 1).then(|| NAMESPACES[index as usize / 4 % 4]);
        let path = match namespace {
            Some(name) => format!("/api/v1/namespaces/{name}/configmaps"),
            None => "/api/v1/configmaps".to_owned(),
        };
        let path = format!("{path}?watch=1&resourceVersion={start}&allowWatchBookmarks=true");
        let ends = if namespace.is_some() {
            1
        } else {
            NAMESPACES.len()
        };
        watching.push((
            namespace,
            if index % 2 == 0 {
                let client = client.clone();
                tokio::spawn(async move { watcher::in_process(&client, &path, ends).await })
            } else {
                tokio::spawn(async move { watcher::over_http(address, &path, ends).await })
            },
        ));
    }

    let run = Arc::new(Run {
        stop: AtomicBool::new(false),
        writes: AtomicU64::new(0),
    });
    let writers = writer::start(&run, &client, address);
    let memory = watch_memory(&run, seconds).await;
    run.stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    for namespace in NAMESPACES {
        writer::write_last(&client, namespace).await;
    }
    let mut all: Vec<(Option<&str>, Seen)> = Vec::new();
    for (namespace, watching) in watching {
        all.push((namespace, watching.await.unwrap()));
    }
    compare(&all, start);
    report(&run, &all, seconds, &memory);
    cluster.stop().await;
    assert_flat(&memory);
}

/// Samples memory until the time is over: KiB every second.
async fn watch_memory(run: &Run, seconds: u64) -> Vec<u64> {
    let mut memory = Vec::new();
    let begin = Instant::now();
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    while begin.elapsed() < Duration::from_secs(seconds) {
        ticks.tick().await;
        memory.push(resident_kib());
        if memory.len() % 30 == 0 {
            println!(
                "{} s: {} writes, {} MiB",
                memory.len(),
                run.writes.load(Ordering::Relaxed),
                memory[memory.len() - 1] / 1024
            );
        }
    }
    memory
}

/// Everybody saw what the first watcher of everything saw, which has no gap.
fn compare(all: &[(Option<&str>, Seen)], start: u64) {
    let (_, truth) = all
        .iter()
        .find(|(namespace, _)| namespace.is_none())
        .unwrap();
    assert_eq!(truth.first, start + 1, "the first change is seen");
    assert_eq!(
        truth.last - truth.first + 1,
        truth.count,
        "no revision is missing"
    );
    for (namespace, seen) in all {
        match namespace {
            None => {
                // One bookmark more or less: they come by the clock from when a watch began.
                let bookmarks = truth.bookmarks;
                let seen = seen.clone();
                assert_eq!(Seen { bookmarks, ..seen }, *truth);
            }
            Some(name) => {
                let place = NAMESPACES.iter().position(|known| known == name).unwrap();
                assert_eq!(seen.digests[place], truth.digests[place], "{name}");
            }
        }
    }
}

fn report(run: &Run, all: &[(Option<&str>, Seen)], seconds: u64, memory: &[u64]) {
    let delivered: u64 = all.iter().map(|(_, seen)| seen.count).sum();
    let bookmarks: u64 = all.iter().map(|(_, seen)| seen.bookmarks).sum();
    println!(
        "{} watchers, {} writes in {seconds} s, {delivered} events delivered, {bookmarks} \
         bookmarks; memory {} MiB after a third, {} MiB at the end",
        all.len(),
        run.writes.load(Ordering::Relaxed),
        memory[memory.len() / 3] / 1024,
        memory[memory.len() - 1] / 1024,
    );
}

/// Once the log's window is full, memory grows no more.
fn assert_flat(memory: &[u64]) {
    let third = memory.len() / 3;
    let early = memory[third..2 * third].iter().max().unwrap();
    let late = memory[2 * third..].iter().max().unwrap();
    assert!(
        *late < early + early / 10 + 8 * 1024,
        "memory grew from {early} to {late} KiB"
    );
}
