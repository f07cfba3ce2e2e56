//! Printer columns, subresources and selectable fields.
//!
//! *Upstream:* `apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go`.

use serde_json::{Map, Value};

use crate::error::FieldErrors;
use crate::object::FieldPath;
use crate::schema::structural::field_path;
use crate::schema::structural::json::{object, text};

/// The types of a column, as the error lists them.
const TYPES: &[&str] = &["boolean", "date", "integer", "number", "string"];
/// The formats of a column, as the error lists them.
const FORMATS: &[&str] = &[
    "byte",
    "date",
    "date-time",
    "double",
    "float",
    "int32",
    "int64",
    "password",
];
/// How many fields may be selectable.
const SELECTABLE_MAX: usize = 8;

/// What is wrong with the printer columns that stand at `path`.
pub(super) fn printer_columns(columns: &[Value], path: &FieldPath, errors: &mut FieldErrors) {
    for (index, column) in columns.iter().enumerate() {
        if let Some(column) = column.as_object() {
            printer_column(column, &path.index(index), errors);
        }
    }
}

fn printer_column(column: &Map<String, Value>, path: &FieldPath, errors: &mut FieldErrors) {
    if text(column, "name").is_empty() {
        errors.required(&path.child("name"), "");
    }
    let kind = text(column, "type");
    let must = format!("must be one of {}", TYPES.join(","));
    if kind.is_empty() {
        errors.required(&path.child("type"), must);
    } else if !TYPES.contains(&kind) {
        errors.invalid(&path.child("type"), &kind.into(), must);
    }
    let format = text(column, "format");
    if !format.is_empty() && !FORMATS.contains(&format) {
        let must = format!("must be one of {}", FORMATS.join(","));
        errors.invalid(&path.child("format"), &format.into(), must);
    }
    // The internal type's field is written this way, and errors name it so.
    let path = path.child("JSONPath");
    match text(column, "jsonPath") {
        "" => errors.required(&path, ""),
        json_path => {
            simple_path(json_path, &path, errors);
        }
    }
}

/// Whether a path is one of dots and names; says so where it is not.
fn simple_path(json_path: &str, path: &FieldPath, errors: &mut FieldErrors) -> bool {
    if json_path.starts_with('.') {
        return true;
    }
    errors.invalid(
        path,
        &json_path.into(),
        "must be a simple json path starting with .",
    );
    false
}

/// What is wrong with the subresources that stand at `path`.
pub(super) fn subresources(
    subresources: &Map<String, Value>,
    path: &FieldPath,
    errors: &mut FieldErrors,
) {
    let Some(scale) = object(subresources, "scale") else {
        return;
    };
    let path = path.child("scale");
    for (name, root) in [
        ("specReplicasPath", ".spec."),
        ("statusReplicasPath", ".status."),
    ] {
        let path = path.child(name);
        let json_path = text(scale, name);
        if json_path.is_empty() {
            errors.required(&path, "");
        } else if simple_path(json_path, &path, errors) && !json_path.starts_with(root) {
            let root = root.trim_end_matches('.');
            let detail = format!("should be a json path under {root}");
            errors.invalid(&path, &json_path.into(), detail);
        }
    }
    let selector = text(scale, "labelSelectorPath");
    let path = path.child("labelSelectorPath");
    let is_below = |root: &str| selector.starts_with(root);
    if !selector.is_empty()
        && simple_path(selector, &path, errors)
        && !is_below(".spec.")
        && !is_below(".status.")
    {
        errors.invalid(
            &path,
            &selector.into(),
            "should be a json path under either .spec or .status",
        );
    }
}

/// What is wrong with the selectable fields that stand at `path`. `allows_many` lets pass what was
/// too many before and did not change.
pub(super) fn selectable_fields(
    fields: &[Value],
    document: &Map<String, Value>,
    allows_many: bool,
    path: &FieldPath,
    errors: &mut FieldErrors,
) {
    let mut seen: Vec<String> = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        let item = path.index(index);
        let path = item.child("jsonPath");
        let json_path = field["jsonPath"].as_str().unwrap_or("");
        if json_path.is_empty() {
            errors.required(&path, "");
            continue;
        }
        let value: Value = json_path.into();
        let found = match field_path::resolve(json_path, document, false) {
            Ok(found) => found,
            Err(why) => {
                errors.invalid(&path, &value, format!("is an invalid path: {why}"));
                continue;
            }
        };
        if found.steps.first().is_some_and(|step| step == "metadata") {
            errors.invalid(&path, &value, "must not point to fields in metadata");
        }
        if !matches!(
            text(found.document, "type"),
            "string" | "boolean" | "integer"
        ) {
            errors.invalid(
                &path,
                &value,
                "must point to a field of type string, boolean or integer. Enum string fields and \
                 strings with formats are allowed.",
            );
        }
        let printed = found.steps.join(".");
        if seen.contains(&printed) {
            errors.duplicate(&path, &value);
        } else {
            seen.push(printed);
        }
    }
    if seen.len() > SELECTABLE_MAX && !allows_many {
        errors.too_many(path, seen.len(), SELECTABLE_MAX);
    }
}
