//! The replicas of a custom resource with a scale face are numbers a scale can show.
//!
//! *Upstream:* `ValidateScaleSpec` and `ValidateScaleStatus` in
//! `apiextensions-apiserver/pkg/registry/customresource/validator.go`.

use serde_json::Value;

use super::conversion::go_type;
use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::patch::go_print;
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
    let wrong = match at(object, selector) {
        Ok(Some(value)) if !value.is_string() => Some(mismatch(selector, value, "string")),
        Ok(_) => None,
        Err(why) => Some(why),
    };
    if let Some(why) = wrong {
        errors.invalid(&FieldPath::new(selector), &"".into(), why);
    }
}

/// What stands at a path; or what is wrong on the way there, where that is no map.
fn at<'a>(object: &'a Object, path: &str) -> Result<Option<&'a Value>, String> {
    if path.is_empty() {
        return Ok(None);
    }
    let mut steps = path.trim_start_matches('.').split('.');
    let mut found = steps.next().and_then(|step| object.get(&[step]));
    for step in steps {
        found = match found {
            Some(Value::Object(map)) => map.get(step),
            Some(other) => return Err(mismatch(path, other, "map[string]interface{}")),
            None => return Ok(None),
        };
    }
    Ok(found)
}

fn mismatch(path: &str, value: &Value, expected: &str) -> String {
    format!(
        "{path} accessor error: {} is of the type {}, expected {expected}",
        go_print(value),
        go_type(value)
    )
}

fn replicas(object: &Object, path: &str, errors: &mut FieldErrors) {
    let field = FieldPath::new(path);
    let value = match at(object, path) {
        Ok(Some(value)) => value,
        Ok(None) => return,
        Err(why) => {
            errors.invalid(&field, &0.into(), why);
            return;
        }
    };
    match value.as_i64() {
        None => {
            errors.invalid(&field, &0.into(), mismatch(path, value, "int64"));
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
