//! The step from `kubectl apply` to `kubectl apply --server-side`: what the client-side annotation
//! says was applied is kubectl's own, whoever is entered as its manager.
//!
//! *Upstream:*
//! `apimachinery/pkg/util/managedfields/internal/{lastappliedmanager,lastappliedupdater}.go`.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{FieldSet, compare, own, place::Place};
use crate::object::Object;
use crate::schema::Schema;

/// The manager that the step is made for.
pub(super) const KUBECTL: &str = "kubectl";
/// Where client-side apply keeps what it applied.
const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// All annotations of an object may be this large together.
const ANNOTATIONS_SIZE_MAX: usize = 256 * 1024;

/// Paths of the fields that client-side apply set and nobody changed since; `None` where it never
/// applied the object.
pub(super) fn allowed(live: &Object, schema: &Schema) -> Option<BTreeSet<String>> {
    let text = live.text(&["metadata", "annotations", ANNOTATION]);
    let applied: Value = serde_json::from_str(text).ok()?;
    if applied.get("apiVersion").and_then(Value::as_str) != Some(live.api_version()) {
        return None;
    }
    let place = Place::root(schema);
    let applied = applied.as_object()?;
    let has_kind = applied.get("kind").is_some_and(|kind| kind != "");
    let is_sound = has_kind && own::wrong(place, applied).is_none();
    if !is_sound || own::wrong(place, live.as_map()).is_some() {
        return None;
    }
    let compared = compare::objects(place, applied, live.as_map(), &FieldSet::default());
    let fields = own::fields(place, applied)
        .difference(&compared.modified)
        .difference(&compared.added)
        .difference(&compared.removed);
    Some(fields.paths().into_iter().collect())
}

/// Brings the annotation up to date, where the object has one.
pub(super) fn sync(object: &mut Object, applied: &Map<String, Value>) {
    let path = ["metadata", "annotations", ANNOTATION];
    if object.text(&path).is_empty() {
        return;
    }
    let mut applied = Object::from_map(applied.clone());
    applied.remove(&path);
    // Upstream's encoder ends with a line end.
    let text = format!("{}\n", applied.into_value());
    let others: usize = object
        .annotations()
        .filter(|(key, _)| *key != ANNOTATION)
        .map(|(key, value)| key.len() + value.len())
        .sum();
    if others + ANNOTATION.len() + text.len() > ANNOTATIONS_SIZE_MAX {
        object.remove(&path);
    } else {
        object.set(&path, text);
    }
}
