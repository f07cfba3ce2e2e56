//! What is odd about a definition but allowed.
//!
//! *Upstream:* `apiextensions-apiserver/pkg/registry/customresourcedefinition/strategy.go`.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::view::{View, document};
use crate::object::Object;
use crate::schema::formats;
use crate::schema::structural::json::{object, text, walk};

/// The warnings of a definition that its old state did not have.
pub(super) fn find(definition: &Object, old: Option<&Object>) -> Vec<String> {
    let (mut unknown, mut sets) = gather(definition);
    if let Some(old) = old {
        let (old_unknown, old_sets) = gather(old);
        unknown.retain(|format| !old_unknown.contains(format));
        sets.retain(|warning| !old_sets.contains(warning));
    }
    let unknown = unknown
        .into_iter()
        .map(|format| format!("unrecognized format \"{format}\""));
    unknown.chain(sets).collect()
}

/// Formats nobody checks, in the order found, and warnings about sets, sorted.
fn gather(definition: &Object) -> (Vec<String>, BTreeSet<String>) {
    let (mut unknown, mut sets) = (Vec::new(), BTreeSet::new());
    let Some(view) = View::of(definition) else {
        return (unknown, sets);
    };
    let mut seen: Vec<&Map<String, Value>> = Vec::new();
    for document in view.versions.iter().filter_map(|version| document(version)) {
        if view.shares_schema && !seen.is_empty() {
            break;
        }
        seen.push(document);
        walk(document, &mut |schema| {
            if let Some(format) = unknown_format(schema) {
                unknown.push(format.to_owned());
            }
            if let Some(warning) = set_warning(schema) {
                sets.insert(warning);
            }
        });
    }
    (unknown, sets)
}

fn unknown_format(schema: &Map<String, Value>) -> Option<&str> {
    let format = text(schema, "format");
    let is_known = match text(schema, "type") {
        "" | "string" => formats::is_known(format),
        "integer" => matches!(format, "int32" | "int64"),
        "number" => matches!(format, "float" | "double"),
        _ => false,
    };
    (!format.is_empty() && !is_known).then_some(format)
}

fn set_warning(schema: &Map<String, Value>) -> Option<String> {
    if text(schema, "x-kubernetes-list-type") != "set" {
        return None;
    }
    let kind = text(object(schema, "items")?, "type");
    matches!(kind, "object" | "array").then(|| {
        format!(
            "x-kubernetes-list-type: set for items of type \"{kind}\" is not supported by \
             server-side apply or CEL validation rules"
        )
    })
}
