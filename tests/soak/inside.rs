//! Many at once and much at a time into pods: nothing lost, memory bounded.
//!
//! Opt-in by `MOCKERNETES_SLOW=1`. `MOCKERNETES_SOAK_SESSIONS` (500) says how many commands run at
//! once, `MOCKERNETES_SOAK_MEGABYTES` (1024) how much goes through a port; a tenth of it goes
//! through a command.

#[allow(
    dead_code,
    reason = "clients of other tests, of which not all is needed"
)]
#[path = "../it/inside/spdy.rs"]
mod spdy;
#[allow(
    dead_code,
    reason = "clients of other tests, of which not all is needed"
)]
#[path = "../it/inside/upgrade.rs"]
mod upgrade;

use std::time::Instant;

use futures_util::{SinkExt, StreamExt};
use mockernetes::Cluster;
use mockernetes::controllers::Selection;
use sha2::{Digest, Sha256};
use tokio_tungstenite::tungstenite::Message;

use super::{resident_kib, setting};

const PIECE: usize = 32 * 1024;
const EXEC: &str = "/api/v1/namespaces/default/pods/web/exec?stdin=1&stdout=1&command=cat";
const FORWARD: &str = "/api/v1/namespaces/default/pods/web/portforward";

#[test]
fn many_commands_run_at_once_and_a_gigabyte_goes_through_a_port() {
    if std::env::var_os("MOCKERNETES_SLOW").is_none() {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(soak());
}

async fn soak() {
    let cluster = Cluster::builder()
        .bare()
        .controllers(Selection::AllBut(Vec::new()))
        .nodes(1)
        .listen("127.0.0.1:0".parse().unwrap())
        .plaintext()
        .start()
        .await
        .unwrap();
    let pods = cluster.client().api("v1", "pods").namespace("default");
    let pod = serde_json::json!({
        "metadata": {"name": "web", "annotations": {"mockernetes.dev/echo.9000": "yes"}},
        "spec": {"containers": [{"name": "web", "image": "nginx"}]},
    });
    pods.create(&pod).await.unwrap();
    cluster.settle().await;
    let before = resident_kib();
    sessions(&cluster).await;
    let megabytes = setting("MOCKERNETES_SOAK_MEGABYTES", 1024) as usize;
    let begun = Instant::now();
    through_a_command(&cluster, (megabytes << 20) / 10).await;
    println!(
        "{} MB through a command in {:?}",
        megabytes / 10,
        begun.elapsed()
    );
    let begun = Instant::now();
    through_a_port(&cluster, megabytes << 20).await;
    println!("{megabytes} MB through a port in {:?}", begun.elapsed());
    let grown = resident_kib().saturating_sub(before) / 1024;
    println!("{grown} MiB more than before");
    assert!(grown < 128, "{grown} MiB");
}

/// All sessions are open before the first is done.
async fn sessions(cluster: &Cluster) {
    let count = setting("MOCKERNETES_SOAK_SESSIONS", 500);
    let (begun, before) = (Instant::now(), resident_kib());
    let mut open = Vec::new();
    for number in 0..count {
        let (mut socket, _) = upgrade::websocket(cluster, EXEC, "v5.channel.k8s.io").await;
        assert_eq!(socket.next().await, Some((1, Vec::new())));
        socket.send(0, format!("session {number}").as_bytes()).await;
        open.push(socket);
    }
    let held = resident_kib().saturating_sub(before) / 1024;
    for (number, socket) in open.iter_mut().enumerate() {
        socket.send(255, &[0]).await;
        let heard = socket.hear().await;
        assert_eq!(heard.stdout, format!("session {number}").as_bytes());
    }
    println!(
        "{count} commands at once in {:?}, holding {held} MiB",
        begun.elapsed()
    );
}

/// Bytes that look like chance.
fn piece(number: usize) -> Vec<u8> {
    let mut state = number as u64 ^ 0x9e37_79b9_7f4a_7c15;
    let mut out = Vec::with_capacity(PIECE);
    while out.len() < PIECE {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        out.extend(state.to_be_bytes());
    }
    out
}

fn sum(pieces: usize) -> Vec<u8> {
    let mut hash = Sha256::new();
    (0..pieces).for_each(|number| hash.update(piece(number)));
    hash.finalize().to_vec()
}

async fn through_a_command(cluster: &Cluster, bytes: usize) {
    let pieces = bytes / PIECE;
    let (socket, _) = upgrade::websocket(cluster, EXEC, "v5.channel.k8s.io").await;
    let (mut sink, mut stream) = socket.0.split();
    let sending = async {
        for number in 0..pieces {
            let message = [&[0], &piece(number)[..]].concat();
            sink.send(Message::binary(message)).await.unwrap();
        }
        sink.send(Message::binary(vec![255, 0])).await.unwrap();
    };
    let hearing = async {
        let mut hash = Sha256::new();
        while let Some(Ok(message)) = stream.next().await {
            if let Some((1, data)) = message.into_data().split_first() {
                hash.update(data);
            }
        }
        hash.finalize().to_vec()
    };
    let ((), heard) = tokio::join!(sending, hearing);
    assert_eq!(heard, sum(pieces));
}

async fn through_a_port(cluster: &Cluster, bytes: usize) {
    let (mut spdy, _) = spdy::open(cluster, FORWARD, "portforward.k8s.io").await;
    spdy.open(&[("streamtype", "error"), ("port", "9000")])
        .await;
    let data = spdy.open(&[("streamtype", "data"), ("port", "9000")]).await;
    let mut hash = Sha256::new();
    let pieces = bytes / PIECE;
    let (mut sent, mut heard) = (0, 0);
    for number in 0..pieces {
        spdy.send(data, &piece(number), number + 1 == pieces).await;
        sent += PIECE;
        // Some of it is on its way; no more than pipes hold.
        while sent - heard > 4 * PIECE {
            assert!(spdy.read().await, "the server hung up");
            let came = std::mem::take(&mut spdy.streams.get_mut(&data).unwrap().data);
            heard += came.len();
            hash.update(came);
        }
    }
    spdy.until(|spdy| spdy.streams[&data].has_ended).await;
    hash.update(&spdy.streams[&data].data);
    assert_eq!(hash.finalize().to_vec(), sum(pieces));
}
