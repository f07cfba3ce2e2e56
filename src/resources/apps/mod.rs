//! The kinds of the group `apps`.

mod controller_revision;
mod daemon_set;
mod deployment;
mod replica_set;
mod stateful_set;

use crate::registry::Strategy;

/// The strategy of a resource of the group.
pub(super) fn strategy(plural: &str) -> Option<&'static dyn Strategy> {
    Some(match plural {
        "controllerrevisions" => &controller_revision::CONTROLLER_REVISION,
        "daemonsets" => &daemon_set::DAEMON_SET,
        "deployments" => &deployment::DEPLOYMENT,
        "replicasets" => &replica_set::REPLICA_SET,
        "statefulsets" => &stateful_set::STATEFUL_SET,
        _ => return None,
    })
}
