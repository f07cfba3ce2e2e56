//! Calls out of the cluster: the one way by which webhooks are reached, whoever asks them
//! (admission, conversion, authentication, authorization).
//!
//! *Invariant:* knows what a call is, not what it says: bodies are JSON values.
//! *Upstream:* `apiserver/pkg/util/webhook`, `client-go/rest/request.go`.

mod answer;
mod connect;
mod forward;
pub mod kubeconfig;
mod services;
mod tls;
mod url;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::LOCATION;
use http::response::Parts;
use http::{Method, Request};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::watch;

pub use self::answer::Failure;
use self::connect::Connector;
pub use self::services::Services;
pub use self::tls::check_authorities;
use crate::sim::Spawn;

/// How many bytes of an answer are read.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// How often one is sent elsewhere.
const REDIRECTS_MAX: usize = 10;

/// How many servers' connections are kept.
const CLIENTS_MAX: usize = 200;

/// Where a webhook is, and how one knows that it is the one.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// Where.
    pub place: Place,
    /// The authorities it is believed by, as PEM; empty for none.
    pub ca_bundle: Vec<u8>,
    /// Whether its certificate is believed unseen.
    pub is_insecure: bool,
    /// The name its certificate must bear; empty for that of its address.
    pub server_name: String,
    /// Our own certificate chain and key, as PEM.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
    /// The `Authorization` header; empty for none.
    pub authorization: String,
}

/// Where a webhook is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// At a URL.
    Url(String),
    /// At a service of the cluster.
    Service {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// Its port.
        port: u16,
        /// The path there.
        path: String,
    },
}

impl Default for Place {
    fn default() -> Self {
        Self::Url(String::new())
    }
}

impl Target {
    /// The target that a `clientConfig` (`url` or `service`, and `caBundle`) means.
    pub fn of_client_config(config: &Value) -> Self {
        use base64::Engine;
        let bundle = config["caBundle"].as_str().unwrap_or("");
        let bundle = base64::engine::general_purpose::STANDARD.decode(bundle);
        let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
        let service = &config["service"];
        let place = if service.is_object() {
            Place::Service {
                namespace: text(&service["namespace"]),
                name: text(&service["name"]),
                port: service["port"].as_u64().unwrap_or(443) as u16,
                path: text(&service["path"]),
            }
        } else {
            Place::Url(text(&config["url"]))
        };
        Self {
            place,
            ca_bundle: bundle.unwrap_or_default(),
            ..Self::default()
        }
    }
}

/// One call.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// To whom.
    pub target: &'a Target,
    /// The body.
    pub body: &'a Value,
    /// How long it may take, all in all.
    pub timeout: Duration,
    /// Whether the timeout is said in the query, as admission does.
    pub says_timeout: bool,
    /// `User-Agent`.
    pub user_agent: &'a str,
}

type Pool = Client<Connector, Full<Bytes>>;

/// Makes calls. Connections are kept and used again.
pub struct Caller {
    spawn: Spawn,
    services: Services,
    pools: Mutex<BTreeMap<Target, Arc<Pool>>>,
    /// How many calls wait for their answers.
    out: watch::Sender<usize>,
}

/// A call that waits for its answer, until it is dropped.
struct Out<'a>(&'a watch::Sender<usize>);

impl<'a> Out<'a> {
    fn new(count: &'a watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count)
    }
}

impl Drop for Out<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Default for Caller {
    /// One whose calls all fail, since nothing drives its connections.
    fn default() -> Self {
        Self::new(
            Arc::new(drop::<BoxFuture<'static, ()>>),
            Services::default(),
        )
    }
}

impl Caller {
    /// A caller whose connections live in `spawn`, and which finds services by `services`.
    pub fn new(spawn: Spawn, services: Services) -> Self {
        Self {
            spawn,
            services,
            pools: Mutex::default(),
            out: watch::Sender::default(),
        }
    }

    /// Returns when an answer is waited for: then whoever is called may ask something back.
    pub async fn is_out(&self) {
        let mut out = self.out.subscribe();
        let _ = out.wait_for(|count| *count > 0).await;
    }

    /// Whether somebody said where a service is.
    pub fn knows(&self, namespace: &str, name: &str, port: u16) -> bool {
        self.services.knows(namespace, name, port)
    }

    /// Posts a body and gives the answer's.
    pub async fn call(&self, call: &Call<'_>) -> Result<Value, Failure> {
        let (head, body) = self.post(call).await?;
        answer::interpret(&head, &body)
    }

    /// Posts a body, whatever the answer's says.
    pub async fn send(&self, call: &Call<'_>) -> Result<(), Failure> {
        let (head, body) = self.post(call).await?;
        answer::check(&head, &body)
    }

    /// Posts a body, following wherever the answer points to.
    async fn post(&self, call: &Call<'_>) -> Result<(Parts, Bytes), Failure> {
        let mut step = Step {
            method: Method::POST,
            url: url::of(call)?,
            body: serde_json::to_vec(call.body).unwrap_or_default().into(),
        };
        let first = step.failure("context deadline exceeded");
        let _out = Out::new(&self.out);
        let exchange = async {
            for _ in 0..REDIRECTS_MAX {
                let (head, body) = self.take(call, &step).await?;
                match step.after(&head) {
                    Some(next) => step = next,
                    None => return Ok((head, body)),
                }
            }
            let why = format!("stopped after {REDIRECTS_MAX} redirects");
            Err(step.failure(&why))
        };
        // The one who answers is outside, and so is the time it takes.
        #[allow(clippy::disallowed_methods)]
        let answered = tokio::time::timeout(call.timeout, Box::pin(exchange)).await;
        answered.unwrap_or_else(|_| Err(first.in_vain()))
    }

    async fn take(&self, call: &Call<'_>, step: &Step) -> Result<(Parts, Bytes), Failure> {
        let mut request = Request::builder()
            .method(step.method.clone())
            .uri(&step.url)
            .header("Accept", "application/json, */*")
            .header("User-Agent", call.user_agent);
        if step.method == Method::POST {
            request = request.header("Content-Type", "application/json");
        }
        if !call.target.authorization.is_empty() {
            request = request.header("Authorization", &call.target.authorization);
        }
        let request = request
            .body(Full::new(step.body.clone()))
            .map_err(|error| step.failure(&error.to_string()))?;
        let pool = self.pool(call.target).map_err(|why| step.failure(&why))?;
        let response = pool.request(request).await;
        let response = response.map_err(|error| step.failure(&connect::words(&error)))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| {
            let why = connect::words(error.as_ref());
            Failure::unreachable(format!(
                "unexpected error when reading response body. Please retry. Original error: {why}"
            ))
        })?;
        Ok((head, body.to_bytes()))
    }

    /// The connections to a target.
    fn pool(&self, target: &Target) -> Result<Arc<Pool>, String> {
        let mut key = target.clone();
        // What is said does not matter to whom one is connected.
        key.authorization.clear();
        let mut pools = self.pools.lock();
        if let Some(pool) = pools.get(&key) {
            return Ok(Arc::clone(pool));
        }
        let connector = Connector::new(target, self.services.clone())?;
        let pool = Client::builder(connect::Executor(Arc::clone(&self.spawn)))
            .pool_idle_timeout(None)
            .build(connector);
        let pool = Arc::new(pool);
        if pools.len() >= CLIENTS_MAX {
            pools.pop_first();
        }
        pools.insert(key, Arc::clone(&pool));
        Ok(pool)
    }
}

/// One request of a call.
struct Step {
    method: Method,
    url: String,
    body: Bytes,
}

impl Step {
    /// Why there is no answer.
    fn failure(&self, why: &str) -> Failure {
        let verb = if self.method == Method::POST {
            "Post"
        } else {
            "Get"
        };
        Failure::unreachable(format!("{verb} \"{}\": {why}", self.url))
    }

    /// The request that an answer asks for, as Go's client goes on.
    fn after(&self, head: &Parts) -> Option<Self> {
        let keeps = match head.status.as_u16() {
            301..=303 => false,
            307 | 308 => true,
            _ => return None,
        };
        let place = head.headers.get(LOCATION)?.to_str().ok()?;
        let url = url::joined(&self.url, place);
        Some(if keeps {
            Self {
                method: self.method.clone(),
                url,
                body: self.body.clone(),
            }
        } else {
            Self {
                method: Method::GET,
                url,
                body: Bytes::new(),
            }
        })
    }
}

impl std::fmt::Debug for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Caller").finish_non_exhaustive()
    }
}
