//! What the kinds that make pods from a template have in common.
//!
//! *Upstream:* `pkg/apis/apps/validation/validation.go`, `pkg/registry/apps/*/strategy.go`.

use serde_json::{Map, Value};

use super::label_selector;
use super::look::{Look, child, fill};
use super::names::{check_label, non_negative};
use super::pod_template::{defaults, disabled, warnings};
pub use super::text::{immutable, immutable_struct};
use crate::error::{ApiError, FieldErrors};
use crate::object::{FieldPath, Object};
use crate::registry::Context;

/// `spec`.
pub const SPEC: FieldPath<'static> = FieldPath::new("spec");
/// `status`.
pub const STATUS: FieldPath<'static> = FieldPath::new("status");

/// The spec of the pods of a template at `spec.template`, to change.
fn pod_spec(object: &mut Object) -> Option<&mut Map<String, Value>> {
    let spec = object.get_mut(&["spec", "template", "spec"])?;
    spec.as_object_mut()
}

/// Replicas are a number inside the server, so that the empty object has none, and says so.
pub fn complete_empty(object: &mut Object) {
    object.set(&["spec", "replicas"], 0);
}

/// The defaults of the template.
pub fn default_template(object: &mut Object) {
    let template = object.get_mut(&["spec", "template"]);
    if let Some(template) = template.and_then(Value::as_object_mut)
        && let Some(spec) = child(template, "spec")
    {
        defaults::spec(spec);
    }
}

/// Drops from the template what gates keep out.
pub fn drop_disabled(object: &mut Object) {
    if let Some(spec) = pod_spec(object) {
        disabled::drop(spec);
    }
}

/// [`drop_disabled`] for a new object.
pub fn prepare_create(_cx: &Context, object: &mut Object) -> Result<(), ApiError> {
    drop_disabled(object);
    Ok(())
}

/// [`drop_disabled`] for a new state.
pub fn prepare_update(_cx: &Context, object: &mut Object, _old: &Object) -> Result<(), ApiError> {
    drop_disabled(object);
    Ok(())
}

/// Warns of a name that makes bad names of pods.
pub fn warn_of_name(cx: &Context, object: &Object) {
    let wrong = check_label(object.name());
    if !wrong.is_empty() {
        cx.warn(format!(
            "metadata.name: this is used in Pod names and hostnames, which can result in \
             surprising behavior; a DNS label is recommended: [{}]",
            wrong.join(" ")
        ));
    }
}

/// Warns of what is odd in a template: of a new object, and where the generation changes.
pub fn warn_of_template(cx: &Context, object: &Object, old: Option<&Object>) {
    if old.is_some_and(|old| old.generation() == object.generation()) {
        return;
    }
    let path = SPEC.child("template");
    for warning in warnings::warnings(&path, object.at("spec").at("template"), true) {
        cx.warn(warning);
    }
}

/// Warns of name and template.
pub fn warn(cx: &Context, object: &Object, old: Option<&Object>) {
    if old.is_none() {
        warn_of_name(cx, object);
    }
    warn_of_template(cx, object, old);
}

/// Reports what is wrong with a selector that must be there and must not be empty; whether it can
/// be matched with.
pub fn required_selector(errors: &mut FieldErrors, spec: &Value, kind: &str) -> bool {
    let path = SPEC.child("selector");
    let selector = spec.at("selector");
    if selector.is_null() {
        errors.required(&path, "");
        return true;
    }
    let is_valid = valid_selector(errors, &path, selector);
    if label_selector::is_empty(selector) {
        let detail = format!("empty selector is invalid for {kind}");
        errors.invalid_text(&path, label_selector::printed(selector), detail);
    }
    is_valid
}

/// Reports what is wrong with a selector; whether it can be matched with.
pub fn valid_selector(errors: &mut FieldErrors, path: &FieldPath, selector: &Value) -> bool {
    let before = errors.len();
    label_selector::selector(errors, path, selector);
    errors.len() == before
}

/// Reports a template whose labels the selector does not match.
pub fn matching_template(errors: &mut FieldErrors, path: &FieldPath, spec: &Value) {
    let labels = spec.at("template").at("metadata").at("labels");
    if !label_selector::matches(spec.at("selector"), labels) {
        let metadata = path.child("metadata");
        errors.invalid(
            &metadata.child("labels"),
            labels,
            "`selector` does not match template `labels`",
        );
    }
}

/// Reports negative numbers among fields.
pub fn counters(errors: &mut FieldErrors, path: &FieldPath, holder: &Value, fields: &[&str]) {
    for field in fields {
        non_negative(errors, &path.child(field), holder.number(field));
    }
}

/// Reports counters of a status that are above another.
pub fn at_most(errors: &mut FieldErrors, status: &Value, fields: &[&str], most: &str, words: &str) {
    for field in fields {
        let value = status.number(field);
        if value > status.number(most) {
            errors.invalid(&STATUS.child(field), &value.into(), words);
        }
    }
}

/// Reports counters of a status that are negative, some that are above the number of replicas, and
/// more available replicas than ready ones; `ready` is what upstream calls those there.
pub fn status_counters(
    errors: &mut FieldErrors,
    status: &Value,
    counted: &[&str],
    parts: &[&str],
    ready: &str,
) {
    counters(errors, &STATUS, status, counted);
    let words = "cannot be greater than status.replicas";
    at_most(errors, status, parts, "replicas", words);
    let words = format!("cannot be greater than {ready}");
    let available = ["availableReplicas"];
    at_most(errors, status, &available, "readyReplicas", &words);
}

/// What is wrong with an update through the status face; `None` where it is through another.
pub fn validate_status(
    cx: &Context,
    object: &Object,
    old: &Object,
    status: fn(&mut FieldErrors, &Value),
) -> Option<FieldErrors> {
    if cx.subresource != "status" {
        return None;
    }
    let mut errors = FieldErrors::new();
    status(&mut errors, object.at("status"));
    collisions(&mut errors, object.at("status"), old.at("status"));
    Some(errors)
}

/// Reports a count of collisions that goes back.
pub fn collisions(errors: &mut FieldErrors, new: &Value, old: &Value) {
    let Some(was) = old.integer("collisionCount") else {
        return;
    };
    let count = new.integer("collisionCount");
    if count.is_none_or(|count| count < was) {
        let path = STATUS.child("collisionCount");
        let value = Value::from(count.unwrap_or(0));
        errors.invalid(&path, &value, "cannot be decremented");
    }
}

/// The number of a percentage.
fn percent(value: &Value) -> Option<i64> {
    let digits = value.as_str()?.strip_suffix('%')?;
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(i64::MAX))
}

/// The number of a number or percentage.
pub fn number_or_percent(value: &Value) -> i64 {
    percent(value)
        .or_else(|| value.as_i64())
        .or_else(|| value.as_str()?.parse().ok())
        .unwrap_or(0)
}

/// Reports what is neither a number that is not negative nor a percentage.
pub fn check_number_or_percent(errors: &mut FieldErrors, path: &FieldPath, value: &Value) {
    match value {
        Value::String(_) if percent(value).is_none() => errors.invalid(
            path,
            value,
            "a valid percent string must be a numeric string followed by an ending '%' (e.g. \
             '1%',  or '93%', regex used for validation is '[0-9]+%')",
        ),
        Value::String(_) => {}
        other => non_negative(errors, path, other.as_i64().unwrap_or(0)),
    }
}

/// Reports a percentage above a hundred.
pub fn at_most_hundred_percent(errors: &mut FieldErrors, path: &FieldPath, value: &Value) {
    if percent(value).is_some_and(|percent| percent > 100) {
        errors.invalid(path, value, "must not be greater than 100%");
    }
}

/// Fills in how a rolling update rolls, where that is not said.
pub fn default_rolling_update(strategy: &mut Map<String, Value>, unavailable: Value, surge: Value) {
    if let Some(rolling) = child(strategy, "rollingUpdate") {
        fill(rolling, "maxUnavailable", unavailable);
        fill(rolling, "maxSurge", surge);
    }
}

/// Fills in what Go's internal type holds of a rolling update that is not asked for: zeros.
pub fn zero_rolling_update(strategy: &mut Map<String, Value>) {
    if strategy.get("rollingUpdate").is_some_and(Value::is_object) {
        default_rolling_update(strategy, 0.into(), 0.into());
    }
}
