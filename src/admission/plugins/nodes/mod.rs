//! Plugins that look at nodes and their kubelets.

mod restriction;
mod taint_nodes;

pub(super) use self::restriction::NodeRestriction;
pub(super) use self::taint_nodes::TaintNodesByCondition;
use crate::admission::forbidden as forbidden_without;
