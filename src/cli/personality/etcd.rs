//! `etcd`: what envtest asks of it. The objects live in `kube-apiserver`'s memory, so nothing is
//! kept here; who wants to store something is told so.
//!
//! *Upstream:* etcd's `server/etcdserver/api/etcdhttp` (`/health`, `/readyz`, `/version`).

use std::io::Write;
use std::net::SocketAddr;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;

use super::flags::{Program, last};
use crate::cli::parent::Parent;
use crate::cli::{Fault, serve};

const PROGRAM: Program = Program {
    about: "etcd as envtest needs it: it answers health checks; mockernetes, under the name \
            kube-apiserver, keeps the objects",
    version: "etcd Version: 3.7.0",
    flags: include_str!("flags/etcd.txt"),
};

/// Answers health checks until it is told to stop, or its parent is gone.
pub(super) fn run(arguments: &[String]) -> Result<(), Fault> {
    let parent = Parent::now();
    let Some(given) = PROGRAM.read(arguments)? else {
        return Ok(());
    };
    let urls = last(&given, "listen-client-urls").unwrap_or("http://localhost:2379");
    let addresses = urls
        .split(',')
        .map(address)
        .collect::<Result<Vec<_>, _>>()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::failed(format!("cannot start: {error}")))?;
    runtime.block_on(listen(&addresses, parent))
}

/// The address of a URL.
fn address(url: &str) -> Result<SocketAddr, Fault> {
    let fault = || {
        Fault::failed(format!(
            "--listen-client-urls {url:?}: expected http://ADDRESS:PORT"
        ))
    };
    let host = url.strip_prefix("http://").ok_or_else(fault)?;
    let host = host
        .trim_end_matches('/')
        .replace("localhost:", "127.0.0.1:");
    host.parse().map_err(|_| fault())
}

async fn listen(addresses: &[SocketAddr], parent: Parent) -> Result<(), Fault> {
    let stopped = serve::stop_signal()
        .map_err(|error| Fault::failed(format!("cannot catch signals: {error}")))?;
    for address in addresses {
        let listener = tokio::net::TcpListener::bind(address)
            .await
            .map_err(|error| Fault::failed(format!("cannot listen on {address}: {error}")))?;
        let address = listener.local_addr().unwrap_or(*address);
        // Who closes the pipe has read enough.
        let _ = writeln!(std::io::stderr(), "serving at http://{address}");
        #[allow(
            clippy::disallowed_methods,
            reason = "a process of its own, not a cluster"
        )]
        tokio::spawn(async move {
            // Ends with the process.
            let _ = axum::serve(listener, router()).await;
        });
    }
    tokio::select! {
        () = stopped => {}
        () = parent.ended() => {}
    }
    Ok(())
}

fn router() -> Router {
    let json =
        |text: &'static str| move || async move { ([(CONTENT_TYPE, "application/json")], text) };
    Router::new()
        .route("/health", get(json(r#"{"health":"true","reason":""}"#)))
        .route(
            "/version",
            get(json(
                r#"{"etcdserver":"3.7.0","etcdcluster":"3.7.0","storage":"3.7.0"}"#,
            )),
        )
        .route("/readyz", get(|| async { "ok\n" }))
        .route("/livez", get(|| async { "ok\n" }))
        .fallback(|| async {
            let why = "nothing is stored here: mockernetes keeps objects in kube-apiserver\n";
            (StatusCode::NOT_IMPLEMENTED, why)
        })
}
