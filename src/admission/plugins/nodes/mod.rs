//! Plugins that look at nodes and their kubelets.

mod taint_nodes;

pub(super) use self::taint_nodes::TaintNodesByCondition;
