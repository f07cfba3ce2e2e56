//! What extends the API server: the kinds of `admissionregistration.k8s.io`,
//! `apiregistration.k8s.io`, `flowcontrol.apiserver.k8s.io` and `storagemigration.k8s.io`.

use super::shared::plain::Plain;
use crate::registry::Strategy;

/// Any admission kind.
const ADMISSION: Plain = Plain {
    counts_generation: true,
    updates_unconditionally: false,
    ..Plain::DEFAULT
};
static MUTATING_WEBHOOK_CONFIGURATION: Plain = ADMISSION;
static VALIDATING_WEBHOOK_CONFIGURATION: Plain = ADMISSION;
static VALIDATING_ADMISSION_POLICY: Plain = Plain {
    resets_metadata_in_status: true,
    ..ADMISSION
};
static VALIDATING_ADMISSION_POLICY_BINDING: Plain = ADMISSION;
static MUTATING_ADMISSION_POLICY: Plain = ADMISSION;
static MUTATING_ADMISSION_POLICY_BINDING: Plain = ADMISSION;
static API_SERVICE: Plain = Plain {
    updates_unconditionally: false,
    resets_metadata_in_status: true,
    ..Plain::DEFAULT
};
/// Any flow control kind.
const FLOW_CONTROL: Plain = Plain {
    counts_generation: true,
    resets_metadata_in_status: true,
    ..Plain::DEFAULT
};
static FLOW_SCHEMA: Plain = FLOW_CONTROL;
static PRIORITY_LEVEL_CONFIGURATION: Plain = FLOW_CONTROL;
static STORAGE_VERSION_MIGRATION: Plain = Plain {
    updates_unconditionally: false,
    resets_metadata_in_status: true,
    ..Plain::DEFAULT
};

/// The strategy of a resource of `admissionregistration.k8s.io`.
pub(super) fn admission_strategy(plural: &str) -> Option<&'static dyn Strategy> {
    Some(match plural {
        "mutatingwebhookconfigurations" => &MUTATING_WEBHOOK_CONFIGURATION,
        "validatingwebhookconfigurations" => &VALIDATING_WEBHOOK_CONFIGURATION,
        "validatingadmissionpolicies" => &VALIDATING_ADMISSION_POLICY,
        "validatingadmissionpolicybindings" => &VALIDATING_ADMISSION_POLICY_BINDING,
        "mutatingadmissionpolicies" => &MUTATING_ADMISSION_POLICY,
        "mutatingadmissionpolicybindings" => &MUTATING_ADMISSION_POLICY_BINDING,
        _ => return None,
    })
}

/// The strategy of a resource of `apiregistration.k8s.io`.
pub(super) fn api_registration_strategy(plural: &str) -> Option<&'static dyn Strategy> {
    (plural == "apiservices").then_some(&API_SERVICE as &dyn Strategy)
}

/// The strategy of a resource of `flowcontrol.apiserver.k8s.io`.
pub(super) fn flow_control_strategy(plural: &str) -> Option<&'static dyn Strategy> {
    Some(match plural {
        "flowschemas" => &FLOW_SCHEMA,
        "prioritylevelconfigurations" => &PRIORITY_LEVEL_CONFIGURATION,
        _ => return None,
    })
}

/// The strategy of a resource of `storagemigration.k8s.io`.
pub(super) fn storage_migration_strategy(plural: &str) -> Option<&'static dyn Strategy> {
    (plural == "storageversionmigrations").then_some(&STORAGE_VERSION_MIGRATION as &dyn Strategy)
}
