//! What an embedder may choose.

use std::net::SocketAddr;

use super::{Cluster, Error, wiring};
use crate::auth::{Authenticator, Mode, User};
use crate::registry::Settings;
use crate::server::Limits;
use crate::sim::Clock;
use crate::webhook::Services;

/// A cluster to be.
#[derive(Clone, Debug)]
pub struct Builder {
    pub(super) clock: Clock,
    pub(super) seed: Option<u64>,
    pub(super) settings: Settings,
    pub(super) limits: Limits,
    pub(super) mode: Mode,
    pub(super) tokens: Vec<(String, User)>,
    pub(super) disabled_plugins: Vec<String>,
    pub(super) listen: Option<SocketAddr>,
    pub(super) is_plaintext: bool,
    pub(super) manifests: Vec<String>,
    pub(super) is_bare: bool,
    pub(super) services: Services,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            clock: Clock::wall(),
            seed: None,
            settings: Settings::default(),
            limits: Limits::default(),
            mode: Mode::None,
            tokens: Vec::new(),
            disabled_plugins: Vec::new(),
            listen: None,
            is_plaintext: false,
            manifests: Vec::new(),
            is_bare: false,
            services: Services::default(),
        }
    }
}

impl Builder {
    /// The cluster's clock; the wall's unless said otherwise.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Two clusters with the same seed draw the same uids and names.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Settings under kube-apiserver's names.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// How much of anything the server takes.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Whether it matters who asks; it does not unless said otherwise.
    pub fn auth(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// A bearer token and whose it is.
    pub fn token(mut self, token: &str, user: User) -> Self {
        self.tokens.push((token.to_owned(), user));
        self
    }

    /// All the tokens that an authenticator knows.
    pub fn tokens(mut self, authenticator: &Authenticator) -> Self {
        let tokens = authenticator.tokens();
        self.tokens
            .extend(tokens.map(|(token, user)| (token.to_owned(), user.clone())));
        self
    }

    /// Switches admission plugins off, under kube-apiserver's names.
    pub fn disable_admission_plugins(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.disabled_plugins.extend(names);
        self
    }

    /// Where the services are that webhooks are reached by: nothing listens at a cluster IP.
    pub fn services(mut self, services: Services) -> Self {
        self.services = services;
        self
    }

    /// Listens on an address; port 0 picks a free one. Without this there is no port.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = Some(address);
        self
    }

    /// HTTP instead of TLS.
    pub fn plaintext(mut self) -> Self {
        self.is_plaintext = true;
        self
    }

    /// Objects to create at the start, as YAML or JSON, any number of documents.
    pub fn manifest(mut self, text: impl Into<String>) -> Self {
        self.manifests.push(text.into());
        self
    }

    /// Leaves out what a new cluster holds beside its namespaces and the `kubernetes` service:
    /// roles, priority classes, flow schemas. Starts several times as fast.
    pub fn bare(mut self) -> Self {
        self.is_bare = true;
        self
    }

    /// Starts the cluster.
    pub async fn start(self) -> Result<Cluster, Error> {
        wiring::start(self).await
    }
}
