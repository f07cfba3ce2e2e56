//! What several kinds of devices carry: configurations, selectors, taints, tolerations, conditions
//! of binding.
//!
//! *Upstream:* `pkg/apis/resource/validation/validation.go`.

use serde_json::Value;

use super::names::declared_driver;
use super::selector;
use crate::error::FieldErrors;
use crate::object::FieldPath;
use crate::resources::shared::look::Look;
use crate::resources::shared::names::{
    check_label_value, one_of, qualified_name, report, required_one_of,
};

/// How many selectors, constraints, configurations, requests there may be.
pub(super) const LIST_MAX: usize = 32;
const BINDING_CONDITIONS_MAX: usize = 4;
const PARAMETERS_LENGTH_MAX: usize = 10 * 1024;
const EFFECTS: [&str; 3] = ["NoExecute", "NoSchedule", "None"];

/// The fields of requests as Go's structs order them, to print them as Go does.
const ORDER: [&str; 26] = [
    "name",
    "exactly",
    "firstAvailable",
    "deviceClassName",
    "selectors",
    "cel",
    "expression",
    "allocationMode",
    "count",
    "adminAccess",
    "key",
    "operator",
    "value",
    "effect",
    "tolerationSeconds",
    "tolerations",
    "capacity",
    "requests",
    "derivedAttributes",
    "driver",
    "pool",
    "device",
    "shareID",
    "conditions",
    "data",
    "networkData",
];

/// A value as Go prints its struct: fields in the order they are declared.
pub(super) fn printed(value: &Value) -> String {
    let place = |key: &str| ORDER.iter().position(|name| *name == key);
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| place(key).unwrap_or(ORDER.len()));
            let entries = entries
                .into_iter()
                .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), printed(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(printed).collect();
            format!("[{}]", items.join(","))
        }
        other => other.to_string(),
    }
}

/// Whether there are more items than there may be, and says so; declared in the types.
pub(super) fn is_too_many(
    errors: &mut FieldErrors,
    path: &FieldPath,
    items: &[Value],
    max: usize,
) -> bool {
    let is_too_many = items.len() > max;
    if is_too_many {
        errors.declared(|errors| errors.too_many(path, items.len(), max));
    }
    is_too_many
}

/// Texts that are there twice; declared in the types.
pub(super) fn duplicates(errors: &mut FieldErrors, path: &FieldPath, items: &[Value]) {
    errors.declared(|errors| {
        for (index, item) in items.iter().enumerate() {
            if items[..index].contains(item) {
                errors.duplicate(&path.index(index), item);
            }
        }
    });
}

/// Expressions that choose devices. `is_stored`: as they were before, and so valid.
pub(super) fn selectors(
    errors: &mut FieldErrors,
    path: &FieldPath,
    holder: &Value,
    is_stored: bool,
) {
    let path = path.child("selectors");
    let selectors = holder.list("selectors");
    if is_too_many(errors, &path, selectors, LIST_MAX) {
        return;
    }
    for (index, selector) in selectors.iter().enumerate() {
        let path = path.index(index);
        let path = path.child("cel");
        match selector.maybe("cel") {
            None => errors.required(&path, ""),
            Some(_) if is_stored => {}
            Some(cel) => selector::check(errors, &path.child("expression"), cel.text("expression")),
        }
    }
}

/// Configurations for drivers.
pub(super) fn configuration(
    errors: &mut FieldErrors,
    path: &FieldPath,
    configuration: &Value,
    is_stored: bool,
) {
    let path = path.child("opaque");
    let Some(opaque) = configuration.maybe("opaque") else {
        errors.required(&path, "");
        return;
    };
    declared_driver(errors, &path.child("driver"), opaque.text("driver"));
    let length = if is_stored {
        usize::MAX
    } else {
        PARAMETERS_LENGTH_MAX
    };
    raw(
        errors,
        &path.child("parameters"),
        opaque.at("parameters"),
        length,
    );
}

/// JSON that is not ours to understand.
pub(super) fn raw(errors: &mut FieldErrors, path: &FieldPath, value: &Value, length: usize) {
    if value.is_null() {
        errors.required(path, "");
    } else if value.to_string().len() > length {
        errors.too_long(path, length);
    } else if !value.is_object() {
        errors.invalid(
            path,
            &"<value omitted>".into(),
            "must be a valid JSON object",
        );
    }
}

/// A taint. `old`: what it was, whose effect is let stay.
pub(super) fn taint(errors: &mut FieldErrors, path: &FieldPath, taint: &Value, old: &Value) {
    qualified_name(errors, &path.child("key"), taint.text("key"));
    let value = taint.text("value");
    if !value.is_empty() {
        report(
            errors,
            &path.child("value"),
            value,
            check_label_value(value),
        );
    }
    let effect = taint.text("effect");
    if old.is_null() || old.text("effect") != effect {
        let path = path.child("effect");
        errors.declared(|errors| required_one_of(errors, &path, effect, &EFFECTS));
    }
}

/// Tolerations of taints.
pub(super) fn tolerations(errors: &mut FieldErrors, path: &FieldPath, holder: &Value) {
    let path = path.child("tolerations");
    for (index, toleration) in holder.list("tolerations").iter().enumerate() {
        let path = path.index(index);
        let (key, value) = (toleration.text("key"), toleration.text("value"));
        let (operator, effect) = (toleration.text("operator"), toleration.text("effect"));
        match operator {
            "Exists" if !value.is_empty() => {
                let detail = "must be empty for operator `Exists`";
                errors.invalid(&path.child("value"), &value.into(), detail);
            }
            "Equal" => report(
                errors,
                &path.child("value"),
                value,
                check_label_value(value),
            ),
            _ => {}
        }
        errors.declared(|errors| {
            if !key.is_empty() {
                qualified_name(errors, &path.child("key"), key);
            }
            if !operator.is_empty() {
                one_of(
                    errors,
                    &path.child("operator"),
                    operator,
                    &["Equal", "Exists"],
                );
            }
            if !effect.is_empty() {
                one_of(errors, &path.child("effect"), effect, &EFFECTS);
            }
        });
    }
}

/// Conditions that must be met, or must not, before a pod is bound.
pub(super) fn binding_conditions(errors: &mut FieldErrors, path: &FieldPath, holder: &Value) {
    let (good_path, bad_path) = (
        path.child("bindingConditions"),
        path.child("bindingFailureConditions"),
    );
    let good = holder.list("bindingConditions");
    let bad = holder.list("bindingFailureConditions");
    for (path, conditions) in [(&good_path, good), (&bad_path, bad)] {
        if !is_too_many(errors, path, conditions, BINDING_CONDITIONS_MAX) {
            for (index, condition) in conditions.iter().enumerate() {
                qualified_name(errors, &path.index(index), condition.as_str().unwrap_or(""));
            }
        }
    }
    let twice = |errors: &mut FieldErrors, path: &FieldPath, items: &[Value], index: usize| {
        if items[..index].contains(&items[index]) {
            errors.duplicate(&path.index(index), &items[index]);
        }
    };
    for index in 0..good.len() {
        twice(errors, &good_path, good, index);
    }
    for (index, condition) in bad.iter().enumerate() {
        twice(errors, &bad_path, bad, index);
        if good.contains(condition) {
            let detail = "bindingFailureConditions must not overlap with bindingConditions";
            errors.invalid(&bad_path.index(index), condition, detail);
        }
    }
    if good.is_empty() && !bad.is_empty() {
        let detail = "bindingConditions are required to use bindingFailureConditions";
        errors.invalid(&good_path, holder.at("bindingConditions"), detail);
    }
    if bad.is_empty() && !good.is_empty() {
        let detail = "bindingFailureConditions are required to use bindingConditions";
        errors.invalid(&bad_path, holder.at("bindingFailureConditions"), detail);
    }
}
