//! Plugins that look at nodes and their kubelets.

mod declared_features;
mod restriction;
mod taint_nodes;

pub(super) use self::declared_features::NodeDeclaredFeatureValidator;
pub(super) use self::restriction::NodeRestriction;
pub(super) use self::taint_nodes::TaintNodesByCondition;
use crate::admission::forbidden as forbidden_without;
