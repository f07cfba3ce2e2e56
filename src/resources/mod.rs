//! What is special about each kind: the table from a resource to its strategy.
//!
//! A kind that is not in the table has nothing special: its schema says all.
//!
//! *Invariant:* groups do not know each other; what several groups validate alike is in `shared`.
//! *Upstream:* `pkg/registry/*/*/strategy.go`.

pub mod access;
pub mod apiextensions;
pub mod apps;
pub mod autoscaling;
pub mod batch;
pub mod core;
pub mod extension;
pub mod kinds;
pub mod networking;
pub mod policy;
pub mod print;
pub mod scheduling;
pub mod shared;
pub mod storage;

use crate::registry::Strategy;

/// The strategy of a resource, by group and plural; `None` where the kind has nothing special.
///
/// One function a group, each a table of its own kinds.
pub fn strategy(group: &str, plural: &str) -> Option<&'static dyn Strategy> {
    match group {
        "" => core::strategy(plural),
        "apps" => apps::strategy(plural),
        "autoscaling" => autoscaling::strategy(plural),
        "batch" => batch::strategy(plural),
        "policy" => policy::strategy(plural),
        "admissionregistration.k8s.io" => extension::admission_strategy(plural),
        "apiextensions.k8s.io" => apiextensions::strategy(plural),
        "apiregistration.k8s.io" => extension::api_registration_strategy(plural),
        "authentication.k8s.io" => access::authentication_strategy(plural),
        "authorization.k8s.io" => access::authorization_strategy(plural),
        "certificates.k8s.io" => access::certificates_strategy(plural),
        "coordination.k8s.io" => scheduling::coordination_strategy(plural),
        "discovery.k8s.io" => networking::discovery_strategy(plural),
        "events.k8s.io" => core::strategy(plural).filter(|_| plural == "events"),
        "flowcontrol.apiserver.k8s.io" => extension::flow_control_strategy(plural),
        "networking.k8s.io" => networking::strategy(plural),
        "node.k8s.io" => scheduling::node_strategy(plural),
        "rbac.authorization.k8s.io" => access::rbac_strategy(plural),
        "resource.k8s.io" => scheduling::resource_strategy(plural),
        "scheduling.k8s.io" => scheduling::strategy(plural),
        "storage.k8s.io" => storage::strategy(plural),
        "storagemigration.k8s.io" => extension::storage_migration_strategy(plural),
        _ => None,
    }
}
