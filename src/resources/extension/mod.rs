//! What extends the API server: the kinds of `admissionregistration.k8s.io`,
//! `apiregistration.k8s.io`, `flowcontrol.apiserver.k8s.io` and `storagemigration.k8s.io`.

mod api_service;
mod flow_control;
mod policy;
mod rule;
mod webhook;

use super::shared::plain::Plain;
use crate::error::FieldErrors;
use crate::object::FieldPath;
use crate::registry::Strategy;
use crate::resources::shared::look::Look;

/// Any admission kind.
const ADMISSION: Plain = Plain {
    counts_generation: true,
    updates_unconditionally: false,
    ..Plain::DEFAULT
};
static STORAGE_VERSION_MIGRATION: Plain = Plain {
    updates_unconditionally: false,
    resets_metadata_in_status: true,
    validate_create: |_, object| {
        let mut errors = FieldErrors::new();
        if object.at("spec").at("resource").text("resource").is_empty() {
            let path = FieldPath::new("spec");
            let path = path.child("resource");
            errors.required(&path.child("resource"), "resource is required");
        }
        errors
    },
    validate_update: |cx, object, old| {
        let mut errors = FieldErrors::new();
        if cx.subresource.is_empty() && object.at("spec") != old.at("spec") {
            let detail = "field is immutable";
            errors.invalid(&FieldPath::new("spec"), object.at("spec"), detail);
        }
        errors
    },
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
        "flowschemas" => &flow_control::FLOW_SCHEMA,
        "prioritylevelconfigurations" => &flow_control::PRIORITY_LEVEL_CONFIGURATION,
        _ => return None,
    })
}

/// The strategy of a resource of `storagemigration.k8s.io`.
pub(super) fn storage_migration_strategy(plural: &str) -> Option<&'static dyn Strategy> {
    (plural == "storageversionmigrations").then_some(&STORAGE_VERSION_MIGRATION as &dyn Strategy)
}
