//! Writers: each makes, changes and removes objects of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mockernetes::client::Client;
use serde_json::json;
use tokio::task::JoinHandle;

use super::{LAST, NAMESPACES, Run, setting, wire};

const WRITERS: u64 = 16;
/// Objects of a writer that live at once.
const OBJECTS: u64 = 50;

pub(crate) fn start(run: &Arc<Run>, client: &Client, address: SocketAddr) -> Vec<JoinHandle<()>> {
    let rate = setting("MOCKERNETES_SOAK_WRITES", 400);
    let every = Duration::from_micros(1_000_000 * WRITERS / rate.max(1));
    (0..WRITERS)
        .map(|writer| {
            let run = Arc::clone(run);
            let client = client.clone();
            tokio::spawn(async move {
                let mut door = if writer % 2 == 0 {
                    Door::InProcess(client)
                } else {
                    Door::Http(wire::Connection::open(address).await)
                };
                let mut ticks = tokio::time::interval(every);
                let mut turn = 0;
                while !run.stop.load(Ordering::Relaxed) {
                    ticks.tick().await;
                    door.write(writer, turn).await;
                    run.writes.fetch_add(1, Ordering::Relaxed);
                    turn += 1;
                }
            })
        })
        .collect()
}

pub(crate) async fn write_last(client: &Client, namespace: &str) {
    let path = format!("/api/v1/namespaces/{namespace}/configmaps");
    let body = json!({"metadata": {"name": LAST}});
    client.json("POST", &path, Some(&body)).await.unwrap();
}

enum Door {
    InProcess(Client),
    Http(wire::Connection),
}

impl Door {
    /// One write of a round of four: create, patch, replace, and delete what was made long ago.
    async fn write(&mut self, writer: u64, turn: u64) {
        let round = turn / 4;
        let namespace = NAMESPACES[(writer % 4) as usize];
        let collection = format!("/api/v1/namespaces/{namespace}/configmaps");
        let own = format!("{collection}/w{writer}-{round}");
        let text = "x".repeat(200 + (turn % 7) as usize * 100);
        let name = format!("w{writer}-{round}");
        let data = json!({"text": text, "turn": turn.to_string()});
        let body = json!({"metadata": {"name": name, "labels": {"writer": "soak"}}, "data": data});
        let (method, path, body) = match turn % 4 {
            0 => ("POST", collection, body.to_string()),
            3 if round >= OBJECTS => {
                let old = format!("{collection}/w{writer}-{}", round - OBJECTS);
                ("DELETE", old, String::new())
            }
            2 => ("PUT", own, body.to_string()),
            _ => {
                let patch = json!({"data": {"text": text}});
                ("PATCH", own, patch.to_string())
            }
        };
        let code = match self {
            Self::InProcess(client) => {
                let headers = [("content-type", wire::content_type(method))];
                let headers = if body.is_empty() {
                    &[][..]
                } else {
                    &headers[..]
                };
                client.request(method, &path, headers, body).await.code
            }
            Self::Http(connection) => {
                connection.send(method, &path, &body).await;
                connection.answer().await
            }
        };
        assert!(matches!(code, 200 | 201), "{method} {path}: {code}");
    }
}
