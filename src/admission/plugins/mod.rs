//! The table of plugins; its order is kube-apiserver's and has meaning.
//!
//! *Upstream:* `kubernetes/pkg/kubeapiserver/options/plugins.go` (`AllOrderedPlugins`).

use super::Plugin;

/// The plugins that are on by default, in order, without those named in `disabled`.
pub fn chain(disabled: &[String]) -> super::Chain {
    let all: Vec<Box<dyn Plugin>> = vec![];
    super::Chain::new(
        all.into_iter()
            .filter(|plugin| !disabled.iter().any(|name| name == plugin.name()))
            .collect(),
    )
}
