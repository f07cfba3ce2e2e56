//! `apiextensions.k8s.io`: the kind that makes kinds.
//!
//! What a CustomResourceDefinition brings about (serving, establishing, cleaning up) is in
//! `registry/custom`; here is what its objects must be.

pub mod custom_resource_definition;

use crate::registry::Strategy;

/// The strategy of a resource of `apiextensions.k8s.io`.
pub(super) fn strategy(plural: &str) -> Option<&'static dyn Strategy> {
    (plural == "customresourcedefinitions")
        .then_some(&custom_resource_definition::CustomResourceDefinition as &dyn Strategy)
}
