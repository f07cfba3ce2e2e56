//! Everything that can be wrong with a new pod.
//!
//! *Upstream:* `pkg/apis/core/validation/validation.go` (`ValidatePodCreate`,
//! `validatePodMetadataAndSpec`).

use serde_json::Value;

use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::resources::shared::look::Look;
use crate::resources::shared::names::non_negative;
use crate::resources::shared::pod_spec::{self, Owner};
use crate::resources::shared::pod_template::annotations;

const METADATA: FieldPath<'static> = FieldPath::new("metadata");
const SPEC: FieldPath<'static> = FieldPath::new("spec");

pub(super) fn create(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = object.at("spec");
    any(&mut errors, object);
    if !spec.list("ephemeralContainers").is_empty() {
        let path = SPEC.child("ephemeralContainers");
        errors.forbidden(&path, "cannot be set on create");
    }
    if !spec.text("nodeName").is_empty() && !spec.list("schedulingGates").is_empty() {
        errors.forbidden(
            &SPEC.child("nodeName"),
            "cannot be set until all schedulingGates have been cleared",
        );
    }
    annotations::match_fields(&mut errors, &SPEC, object.at("metadata"), spec);
    errors
}

/// What is wrong with a pod, new or not.
pub(super) fn any(errors: &mut FieldErrors, object: &Object) {
    let (metadata, spec) = (object.at("metadata"), object.at("spec"));
    annotations::validate(errors, &METADATA.child("annotations"), metadata, spec);
    pod_spec::validate(errors, &SPEC, spec, Owner::Pod(metadata));
    if spec.text("serviceAccountName").is_empty() {
        tokens(errors, spec);
    }
    if let Some(seconds) = spec.integer("terminationGracePeriodSeconds") {
        let path = SPEC.child("terminationGracePeriodSeconds");
        non_negative(errors, &path, seconds);
    }
    for field in ["containers", "initContainers"] {
        let path = SPEC.child(field);
        for (i, container) in spec.list(field).iter().enumerate() {
            image(errors, &path.index(i), container);
        }
    }
}

/// Images of a pod, not of a template, have no space around them.
pub(super) fn image(errors: &mut FieldErrors, path: &FieldPath, container: &Value) {
    let image = container.text("image");
    if image.trim() != image {
        errors.invalid(
            &path.child("image"),
            &image.into(),
            "must not have leading or trailing whitespace",
        );
    }
}

/// Tokens of an account that the pod does not have.
fn tokens(errors: &mut FieldErrors, spec: &Value) {
    let volumes = SPEC.child("volumes");
    for (i, volume) in spec.list("volumes").iter().enumerate() {
        let path = volumes.index(i);
        let path = path.child("projected");
        let path = path.child("sources");
        let sources = volume.at("projected").list("sources");
        for (j, source) in sources.iter().enumerate() {
            if source.has("serviceAccountToken") {
                errors.forbidden(
                    &path.index(j).child("serviceAccountToken"),
                    "must not be specified when serviceAccountName is not set",
                );
            }
        }
    }
}
