//! The table of plugins; its order is kube-apiserver's and has meaning.
//!
//! *Upstream:* `kubernetes/pkg/kubeapiserver/options/plugins.go` (`AllOrderedPlugins`).

mod default_toleration_seconds;
mod limit_ranger;
mod namespace_lifecycle;
mod priority;
mod runtime_class;
mod storage_protection;
mod taint_nodes;

use super::{Attributes, Plugin};
use crate::error::ApiError;
use crate::object::Object;

/// The plugins that are on by default, in order, without those named in `disabled`.
pub fn chain(disabled: &[String]) -> super::Chain {
    let all: Vec<Box<dyn Plugin>> = vec![
        Box::new(namespace_lifecycle::NamespaceLifecycle),
        Box::new(limit_ranger::LimitRanger),
        Box::new(taint_nodes::TaintNodesByCondition),
        Box::new(priority::Priority),
        Box::new(default_toleration_seconds::DefaultTolerationSeconds),
        Box::new(runtime_class::RuntimeClass),
        Box::new(storage_protection::StorageObjectInUseProtection),
    ];
    super::Chain::new(
        all.into_iter()
            .filter(|plugin| !disabled.iter().any(|name| name == plugin.name()))
            .collect(),
    )
}

/// Whether the write is of a pod itself, not of one of its other faces.
fn is_of_pods(write: &Attributes) -> bool {
    let resource = write.resource.group_resource();
    resource.group.is_empty()
        && resource.resource.as_ref() == "pods"
        && write.subresource.is_empty()
        && write.operation != super::Operation::Delete
}

/// A plugin's refusal; an object that is yet to be named goes by its prefix.
///
/// *Upstream:* `apiserver/pkg/admission/errors.go`.
fn forbidden(write: &Attributes, object: &Object, why: &str) -> ApiError {
    let names = [write.name, object.name(), object.generate_name(), "Unknown"];
    let name = names.into_iter().find(|name| !name.is_empty());
    ApiError::forbidden(&write.resource.group_resource(), name.unwrap_or(""), why)
}
