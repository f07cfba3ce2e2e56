//! What reacts: the controllers of kube-controller-manager, one row each in [`TABLE`].
//!
//! A controller is a function of what it sees, an item and the time, to a plan; the runner does the
//! rest. To add one: a file here that implements [`Controller`], and a row.
//!
//! *Invariant:* knows neither the registry nor the store nor clocks; controllers do not import each
//! other, what they share is in `shared`.
//! *Upstream:* `cmd/kube-controller-manager/app/controllermanager.go` (`NewControllerDescriptors`).

// Workloads.
mod cron_job;
mod daemon_set;
mod deployment;
mod job;
mod stateful_set;
mod ttl_after_finished;

// Everything else.
mod autoscaling;
mod bootstrap_token;
mod certificates;
mod cloud;
mod cluster_role;
mod disruption;
mod endpoint_slice;
mod endpoints;
mod garbage_collector;
mod namespace;
mod node;
mod policy_status;
mod replica_set;
mod resource_claim;
mod resource_quota;
mod scheduler;
mod service_account;
mod service_cidr;
mod shared;
mod storage_version;
mod volume;

use std::sync::Arc;

pub(crate) use self::certificates::SIGNING;
use crate::auth::authority::Authority;
use crate::auth::service_account::ServiceAccounts;
use crate::runner::Controller;

/// Makes a controller that has seen nothing yet.
type Make = fn(&Settings) -> Box<dyn Controller>;

/// What controllers are told of the cluster they work in.
#[derive(Clone)]
pub struct Settings {
    /// The certificate (PEM) that the server is believed by; empty where it has none.
    pub root_certificate: String,
    /// How tokens of service accounts are made.
    pub service_accounts: ServiceAccounts,
    /// Who signs certificates, where somebody does.
    pub authority: Option<Arc<Authority>>,
}

/// Every controller by the name that `--controllers` knows it by.
const TABLE: &[(&str, Make)] = &[
    ("cronjob-controller", |_| {
        Box::new(cron_job::CronJobs::default())
    }),
    ("daemonset-controller", |_| {
        Box::new(daemon_set::DaemonSets::default())
    }),
    ("deployment-controller", |_| {
        Box::new(deployment::Deployments)
    }),
    ("job-controller", |_| Box::new(job::Jobs)),
    ("statefulset-controller", |_| {
        Box::new(stateful_set::StatefulSets)
    }),
    ("ttl-after-finished-controller", |_| {
        Box::new(ttl_after_finished::FinishedJobs)
    }),
    ("certificatesigningrequest-approving-controller", |_| {
        Box::new(certificates::approving::Approving)
    }),
    ("certificatesigningrequest-cleaner-controller", |_| {
        Box::new(certificates::cleaning::Cleaning)
    }),
    (SIGNING, |settings| {
        let authority = settings.authority.clone();
        Box::new(certificates::signing::Signing::new(authority))
    }),
    ("podcertificaterequest-cleaner-controller", |_| {
        Box::new(certificates::pod_requests::PodRequests)
    }),
    (
        "kube-apiserver-serving-clustertrustbundle-publisher-controller",
        |settings| {
            let certificate = settings.root_certificate.clone();
            Box::new(certificates::trust_bundle::TrustBundle::new(certificate))
        },
    ),
    ("storage-version-migrator-controller", |_| {
        Box::new(storage_version::Migrations)
    }),
    ("token-cleaner-controller", |_| {
        Box::new(bootstrap_token::TokenCleaner)
    }),
    ("bootstrap-signer-controller", |_| {
        Box::new(bootstrap_token::BootstrapSigner)
    }),
    ("clusterrole-aggregation-controller", |_| {
        Box::new(cluster_role::Aggregation)
    }),
    ("disruption-controller", |_| {
        Box::new(disruption::Disruption)
    }),
    ("endpoints-controller", |_| {
        Box::new(endpoints::Endpoints::default())
    }),
    ("endpointslice-controller", |_| {
        Box::new(endpoint_slice::EndpointSlices::default())
    }),
    ("endpointslice-mirroring-controller", |_| {
        Box::new(endpoint_slice::mirroring::Mirroring)
    }),
    ("garbage-collector-controller", |_| {
        Box::new(garbage_collector::GarbageCollector)
    }),
    ("horizontal-pod-autoscaler-controller", |_| {
        Box::new(autoscaling::Autoscalers::default())
    }),
    ("kube-scheduler", |_| Box::<scheduler::Scheduler>::default()),
    ("namespace-controller", |_| Box::new(namespace::Namespaces)),
    ("replicaset-controller", |_| {
        Box::new(replica_set::ReplicaSets)
    }),
    ("replicationcontroller-controller", |_| {
        Box::new(replica_set::ReplicationControllers)
    }),
    ("resourceclaim-controller", |_| {
        Box::new(resource_claim::ResourceClaims)
    }),
    ("service-cidr-controller", |_| {
        Box::new(service_cidr::ServiceCidrs)
    }),
    ("volumeattributesclass-protection-controller", |_| {
        Box::new(volume::protection::Classes)
    }),
    ("resourcequota-controller", |_| {
        Box::new(resource_quota::ResourceQuotas::default())
    }),
    ("node-lifecycle-controller", |_| {
        Box::new(node::lifecycle::Lifecycle::default())
    }),
    ("ephemeral-volume-controller", |_| {
        Box::new(volume::ephemeral::Ephemeral)
    }),
    ("persistentvolume-attach-detach-controller", |_| {
        Box::new(volume::attach::Attaching)
    }),
    ("persistentvolume-expander-controller", |_| {
        Box::new(volume::expand::Expanding)
    }),
    ("persistentvolume-binder-controller", |_| {
        Box::new(volume::binder::Binder)
    }),
    ("persistentvolume-protection-controller", |_| {
        Box::new(volume::protection::Volumes)
    }),
    ("persistentvolumeclaim-protection-controller", |_| {
        Box::new(volume::protection::Claims)
    }),
    ("pod-garbage-collector-controller", |_| {
        Box::new(node::pod_garbage::PodGarbage::default())
    }),
    ("device-taint-eviction-controller", |_| {
        Box::new(node::device_eviction::DeviceEviction)
    }),
    ("taint-eviction-controller", |_| {
        Box::new(node::eviction::TaintEviction::default())
    }),
    ("ttl-controller", |_| Box::new(node::ttl::Ttl::default())),
    ("root-ca-certificate-publisher-controller", |settings| {
        let certificate = settings.root_certificate.clone();
        Box::new(service_account::root_certificate::Publisher::new(
            certificate,
        ))
    }),
    ("serviceaccount-controller", |_| {
        Box::new(service_account::accounts::ServiceAccounts)
    }),
    ("serviceaccount-token-controller", |settings| {
        let certificate = settings.root_certificate.clone();
        let accounts = settings.service_accounts.clone();
        Box::new(service_account::tokens::Tokens::new(certificate, accounts))
    }),
    ("validatingadmissionpolicy-status-controller", |_| {
        Box::new(policy_status::PolicyStatus)
    }),
    ("service-lb-controller", |_| {
        Box::new(cloud::services::LoadBalancers)
    }),
    ("ingress-lb-controller", |_| {
        Box::new(cloud::ingresses::Addresses)
    }),
];

/// Those that run only where they are named: a cluster has no cloud of its own, and nodes join
/// none by themselves.
const NAMED_ONLY: [&str; 4] = [
    "service-lb-controller",
    "ingress-lb-controller",
    "token-cleaner-controller",
    "bootstrap-signer-controller",
];

/// Which controllers run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    /// None.
    #[default]
    None,
    /// All, but for some.
    AllBut(Vec<String>),
    /// Only these.
    Only(Vec<String>),
}

/// A name that no controller has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no controller has the name {name:?}; it is all, none, or of: {}",
    TABLE.iter().map(|row| row.0).collect::<Vec<_>>().join(", ")
)]
pub struct Unknown {
    name: String,
}

impl Selection {
    /// Reads `all`, `none`, or names with commas between: `*` is all that run by default, `-NAME`
    /// one that does not run.
    ///
    /// *Upstream:* `k8s.io/controller-manager/app/helper.go` (`IsControllerEnabled`).
    pub fn parse(text: &str) -> Result<Self, Unknown> {
        let mut all = false;
        let mut with = Vec::new();
        let mut without = Vec::new();
        for name in text
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
        {
            match name {
                "none" if text.trim() == "none" => return Ok(Self::None),
                "all" | "*" => all = true,
                name => {
                    let (list, known) = match name.strip_prefix('-') {
                        Some(known) => (&mut without, known),
                        None => (&mut with, name),
                    };
                    list.push(full_name(known)?);
                }
            }
        }
        Ok(if with.is_empty() {
            Self::AllBut(without)
        } else {
            if all {
                let usual = TABLE.iter().map(|row| row.0);
                let usual = usual.filter(|name| !NAMED_ONLY.contains(name));
                with.extend(usual.map(str::to_owned));
            }
            with.retain(|name| !without.contains(name));
            Self::Only(with)
        })
    }

    /// Whether the controller of a name runs.
    pub fn includes(&self, name: &str) -> bool {
        match self {
            Self::None => false,
            Self::AllBut(names) => {
                !NAMED_ONLY.contains(&name) && !names.iter().any(|one| one == name)
            }
            Self::Only(names) => names.iter().any(|one| one == name),
        }
    }
}

/// The name of a row; `replicaset` is `replicaset-controller` for short.
fn full_name(name: &str) -> Result<String, Unknown> {
    let long = format!("{name}-controller");
    let mut names = TABLE.iter().map(|row| row.0);
    names
        .find(|one| *one == name || *one == long)
        .map(str::to_owned)
        .ok_or_else(|| Unknown {
            name: name.to_owned(),
        })
}

/// The controllers that run, in the table's order.
pub fn select(selection: &Selection, settings: &Settings) -> Vec<Box<dyn Controller>> {
    TABLE
        .iter()
        .filter(|(name, _)| selection.includes(name))
        .map(|(_, make)| make(settings))
        .collect()
}
