//! Where and with what pods run: the kinds of `scheduling.k8s.io`, `node.k8s.io`,
//! `coordination.k8s.io` and `resource.k8s.io`.

use super::shared::plain::Plain;
use crate::registry::Strategy;

static PRIORITY_CLASS: Plain = Plain::DEFAULT;
static RUNTIME_CLASS: Plain = Plain {
    creates_on_update: true,
    updates_unconditionally: false,
    ..Plain::DEFAULT
};
static LEASE: Plain = Plain {
    creates_on_update: true,
    updates_unconditionally: false,
    ..Plain::DEFAULT
};
static DEVICE_CLASS: Plain = Plain {
    counts_generation: true,
    answers_deleted_object: true,
    ..Plain::DEFAULT
};
static DEVICE_TAINT_RULE: Plain = Plain {
    counts_generation: true,
    answers_deleted_object: true,
    resets_metadata_in_status: true,
    ..Plain::DEFAULT
};
static RESOURCE_CLAIM: Plain = Plain {
    answers_deleted_object: true,
    resets_metadata_in_status: true,
    ..Plain::DEFAULT
};
static RESOURCE_CLAIM_TEMPLATE: Plain = Plain {
    answers_deleted_object: true,
    ..Plain::DEFAULT
};
static RESOURCE_SLICE: Plain = Plain {
    counts_generation: true,
    answers_deleted_object: true,
    field_labels: &["spec.nodeName", "spec.driver", "spec.pool.name"],
    ..Plain::DEFAULT
};

/// The strategy of a resource of `scheduling.k8s.io`.
pub(super) fn strategy(plural: &str) -> Option<&'static dyn Strategy> {
    (plural == "priorityclasses").then_some(&PRIORITY_CLASS as &dyn Strategy)
}

/// The strategy of a resource of `node.k8s.io`.
pub(super) fn node_strategy(plural: &str) -> Option<&'static dyn Strategy> {
    (plural == "runtimeclasses").then_some(&RUNTIME_CLASS as &dyn Strategy)
}

/// The strategy of a resource of `coordination.k8s.io`.
pub(super) fn coordination_strategy(plural: &str) -> Option<&'static dyn Strategy> {
    (plural == "leases").then_some(&LEASE as &dyn Strategy)
}

/// The strategy of a resource of `resource.k8s.io`.
pub(super) fn resource_strategy(plural: &str) -> Option<&'static dyn Strategy> {
    Some(match plural {
        "deviceclasses" => &DEVICE_CLASS,
        "devicetaintrules" => &DEVICE_TAINT_RULE,
        "resourceclaims" => &RESOURCE_CLAIM,
        "resourceclaimtemplates" => &RESOURCE_CLAIM_TEMPLATE,
        "resourceslices" => &RESOURCE_SLICE,
        _ => return None,
    })
}
