//! Roles and their bindings.
//!
//! *Upstream:* `pkg/registry/rbac/*/strategy.go`, `pkg/apis/rbac/validation/validation.go`,
//! `pkg/apis/rbac/v1/defaults.go`.

use serde_json::Value;

use super::escalation::Escalation;
use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::registry::meta::names::check_path_segment;
use crate::registry::strategy::NameRule;
use crate::resources::shared::look::{Look, each, fill_text};
use crate::resources::shared::plain::Plain;
use crate::resources::shared::{label_selector, names};

const GROUP: &str = "rbac.authorization.k8s.io";

/// Any RBAC kind: names are path segments, PUT creates.
const RBAC: Plain = Plain {
    name_rule: NameRule::PathSegment,
    creates_on_update: true,
    ..Plain::DEFAULT
};

/// What is special about roles.
pub(super) static ROLE: Plain = Plain {
    guard: Some(&Escalation::Role),
    validate_create: |_, object| rules(object, true),
    validate_update: |_, object, _| rules(object, true),
    ..RBAC
};

/// What is special about cluster roles.
pub(super) static CLUSTER_ROLE: Plain = Plain {
    guard: Some(&Escalation::Role),
    validate_create: |_, object| cluster_role(object),
    validate_update: |_, object, _| cluster_role(object),
    ..RBAC
};

/// What is special about role bindings.
pub(super) static ROLE_BINDING: Plain = Plain {
    guard: Some(&Escalation::Binding),
    default: fill_binding,
    validate_create: |_, object| binding(object, None, true),
    validate_update: |_, object, old| binding(object, Some(old), true),
    ..RBAC
};

/// What is special about cluster role bindings.
pub(super) static CLUSTER_ROLE_BINDING: Plain = Plain {
    guard: Some(&Escalation::Binding),
    default: fill_binding,
    validate_create: |_, object| binding(object, None, false),
    validate_update: |_, object, old| binding(object, Some(old), false),
    ..RBAC
};

fn fill_binding(object: &mut Object) {
    if let Some(role) = object.get_mut(&["roleRef"]).and_then(Value::as_object_mut) {
        fill_text(role, "apiGroup", GROUP);
    }
    for subject in each(object.as_map_mut(), "subjects") {
        if matches!(subject.text("kind"), "User" | "Group") {
            fill_text(subject, "apiGroup", GROUP);
        }
    }
}

fn rules(object: &Object, is_namespaced: bool) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let path = FieldPath::new("rules");
    for (index, rule) in object.list("rules").iter().enumerate() {
        self::rule(&mut errors, &path.index(index), rule, is_namespaced);
    }
    errors
}

fn rule(errors: &mut FieldErrors, path: &FieldPath, rule: &Value, is_namespaced: bool) {
    let is_empty = |field: &str| rule.list(field).is_empty();
    if is_empty("verbs") {
        errors.declared(|errors| errors.required(&path.child("verbs"), ""));
    }
    if !is_empty("nonResourceURLs") {
        let path = path.child("nonResourceURLs");
        let value = rule.at("nonResourceURLs");
        if is_namespaced {
            let detail = "namespaced rules cannot apply to non-resource URLs";
            errors.invalid(&path, value, detail);
        }
        if ["apiGroups", "resources", "resourceNames"]
            .iter()
            .any(|field| !is_empty(field))
        {
            let detail = "rules cannot apply to both regular resources and non-resource URLs";
            errors.invalid(&path, value, detail);
        }
        return;
    }
    for (field, what) in [("apiGroups", "api group"), ("resources", "resource")] {
        if is_empty(field) {
            let detail = format!("resource rules must supply at least one {what}");
            errors.required(&path.child(field), detail);
        }
    }
}

fn cluster_role(object: &Object) -> FieldErrors {
    let mut errors = rules(object, false);
    let Some(aggregation) = object.maybe("aggregationRule") else {
        return errors;
    };
    let path = FieldPath::new("aggregationRule");
    let path = path.child("clusterRoleSelectors");
    let selectors = aggregation.list("clusterRoleSelectors");
    if selectors.is_empty() {
        let detail = "at least one clusterRoleSelector required if aggregationRule is non-nil";
        errors.required(&path, detail);
    }
    for (index, selector) in selectors.iter().enumerate() {
        let path = path.index(index);
        label_selector::selector(&mut errors, &path, selector);
        if !label_selector::is_formed(selector) {
            errors.invalid(&path, &Value::Null, "invalid label selector.");
        }
    }
    errors
}

fn binding(object: &Object, old: Option<&Object>, is_namespaced: bool) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let role = object.at("roleRef");
    let path = FieldPath::new("roleRef");
    if role.text("apiGroup") != GROUP {
        errors.not_supported(
            &path.child("apiGroup"),
            &role.text("apiGroup").into(),
            &[GROUP],
        );
    }
    let kinds: &[&str] = if is_namespaced {
        &["Role", "ClusterRole"]
    } else {
        &["ClusterRole"]
    };
    let kind = role.text("kind");
    if !kinds.contains(&kind) {
        errors.not_supported(&path.child("kind"), &kind.into(), kinds);
    }
    let name = role.text("name");
    let is_changed = old.is_some_and(|old| old.at("roleRef") != role);
    if name.is_empty() && is_changed {
        errors.required(&path.child("name"), "");
    } else if !name.is_empty() {
        names::report(
            &mut errors,
            &path.child("name"),
            name,
            check_path_segment(name),
        );
    }
    for (index, subject) in object.list("subjects").iter().enumerate() {
        let path = FieldPath::new("subjects");
        self::subject(&mut errors, &path.index(index), subject, is_namespaced);
    }
    if is_changed {
        let value = format!(
            "{{\"APIGroup\":{},\"Kind\":{},\"Name\":{}}}",
            Value::from(role.text("apiGroup")),
            Value::from(role.text("kind")),
            Value::from(name)
        );
        errors.invalid_text(&path, value, "field is immutable");
    } else if name.is_empty() {
        errors.declared(|errors| errors.required(&path.child("name"), ""));
    }
    errors
}

fn subject(errors: &mut FieldErrors, path: &FieldPath, subject: &Value, is_namespaced: bool) {
    let name = subject.text("name");
    if name.is_empty() {
        errors.declared(|errors| errors.required(&path.child("name"), ""));
    }
    let group = subject.text("apiGroup");
    let known = match subject.text("kind") {
        "ServiceAccount" => {
            if !name.is_empty() {
                names::subdomain(errors, &path.child("name"), name);
            }
            ""
        }
        "User" | "Group" => GROUP,
        kind => {
            let known = ["ServiceAccount", "User", "Group"];
            errors.not_supported(&path.child("kind"), &kind.into(), &known);
            return;
        }
    };
    if group != known {
        errors.not_supported(&path.child("apiGroup"), &group.into(), &[known]);
    }
    if known.is_empty() && !is_namespaced && subject.text("namespace").is_empty() {
        errors.required(&path.child("namespace"), "");
    }
}
