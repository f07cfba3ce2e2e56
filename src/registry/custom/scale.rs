//! The replicas of a custom resource with a scale face are numbers a scale can show.
//!
//! *Upstream:* `ValidateScaleSpec` and `ValidateScaleStatus` in
//! `apiextensions-apiserver/pkg/registry/customresource/validator.go`.

use serde_json::Value;

use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::schema::Resource;

/// What is wrong with the fields a scale shows; through the status face only the status is looked
/// at.
pub(crate) fn validate(
    resource: &Resource,
    object: &Object,
    is_status: bool,
    errors: &mut FieldErrors,
) {
    let scale = resource
        .custom
        .as_ref()
        .and_then(|custom| custom.scale.as_ref());
    let Some(scale) = scale else {
        return;
    };
    let path = |name: &str| scale[name].as_str().unwrap_or("");
    if !is_status {
        replicas(object, path("specReplicasPath"), errors);
    }
    replicas(object, path("statusReplicasPath"), errors);
    let selector = path("labelSelectorPath");
    if let Some(value) = at(object, selector)
        && !value.is_string()
    {
        let detail = format!(
            "{selector} accessor error: {value} is of the type {}, expected string",
            go_type(value)
        );
        errors.invalid(&FieldPath::new(selector), &"".into(), detail);
    }
}

fn at<'a>(object: &'a Object, path: &str) -> Option<&'a Value> {
    if path.is_empty() {
        return None;
    }
    let steps: Vec<&str> = path.trim_start_matches('.').split('.').collect();
    object.get(&steps)
}

fn replicas(object: &Object, path: &str, errors: &mut FieldErrors) {
    let Some(value) = at(object, path) else {
        return;
    };
    let field = FieldPath::new(path);
    match value.as_i64() {
        None => {
            let detail = format!(
                "{path} accessor error: {value} is of the type {}, expected int64",
                go_type(value)
            );
            errors.invalid(&field, &0.into(), detail);
        }
        Some(count) if count < 0 => {
            errors.invalid(&field, value, "should be a non-negative integer");
        }
        Some(count) if count > i64::from(i32::MAX) => {
            let detail = format!("should be less than or equal to {}", i32::MAX);
            errors.invalid(&field, value, detail);
        }
        Some(_) => {}
    }
}

fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}
