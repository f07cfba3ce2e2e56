//! A webhook to be called: a TLS server with a certificate of its own, and a closure for what it
//! answers.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use mockernetes::server::tls::Identity;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// What came in: the path with its query, and the body.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) path: String,
    pub(crate) version: hyper::Version,
    pub(crate) agent: String,
    pub(crate) body: Value,
}

/// A webhook that listens until it is dropped.
pub(crate) struct Hook {
    pub(crate) port: u16,
    pub(crate) ca_pem: String,
    heard: Arc<Mutex<Vec<Heard>>>,
    came: Arc<Notify>,
    taken: AtomicUsize,
    task: JoinHandle<()>,
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Answer = Arc<dyn Fn(&Value) -> (u16, String) + Send + Sync>;

impl Hook {
    /// A webhook that answers every body as the closure says: a code and a body.
    pub(crate) async fn raw(
        answer: impl Fn(&Value) -> (u16, String) + Send + Sync + 'static,
    ) -> Self {
        let identity = Identity::new(&["127.0.0.1".parse().unwrap()]).unwrap();
        let acceptor = TlsAcceptor::from(identity.config);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let came = Arc::new(Notify::new());
        let answer: Answer = Arc::new(answer);
        let log = (Arc::clone(&heard), Arc::clone(&came));
        let task = tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let (acceptor, log, answer) = (acceptor.clone(), log.clone(), answer.clone());
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(socket).await else {
                        return;
                    };
                    let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                    let service = service_fn(move |request| {
                        respond(request, log.clone(), Arc::clone(&answer))
                    });
                    let io = TokioIo::new(stream);
                    if is_h2 {
                        let builder =
                            hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                        let _ = builder.serve_connection(io, service).await;
                    } else {
                        let builder = hyper::server::conn::http1::Builder::new();
                        let _ = builder.serve_connection(io, service).await;
                    }
                });
            }
        });
        Self {
            port,
            ca_pem: identity.ca_pem,
            heard,
            came,
            taken: AtomicUsize::new(0),
            task,
        }
    }

    /// An admission webhook: the closure gets the review's request and gives the response, whose
    /// uid is filled in.
    pub(crate) async fn admission(
        answer: impl Fn(&Value) -> Value + Send + Sync + 'static,
    ) -> Self {
        Self::raw(move |review| {
            let mut response = answer(&review["request"]);
            if response.get("uid").is_none() {
                response["uid"] = review["request"]["uid"].clone();
            }
            let review = json!({
                "apiVersion": "admission.k8s.io/v1",
                "kind": "AdmissionReview",
                "response": response,
            });
            (200, review.to_string())
        })
        .await
    }

    /// Its URL.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.port)
    }

    /// A `clientConfig` that points to it.
    pub(crate) fn client_config(&self) -> Value {
        use base64::Engine;
        let bundle = base64::engine::general_purpose::STANDARD.encode(&self.ca_pem);
        json!({"url": self.url("/admit"), "caBundle": bundle})
    }

    /// The next body that comes in and that nobody has asked for here.
    pub(crate) async fn next(&self) -> Value {
        loop {
            let came = self.came.notified();
            let index = self.taken.load(Ordering::Relaxed);
            let body = self
                .heard
                .lock()
                .unwrap()
                .get(index)
                .map(|heard| heard.body.clone());
            if let Some(body) = body {
                self.taken.store(index + 1, Ordering::Relaxed);
                return body;
            }
            came.await;
        }
    }

    /// What came in so far.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}

async fn respond(
    request: Request<Incoming>,
    (log, came): (Arc<Mutex<Vec<Heard>>>, Arc<Notify>),
    answer: Answer,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    // A GET has none.
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let agent = head.headers.get("user-agent");
    log.lock().unwrap().push(Heard {
        path: head.uri.path_and_query().unwrap().to_string(),
        version: head.version,
        agent: agent.map_or("", |agent| agent.to_str().unwrap()).to_owned(),
        body: body.clone(),
    });
    came.notify_one();
    let (code, text) = answer(&body);
    let response = Response::builder()
        .status(code)
        .header("content-type", "application/json");
    // Of an answer that points elsewhere, the text says where.
    let response = if (300..400).contains(&code) {
        response.header("location", &text)
    } else {
        response
    };
    Ok(response.body(Full::new(Bytes::from(text))).unwrap())
}
