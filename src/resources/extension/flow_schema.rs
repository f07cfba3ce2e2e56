//! Which requests share what part of the server.
//!
//! *Upstream:* `pkg/registry/flowcontrol/flowschema/strategy.go`,
//! `pkg/apis/flowcontrol/v1/defaults.go`, `pkg/apis/flowcontrol/validation/validation.go`.

use serde_json::{Value, json};

use super::FLOW_CONTROL;
use super::dangling::OfSchema;
use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::resources::shared::look::{Look, fill_number};
use crate::resources::shared::names::{check_label, label, report, required, subdomain};
use crate::resources::shared::plain::Plain;

const SPEC: FieldPath = FieldPath::new("spec");
const PRECEDENCE_MAX: i64 = 10000;
const METHODS: [&str; 2] = ["ByNamespace", "ByUser"];
const VERBS: [&str; 9] = [
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "proxy",
    "update",
    "watch",
];
/// Subjects by kind, in the field of that name.
const SUBJECTS: [(&str, &str); 3] = [
    ("ServiceAccount", "serviceAccount"),
    ("User", "user"),
    ("Group", "group"),
];

/// What is special about flow schemas.
pub(super) static FLOW_SCHEMA: Plain = Plain {
    default: |object| {
        if let Some(spec) = object.get_mut(&["spec"]).and_then(Value::as_object_mut) {
            fill_number(spec, "matchingPrecedence", 1000);
        }
    },
    validate_create: |_, object| schema(object),
    validate_update: |cx, object, _| match cx.subresource {
        "status" => status(object),
        _ => schema(object),
    },
    follower: Some(&OfSchema),
    ..FLOW_CONTROL
};

/// What is wrong with the status of any flow control kind.
pub(super) fn status(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let path = FieldPath::new("status");
    let path = path.child("conditions");
    let conditions = object.at("status").list("conditions");
    for (index, condition) in conditions.iter().enumerate() {
        let path = path.index(index);
        let kind = condition.text("type");
        let is_same = |other: &Value| other.text("type") == kind;
        if conditions[..index].iter().any(is_same) {
            errors.duplicate(&path.child("type"), &kind.into());
        }
        required(&mut errors, &path.child("type"), kind);
    }
    errors
}

fn schema(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = object.at("spec");
    precedence(&mut errors, object);
    if let Some(method) = spec.maybe("distinguisherMethod") {
        let kind = method.text("type");
        if !METHODS.contains(&kind) {
            let path = SPEC.child("distinguisherMethod");
            errors.not_supported(&path.child("type"), &json!({"Type": kind}), &METHODS);
        }
    }
    let level = spec.at("priorityLevelConfiguration").text("name");
    let path = SPEC.child("priorityLevelConfiguration");
    if level.is_empty() {
        errors.required(&path.child("name"), "must reference a priority level");
    } else {
        subdomain(&mut errors, &path.child("name"), level);
    }
    let path = SPEC.child("rules");
    for (index, rule) in spec.list("rules").iter().enumerate() {
        self::rule(&mut errors, &path.index(index), rule);
    }
    errors.extend(status(object));
    errors
}

fn precedence(errors: &mut FieldErrors, object: &Object) {
    let precedence = object.at("spec").number("matchingPrecedence");
    let path = SPEC.child("matchingPrecedence");
    let value = precedence.into();
    if precedence <= 0 {
        errors.invalid(&path, &value, "must be a positive value");
    }
    if precedence > PRECEDENCE_MAX {
        let detail = format!("must not be greater than {PRECEDENCE_MAX}");
        errors.invalid(&path, &value, detail);
    }
    if precedence == 1 && object.name() != "exempt" {
        let detail = "only the schema named 'exempt' may have matchingPrecedence 1";
        errors.invalid(&path, &value, detail);
    }
}

fn rule(errors: &mut FieldErrors, path: &FieldPath, rule: &Value) {
    let list = path.child("subjects");
    if rule.list("subjects").is_empty() {
        errors.required(&list, "subjects must contain at least one value");
    }
    for (index, subject) in rule.list("subjects").iter().enumerate() {
        self::subject(errors, &list.index(index), subject);
    }
    let (resources, others) = (rule.list("resourceRules"), rule.list("nonResourceRules"));
    if resources.is_empty() && others.is_empty() {
        let detail = "at least one of resourceRules and nonResourceRules has to be non-empty";
        errors.required(path, detail);
    }
    let list = path.child("resourceRules");
    for (index, item) in resources.iter().enumerate() {
        resource_rule(errors, &list.index(index), item);
    }
    let list = path.child("nonResourceRules");
    for (index, item) in others.iter().enumerate() {
        other_rule(errors, &list.index(index), item);
    }
}

fn subject(errors: &mut FieldErrors, path: &FieldPath, subject: &Value) {
    let kind = subject.text("kind");
    let Some((_, own)) = SUBJECTS.iter().find(|(known, _)| *known == kind) else {
        let known = ["Group", "ServiceAccount", "User"];
        errors.not_supported(&path.child("kind"), &kind.into(), &known);
        return;
    };
    let own_path = path.child(own);
    match subject.maybe(own) {
        None => {
            let detail = format!("{own} is required when subject kind is '{kind}'");
            errors.required(&own_path, detail);
        }
        Some(account) if kind == "ServiceAccount" => self::account(errors, &own_path, account),
        Some(named) => required(errors, &own_path.child("name"), named.text("name")),
    }
    for (kind, field) in SUBJECTS.iter().filter(|(_, field)| field != own) {
        if subject.has(field) {
            let detail = format!("{field} is forbidden when subject kind is not '{kind}'");
            errors.forbidden(&path.child(field), detail);
        }
    }
}

fn account(errors: &mut FieldErrors, path: &FieldPath, account: &Value) {
    let (name, namespace) = (account.text("name"), account.text("namespace"));
    let name_path = path.child("name");
    if name.is_empty() {
        errors.required(&name_path, "");
    } else if name != "*" {
        subdomain(errors, &name_path, name);
    }
    let path = path.child("namespace");
    if namespace.is_empty() {
        errors.required(&path, "must specify namespace for service account");
    } else {
        label(errors, &path, namespace);
    }
}

fn has_wildcard(values: &[Value]) -> bool {
    values.iter().any(|value| value == "*")
}

/// A list that holds something, and nothing beside a wildcard; whether there is more to look at.
fn all_or_some(
    errors: &mut FieldErrors,
    path: &FieldPath,
    holder: &Value,
    field: &str,
    words: [&str; 2],
) -> bool {
    let [none, what] = words;
    let values = holder.list(field);
    let path = path.child(field);
    if values.is_empty() {
        errors.required(&path, none);
        return false;
    }
    if !has_wildcard(values) {
        return true;
    }
    if values.len() > 1 {
        let detail = format!("if '*' is present, must not specify other {what}");
        errors.invalid(&path, holder.at(field), detail);
    }
    false
}

fn verbs(errors: &mut FieldErrors, path: &FieldPath, rule: &Value) {
    let words = ["verbs must contain at least one value", "verbs"];
    let is_list = all_or_some(errors, path, rule, "verbs", words);
    if is_list && !rule.texts("verbs").all(|verb| VERBS.contains(&verb)) {
        errors.not_supported(&path.child("verbs"), rule.at("verbs"), &VERBS);
    }
}

fn resource_rule(errors: &mut FieldErrors, path: &FieldPath, rule: &Value) {
    verbs(errors, path, rule);
    let words = [
        "resource rules must supply at least one api group",
        "api groups",
    ];
    all_or_some(errors, path, rule, "apiGroups", words);
    let words = [
        "resource rules must supply at least one resource",
        "resources",
    ];
    all_or_some(errors, path, rule, "resources", words);
    if rule.list("namespaces").is_empty() && rule.is_true("clusterScope") {
        return;
    }
    let words = [
        "resource rules that are not cluster scoped must supply at least one namespace",
        "namespaces",
    ];
    if !all_or_some(errors, path, rule, "namespaces", words) {
        return;
    }
    let path = path.child("namespaces");
    for (index, namespace) in rule.texts("namespaces").enumerate() {
        let wrong = check_label(namespace).into_iter().map(|wrong| {
            format!("each member of this list must be '*' or a DNS-1123 label; {wrong}")
        });
        report(errors, &path.index(index), namespace, wrong.collect());
    }
}

fn other_rule(errors: &mut FieldErrors, path: &FieldPath, rule: &Value) {
    verbs(errors, path, rule);
    let words = [
        "nonResourceURLs must contain at least one value",
        "non-resource URLs",
    ];
    if !all_or_some(errors, path, rule, "nonResourceURLs", words) {
        return;
    }
    let path = path.child("nonResourceURLs");
    for (index, url) in rule.texts("nonResourceURLs").enumerate() {
        let is_suffix = match url.matches('*').count() {
            0 => true,
            1 => url.ends_with("/*"),
            _ => false,
        };
        let wrong = if url.is_empty() {
            "must not be empty"
        } else if url == "/" {
            continue;
        } else if !url.starts_with('/') {
            "must start with slash"
        } else if url.contains(' ') {
            "must not contain white-space"
        } else if url.contains("//") {
            "must not contain double slash"
        } else if !is_suffix {
            "wildcard can only do suffix matching"
        } else {
            continue;
        };
        errors.invalid(&path.index(index), &url.into(), wrong);
    }
}
