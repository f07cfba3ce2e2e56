//! Where it all meets: a cluster to start, use and stop.

mod bootstrap;
mod builder;
mod kubeconfig;
mod manifest;
mod runtime_config;
mod socket;
mod tasks;
mod wiring;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub use builder::{Authorization, Builder};

use crate::auth::User;
use crate::client::{Client, Failure};
use crate::object::{GroupResource, Key};
use crate::registry::Registry;
use crate::runner::{Handle, Waiting};
use crate::runtime::logs::Stream;
use crate::runtime::{Logs, Place};
use crate::sim::Clock;
use crate::storage::{Change, Revision};

/// How long connections may take to close when a cluster stops.
const PATIENCE: Duration = Duration::from_secs(5);

/// A running cluster. Dropping it ends it.
pub struct Cluster {
    registry: Arc<Registry>,
    client: Client,
    address: Option<SocketAddr>,
    ca_pem: Option<String>,
    admin_token: String,
    runner: Handle,
    logs: Arc<Logs>,
    tasks: tasks::Tasks,
}

/// Why a cluster did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        cause: std::io::Error,
    },
    /// There is no certificate.
    #[error(transparent)]
    Tls(#[from] crate::server::tls::Error),
    /// An admission plugin cannot be made; it is named.
    #[error("{0}")]
    Admission(String),
    /// An authorizer cannot be made; it is named.
    #[error("authorizer {0}")]
    Authorization(String),
    /// A manifest is no manifest.
    #[error("{0}")]
    Manifest(String),
    /// An object was refused.
    #[error("{what} was refused: {failure}")]
    Refused {
        /// Which object.
        what: String,
        /// What the server said.
        failure: Failure,
    },
}

impl Cluster {
    /// A cluster to be.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A client in process, with all rights.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// A client in process, as another user.
    pub fn client_as(&self, user: User) -> Client {
        self.client.acting_as(user)
    }

    /// A client in process that is nobody in particular: whoever its headers say.
    pub fn anonymous_client(&self) -> Client {
        self.client.acting_as_nobody()
    }

    /// The address it listens on, if it does.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// The URL it is reached by, if it listens.
    pub fn url(&self) -> Option<String> {
        let scheme = if self.ca_pem.is_some() {
            "https"
        } else {
            "http"
        };
        let address = self.address.map(kubeconfig::reachable)?;
        Some(format!("{scheme}://{address}"))
    }

    /// A bearer token of the administrator.
    pub fn admin_token(&self) -> &str {
        &self.admin_token
    }

    /// The certificate of the cluster's authority, where it speaks TLS.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// A kubeconfig of the administrator, if the cluster listens.
    pub fn kubeconfig(&self) -> Option<String> {
        let url = self.url()?;
        Some(kubeconfig::render(&url, self.ca_pem(), &self.admin_token))
    }

    /// The cluster's clock.
    pub fn clock(&self) -> Clock {
        self.registry.clock.clone()
    }

    /// Returns when the controllers have nothing left to do: every change is seen, every queue is
    /// empty. What waits for a time is left waiting; see [`Cluster::waiting`].
    pub async fn settle(&self) {
        self.runner.settle().await;
    }

    /// Moves a virtual clock, stopping wherever something falls due, and settles each time. False
    /// where the clock is the wall's, which nobody moves.
    pub async fn advance(&self, by: Duration) -> bool {
        self.runner.advance(by).await
    }

    /// What waits for a time, the earliest first; at most a thousand.
    pub fn waiting(&self) -> Vec<Waiting> {
        self.runner.waiting(1000)
    }

    /// Every change that is still kept, in order, as it is stored: to compare runs by.
    #[doc(hidden)]
    pub fn log(&self) -> Vec<String> {
        let log = self.registry.reader.log(Revision(1)).unwrap_or_default();
        let line = |(resource, change): (GroupResource, std::sync::Arc<Change>)| {
            let json = String::from_utf8_lossy(change.object.json()).into_owned();
            format!("{:?} {resource} {} {json}", change.kind, change.object.key)
        };
        log.into_iter().map(line).collect()
    }

    /// Adds to what a container has written, as if it had: whole lines, each with its newline.
    /// False where there is no such pod, or it has no such container.
    pub fn append_log(&self, namespace: &str, pod: &str, container: &str, text: &str) -> bool {
        self.append_log_to(Stream::Stdout, (namespace, pod), container, text)
    }

    /// The same of either of its streams.
    pub fn append_log_to(
        &self,
        stream: Stream,
        (namespace, pod): (&str, &str),
        container: &str,
        text: &str,
    ) -> bool {
        let pods = GroupResource::new("", "pods");
        let stored = self.registry.reader.get(&pods, &Key::new(namespace, pod));
        let place = stored.map(|stored| Place::new(Arc::new(stored.object()), container));
        let place = place.filter(|place| !place.spec().is_null());
        if let Some(place) = &place {
            self.logs.append(&place.instance(), stream, text.as_bytes());
        }
        place.is_some()
    }

    /// What containers have written.
    pub fn logs(&self) -> &Arc<Logs> {
        &self.logs
    }

    /// Creates the objects of a manifest, or brings those that are there to what it says.
    pub async fn apply_manifest(&self, text: &str) -> Result<(), Error> {
        manifest::apply(&self.registry, &self.client, "", text).await
    }

    /// Stops: watches end, connections close, tasks end.
    pub async fn stop(self) {
        self.stop_within(PATIENCE).await;
    }

    /// The same, and what has not closed by then is cut off.
    pub async fn stop_within(self, patience: Duration) {
        self.tasks.end(patience).await;
    }
}
