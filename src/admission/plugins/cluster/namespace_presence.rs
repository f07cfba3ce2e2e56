//! A namespace must be there for its objects, or is made for them.
//!
//! *Upstream:* `plugin/pkg/admission/namespace/{exists,autoprovision}/admission.go`.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::admission::{Attributes, Operation, Plugin, Round};
use crate::error::ApiError;
use crate::object::{GroupResource, Key, Object};

/// Refuses what is to be done in a namespace that is not there.
#[derive(Clone, Copy, Debug)]
pub(in crate::admission::plugins) struct NamespaceExists;

/// Makes namespaces that are not there.
#[derive(Clone, Copy, Debug)]
pub(in crate::admission::plugins) struct NamespaceAutoProvision;

/// Whether the namespace of a write is missing.
fn is_missing(write: &Attributes) -> bool {
    let kind = write.kind();
    let is_namespace = kind.group_version.group.is_empty() && kind.kind.as_ref() == "Namespace";
    if write.namespace.is_empty() || is_namespace {
        return false;
    }
    let namespaces = GroupResource::new("", "namespaces");
    let key = Key::new("", write.namespace);
    write.reader.get(&namespaces, &key).is_none()
}

impl Plugin for NamespaceExists {
    fn name(&self) -> &'static str {
        "NamespaceExists"
    }

    fn validate(&self, write: &Attributes, _object: Option<&Object>) -> Result<(), ApiError> {
        if write.operation == Operation::Connect || !is_missing(write) {
            return Ok(());
        }
        let namespaces = GroupResource::new("", "namespaces");
        Err(ApiError::not_found(&namespaces, write.namespace))
    }
}

impl Plugin for NamespaceAutoProvision {
    fn name(&self) -> &'static str {
        "NamespaceAutoProvision"
    }

    fn mutate_later<'c>(
        &'c self,
        write: &'c Attributes<'c>,
        _object: Option<&'c mut Object>,
        _round: &'c mut Round,
    ) -> Option<BoxFuture<'c, Result<(), ApiError>>> {
        let is_new = write.operation == Operation::Create && !write.is_dry_run;
        if !is_new || !is_missing(write) {
            return None;
        }
        Some(write.ledger.provide_namespace(write.namespace).boxed())
    }
}
