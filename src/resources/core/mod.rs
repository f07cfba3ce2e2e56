//! The kinds of the core group.

pub mod pod;
pub mod service;

use super::shared::plain::Plain;
use crate::registry::Strategy;
use crate::registry::strategy::NameRule;

static CONFIG_MAP: Plain = Plain::DEFAULT;
static ENDPOINTS: Plain = Plain {
    creates_on_update: true,
    ..Plain::DEFAULT
};
static EVENT: Plain = Plain {
    creates_on_update: true,
    ..Plain::DEFAULT
};
static LIMIT_RANGE: Plain = Plain {
    creates_on_update: true,
    ..Plain::DEFAULT
};
static NAMESPACE: Plain = Plain {
    name_rule: NameRule::Label,
    answers_deleted_object: true,
    field_labels: &["status.phase"],
    ..Plain::DEFAULT
};
static NODE: Plain = Plain {
    keeps_status_on_create: true,
    field_labels: &["spec.unschedulable"],
    ..Plain::DEFAULT
};
static PERSISTENT_VOLUME: Plain = Plain {
    answers_deleted_object: true,
    ..Plain::DEFAULT
};
static PERSISTENT_VOLUME_CLAIM: Plain = Plain {
    answers_deleted_object: true,
    ..Plain::DEFAULT
};
static RESOURCE_QUOTA: Plain = Plain {
    answers_deleted_object: true,
    ..Plain::DEFAULT
};
static SECRET: Plain = Plain {
    field_labels: &["type"],
    ..Plain::DEFAULT
};
static SERVICE_ACCOUNT: Plain = Plain {
    answers_deleted_object: true,
    ..Plain::DEFAULT
};

/// The strategy of a resource of the core group.
pub(super) fn strategy(plural: &str) -> Option<&'static dyn Strategy> {
    Some(match plural {
        "configmaps" => &CONFIG_MAP,
        "endpoints" => &ENDPOINTS,
        "events" => &EVENT,
        "limitranges" => &LIMIT_RANGE,
        "namespaces" => &NAMESPACE,
        "nodes" => &NODE,
        "persistentvolumeclaims" => &PERSISTENT_VOLUME_CLAIM,
        "persistentvolumes" => &PERSISTENT_VOLUME,
        "pods" => &pod::PodStrategy,
        "resourcequotas" => &RESOURCE_QUOTA,
        "secrets" => &SECRET,
        "serviceaccounts" => &SERVICE_ACCOUNT,
        "services" => &service::ServiceStrategy,
        _ => return None,
    })
}
