//! The kinds of the core group.

mod component_status;
pub mod config_map;
pub mod event;
pub mod namespace;
pub mod node;
pub mod pod;
mod pod_template;
pub mod quota;
mod replication_controller;
pub mod secret;
pub mod service;
pub mod service_account;
pub mod volume;

use crate::registry::Strategy;

/// The strategy of a resource of the core group.
pub(super) fn strategy(plural: &str) -> Option<&'static dyn Strategy> {
    Some(match plural {
        "bindings" => &pod::BINDINGS,
        "componentstatuses" => &component_status::ComponentStatus,
        "configmaps" => &config_map::CONFIG_MAP,
        "endpoints" => &service::ENDPOINTS,
        "events" => &event::EventStrategy,
        "limitranges" => &quota::LIMIT_RANGE,
        "namespaces" => &namespace::NamespaceStrategy,
        "nodes" => &node::NODE,
        "persistentvolumeclaims" => &volume::PERSISTENT_VOLUME_CLAIM,
        "persistentvolumes" => &volume::PERSISTENT_VOLUME,
        "podtemplates" => &pod_template::POD_TEMPLATE,
        "pods" => &pod::PodStrategy,
        "replicationcontrollers" => &replication_controller::REPLICATION_CONTROLLER,
        "resourcequotas" => &quota::RESOURCE_QUOTA,
        "secrets" => &secret::SECRET,
        "serviceaccounts" => &service_account::ServiceAccountStrategy,
        "services" => &service::ServiceStrategy,
        _ => return None,
    })
}
