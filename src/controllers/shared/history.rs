//! Revisions of a pod template, kept as `ControllerRevision`s.
//!
//! *Upstream:* `pkg/controller/history/controller_history.go`.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::hash::LETTERS;
use super::pods::controller_reference;
use crate::object::{Object, json as writer};
use crate::runner::Kind;
use crate::runner::kinds::CONTROLLER_REVISIONS;

/// So long a name may be before its hash.
const STEM_CHARS_MAX: usize = 223;

/// What a revision keeps of an object: its pod template, to be put in place of another.
pub(crate) fn data(owner: &Object) -> Value {
    let mut template = owner
        .get(&["spec", "template"])
        .cloned()
        .unwrap_or_default();
    template["$patch"] = "replace".into();
    json!({"spec": {"template": template}})
}

/// An object with the pod template of a revision.
pub(crate) fn restore(owner: &Object, revision: &Object) -> Object {
    let template = revision.get(&["data", "spec", "template"]).cloned();
    let mut template = template.unwrap_or_default();
    if let Some(map) = template.as_object_mut() {
        map.remove("$patch");
    }
    let mut restored = owner.clone();
    restored.set(&["spec", "template"], template);
    restored
}

/// Whether a revision keeps this.
pub(crate) fn keeps(revision: &Object, data: &Value) -> bool {
    revision.get(&["data"]) == Some(data)
}

/// `revision`.
pub(crate) fn number(revision: &Object) -> i64 {
    revision.integer(&["revision"]).unwrap_or(0)
}

/// Puts revisions in order: by their number, then by age and name.
pub(crate) fn sort(revisions: &mut [Arc<Object>]) {
    revisions.sort_by(|left, right| {
        let age = |one: &Object| one.text(&["metadata", "creationTimestamp"]).to_owned();
        (number(left), age(left), left.name()).cmp(&(number(right), age(right), right.name()))
    });
}

/// The hash of what a revision keeps.
pub(crate) fn hash(data: &Value, collisions: i64) -> String {
    let mut text = String::new();
    print(&mut text, data);
    text.push_str(&collisions.to_string());
    // FNV-1, which multiplies before it mixes.
    let mut hash: u32 = 0x811c_9dc5;
    for byte in text.bytes() {
        hash = hash.wrapping_mul(0x0100_0193) ^ u32::from(byte);
    }
    let letter = |byte: u8| char::from(LETTERS[usize::from(byte) % LETTERS.len()]);
    hash.to_string().bytes().map(letter).collect()
}

/// The name of a revision.
pub(crate) fn name(owner: &Object, hash: &str) -> String {
    let stem = owner.name().get(..STEM_CHARS_MAX).unwrap_or(owner.name());
    format!("{stem}-{hash}")
}

/// A revision of an object, named after a hash that stands under a label too.
pub(crate) fn make(
    (owner, kind): (&Object, &Kind),
    (label, hash): (&str, &str),
    number: i64,
) -> Object {
    let labels = owner.get(&["spec", "template", "metadata", "labels"]);
    let mut labels = labels
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    labels.insert(label.to_owned(), hash.into());
    let annotations: Map<String, Value> = owner
        .annotations()
        .map(|(key, value)| (key.to_owned(), value.into()))
        .collect();
    let revision = json!({
        "apiVersion": CONTROLLER_REVISIONS.api_version(),
        "kind": CONTROLLER_REVISIONS.kind.as_ref(),
        "metadata": {
            "name": name(owner, hash),
            "namespace": owner.namespace(),
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": [controller_reference(owner, kind)],
        },
        "data": data(owner),
        "revision": number,
    });
    Object::from_value(revision).unwrap_or_default()
}

/// A value as Go's `json.Marshal` prints a map: keys sorted, what HTML would mind escaped.
fn print(out: &mut String, value: &Value) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|left, right| left.0.cmp(right.0));
            out.push('{');
            for (index, (key, value)) in entries.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                print_text(out, key);
                out.push(':');
                print(out, value);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, value) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                print(out, value);
            }
            out.push(']');
        }
        Value::String(text) => print_text(out, text),
        value => out.push_str(&value.to_string()),
    }
}

fn print_text(out: &mut String, text: &str) {
    let mut bytes = Vec::new();
    writer::write(&mut bytes, text);
    for c in String::from_utf8_lossy(&bytes).chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            c => out.push(c),
        }
    }
}
