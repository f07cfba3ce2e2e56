//! Where and with what pods run: the kinds of `scheduling.k8s.io`, `node.k8s.io`,
//! `coordination.k8s.io` and `resource.k8s.io`.

mod classes;
mod device;
mod lease;

pub use self::device::selects_device;
use crate::registry::Strategy;

/// The strategy of a resource of `scheduling.k8s.io`.
pub(super) fn strategy(plural: &str) -> Option<&'static dyn Strategy> {
    (plural == "priorityclasses").then_some(&classes::PRIORITY_CLASS as &dyn Strategy)
}

/// The strategy of a resource of `node.k8s.io`.
pub(super) fn node_strategy(plural: &str) -> Option<&'static dyn Strategy> {
    (plural == "runtimeclasses").then_some(&classes::RUNTIME_CLASS as &dyn Strategy)
}

/// The strategy of a resource of `coordination.k8s.io`.
pub(super) fn coordination_strategy(plural: &str) -> Option<&'static dyn Strategy> {
    (plural == "leases").then_some(&lease::LEASE as &dyn Strategy)
}

/// The strategy of a resource of `resource.k8s.io`.
pub(super) fn resource_strategy(plural: &str) -> Option<&'static dyn Strategy> {
    Some(match plural {
        "deviceclasses" => &device::DEVICE_CLASS,
        "devicetaintrules" => &device::DEVICE_TAINT_RULE,
        "resourceclaims" => &device::RESOURCE_CLAIM,
        "resourceclaimtemplates" => &device::RESOURCE_CLAIM_TEMPLATE,
        "resourceslices" => &device::RESOURCE_SLICE,
        _ => return None,
    })
}
