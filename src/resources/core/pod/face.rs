//! Faces of a pod through which only a part of its spec changes: ephemeral containers, resources.
//!
//! *Upstream:* `pkg/registry/core/pod/strategy.go` (`dropNonEphemeralContainerUpdates`,
//! `dropNonResizeUpdates`).

use serde_json::Value;

use crate::object::Object;
use crate::resources::shared::look::{Look, child};
use crate::resources::shared::plain::reset_metadata;
use crate::resources::shared::pod_template::{defaults, disabled};

/// Keeps everything but the ephemeral containers as it was.
pub(super) fn ephemeral_containers(object: &mut Object, old: &Object) {
    let containers = object.remove(&["spec", "ephemeralContainers"]);
    object.set(&["spec"], old.at("spec").clone());
    match containers {
        Some(containers) => object.set(&["spec", "ephemeralContainers"], containers),
        None => {
            object.remove(&["spec", "ephemeralContainers"]);
        }
    }
    object.set(&["status"], old.at("status").clone());
    reset_metadata(object, old);
    if let Some(spec) = child(object.as_map_mut(), "spec") {
        disabled::drop(spec);
    }
}

/// Keeps everything but resources and resize policies as it was. Where containers come or go, are
/// renamed or change places, all is left for validation to refuse.
pub(super) fn resize(object: &mut Object, old: &Object) {
    let (new_spec, old_spec) = (object.at("spec"), old.at("spec"));
    let lists = ["containers", "initContainers"];
    if lists
        .iter()
        .any(|list| new_spec.list(list).len() != old_spec.list(list).len())
    {
        return;
    }
    let mut spec = old_spec.clone();
    for list in lists {
        let names = |spec: &Value| -> Vec<String> {
            let all = spec.list(list).iter();
            all.map(|container| container.text("name").to_owned())
                .collect()
        };
        if names(new_spec) != names(old_spec) {
            spec[list] = new_spec.at(list).clone();
            continue;
        }
        let merged = new_spec.list(list).iter().zip(old_spec.list(list));
        let merged: Vec<Value> = merged
            .map(|(new, old)| {
                let mut container = old.clone();
                for field in ["resources", "resizePolicy"] {
                    copy(&mut container, new, field);
                }
                container
            })
            .collect();
        if !merged.is_empty() {
            spec[list] = merged.into();
        }
    }
    if new_spec.has("resources") {
        copy(&mut spec, new_spec, "resources");
        defaults::pod_level_resources(&mut spec);
    }
    object.set(&["spec"], spec);
    object.set(&["status"], old.at("status").clone());
    reset_metadata(object, old);
}

fn copy(to: &mut Value, from: &Value, field: &str) {
    match (from.maybe(field), to.as_object_mut()) {
        (Some(value), Some(map)) => {
            map.insert(field.to_owned(), value.clone());
        }
        (None, Some(map)) => {
            map.remove(field);
        }
        (_, None) => {}
    }
}
