//! Templates of pods, and what pods have in common with them: defaults, annotations, warnings.
//!
//! *Upstream:* `pkg/apis/core/validation/validation.go` (`ValidatePodTemplateSpec`),
//! `pkg/api/pod/{util,warnings}.go`, `pkg/apis/core/v1/defaults.go`.

pub mod annotations;
pub mod defaults;
pub mod disabled;
pub mod image;
pub mod overlap;
pub mod quality;
pub mod warnings;

use serde_json::Value;

use super::label_selector;
use super::look::Look;
use super::pod_spec::{self, Owner};
use crate::error::FieldErrors;
use crate::object::FieldPath;

/// Everything that is wrong with a template of pods.
pub fn validate(errors: &mut FieldErrors, path: &FieldPath, template: &Value) {
    let metadata = template.at("metadata");
    let spec = template.at("spec");
    label_selector::labels(errors, &path.child("labels"), metadata.at("labels"));
    let annotations_path = path.child("annotations");
    label_selector::annotations(errors, &annotations_path, metadata.at("annotations"));
    annotations::validate(errors, &annotations_path, metadata, spec);
    let spec_path = path.child("spec");
    pod_spec::validate(errors, &spec_path, spec, Owner::Template);
    annotations::match_fields(errors, &spec_path, metadata, spec);
    if !spec.list("ephemeralContainers").is_empty() {
        errors.forbidden(
            &spec_path.child("ephemeralContainers"),
            "ephemeral containers not allowed in pod template",
        );
    }
}

/// Everything that is wrong with the template of a kind whose pods run for ever.
pub fn validate_lasting(errors: &mut FieldErrors, path: &FieldPath, template: &Value, kind: &str) {
    validate(errors, path, template);
    let spec = template.at("spec");
    let spec_path = path.child("spec");
    let policy = spec.text("restartPolicy");
    if policy != "Always" {
        let path = spec_path.child("restartPolicy");
        errors.not_supported(&path, &policy.into(), &["Always"]);
    }
    if spec.has("activeDeadlineSeconds") {
        errors.forbidden(
            &spec_path.child("activeDeadlineSeconds"),
            format!("activeDeadlineSeconds in {kind} is not Supported"),
        );
    }
}
