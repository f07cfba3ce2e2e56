//! The two plugins that look at nothing: one admits all, one refuses all.
//!
//! *Upstream:* `plugin/pkg/admission/{admit,deny}/admission.go`.

use crate::admission::{Attributes, Plugin};
use crate::error::ApiError;
use crate::object::Object;

/// Admits everything.
#[derive(Clone, Copy, Debug)]
pub(in crate::admission::plugins) struct AlwaysAdmit;

/// Refuses everything.
#[derive(Clone, Copy, Debug)]
pub(in crate::admission::plugins) struct AlwaysDeny;

impl Plugin for AlwaysAdmit {
    fn name(&self) -> &'static str {
        "AlwaysAdmit"
    }
}

fn refuse(write: &Attributes, object: Option<&Object>) -> ApiError {
    let why = "admission control is denying all modifications";
    crate::admission::forbidden(write, object, why)
}

impl Plugin for AlwaysDeny {
    fn name(&self) -> &'static str {
        "AlwaysDeny"
    }

    fn mutate(&self, write: &Attributes, object: &mut Object) -> Result<(), ApiError> {
        Err(refuse(write, Some(object)))
    }

    fn validate(&self, write: &Attributes, object: Option<&Object>) -> Result<(), ApiError> {
        Err(refuse(write, object))
    }
}
