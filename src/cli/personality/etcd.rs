//! `etcd`: what envtest asks of it. The objects live in `kube-apiserver`'s memory, so nothing is
//! kept here; who wants to store something is told so.
//!
//! *Upstream:* etcd's `server/etcdserver/api/etcdhttp` (`/health`, `/readyz`, `/version`).

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;

use super::flags::{Program, last};
use super::ports::{self, Chosen};
use crate::cli::Fault;
use crate::cli::parent::Parent;
use crate::cli::serve::stop_signal;

const PROGRAM: Program = Program {
    about: "etcd as envtest needs it: it answers health checks; mockernetes, under the name \
            kube-apiserver, keeps the objects",
    version: "etcd Version: 3.7.0",
    takes_one_dash: true,
    flags: include_str!("flags/etcd.txt"),
    chosen: Chosen {
        program: "etcd",
        // For its clients and its peers.
        count: 2,
        within: Duration::from_millis(500),
    },
};

/// Answers health checks until it is told to stop, or its parent is gone.
pub(super) fn run(arguments: &[String]) -> Result<(), Fault> {
    let parent = Parent::now();
    let Some(given) = PROGRAM.read(arguments)? else {
        return Ok(());
    };
    let urls = last(&given, "listen-client-urls").unwrap_or("http://localhost:2379");
    // Before all else: whoever finds a socket that listens waits for the answer.
    let listeners = urls
        .split(',')
        .map(|url| bind(address(url)?))
        .collect::<Result<Vec<_>, _>>()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::failed(format!("cannot start: {error}")))?;
    runtime.block_on(serve(listeners, parent))
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

/// A socket that listens there.
fn bind(address: SocketAddr) -> Result<TcpListener, Fault> {
    let bound = ports::listen(address, &PROGRAM.chosen).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    bound.map_err(|error| Fault::failed(format!("cannot listen on {address}: {error}")))
}

async fn serve(listeners: Vec<TcpListener>, parent: Parent) -> Result<(), Fault> {
    let stopped =
        stop_signal().map_err(|error| Fault::failed(format!("cannot catch signals: {error}")))?;
    for listener in listeners {
        let failed = |error| Fault::failed(format!("cannot listen: {error}"));
        let listener = tokio::net::TcpListener::from_std(listener).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
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
