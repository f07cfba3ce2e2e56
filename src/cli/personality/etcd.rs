//! `etcd`: what envtest asks of it. The objects live in `kube-apiserver`'s memory, so nothing is
//! kept here; who wants to store something is told so.
//!
//! One of these stands beside each of a suite's API servers and is asked once, so it is as little
//! of a program as can be: no runtime and no web server, whose code would be most of what it holds.
//!
//! *Upstream:* etcd's `server/etcdserver/api/etcdhttp` (`/health`, `/readyz`, `/version`).

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use super::flags::{Program, last};
use super::ports::{self, Chosen};
use crate::cli::Fault;
use crate::cli::parent::Parent;

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

/// How long a client may take to ask, while others wait.
const PATIENCE: Duration = Duration::from_secs(1);

/// How much a client may ask.
const HEAD_BYTES_MAX: usize = 8 << 10;

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
    for listener in listeners {
        let failed = |error| Fault::failed(format!("cannot listen: {error}"));
        let address = listener.local_addr().map_err(failed)?;
        // Who closes the pipe has read enough.
        let _ = writeln!(io::stderr(), "serving at http://{address}");
        #[allow(
            clippy::disallowed_methods,
            reason = "a process of its own, not a cluster"
        )]
        std::thread::spawn(move || serve(&listener));
    }
    // A signal ends the process as it ends any that has nothing to put away.
    parent.outlive();
    Ok(())
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
    ports::listen(address, &PROGRAM.chosen)
        .map_err(|error| Fault::failed(format!("cannot listen on {address}: {error}")))
}

/// Answers one client after the other.
fn serve(listener: &TcpListener) {
    for client in listener.incoming().flatten() {
        // Who does not ask gets no answer.
        let _ = answer(client);
    }
}

fn answer(mut client: TcpStream) -> io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    client.set_write_timeout(Some(PATIENCE))?;
    let mut head = Vec::new();
    let mut part = [0; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = client.read(&mut part)?;
        if read == 0 || head.len() > HEAD_BYTES_MAX {
            return Ok(());
        }
        head.extend_from_slice(&part[..read]);
    }
    let head = String::from_utf8_lossy(&head);
    let mut words = head.split(' ');
    let (method, target) = (words.next(), words.next().unwrap_or("/"));
    let path = target.split('?').next().unwrap_or(target);
    let (status, media, body) = page(path);
    let length = body.len();
    let body = if method == Some("HEAD") { "" } else { body };
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {media}\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    );
    client.write_all(answer.as_bytes())
}

/// Status, media type and text of a page.
fn page(path: &str) -> (&'static str, &'static str, &'static str) {
    const JSON: &str = "application/json";
    const TEXT: &str = "text/plain; charset=utf-8";
    match path {
        "/health" => ("200 OK", JSON, r#"{"health":"true","reason":""}"#),
        "/version" => (
            "200 OK",
            JSON,
            r#"{"etcdserver":"3.7.0","etcdcluster":"3.7.0","storage":"3.7.0"}"#,
        ),
        "/readyz" | "/livez" => ("200 OK", TEXT, "ok\n"),
        _ => (
            "501 Not Implemented",
            TEXT,
            "nothing is stored here: mockernetes keeps objects in kube-apiserver\n",
        ),
    }
}
