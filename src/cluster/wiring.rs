//! How the layers are joined: the only file that names them all.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ring::rand::{SecureRandom, SystemRandom};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::builder::Manifest;
use super::tasks::Tasks;
use super::{Builder, Cluster, Error, bootstrap, manifest};
use crate::admission::plugins;
use crate::audit::{Queue, Recorder};
use crate::auth::impersonate::Modes;
use crate::auth::remote::Remote;
use crate::auth::{Access, Authorizer, User};
use crate::client::Client;
use crate::registry::Registry;
use crate::resources::kinds::BuiltIn;
use crate::runner::{Handle, Runner};
use crate::schema::{Catalog, tables};
use crate::server::local::Local;
use crate::server::tls::{self, Identity};
use crate::server::{Door, listen};
use crate::sim::Entropy;
use crate::storage::memory::Memory;
use crate::webhook::Caller;
use crate::{controllers, nodes};

/// Starts a cluster.
pub(super) async fn start(builder: Builder) -> Result<Cluster, Error> {
    let seed = builder.seed.unwrap_or_else(random);
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
    registry.admission = plugins::chain(&builder.enabled_plugins, &builder.disabled_plugins);
    let tasks = Tasks::new(tokio::runtime::Handle::current());
    let services = builder.services.clone();
    let services = services.with_reader(Arc::clone(&registry.reader));
    registry.webhooks = Arc::new(Caller::new(tasks.spawn_until_stop(), services));
    let admin_token = format!("{:016x}{:016x}", random(), random());
    let mut authenticator = builder.authenticator.clone();
    authenticator.add_token(admin_token.clone(), User::admin());
    let ask = |settings| Remote::new(settings, Arc::clone(&registry.webhooks));
    let mut authorizer = Authorizer::new(builder.authorization.clone());
    if let Some(settings) = builder.authorization_webhook.clone() {
        authorizer = authorizer.asking(ask(settings));
    }
    authenticator.remote = builder.token_webhook.clone().map(ask).map(Arc::new);
    registry.access = Access {
        authenticator,
        authorizer,
        impersonations: Modes::default(),
    };
    let registry = Arc::new(registry);
    let mut door = Door::new(
        Arc::clone(&registry),
        builder.limits,
        // Audit ids are drawn apart, so that looking on changes nothing that is stored.
        seed ^ 0xa0d1_7a0d_17a0_d17a,
        tasks.stop(),
    );
    if let Some((policy, sink)) = &builder.audit {
        tasks.spawn_last(|done| {
            let (queue, drain) = Queue::new(Arc::clone(sink), done);
            door.record(Recorder::new(policy.clone(), queue, registry.clock.clone()));
            drain
        });
    }
    let door = Arc::new(door);
    let client = Client::new(Arc::new(Local(Arc::clone(&door))), Some(User::admin()));
    bootstrap::install(&registry, &client).await?;
    if !builder.is_bare {
        bootstrap::install_system(&registry, &client).await?;
    } else if registry.access.authorizer.reads_roles() {
        bootstrap::install_roles(&registry, &client).await?;
    }
    for Manifest { origin, text } in &builder.manifests {
        manifest::apply(&registry, &client, origin, text).await?;
    }
    let runner = start_controllers(&builder, &registry, &client, &tasks);
    let mut cluster = Cluster {
        registry,
        client,
        runner,
        address: None,
        ca_pem: None,
        admin_token,
        tasks,
    };
    listen_on(&mut cluster, &builder, door).await?;
    Ok(cluster)
}

/// Starts the controllers and the fleet, where there are any.
fn start_controllers(
    builder: &Builder,
    registry: &Arc<Registry>,
    client: &Client,
    tasks: &Tasks,
) -> Option<Handle> {
    let mut all = controllers::select(&builder.controllers);
    all.extend(nodes::fleet(builder.nodes));
    if all.is_empty() {
        return None;
    }
    let (runner, handle) = Runner::new(
        all,
        Arc::clone(&registry.reader),
        Arc::clone(&registry.catalog),
        client.clone(),
        registry.clock.clone(),
        Arc::clone(&registry.entropy),
    );
    tasks.spawn_until_stop()(Box::pin(runner.run()));
    Some(handle)
}

/// Opens the port, where one is asked for.
async fn listen_on(cluster: &mut Cluster, builder: &Builder, door: Arc<Door>) -> Result<(), Error> {
    let Some(address) = builder.listen else {
        return Ok(());
    };
    let failed = |cause| Error::Listen { address, cause };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let tls = if builder.is_plaintext {
        None
    } else {
        let authorities = builder.authenticator.authorities.as_ref();
        let addresses = [
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::LOCALHOST),
            IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)),
            address.ip(),
        ];
        // Whoever chose the certificate knows whom to believe; a self-signed one is its own.
        let (ca_pem, config) = if let Some((certificate, key)) = &builder.certificate {
            let config = tls::config_of_pem(certificate, key, authorities)?;
            (certificate.clone(), config)
        } else {
            let identity = Identity::for_clients(&addresses, authorities)?;
            (identity.ca_pem, identity.config)
        };
        cluster.ca_pem = Some(ca_pem);
        Some(TlsAcceptor::from(config))
    };
    cluster.address = Some(address);
    let spawn = cluster.tasks.spawn();
    let server = listen::serve(
        listener,
        tls,
        door,
        Arc::clone(&spawn),
        cluster.tasks.stop(),
    );
    spawn(Box::pin(server));
    Ok(())
}

/// Chance from the system: for keys and tokens, and for seeds nobody chose.
fn random() -> u64 {
    let mut bytes = [0; 8];
    let filled = SystemRandom::new().fill(&mut bytes);
    assert!(filled.is_ok(), "the system has no randomness to give");
    u64::from_le_bytes(bytes)
}
