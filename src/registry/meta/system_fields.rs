//! The metadata that the server fills in, and what clients may not.
//!
//! *Upstream:* `apiserver/pkg/registry/rest/meta.go`, `…/update.go`,
//! `apiserver/pkg/storage/names/generate.go`.

use jiff::Timestamp;
use serde_json::Value;

use crate::object::Object;
use crate::sim::Entropy;

/// Letters that a generated name ends in.
const SUFFIX_LENGTH: usize = 5;
/// The longest part before them.
const PREFIX_LENGTH_MAX: usize = 63 - SUFFIX_LENGTH;

/// A time as `metav1.Time` prints it.
pub fn print_time(time: Timestamp) -> String {
    let seconds = Timestamp::from_second(time.as_second()).unwrap_or_default();
    seconds.to_string()
}

/// Takes away what only the server sets, before anybody looks at a new object.
pub fn wipe(object: &mut Object) {
    let metadata = object.metadata_mut();
    for name in [
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
        "uid",
    ] {
        metadata.remove(name);
    }
}

/// Gives a new object its uid and creation time, and takes away what only the server sets.
pub fn fill(object: &mut Object, now: Timestamp, entropy: &Entropy) {
    let metadata = object.metadata_mut();
    for name in [
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
    ] {
        metadata.remove(name);
    }
    // A version is looked at when the object is stored; a dry run, which stores nothing, keeps it.
    let version = metadata.get("resourceVersion").and_then(Value::as_str);
    if version.is_none_or(str::is_empty) {
        metadata.remove("resourceVersion");
    }
    metadata.insert("uid".to_owned(), entropy.uid().into());
    metadata.insert("creationTimestamp".to_owned(), print_time(now).into());
}

/// A name of its own for an object that has a prefix only.
pub fn generate_name(prefix: &str, entropy: &Entropy) -> String {
    let mut end = prefix.len().min(PREFIX_LENGTH_MAX);
    while !prefix.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{}", &prefix[..end], entropy.suffix(SUFFIX_LENGTH))
}

/// Restores what an update can neither change nor remove.
pub fn keep(object: &mut Object, old: &Object) {
    let kept = |name: &str| old.get(&["metadata", name]).cloned();
    let metadata = object.metadata_mut();
    let restore = |metadata: &mut serde_json::Map<String, Value>, name: &str| match kept(name) {
        Some(value) => {
            metadata.insert(name.to_owned(), value);
        }
        None => {
            metadata.remove(name);
        }
    };
    if metadata
        .get("uid")
        .and_then(Value::as_str)
        .is_none_or(str::is_empty)
    {
        restore(metadata, "uid");
    }
    restore(metadata, "creationTimestamp");
    restore(metadata, "generation");
    if old.is_being_deleted() {
        restore(metadata, "deletionTimestamp");
    }
    let has_grace = metadata
        .get("deletionGracePeriodSeconds")
        .is_some_and(|grace| !grace.is_null());
    if !has_grace {
        restore(metadata, "deletionGracePeriodSeconds");
    }
    metadata.remove("selfLink");
}

/// Counts a change of annotations as a generation where nothing else was.
pub fn count_annotations(object: &mut Object, old: &Object) {
    let path = ["metadata", "annotations"];
    if object.generation() == old.generation() && object.get(&path) != old.get(&path) {
        let generation = old.generation() + 1;
        object
            .metadata_mut()
            .insert("generation".to_owned(), generation.into());
    }
}

/// Counts `metadata.generation` of a kind that has one: 1 at first, one more for every change
/// outside metadata and status.
pub fn count_generation(object: &mut Object, old: Option<&Object>) {
    let generation = match old {
        None => 1,
        Some(old) => {
            let changed = |(name, value): (&String, &Value)| {
                !is_counted_apart(name) && old.as_map().get(name) != Some(value)
            };
            let removed =
                |name: &String| !is_counted_apart(name) && !object.as_map().contains_key(name);
            let is_changed =
                object.as_map().iter().any(changed) || old.as_map().keys().any(removed);
            old.generation() + i64::from(is_changed)
        }
    };
    object
        .metadata_mut()
        .insert("generation".to_owned(), generation.into());
}

/// Parts of an object that do not count for its generation.
fn is_counted_apart(name: &str) -> bool {
    matches!(name, "apiVersion" | "kind" | "metadata" | "status")
}
