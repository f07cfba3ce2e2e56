//! Objects are created only in namespaces that exist and stay; some namespaces stay for good.
//!
//! *Upstream:* `apiserver/pkg/admission/plugin/namespace/lifecycle/admission.go`.

use super::forbidden;
use crate::admission::{Attributes, Operation, Plugin};
use crate::error::{ApiError, Cause};
use crate::object::names::check_path_segment;
use crate::object::quote::quoted;
use crate::object::{GroupResource, Key, Object};

/// Namespaces that cannot be deleted.
const IMMORTAL: [&str; 3] = ["default", "kube-public", "kube-system"];

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub(in crate::admission::plugins) struct NamespaceLifecycle;

impl Plugin for NamespaceLifecycle {
    fn name(&self) -> &'static str {
        "NamespaceLifecycle"
    }

    fn mutate(&self, write: &Attributes, object: &mut Object) -> Result<(), ApiError> {
        let resource = write.resource.group_resource();
        let is_exempt =
            resource.group.as_ref() == "authorization.k8s.io" || resource == namespaces();
        if write.operation != Operation::Create || write.namespace.is_empty() || is_exempt {
            return Ok(());
        }
        check(write, object)
    }

    fn validate(&self, write: &Attributes, _object: Option<&Object>) -> Result<(), ApiError> {
        let resource = write.resource.group_resource();
        let is_namespace = resource == namespaces();
        if write.operation == Operation::Delete && is_namespace && IMMORTAL.contains(&write.name) {
            let why = "this namespace may not be deleted";
            return Err(ApiError::forbidden(&resource, write.name, why));
        }
        Ok(())
    }
}

fn namespaces() -> GroupResource {
    GroupResource::new("", "namespaces")
}

/// The namespace must be there, and not on its way out.
fn check(write: &Attributes, object: &Object) -> Result<(), ApiError> {
    let name = write.namespace;
    let wrong = check_path_segment(name);
    if !wrong.is_empty() {
        // Upstream asks for the namespace over HTTP, and cannot ask for this one.
        let wrong = wrong.join(" ");
        let why = format!("invalid resource name {}: [{wrong}]", quoted(name));
        return Err(ApiError::internal(why));
    }
    let Some(namespace) = write.reader.get(&namespaces(), &Key::new("", name)) else {
        return Err(ApiError::not_found(&namespaces(), name));
    };
    // The phase is a selectable field, so that nothing needs parsing.
    if namespace.field("status.phase") != Some("Terminating") {
        return Ok(());
    }
    let why = format!(
        "unable to create new content in namespace {name} because it is being \
                       terminated"
    );
    let error = forbidden(write, object, &why);
    let mut details = error.details().cloned().unwrap_or_default();
    details.causes.push(Cause {
        reason: "NamespaceTerminating".to_owned(),
        message: format!("namespace {name} is being terminated"),
        field: "metadata.namespace".to_owned(),
    });
    Err(error.with_details(details))
}
