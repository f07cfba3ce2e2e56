//! Rules that say which requests a webhook or policy sees.
//!
//! *Upstream:* `pkg/apis/admissionregistration/validation/validation.go` (`validateRule`).

use serde_json::Value;

use crate::error::FieldErrors;
use crate::object::FieldPath;
use crate::resources::shared::look::Look;
use crate::resources::shared::names;

/// Checks operations and what they are done to.
pub(super) fn with_operations(errors: &mut FieldErrors, path: &FieldPath, rule: &Value) {
    let known = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
    let operations: Vec<&str> = rule.texts("operations").collect();
    let operations_path = path.child("operations");
    if operations.is_empty() {
        errors.required(&operations_path, "");
    }
    if operations.len() > 1 && operations.contains(&"*") {
        let detail = "if '*' is present, must not specify other operations";
        errors.invalid(&operations_path, rule.at("operations"), detail);
    }
    for (index, operation) in operations.iter().enumerate() {
        names::one_of(errors, &operations_path.index(index), operation, &known);
    }
    self::rule(errors, path, rule);
}

fn rule(errors: &mut FieldErrors, path: &FieldPath, rule: &Value) {
    for (field, what) in [("apiGroups", "API groups"), ("apiVersions", "API versions")] {
        let path = path.child(field);
        let values: Vec<&str> = rule.texts(field).collect();
        if values.is_empty() {
            errors.required(&path, "");
        }
        if values.len() > 1 && values.contains(&"*") {
            let detail = format!("if '*' is present, must not specify other {what}");
            errors.invalid(&path, rule.at(field), detail);
        }
        if field == "apiVersions" {
            for (index, _) in values
                .iter()
                .enumerate()
                .filter(|(_, value)| value.is_empty())
            {
                errors.required(&path.index(index), "");
            }
        }
    }
    resources(errors, &path.child("resources"), rule);
    if let Some(scope) = rule.maybe_text("scope") {
        names::one_of(
            errors,
            &path.child("scope"),
            scope,
            &["*", "Cluster", "Namespaced"],
        );
    }
}

fn resources(errors: &mut FieldErrors, path: &FieldPath, rule: &Value) {
    let resources: Vec<&str> = rule.texts("resources").collect();
    if resources.is_empty() {
        errors.required(path, "");
    }
    let mut all_of_resource: Vec<&str> = Vec::new();
    let mut of_all_resources: Vec<&str> = Vec::new();
    let mut has_plain = false;
    for (index, text) in resources.iter().enumerate() {
        let path = path.index(index);
        if text.is_empty() {
            errors.required(&path, "");
            continue;
        }
        let Some((resource, subresource)) = text.split_once('/') else {
            has_plain = *text != "*";
            continue;
        };
        let mut refuse = |present: String| {
            let detail = format!("if '{present}' is present, must not specify {text}");
            errors.invalid(&path, &(*text).into(), detail);
        };
        if all_of_resource.contains(&resource) {
            refuse(format!("{resource}/*"));
        }
        if of_all_resources.contains(&subresource) {
            refuse(format!("*/{subresource}"));
        }
        if subresource == "*" {
            all_of_resource.push(resource);
        }
        if resource == "*" {
            of_all_resources.push(subresource);
        }
    }
    let value = rule.at("resources");
    if resources.len() > 1 && resources.contains(&"*/*") {
        let detail = "if '*/*' is present, must not specify other resources";
        errors.invalid(path, value, detail);
    }
    if resources.contains(&"*") && has_plain {
        let detail = "if '*' is present, must not specify other resources without subresources";
        errors.invalid(path, value, detail);
    }
}
