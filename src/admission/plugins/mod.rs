//! The table of plugins; its order is kube-apiserver's and has meaning.
//!
//! *Upstream:* `kubernetes/pkg/kubeapiserver/options/plugins.go` (`AllOrderedPlugins`).

mod namespace_lifecycle;
mod taint_nodes;

use super::{Attributes, Plugin};
use crate::error::ApiError;
use crate::object::Object;

/// The plugins that are on by default, in order, without those named in `disabled`.
pub fn chain(disabled: &[String]) -> super::Chain {
    let all: Vec<Box<dyn Plugin>> = vec![
        Box::new(namespace_lifecycle::NamespaceLifecycle),
        Box::new(taint_nodes::TaintNodesByCondition),
    ];
    super::Chain::new(
        all.into_iter()
            .filter(|plugin| !disabled.iter().any(|name| name == plugin.name()))
            .collect(),
    )
}

/// A plugin's refusal; an object that is yet to be named goes by its prefix.
///
/// *Upstream:* `apiserver/pkg/admission/errors.go`.
fn forbidden(write: &Attributes, object: &Object, why: &str) -> ApiError {
    let names = [write.name, object.name(), object.generate_name(), "Unknown"];
    let name = names.into_iter().find(|name| !name.is_empty());
    ApiError::forbidden(&write.resource.group_resource(), name.unwrap_or(""), why)
}
