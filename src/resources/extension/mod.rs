//! What extends the API server: the kinds of `admissionregistration.k8s.io`,
//! `apiregistration.k8s.io`, `flowcontrol.apiserver.k8s.io` and `storagemigration.k8s.io`.

mod api_service;
mod dangling;
mod expressions;
mod field_ref;
mod flow_schema;
mod policy;
mod priority_level;
mod rule;
mod storage_version_migration;
mod webhook;

use super::shared::plain::Plain;
use crate::registry::Strategy;

/// Any admission kind.
const ADMISSION: Plain = Plain {
    counts_generation: true,
    updates_unconditionally: false,
    ..Plain::DEFAULT
};
/// Any flow control kind.
const FLOW_CONTROL: Plain = Plain {
    counts_generation: true,
    resets_metadata_in_status: true,
    ..Plain::DEFAULT
};

/// The strategy of a resource of `admissionregistration.k8s.io`.
pub(super) fn admission_strategy(plural: &str) -> Option<&'static dyn Strategy> {
    Some(match plural {
        "mutatingadmissionpolicies" => &policy::MUTATING_ADMISSION_POLICY,
        "mutatingadmissionpolicybindings" => &policy::MUTATING_ADMISSION_POLICY_BINDING,
        "mutatingwebhookconfigurations" => &webhook::MUTATING_WEBHOOK_CONFIGURATION,
        "validatingadmissionpolicies" => &policy::VALIDATING_ADMISSION_POLICY,
        "validatingadmissionpolicybindings" => &policy::VALIDATING_ADMISSION_POLICY_BINDING,
        "validatingwebhookconfigurations" => &webhook::VALIDATING_WEBHOOK_CONFIGURATION,
        _ => return None,
    })
}

/// The strategy of a resource of `apiregistration.k8s.io`.
pub(super) fn api_registration_strategy(plural: &str) -> Option<&'static dyn Strategy> {
    (plural == "apiservices").then_some(&api_service::API_SERVICE as &dyn Strategy)
}

/// The strategy of a resource of `flowcontrol.apiserver.k8s.io`.
pub(super) fn flow_control_strategy(plural: &str) -> Option<&'static dyn Strategy> {
    Some(match plural {
        "flowschemas" => &flow_schema::FLOW_SCHEMA,
        "prioritylevelconfigurations" => &priority_level::PRIORITY_LEVEL_CONFIGURATION,
        _ => return None,
    })
}

/// The strategy of a resource of `storagemigration.k8s.io`.
pub(super) fn storage_migration_strategy(plural: &str) -> Option<&'static dyn Strategy> {
    (plural == "storageversionmigrations")
        .then_some(&storage_version_migration::STORAGE_VERSION_MIGRATION as &dyn Strategy)
}
