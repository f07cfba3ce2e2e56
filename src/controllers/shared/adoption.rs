//! Who belongs to whom: objects that a selector matches are adopted, those it no longer matches are
//! let go.
//!
//! *Upstream:* `pkg/controller/controller_ref_manager.go`.

use std::sync::Arc;

use serde_json::json;

use super::pods::controller_reference;
use crate::client::PatchKind;
use crate::object::Object;
use crate::object::selector::LabelSelector;
use crate::runner::{Item, Items, Kind, Link, Plan, Seen, Step, World};

/// What an owner has, and what is to be done so that it has what it should.
pub(crate) struct Claim {
    /// What it controls and its selector matches, in the order of names.
    pub(crate) own: Vec<Arc<Object>>,
    /// Adoptions and releases.
    pub(crate) plan: Plan,
}

/// Claims objects of a kind for an owner: `wants` says what else must hold of one it adopts.
///
/// Nothing is adopted or let go by an owner that is being deleted. Where there is a plan, do it and
/// nothing else: the changes it makes are told, and the owner looks again.
pub(crate) fn claim(
    world: &World,
    (owner, owner_kind): (&Object, &Kind),
    kind: &Kind,
    selector: &LabelSelector,
    wants: impl Fn(&Object) -> bool,
) -> Claim {
    let mut plan = Plan::nothing();
    let mut own = Vec::new();
    for object in world.controlled(kind, owner) {
        if selector.matches_object(&object) {
            own.push(object);
        } else if !owner.is_being_deleted() {
            plan.step(release(kind, &object, owner).or_go_on());
        }
    }
    if !owner.is_being_deleted() {
        for object in world.uncontrolled(kind, owner.namespace()) {
            let is_fit = selector.matches_object(&object) && wants(&object);
            if is_fit && !object.is_being_deleted() {
                plan.step(adopt(kind, &object, owner, owner_kind));
            }
        }
    }
    own.sort_by(|left, right| left.name().cmp(right.name()));
    Claim { own, plan }
}

fn adopt(kind: &Kind, object: &Object, owner: &Object, owner_kind: &Kind) -> Step {
    let patch = json!({"metadata": {
        "ownerReferences": [controller_reference(owner, owner_kind)],
        "uid": object.uid(),
    }});
    let how = PatchKind::Strategic;
    Step::patch(kind, object.namespace(), object.name(), how, patch)
}

fn release(kind: &Kind, object: &Object, owner: &Object) -> Step {
    let patch = json!({"metadata": {
        "ownerReferences": [{"$patch": "delete", "uid": owner.uid()}],
        "uid": object.uid(),
    }});
    let how = PatchKind::Strategic;
    Step::patch(kind, object.namespace(), object.name(), how, patch)
}

/// Adds the owners of a kind that an object's change concerns: who controls it or did, and, where
/// nobody does, all whose selector matches.
pub(crate) fn concerns(
    world: &World,
    seen: &Seen,
    owner_kind: &Kind,
    selector: impl Fn(&Object) -> Option<LabelSelector>,
    items: &mut Items,
) {
    let namespace = seen.object.key.namespace();
    let controller = |links: &[Link]| {
        let mut controllers = links.iter().filter(|link| link.is_controller);
        let controller = controllers.next().filter(|link| link.is_of(owner_kind))?;
        Some(controller.name.clone())
    };
    let now = controller(&seen.owners);
    let before = seen.former_owners.as_deref().and_then(controller);
    if let Some(name) = before.filter(|name| Some(name) != now.as_ref()) {
        items.push(owner_kind, namespace, &name);
    }
    if let Some(name) = now {
        items.push(owner_kind, namespace, &name);
        return;
    }
    if seen.is_gone() || seen.owners.iter().any(|link| link.is_controller) {
        return;
    }
    let object = seen.parsed();
    for owner in world.list(owner_kind, object.namespace()) {
        let matches =
            |selector: LabelSelector| !selector.is_empty() && selector.matches_object(&object);
        if selector(&owner).is_some_and(matches) {
            items.push(owner_kind, owner.namespace(), owner.name());
        }
    }
}

/// The name of the object of a kind that controls this one.
pub(crate) fn controller_of(object: &Object, kind: &Kind) -> Option<String> {
    let owners = object.items(&["metadata", "ownerReferences"]);
    let controller = owners.iter().find(|owner| owner["controller"] == true)?;
    let group = |api_version: &str| {
        api_version
            .split_once('/')
            .map_or(String::new(), |(group, _)| group.to_owned())
    };
    let is_kind = controller["kind"] == kind.kind.as_ref()
        && group(controller["apiVersion"].as_str()?) == kind.group_version.group.as_ref();
    is_kind.then(|| controller["name"].as_str().map(str::to_owned))?
}

/// Whether anything controls an object.
pub(crate) fn has_controller(object: &Object) -> bool {
    let owners = object.items(&["metadata", "ownerReferences"]);
    owners.iter().any(|owner| owner["controller"] == true)
}

/// The item of an owner.
pub(crate) fn item_of(kind: &Kind, owner: &Object) -> Item {
    Item::of(kind, owner.namespace(), owner.name())
}
