//! How the layers are joined: the only file that names them all.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use ring::rand::{SecureRandom, SystemRandom};

use super::builder::{Manifest, Turns};
use super::socket::Socket;
use super::tasks::Tasks;
use super::{Builder, Cluster, Error, bootstrap, manifest};
use crate::admission::plugins;
use crate::aggregate::{Aggregator, Keeper};
use crate::audit::{self, Policy, Queue, Recorder};
use crate::auth::authority::Authority;
use crate::auth::authorize::webhook::Far;
use crate::auth::authorize::{Mode, Step};
use crate::auth::certificate::Authorities;
use crate::auth::impersonate::Modes;
use crate::auth::jwt::Issuer;
use crate::auth::remote::{self, Remote};
use crate::auth::{Access, Authorizer, User};
use crate::client::Client;
use crate::registry::Registry;
use crate::resources::kinds::BuiltIn;
use crate::runner::{Handle, Means, Runner};
use crate::runtime::scripted::Scripted;
use crate::runtime::{Logs, Surroundings, forget_the_gone};
use crate::schema::{Catalog, tables};
use crate::server::local::{Behind, Local};
use crate::server::tls;
use crate::server::{Door, Pods};
use crate::sim::Entropy;
use crate::storage::memory::Memory;
use crate::webhook::Caller;
use crate::{controllers, nodes};

/// The port of an API server that nobody gave another.
const PORT: u16 = 6443;

/// Starts a cluster.
pub(super) async fn start(mut builder: Builder) -> Result<Cluster, Error> {
    let authority = signing_authority(&mut builder)?;
    let seed = builder.seed.unwrap_or_else(random);
    if let Some(seed) = builder.seed {
        builder.authenticator.service_accounts.sign_by_seed(seed);
    }
    let tasks = Tasks::new(tokio::runtime::Handle::current());
    let admin_token = format!("{:016x}{:016x}", random(), random());
    let registry = registry(&builder, seed, &admin_token, &tasks)?;
    let registry = Arc::new(registry);
    let aggregator: Arc<Aggregator> = Arc::default();
    let handle = handle(&builder, &registry);
    let mut door = Door::new(
        Arc::clone(&registry),
        Arc::clone(&aggregator),
        handle.clone(),
        builder.limits,
        // Audit ids are drawn apart, so that looking on changes nothing that is stored.
        seed ^ 0xa0d1_7a0d_17a0_d17a,
        tasks.stop(),
    );
    if let Some(policy) = &builder.audit {
        let recorder = recorder(&builder, policy, &registry, &tasks);
        door.record(recorder);
    }
    let door = Arc::new(door);
    let client = Client::new(
        Arc::new(Local::outside(Arc::clone(&door))),
        Some(User::admin()),
    );
    populate(&builder, &registry, &client).await?;
    let socket = Socket::open(&builder, authority.as_deref()).await?;
    let ca_pem = socket.as_ref().and_then(|socket| socket.ca_pem.clone());
    let address = socket.as_ref().map(|socket| socket.address);
    let settings = controllers::Settings {
        root_certificate: ca_pem.clone().unwrap_or_default(),
        service_accounts: builder.authenticator.service_accounts.clone(),
        authority,
    };
    let inside = Client::new(
        Arc::new(Local::inside(Arc::clone(&door))),
        Some(User::admin()),
    );
    let logs = lead_into_pods(&builder, &door, &registry, &tasks);
    start_controllers(&builder, &settings, &registry, (&handle, inside), &tasks);
    if let Some(socket) = socket {
        socket.serve(door, &tasks);
    }
    keep(aggregator, &registry, &client, &builder, &tasks);
    if builder.listen.is_some() && !builder.is_bare && !registry.clock.is_virtual() {
        let client = client.with_agent("kube-apiserver");
        tasks.spawn_until_stop()(Box::pin(bootstrap::renew(client, registry.clock.clone())));
    }
    Ok(Cluster {
        registry,
        client,
        address,
        ca_pem,
        admin_token,
        runner: handle,
        logs,
        tasks,
    })
}

/// Has somebody run what is inside of pods.
fn lead_into_pods(
    builder: &Builder,
    door: &Arc<Door>,
    registry: &Registry,
    tasks: &Tasks,
) -> Arc<Logs> {
    let logs = Arc::new(Logs::new(registry.clock.clone(), builder.log_limits));
    let surroundings = Surroundings {
        clock: registry.clock.clone(),
        logs: Arc::clone(&logs),
        client: Client::new(Arc::new(Behind::new(door)), Some(User::admin())),
        spawn: tasks.spawn_until_stop(),
    };
    let spawn = Arc::clone(&surroundings.spawn);
    let reader = Arc::clone(&registry.reader);
    spawn(Box::pin(forget_the_gone(reader, Arc::clone(&logs))));
    let runtime = match &builder.pod_runtime {
        Some(make) => make(surroundings),
        None => Arc::new(Scripted::new(surroundings)),
    };
    let pods = Pods {
        runtime,
        logs: Arc::clone(&logs),
        spawn,
    };
    door.lead_to(pods);
    logs
}

/// What the API does, over an empty store.
fn registry(
    builder: &Builder,
    seed: u64,
    admin_token: &str,
    tasks: &Tasks,
) -> Result<Registry, Error> {
    let catalog = Catalog::default();
    tables::install(&catalog, |version| builder.runtime.choice(version));
    let mut registry = Registry::new(
        Arc::new(Memory::default()),
        Arc::new(catalog),
        Arc::new(BuiltIn),
    );
    registry.clock = builder.clock.clone();
    registry.entropy = Arc::new(Entropy::seeded(seed));
    registry.settings = builder.settings.clone();
    registry.admission = plugins::chain(
        &enabled_plugins(builder),
        &builder.disabled_plugins,
        &builder.plugin_settings,
    )
    .map_err(Error::Admission)?;
    let services = builder.services.clone();
    let services = services.with_reader(Arc::clone(&registry.reader));
    registry.webhooks = Arc::new(Caller::new(tasks.spawn_until_stop(), services));
    registry.access = access(builder, &registry, admin_token)?;
    Ok(registry)
}

/// The authority of a cluster that signs certificates for who asks, which it then believes.
fn signing_authority(builder: &mut Builder) -> Result<Option<Arc<Authority>>, Error> {
    if !builder.controllers.includes(controllers::SIGNING) {
        return Ok(None);
    }
    let authority = Authority::of_seed(builder.seed).map_err(tls::Error::from)?;
    let known = builder.authenticator.authorities.as_ref();
    let known = known.map_or("", Authorities::pem);
    let believed = Authorities::of_pem(&format!("{known}{}", authority.pem()));
    // What was read once is read again, and the other was just made.
    if let Ok(believed) = believed {
        builder.authenticator.authorities = Some(believed);
    }
    Ok(Some(Arc::new(authority)))
}

/// Where the cluster says it is. A port that is not known beforehand is in no object, so that what
/// a seed decides stays the same.
fn advertised(builder: &Builder) -> SocketAddr {
    let known = builder.listen.filter(|address| address.port() != 0);
    known.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)))
}

/// Creates what is there at the start.
async fn populate(builder: &Builder, registry: &Registry, client: &Client) -> Result<(), Error> {
    let address = advertised(builder);
    bootstrap::install(registry, client, address).await?;
    if !builder.is_bare {
        bootstrap::install_system(registry, client, address).await?;
    } else if registry.access.authorizer.reads_roles() {
        bootstrap::install_roles(client).await?;
    }
    if builder.nodes > 0 && builder.aggregates {
        bootstrap::install_usage(client).await?;
    }
    if builder.nodes > 0 {
        bootstrap::install_definitions(client, nodes::stages::definitions()).await?;
    }
    for Manifest { origin, text } in &builder.manifests {
        manifest::apply(registry, client, origin, text).await?;
    }
    Ok(())
}

/// Who is who, and who may what.
fn access(builder: &Builder, registry: &Registry, admin_token: &str) -> Result<Access, Error> {
    let ask = |settings| Remote::new(settings, Arc::clone(&registry.webhooks));
    let mut authenticator = builder.authenticator.clone();
    authenticator.add_token(admin_token, User::admin());
    let issuers = builder.issuers.iter().cloned();
    let caller = || Arc::clone(&registry.webhooks);
    let issuers = issuers.map(|settings| Issuer::new(settings, caller()));
    authenticator.issuers = Arc::new(issuers.collect());
    authenticator.remote = builder.token_webhook.clone().map(ask).map(Arc::new);
    Ok(Access {
        authenticator,
        authorizer: authorizer(builder, &ask)?,
        impersonations: Modes::default(),
    })
}

/// Looks after what is registered, for as long as the cluster is there.
fn keep(
    aggregator: Arc<Aggregator>,
    registry: &Registry,
    client: &Client,
    builder: &Builder,
    tasks: &Tasks,
) {
    if !builder.aggregates {
        return;
    }
    let keeper = Keeper {
        aggregator,
        reader: Arc::clone(&registry.reader),
        catalog: Arc::clone(&registry.catalog),
        client: client.with_agent("kube-apiserver"),
        caller: Arc::clone(&registry.webhooks),
        clock: registry.clock.clone(),
        identity: builder.proxy_identity.clone(),
        serves_usage: builder.nodes > 0,
    };
    tasks.spawn_until_stop()(Box::pin(keeper.run()));
}

/// Who records requests.
fn recorder(builder: &Builder, policy: &Policy, registry: &Registry, tasks: &Tasks) -> Recorder {
    let mut sinks = builder.audit_sinks.clone();
    if let Some(target) = &builder.audit_webhook {
        let caller = Arc::clone(&registry.webhooks);
        sinks.push(Arc::new(audit::Webhook::new(target.clone(), caller)));
    }
    let mut queues = Vec::new();
    for sink in sinks {
        tasks.spawn_last(|done| {
            let (queue, drain) = Queue::new(sink, done);
            queues.push(queue);
            drain
        });
    }
    Recorder::new(policy.clone(), queues, registry.clock.clone())
}

/// Who decides about rights.
fn authorizer(
    builder: &Builder,
    ask: &dyn Fn(remote::Settings) -> Remote,
) -> Result<Authorizer, Error> {
    let mut steps = Vec::new();
    for one in &builder.authorization {
        let mut step = Step::from(one.mode);
        if let Some(name) = &one.name {
            step.name.clone_from(name);
        }
        match one.mode {
            Mode::Abac => step.policies.clone_from(&builder.policies),
            Mode::Webhook => {
                let settings = one.webhook.as_ref();
                let settings = settings.or(builder.authorization_webhook.as_ref());
                step.far = settings
                    .map(|settings| Far::new(ask(settings.clone())))
                    .map(|far| far.denying_failed(one.denies_failed))
                    .map(|far| far.on_conditions(&one.conditions))
                    .transpose()
                    .map_err(|why| Error::Authorization(format!("{}: {why}", step.name)))?
                    .map(Arc::new);
            }
            _ => {}
        }
        steps.push(step);
    }
    Ok(Authorizer::of(steps))
}

/// The plugins that are on: where somebody makes service accounts, pods must have one.
fn enabled_plugins(builder: &Builder) -> Vec<String> {
    const PLUGIN: &str = "ServiceAccount";
    let mut enabled = builder.enabled_plugins.clone();
    let makes_accounts = builder.controllers.includes("serviceaccount-controller");
    if makes_accounts && !builder.disabled_plugins.iter().any(|name| name == PLUGIN) {
        enabled.push(PLUGIN.to_owned());
    }
    enabled
}

/// What the cluster is steered by. Where time and chance are chosen, so is the order of writes.
fn handle(builder: &Builder, registry: &Registry) -> Handle {
    let (clock, reader) = (registry.clock.clone(), Arc::clone(&registry.reader));
    if builder.turns == Turns::UnderSeed && builder.seed.is_some() && clock.is_virtual() {
        Handle::taking_turns(clock, reader)
    } else {
        Handle::new(clock, reader)
    }
}

/// Starts the controllers and the fleet, where there are any.
fn start_controllers(
    builder: &Builder,
    settings: &controllers::Settings,
    registry: &Registry,
    (handle, client): (&Handle, Client),
    tasks: &Tasks,
) {
    let mut all = controllers::select(&builder.controllers, settings);
    all.extend(nodes::fleet(builder.nodes));
    if all.is_empty() {
        return;
    }
    let spawn = tasks.spawn_until_stop();
    let means = Means {
        catalog: Arc::clone(&registry.catalog),
        recent: Arc::clone(&registry.recent),
        client,
        entropy: Arc::clone(&registry.entropy),
        spawn: Arc::clone(&spawn),
    };
    let runner = Runner::new(all, handle, means);
    spawn(Box::pin(runner.run()));
}

/// Chance from the system: for keys and tokens, and for seeds nobody chose.
fn random() -> u64 {
    let mut bytes = [0; 8];
    let filled = SystemRandom::new().fill(&mut bytes);
    assert!(filled.is_ok(), "the system has no randomness to give");
    u64::from_le_bytes(bytes)
}
