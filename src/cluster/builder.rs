//! What an embedder may choose.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use super::runtime_config::RuntimeConfig;
use super::{Cluster, Error, wiring};
use crate::admission::plugins::Settings as PluginSettings;
use crate::audit;
use crate::auth::authorize::abac::Policies;
use crate::auth::certificate::Authorities;
use crate::auth::front_proxy::FrontProxy;
use crate::auth::service_account::ServiceAccounts;
use crate::auth::{Authenticator, Mode, User, authorize, jwt, remote};
use crate::controllers::Selection;
use crate::registry::Settings;
use crate::runtime::{Runtime, Surroundings, logs};
use crate::server::Limits;
use crate::sim::Clock;
use crate::webhook::{Services, Target};

/// Objects to be there at the start.
#[derive(Clone, Debug)]
pub(super) struct Manifest {
    /// Where they come from, for messages; empty where that is not said.
    pub(super) origin: String,
    pub(super) text: String,
}

/// One who decides about rights.
#[derive(Clone, Debug)]
pub struct Authorization {
    /// Its kind.
    pub mode: authorize::Mode,
    /// The name under which its reasons are told; its kind's where left out.
    pub name: Option<String>,
    /// Whom it asks; where left out, whoever [`Builder::authorization_webhook`] says.
    pub webhook: Option<remote::Settings>,
    /// Under which conditions they are asked: expressions about the `request`.
    pub conditions: Vec<String>,
    /// Whether it is a no where they cannot be asked.
    pub denies_failed: bool,
}

impl From<authorize::Mode> for Authorization {
    fn from(mode: authorize::Mode) -> Self {
        Self {
            mode,
            name: None,
            webhook: None,
            conditions: Vec::new(),
            denies_failed: false,
        }
    }
}

/// Whether requests and controllers take turns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Turns {
    /// Where there are a seed and a virtual clock.
    #[default]
    UnderSeed,
    /// Nowhere.
    Free,
}

/// A cluster to be.
#[derive(Clone)]
pub struct Builder {
    pub(super) clock: Clock,
    pub(super) seed: Option<u64>,
    pub(super) settings: Settings,
    pub(super) limits: Limits,
    pub(super) authenticator: Authenticator,
    pub(super) authorization: Vec<Authorization>,
    pub(super) authorization_webhook: Option<remote::Settings>,
    pub(super) policies: Option<Arc<Policies>>,
    pub(super) token_webhook: Option<remote::Settings>,
    pub(super) issuers: Vec<jwt::Settings>,
    pub(super) audit: Option<audit::Policy>,
    pub(super) audit_sinks: Vec<Arc<dyn audit::Sink>>,
    pub(super) audit_webhook: Option<Target>,
    pub(super) enabled_plugins: Vec<String>,
    pub(super) disabled_plugins: Vec<String>,
    pub(super) plugin_settings: PluginSettings,
    pub(super) listen: Option<SocketAddr>,
    pub(super) listener: Option<Arc<TcpListener>>,
    pub(super) certificate: Option<(String, String)>,
    pub(super) runtime: RuntimeConfig,
    pub(super) is_plaintext: bool,
    pub(super) manifests: Vec<Manifest>,
    pub(super) is_bare: bool,
    pub(super) services: Services,
    pub(super) controllers: Selection,
    pub(super) nodes: u32,
    pub(super) proxy_identity: Option<(Vec<u8>, Vec<u8>)>,
    pub(super) aggregates: bool,
    pub(super) turns: Turns,
    pub(super) pod_runtime: Option<MakeRuntime>,
    pub(super) log_limits: logs::Limits,
}

/// Makes what runs the containers of a cluster.
type MakeRuntime = Arc<dyn Fn(Surroundings) -> Arc<dyn Runtime> + Send + Sync>;

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder").finish_non_exhaustive()
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            clock: Clock::wall(),
            seed: None,
            settings: Settings::default(),
            limits: Limits::default(),
            authenticator: Authenticator::new(Mode::None),
            authorization: vec![authorize::Mode::AlwaysAllow.into()],
            authorization_webhook: None,
            policies: None,
            token_webhook: None,
            issuers: Vec::new(),
            audit: None,
            audit_sinks: Vec::new(),
            audit_webhook: None,
            enabled_plugins: Vec::new(),
            disabled_plugins: Vec::new(),
            plugin_settings: PluginSettings::new(),
            listen: None,
            listener: None,
            certificate: None,
            runtime: RuntimeConfig::default(),
            is_plaintext: false,
            manifests: Vec::new(),
            is_bare: false,
            services: Services::default(),
            controllers: Selection::None,
            nodes: 0,
            proxy_identity: None,
            aggregates: true,
            turns: Turns::default(),
            pod_runtime: None,
            log_limits: logs::Limits::default(),
        }
    }
}

impl Builder {
    /// The cluster's clock; the wall's unless said otherwise.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Two clusters with the same seed draw the same uids, names, keys and tokens. With a virtual
    /// clock they write the same bytes for the same requests, whatever else runs on the machine:
    /// each request waits until controllers have nothing left to do.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Lets requests in while controllers are at work, though there are a seed and a virtual clock:
    /// then the order of writes is a matter of which thread is faster.
    pub fn without_turns(mut self) -> Self {
        self.turns = Turns::Free;
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
        self.authenticator.is_open = mode == Mode::None;
        self.authorization = match mode {
            Mode::None => vec![authorize::Mode::AlwaysAllow.into()],
            Mode::Rbac => vec![authorize::Mode::Rbac.into()],
        };
        self
    }

    /// Who decides about rights, in this order; it matters who asks from now on.
    pub fn authorization(self, modes: Vec<authorize::Mode>) -> Self {
        self.authorizers(modes.into_iter().map(Authorization::from).collect())
    }

    /// The same, where some have names or conditions.
    pub fn authorizers(mut self, all: Vec<Authorization>) -> Self {
        self.authenticator.is_open = false;
        self.authorization = all;
        self
    }

    /// What the mode ABAC goes by.
    pub fn policies(mut self, policies: Policies) -> Self {
        self.policies = Some(Arc::new(policies));
        self
    }

    /// Who is asked about rights in the mode that asks somebody far away.
    pub fn authorization_webhook(mut self, settings: remote::Settings) -> Self {
        self.authorization_webhook = Some(settings);
        self
    }

    /// Who is asked about tokens that nobody here knows.
    pub fn token_webhook(mut self, settings: remote::Settings) -> Self {
        self.token_webhook = Some(settings);
        self
    }

    /// Records requests as a policy asks for it.
    pub fn audit(mut self, policy: audit::Policy, sink: Arc<dyn audit::Sink>) -> Self {
        self.audit = Some(policy);
        self.audit_sinks.push(sink);
        self
    }

    /// The same, posting what is recorded to somebody far away.
    pub fn audit_webhook(mut self, policy: audit::Policy, target: Target) -> Self {
        self.audit = Some(policy);
        self.audit_webhook = Some(target);
        self
    }

    /// Whether who says nothing is let in as nobody in particular, where it matters who asks.
    pub fn anonymous_auth(mut self, admits: bool) -> Self {
        self.authenticator.admits_anonymous = admits;
        self
    }

    /// The same at these paths alone; everywhere where there are none.
    pub fn anonymous_paths(mut self, paths: Vec<String>) -> Self {
        self.authenticator.anonymous_paths = paths;
        self
    }

    /// Believes tokens of these issuers.
    pub fn issuers(mut self, issuers: Vec<jwt::Settings>) -> Self {
        self.issuers = issuers;
        self
    }

    /// Believes client certificates of these authorities.
    pub fn client_authorities(mut self, authorities: Authorities) -> Self {
        self.authenticator.authorities = Some(authorities);
        self
    }

    /// Believes proxies in front of the cluster about who asks.
    pub fn front_proxy(mut self, proxy: FrontProxy) -> Self {
        self.authenticator.front_proxy = Some(proxy);
        self
    }

    /// Whether secrets may hold tokens by which new nodes join.
    pub fn bootstrap_tokens(mut self, reads: bool) -> Self {
        self.authenticator.reads_bootstrap_tokens = reads;
        self
    }

    /// How tokens of service accounts are made and known.
    pub fn service_accounts(mut self, service_accounts: ServiceAccounts) -> Self {
        self.authenticator.service_accounts = service_accounts;
        self
    }

    /// A bearer token and whose it is.
    pub fn token(mut self, token: &str, user: User) -> Self {
        self.authenticator.add_token(token, user);
        self
    }

    /// All the tokens that an authenticator knows.
    pub fn tokens(mut self, authenticator: &Authenticator) -> Self {
        for (token, user) in authenticator.tokens() {
            self.authenticator.add_token(token, user.clone());
        }
        self
    }

    /// Switches admission plugins on, under kube-apiserver's names.
    pub fn enable_admission_plugins(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.enabled_plugins.extend(names);
        self
    }

    /// Switches admission plugins off, under kube-apiserver's names.
    pub fn disable_admission_plugins(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.disabled_plugins.extend(names);
        self
    }

    /// Configurations of admission plugins, by their names.
    pub fn admission_settings(mut self, settings: PluginSettings) -> Self {
        self.plugin_settings = settings;
        self
    }

    /// Where the services are that webhooks are reached by: nothing listens at a cluster IP.
    pub fn services(mut self, services: Services) -> Self {
        self.services = services;
        self
    }

    /// Which controllers run; none unless said otherwise.
    pub fn controllers(mut self, selection: Selection) -> Self {
        self.controllers = selection;
        self
    }

    /// How many nodes there are that run pods, `node-1`, `node-2`, …; none unless said otherwise.
    pub fn nodes(mut self, count: u32) -> Self {
        self.nodes = count;
        self
    }

    /// What the cluster shows of itself to API servers that are registered behind it: certificate
    /// and key, as PEM.
    pub fn proxy_identity(mut self, certificate: Vec<u8>, key: Vec<u8>) -> Self {
        self.proxy_identity = Some((certificate, key));
        self
    }

    /// Leaves registrations of other API servers alone: nobody is asked whether they can be
    /// reached, and no request is passed on to them.
    pub fn without_aggregation(mut self) -> Self {
        self.aggregates = false;
        self
    }

    /// Listens on an address; port 0 picks a free one. Without this there is no port.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = Some(address);
        self
    }

    /// Listens where somebody already does: whoever connects meanwhile waits for the cluster.
    pub fn listener(mut self, listener: TcpListener) -> Self {
        self.listen = listener.local_addr().ok();
        self.listener = Some(Arc::new(listener));
        self
    }

    /// Serves with this certificate (PEM, and whom it is signed by) and its key (PEM) instead of
    /// new ones.
    pub fn serving_certificate(mut self, certificate: String, key: String) -> Self {
        self.certificate = Some((certificate, key));
        self
    }

    /// Serves an API that is usually not served, or the other way round: `GROUP/VERSION`,
    /// `api/all`, `api/ga`, `api/beta`, `api/alpha`.
    pub fn runtime_config(mut self, api: &str, is_served: bool) -> Self {
        self.runtime.add(api, is_served);
        self
    }

    /// HTTP instead of TLS.
    pub fn plaintext(mut self) -> Self {
        self.is_plaintext = true;
        self
    }

    /// Objects to create at the start, as YAML or JSON, any number of documents.
    pub fn manifest(self, text: impl Into<String>) -> Self {
        self.manifest_of("", text)
    }

    /// The same, with a file's name or whatever else tells where they come from: what is wrong
    /// with them is said under that name.
    pub fn manifest_of(mut self, origin: impl Into<String>, text: impl Into<String>) -> Self {
        self.manifests.push(Manifest {
            origin: origin.into(),
            text: text.into(),
        });
        self
    }

    /// Leaves out what a new cluster holds beside its namespaces and the `kubernetes` service:
    /// priority classes, flow schemas, and roles where they mean nothing. Starts several times as
    /// fast.
    pub fn bare(mut self) -> Self {
        self.is_bare = true;
        self
    }

    /// Has this run what is inside of containers, instead of the plainest that does.
    pub fn runtime(
        mut self,
        make: impl Fn(Surroundings) -> Arc<dyn Runtime> + Send + Sync + 'static,
    ) -> Self {
        self.pod_runtime = Some(Arc::new(make));
        self
    }

    /// How much of what containers write is kept.
    pub fn log_limits(mut self, limits: logs::Limits) -> Self {
        self.log_limits = limits;
        self
    }

    /// Starts the cluster.
    pub async fn start(self) -> Result<Cluster, Error> {
        wiring::start(self).await
    }
}
