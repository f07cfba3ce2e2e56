//! The names of a definition, and who may use the groups of the community.
//!
//! *Upstream:* `ValidateCustomResourceDefinitionNames` and `validateAPIApproval` in
//! `apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go`.

use serde_json::{Map, Value};

use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::registry::meta::names::check_label_1035;
use crate::schema::structural::json::{list, object, text};

/// The annotation that says a protected group was approved of.
const APPROVED: &str = "api-approved.kubernetes.io";

/// What is wrong with names; missing ones are not looked at.
pub(super) fn validate(names: &Map<String, Value>, path: &FieldPath, errors: &mut FieldErrors) {
    for name in ["plural", "singular"] {
        label(&path.child(name), text(names, name), errors);
    }
    for name in ["kind", "listKind"] {
        let kind = text(names, name);
        let wrong = check_label_1035(&kind.to_lowercase());
        if !kind.is_empty() && !wrong.is_empty() {
            let detail = format!(
                "may have mixed case, but should otherwise match: {}",
                wrong.join(",")
            );
            errors.invalid(&path.child(name), &kind.into(), detail);
        }
    }
    let of_short = path.child("shortNames");
    for (index, name) in list(names, "shortNames").iter().enumerate() {
        label_or_empty(&of_short.index(index), name, errors);
    }
    let (kind, list_kind) = (text(names, "kind"), text(names, "listKind"));
    if !kind.is_empty() && kind == list_kind {
        errors.invalid(
            &path.child("listKind"),
            &list_kind.into(),
            "kind and listKind may not be the same",
        );
    }
    let of_categories = path.child("categories");
    for (index, name) in list(names, "categories").iter().enumerate() {
        label_or_empty(&of_categories.index(index), name, errors);
    }
}

/// What is wrong with the accepted names of a status.
pub(super) fn validate_accepted(definition: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let status = FieldPath::new("status");
    if let Some(names) = definition
        .get(&["status", "acceptedNames"])
        .and_then(Value::as_object)
    {
        validate(names, &status.child("acceptedNames"), &mut errors);
    }
    errors
}

fn label(path: &FieldPath, name: &str, errors: &mut FieldErrors) {
    if !name.is_empty() {
        label_or_empty(path, &name.into(), errors);
    }
}

fn label_or_empty(path: &FieldPath, name: &Value, errors: &mut FieldErrors) {
    let wrong = check_label_1035(name.as_str().unwrap_or(""));
    if !wrong.is_empty() {
        errors.invalid(path, name, wrong.join(","));
    }
}

/// Whether a group of the community is used with its approval.
pub(super) fn validate_approval(
    definition: &Object,
    old: Option<&Object>,
    errors: &mut FieldErrors,
) {
    let group = definition.text(&["spec", "group"]);
    let is_protected = ["k8s.io", "kubernetes.io"].iter().any(|root| {
        group
            .strip_suffix(root)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    });
    if !is_protected {
        return;
    }
    let state = Approval::of(definition);
    if old.is_some_and(|old| Approval::of(old) == state) {
        return;
    }
    let metadata = FieldPath::new("metadata");
    let annotations = metadata.child("annotations");
    let path = annotations.key(APPROVED);
    match state {
        Approval::Missing => errors.required(
            &path,
            format!(
                "protected groups must have approval annotation \"{APPROVED}\", see \
                 https://github.com/kubernetes/enhancements/pull/1111"
            ),
        ),
        Approval::Invalid => errors.invalid(
            &path,
            &annotation(definition).into(),
            format!(
                "protected groups must have approval annotation \"{APPROVED}\" with either a URL \
                 or a reason starting with \"unapproved\", see \
                 https://github.com/kubernetes/enhancements/pull/1111"
            ),
        ),
        Approval::Given | Approval::Bypassed => {}
    }
}

#[derive(PartialEq, Eq)]
enum Approval {
    Missing,
    Bypassed,
    Given,
    Invalid,
}

impl Approval {
    fn of(definition: &Object) -> Self {
        let annotation = annotation(definition);
        let has_host = annotation
            .split_once("://")
            .is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty());
        if annotation.is_empty() {
            Self::Missing
        } else if annotation.starts_with("unapproved") {
            Self::Bypassed
        } else if has_host && !rest_is_path(annotation) {
            Self::Given
        } else {
            Self::Invalid
        }
    }
}

fn rest_is_path(url: &str) -> bool {
    url.split_once("://")
        .is_some_and(|(_, rest)| rest.starts_with('/'))
}

fn annotation(definition: &Object) -> &str {
    object(definition.as_map(), "metadata")
        .and_then(|metadata| object(metadata, "annotations"))
        .map_or("", |annotations| text(annotations, APPROVED))
}
