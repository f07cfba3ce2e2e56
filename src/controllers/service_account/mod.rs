//! What every namespace has for those who run in it: an account, the cluster's root certificate,
//! and tokens in secrets where one asks for them.

pub(super) mod accounts;
pub(super) mod root_certificate;
pub(super) mod tokens;

use crate::object::Object;
use crate::runner::kinds::NAMESPACES;
use crate::runner::{Items, Kind, Seen, World};

/// The namespace, while something may be made in it.
fn active_namespace(world: &World, name: &str) -> Option<std::sync::Arc<Object>> {
    let namespace = world.get(&NAMESPACES, "", name)?;
    (namespace.text(&["status", "phase"]) != "Terminating" && !namespace.is_being_deleted())
        .then_some(namespace)
}

/// Adds the namespaces that a change of them, or of the one object each of them has, concerns.
fn concerns(seen: &Seen, kind: &Kind, name: &str, items: &mut Items) {
    let key = &seen.object.key;
    if seen.resource == NAMESPACES.resource {
        if !seen.is_gone() {
            items.add(&seen.resource, key);
        }
    } else if seen.resource == kind.resource && key.name() == name {
        items.push(&NAMESPACES, "", key.namespace());
    }
}
