//! Labels, annotations and label selectors: what is wrong with them, and what they match.
//!
//! *Upstream:* `apimachinery/pkg/apis/meta/v1/validation/validation.go`,
//! `apimachinery/pkg/apis/meta/v1/helpers.go`.

use serde_json::{Map, Value};

use super::look::Look;
use super::names::{check_label_value, check_qualified_name, qualified_name, report};
use crate::error::FieldErrors;
use crate::object::FieldPath;
use crate::schema::go_struct;

/// The bytes that all annotations of an object may take together.
const ANNOTATIONS_BYTES_MAX: usize = 256 << 10;

/// Reports bad keys and values of labels.
pub fn labels(errors: &mut FieldErrors, path: &FieldPath, labels: &Value) {
    for (key, value) in labels.as_object().into_iter().flatten() {
        qualified_name(errors, path, key);
        let value = value.as_str().unwrap_or("");
        report(errors, path, value, check_label_value(value));
    }
}

/// Reports bad keys of annotations, and too many bytes of them.
pub fn annotations(errors: &mut FieldErrors, path: &FieldPath, annotations: &Value) {
    let mut bytes = 0;
    for (key, value) in annotations.as_object().into_iter().flatten() {
        bytes += key.len() + value.as_str().map_or(0, str::len);
        let wrong = if key.bytes().any(|b| b.is_ascii_uppercase()) {
            check_qualified_name(&key.to_lowercase())
        } else {
            check_qualified_name(key)
        };
        report(errors, path, key, wrong);
    }
    if bytes > ANNOTATIONS_BYTES_MAX {
        errors.too_long(path, ANNOTATIONS_BYTES_MAX);
    }
}

/// Reports everything that is wrong with a label selector; null is a selector that is not there.
pub fn selector(errors: &mut FieldErrors, path: &FieldPath, selector: &Value) {
    labels(
        errors,
        &path.child("matchLabels"),
        selector.at("matchLabels"),
    );
    let all = path.child("matchExpressions");
    for (i, expression) in selector.list("matchExpressions").iter().enumerate() {
        requirement(errors, &all.index(i), expression, false);
    }
}

/// Reports everything that is wrong with one condition of a selector; whether an operator that
/// nobody knows is let pass is up to the caller.
pub fn requirement(
    errors: &mut FieldErrors,
    path: &FieldPath,
    expression: &Value,
    passes_unknown: bool,
) {
    if !operator(errors, path, expression) && !passes_unknown {
        bad_operator(errors, path, expression);
    }
    key_and_values(errors, path, expression);
}

/// Reports values where an operator of label selectors takes none, and none where it takes some;
/// false where the operator is none of theirs.
pub fn operator(errors: &mut FieldErrors, path: &FieldPath, expression: &Value) -> bool {
    let values = path.child("values");
    let is_empty = expression.list("values").is_empty();
    match expression.text("operator") {
        "In" | "NotIn" if is_empty => errors.required(
            &values,
            "must be specified when `operator` is 'In' or 'NotIn'",
        ),
        "Exists" | "DoesNotExist" if !is_empty => errors.forbidden(
            &values,
            "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        ),
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        _ => return false,
    }
    true
}

/// Reports an operator that there is not.
pub fn bad_operator(errors: &mut FieldErrors, path: &FieldPath, expression: &Value) {
    let operator = expression.at("operator");
    errors.invalid(
        &path.child("operator"),
        &operator.as_str().unwrap_or("").into(),
        "not a valid selector operator",
    );
}

/// Reports a key that is no label's, and values that are none of a label's.
pub fn key_and_values(errors: &mut FieldErrors, path: &FieldPath, expression: &Value) {
    qualified_name(errors, &path.child("key"), expression.text("key"));
    let values = path.child("values");
    for (i, value) in expression.texts("values").enumerate() {
        report(errors, &values.index(i), value, check_label_value(value));
    }
}

/// Whether a selector can be made of it at all.
pub fn is_formed(value: &Value) -> bool {
    let mut errors = FieldErrors::new();
    selector(&mut errors, &FieldPath::ROOT, value);
    errors.is_empty()
}

/// Whether a selector has neither labels nor expressions: it matches everything.
pub fn is_empty(selector: &Value) -> bool {
    selector.map("matchLabels").is_none_or(Map::is_empty)
        && selector.list("matchExpressions").is_empty()
}

/// Whether a selector, taken as valid, matches labels. Null matches nothing.
pub fn matches(selector: &Value, labels: &Value) -> bool {
    if selector.is_null() {
        return false;
    }
    matches_all(selector.at("matchLabels"), labels)
        && selector.list("matchExpressions").iter().all(|expression| {
            let value = labels.maybe_text(expression.text("key"));
            let is_listed = || expression.texts("values").any(|v| Some(v) == value);
            match expression.text("operator") {
                "In" => is_listed(),
                "NotIn" => !is_listed(),
                "Exists" => value.is_some(),
                "DoesNotExist" => value.is_none(),
                _ => false,
            }
        })
}

/// Whether labels hold every entry of a map of labels.
pub fn matches_all(wanted: &Value, labels: &Value) -> bool {
    wanted
        .as_object()
        .into_iter()
        .flatten()
        .all(|(key, value)| labels.maybe_text(key) == value.as_str())
}

/// How errors print a selector, in the order of its fields.
pub fn printed(selector: &Value) -> String {
    go_struct::print("*meta.LabelSelector", selector)
}
