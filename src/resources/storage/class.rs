//! Classes of storage and of volume attributes.
//!
//! *Upstream:* `pkg/registry/storage/{storageclass,volumeattributesclass}/strategy.go`,
//! `pkg/apis/storage/validation/validation.go`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::registry::Context;
use crate::resources::shared::look::{Look, fill, is_empty};
use crate::resources::shared::names;
use crate::resources::shared::plain::Plain;
use crate::resources::shared::text::declared_immutable;

const PARAMETERS_MAX: usize = 512;
const PARAMETERS_SIZE_MAX: usize = 256 * 1024;

/// What is special about storage classes.
pub(super) static STORAGE_CLASS: Plain = Plain {
    answers_deleted_object: true,
    default: |object| {
        fill(object.as_map_mut(), "reclaimPolicy", "Delete");
        fill(object.as_map_mut(), "volumeBindingMode", "Immediate");
    },
    validate_create: |_, object| validate(object),
    validate_update: |_, object, old| {
        let mut errors = validate(object);
        for field in [
            "provisioner",
            "parameters",
            "reclaimPolicy",
            "volumeBindingMode",
        ] {
            let (new, before) = (object.at(field), old.at(field));
            if !(is_empty(new) && is_empty(before)) {
                let path = FieldPath::new(field);
                declared_immutable(&mut errors, &path, new, before);
            }
        }
        errors
    },
    warn,
    ..Plain::DEFAULT
};

/// What is special about classes of volume attributes.
pub(super) static VOLUME_ATTRIBUTES_CLASS: Plain = Plain {
    answers_deleted_object: true,
    validate_create: |_, object| attributes(object),
    validate_update: |_, object, old| {
        let mut errors = FieldErrors::new();
        for field in ["driverName", "parameters"] {
            if object.at(field) != old.at(field) {
                let detail = format!("updates to {field} are forbidden.");
                errors.forbidden(&FieldPath::new(field), detail);
            }
        }
        errors.extend(attributes(object));
        errors
    },
    ..Plain::DEFAULT
};

fn validate(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    provisioner(&mut errors, "provisioner", object);
    parameters(&mut errors, object, true);
    let policy = object.text(&["reclaimPolicy"]);
    if !policy.is_empty() {
        let path = FieldPath::new("reclaimPolicy");
        names::one_of(&mut errors, &path, policy, &["Delete", "Retain"]);
    }
    let known = ["Immediate", "WaitForFirstConsumer"];
    let mode = object.text(&["volumeBindingMode"]);
    names::one_of(
        &mut errors,
        &FieldPath::new("volumeBindingMode"),
        mode,
        &known,
    );
    topologies(&mut errors, object);
    errors
}

fn attributes(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    provisioner(&mut errors, "driverName", object);
    parameters(&mut errors, object, false);
    errors
}

fn provisioner(errors: &mut FieldErrors, field: &str, object: &Object) {
    let path = FieldPath::new(field);
    let name = object.text(&[field]);
    if name.is_empty() && field == "provisioner" {
        errors.declared(|errors| errors.required(&path, ""));
    } else if name.is_empty() {
        errors.required(&path, "");
    } else {
        names::qualified_name(errors, &path, &name.to_lowercase());
    }
}

fn parameters(errors: &mut FieldErrors, object: &Object, allows_none: bool) {
    let path = FieldPath::new("parameters");
    let count = object.entries("parameters").count();
    if count > PARAMETERS_MAX {
        errors.too_long(&path, PARAMETERS_MAX);
        return;
    }
    let mut size = 0;
    for (key, value) in object.entries("parameters") {
        if key.is_empty() {
            errors.invalid(&path, &"".into(), "field can not be empty.");
        }
        size += key.len() + value.as_str().map_or(0, str::len);
    }
    if size > PARAMETERS_SIZE_MAX {
        errors.too_long(&path, PARAMETERS_SIZE_MAX);
    }
    if count == 0 && !allows_none {
        errors.required(&path, "must contain at least one key/value pair");
    }
}

/// Whether two terms ask for the same values of the same keys.
fn same_topology(one: &Value, other: &Value) -> bool {
    let keys = |term: &Value| -> BTreeMap<String, BTreeSet<String>> {
        let expressions = term.list("matchLabelExpressions").iter();
        let expressions = expressions.map(|expression| {
            let values = expression.texts("values").map(str::to_owned).collect();
            (expression.text("key").to_owned(), values)
        });
        expressions.collect()
    };
    keys(one) == keys(other)
}

fn topologies(errors: &mut FieldErrors, object: &Object) {
    let path = FieldPath::new("allowedTopologies");
    let terms = object.list("allowedTopologies");
    for (index, term) in terms.iter().enumerate() {
        let path = path.index(index);
        let path = path.child("matchLabelExpressions");
        let expressions = term.list("matchLabelExpressions");
        for (index, expression) in expressions.iter().enumerate() {
            let path = path.index(index);
            let key = expression.text("key");
            let values: Vec<&Value> = expression.list("values").iter().collect();
            if values.is_empty() {
                errors.required(&path.child("values"), "");
            }
            for (index, value) in values.iter().enumerate() {
                if values[..index].contains(value) {
                    errors.duplicate(&path.child("values").index(index), value);
                }
            }
            names::qualified_name(errors, &path.child("key"), key);
            if expressions[..index]
                .iter()
                .any(|other| other.text("key") == key)
            {
                errors.duplicate(&path.child("key"), &key.into());
            }
        }
        // Upstream compares with as many empty terms as there are terms, too.
        let is_same = |other: &Value| same_topology(other, term);
        let count = terms[..index].iter().filter(|other| is_same(other)).count();
        let count = count
            + if is_same(&Value::Null) {
                terms.len()
            } else {
                0
            };
        for _ in 0..count {
            errors.duplicate(&path, &"".into());
        }
    }
}

/// Old provisioners of cloud providers, and old labels of topologies.
fn warn(cx: &Context, object: &Object, _: Option<&Object>) {
    let path = FieldPath::new("allowedTopologies");
    for (index, term) in object.list("allowedTopologies").iter().enumerate() {
        let path = path.index(index);
        let path = path.child("matchLabelExpressions");
        for (index, expression) in term.list("matchLabelExpressions").iter().enumerate() {
            let advice = match expression.text("key") {
                "failure-domain.beta.kubernetes.io/zone" => "topology.kubernetes.io/zone",
                "failure-domain.beta.kubernetes.io/region" => "topology.kubernetes.io/region",
                "beta.kubernetes.io/arch" => "kubernetes.io/arch",
                "beta.kubernetes.io/os" => "kubernetes.io/os",
                "beta.kubernetes.io/instance-type" => "node.kubernetes.io/instance-type",
                _ => continue,
            };
            let path = path.index(index);
            cx.warn(format!(
                "{}: deprecated since {}; use {advice:?} instead",
                path.child("key"),
                if advice.contains("/os") || advice.contains("/arch") {
                    "v1.14"
                } else {
                    "v1.17"
                }
            ));
        }
    }
}
