//! An ingress that names no class gets the default one.
//!
//! *Upstream:* `plugin/pkg/admission/network/defaultingressclass/admission.go`.

use super::newest_default;
use crate::admission::{Attributes, Operation, Plugin};
use crate::error::ApiError;
use crate::object::{GroupResource, Object};

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub(in crate::admission::plugins) struct DefaultIngressClass;

impl Plugin for DefaultIngressClass {
    fn name(&self) -> &'static str {
        "DefaultIngressClass"
    }

    fn mutate(&self, write: &Attributes, object: &mut Object) -> Result<(), ApiError> {
        let is_new = write.operation == Operation::Create;
        if !is_new || !write.is_of("networking.k8s.io", "ingresses", "") {
            return Ok(());
        }
        let annotation = ["metadata", "annotations", "kubernetes.io/ingress.class"];
        let named = object.get(&["spec", "ingressClassName"]);
        if named.is_some_and(|name| !name.is_null()) || object.get(&annotation).is_some() {
            return Ok(());
        }
        let classes = GroupResource::new("networking.k8s.io", "ingressclasses");
        let annotations = ["ingressclass.kubernetes.io/is-default-class"];
        if let Some(name) = newest_default(write, &classes, &annotations)? {
            object.set(&["spec", "ingressClassName"], name);
        }
        Ok(())
    }
}
