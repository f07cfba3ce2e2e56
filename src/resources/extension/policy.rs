//! Admission policies in CEL and their bindings.
//!
//! *Upstream:* `pkg/registry/admissionregistration/*admissionpolicy*/strategy.go`,
//! `pkg/apis/admissionregistration/{v1/defaults.go,validation/validation.go}`.

use serde_json::{Map, Value, json};

use super::webhook::match_conditions;
use super::{ADMISSION, expressions, field_ref, rule};
use crate::cel::admission::{Environment, Returns};
use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::registry::meta::names::{check_label_1035, check_path_segment};
use crate::resources::shared::look::{Look, each, fill};
use crate::resources::shared::plain::Plain;
use crate::resources::shared::{conditions, label_selector, names};

const SPEC: FieldPath = FieldPath::new("spec");
const AUDIT_ANNOTATIONS_MAX: usize = 20;
const VALUE_EXPRESSION_MAX: usize = 5 * 1024;
/// Words that CEL keeps for itself.
const RESERVED: [&str; 20] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
];

/// What is special about validating policies.
pub(super) static VALIDATING_ADMISSION_POLICY: Plain = Plain {
    resets_metadata_in_status: true,
    default: fill_policy,
    validate_create: |_, object| validating(object, None),
    validate_update: |cx, object, old| match cx.subresource {
        "status" => status(object),
        _ => validating(object, Some(old)),
    },
    ..ADMISSION
};

/// What is special about mutating policies.
pub(super) static MUTATING_ADMISSION_POLICY: Plain = Plain {
    default: fill_policy,
    validate_create: |_, object| mutating(object, None),
    validate_update: |_, object, old| mutating(object, Some(old)),
    ..ADMISSION
};

/// What is special about bindings of validating policies.
pub(super) static VALIDATING_ADMISSION_POLICY_BINDING: Plain = Plain {
    default: |object| fill_matches(object, "matchResources"),
    validate_create: |_, object| binding(object, true),
    validate_update: |_, object, _| binding(object, true),
    ..ADMISSION
};

/// What is special about bindings of mutating policies.
pub(super) static MUTATING_ADMISSION_POLICY_BINDING: Plain = Plain {
    default: |object| fill_matches(object, "matchResources"),
    validate_create: |_, object| binding(object, false),
    validate_update: |_, object, _| binding(object, false),
    ..ADMISSION
};

fn fill_policy(object: &mut Object) {
    if let Some(spec) = object.get_mut(&["spec"]).and_then(Value::as_object_mut) {
        fill(spec, "failurePolicy", "Fail");
    }
    fill_matches(object, "matchConstraints");
}

fn fill_matches(object: &mut Object, field: &str) {
    let Some(matches) = object
        .get_mut(&["spec", field])
        .and_then(Value::as_object_mut)
    else {
        return;
    };
    fill(matches, "matchPolicy", "Equivalent");
    fill(matches, "namespaceSelector", json!({}));
    fill(matches, "objectSelector", json!({}));
    let fill_rules = |matches: &mut Map<String, Value>, field: &str| {
        each(matches, field).for_each(|rule| fill(rule, "scope", "*"));
    };
    fill_rules(matches, "resourceRules");
    fill_rules(matches, "excludeResourceRules");
}

/// What policies of both kinds share.
fn common(errors: &mut FieldErrors, spec: &Value) {
    if let Some(policy) = spec.maybe_text("failurePolicy") {
        let path = SPEC.child("failurePolicy");
        names::one_of(errors, &path, policy, &["Fail", "Ignore"]);
    } else {
        errors.required(&SPEC.child("failurePolicy"), "");
    }
    if let Some(kind) = spec.maybe("paramKind") {
        param_kind(errors, &SPEC.child("paramKind"), kind);
    }
}

fn param_kind(errors: &mut FieldErrors, path: &FieldPath, kind: &Value) {
    let (version, name) = (kind.text("apiVersion"), kind.text("kind"));
    api_version(errors, &path.child("apiVersion"), version);
    let path = path.child("kind");
    let wrong = check_label_1035(&name.to_lowercase());
    if name.is_empty() {
        errors.required(&path, "");
    } else if !wrong.is_empty() {
        let wrong = wrong.join(",");
        let detail = format!("may have mixed case, but should otherwise match: {wrong}");
        errors.invalid(&path, &name.into(), detail);
    }
}

/// A version, in a group or without one.
fn api_version(errors: &mut FieldErrors, path: &FieldPath, text: &str) {
    let (group, version) = match text.split('/').collect::<Vec<_>>()[..] {
        _ if text.is_empty() => {
            errors.required(path, "");
            return;
        }
        [version] => ("", version),
        [group, version] => (group, version),
        _ => {
            let detail = format!("unexpected GroupVersion string: {text}");
            errors.invalid(path, &text.into(), detail);
            return;
        }
    };
    let wrong = names::check_subdomain(group);
    if !group.is_empty() && !wrong.is_empty() {
        errors.invalid(path, &group.into(), wrong.join(","));
    }
    let wrong = check_label_1035(version);
    if version.is_empty() {
        errors.invalid(path, &text.into(), "version must be specified");
    } else if !wrong.is_empty() {
        errors.invalid(path, &version.into(), wrong.join(","));
    }
}

fn validating(object: &Object, old: Option<&Object>) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = object.at("spec");
    common(&mut errors, spec);
    constraints(&mut errors, spec, false);
    conditions_of(&mut errors, spec, old);
    let mut environment = expressions::environment(spec);
    if !spec.list("variables").is_empty() {
        environment = environment.with_variables();
    }
    variables(&mut errors, &mut environment, spec);
    let (validations, annotations) = (spec.list("validations"), spec.list("auditAnnotations"));
    if validations.is_empty() && annotations.is_empty() {
        let detail = "validations or auditAnnotations must contain at least one item";
        errors.required(&SPEC.child("validations"), detail);
        errors.required(&SPEC.child("auditAnnotations"), detail);
    }
    for (index, validation) in validations.iter().enumerate() {
        let path = SPEC.child("validations");
        let path = path.index(index);
        let source = validation.text("expression");
        let of_source = path.child("expression");
        if source.trim().is_empty() {
            errors.required(&of_source, "expression is not specified");
        } else {
            expressions::check(&mut errors, &of_source, &environment, source, Returns::Bool);
        }
        let message = validation.text("message");
        let expression = validation.text("messageExpression");
        if !expression.is_empty() && expression.trim().is_empty() {
            let detail = "must be non-empty if specified";
            errors.invalid(&path.child("messageExpression"), &expression.into(), detail);
        } else if !expression.is_empty() {
            let path = path.child("messageExpression");
            let environment = environment.clone().with_authorizer(false);
            expressions::check(
                &mut errors,
                &path,
                &environment,
                expression,
                Returns::String,
            );
        }
        if !message.is_empty() && message.trim().is_empty() {
            let detail = "must be non-empty if specified";
            errors.invalid(&path.child("message"), &message.into(), detail);
        } else if message.trim().contains(['\n', '\r']) {
            let detail = "must not contain line breaks";
            errors.invalid(&path.child("message"), &message.into(), detail);
        }
        if let Some(reason) = validation.maybe_text("reason") {
            let known = ["Forbidden", "Invalid", "RequestEntityTooLarge"];
            names::one_of(&mut errors, &path.child("reason"), reason, &known);
        }
    }
    audit_annotations(&mut errors, object.name(), spec, &environment);
    errors
}

/// Checks match conditions, unless neither they nor the kind of parameters changed.
fn conditions_of(errors: &mut FieldErrors, spec: &Value, old: Option<&Object>) {
    let is_kept = old.is_some_and(|old| {
        let old = old.at("spec");
        ["paramKind", "matchConditions"]
            .iter()
            .all(|field| old.get(*field) == spec.get(*field))
    });
    if is_kept {
        return;
    }
    let path = SPEC.child("matchConditions");
    let environment = expressions::environment(spec);
    match_conditions(errors, &path, spec.list("matchConditions"), &environment);
}

fn audit_annotations(
    errors: &mut FieldErrors,
    policy: &str,
    spec: &Value,
    environment: &Environment,
) {
    let path = SPEC.child("auditAnnotations");
    let annotations = spec.list("auditAnnotations");
    if annotations.len() > AUDIT_ANNOTATIONS_MAX {
        let detail = format!("must not have more than {AUDIT_ANNOTATIONS_MAX} auditAnnotations");
        errors.invalid(&path, spec.at("auditAnnotations"), detail);
    }
    for (index, annotation) in annotations.iter().enumerate() {
        let path = path.index(index);
        let key = annotation.text("key");
        if policy.is_empty() {
            let detail = "requires metadata.name be non-empty";
            errors.invalid(&path.child("key"), &key.into(), detail);
        } else {
            names::qualified_name(errors, &path.child("key"), &format!("{policy}/{key}"));
        }
        let written = annotation.text("valueExpression");
        let source = written.trim();
        let of_source = path.child("valueExpression");
        if source.is_empty() {
            errors.required(&of_source, "valueExpression is not specified");
        } else if source.len() > VALUE_EXPRESSION_MAX {
            let detail = format!("must not exceed {VALUE_EXPRESSION_MAX} bytes in length");
            errors.required(&of_source, detail);
        } else if let Err(why) = environment.compile(source, Returns::StringOrNull) {
            errors.invalid(&of_source, &written.into(), why.0);
        }
        if annotations[..index]
            .iter()
            .any(|other| other.text("key") == key)
        {
            errors.duplicate(&path.child("key"), &key.into());
        }
    }
}

fn mutating(object: &Object, old: Option<&Object>) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = object.at("spec");
    common(&mut errors, spec);
    constraints(&mut errors, spec, true);
    conditions_of(&mut errors, spec, old);
    let mut environment = expressions::environment(spec).with_variables();
    variables(&mut errors, &mut environment, spec);
    let environment = environment.with_patch_types(true);
    let path = SPEC.child("mutations");
    if spec.list("mutations").is_empty() {
        errors.required(&path, "mutations must contain at least one item");
    }
    for (index, mutation) in spec.list("mutations").iter().enumerate() {
        let path = path.index(index);
        let kind = mutation.text("patchType");
        let known = ["ApplyConfiguration", "JSONPatch"];
        names::required_one_of(&mut errors, &path.child("patchType"), kind, &known);
        let (own, other) = match kind {
            "ApplyConfiguration" => ("applyConfiguration", "jsonPatch"),
            "JSONPatch" => ("jsonPatch", "applyConfiguration"),
            _ => continue,
        };
        if mutation.has(own) {
            let path = path.child(own);
            let path = path.child("expression");
            let source = mutation.at(own).text("expression").trim();
            let returns = match kind {
                "JSONPatch" => Returns::JsonPatch,
                _ => Returns::ApplyConfiguration,
            };
            if source.is_empty() {
                errors.required(&path, "");
            } else {
                expressions::check(&mut errors, &path, &environment, source, returns);
            }
        } else {
            let detail = format!("must be specified when patchType is {kind}");
            errors.required(&path.child(own), detail);
        }
        if mutation.has(other) {
            let detail = format!("must not be specified when patchType is {kind}");
            errors.invalid(&path.child(other), &format!("{{{other}}}").into(), detail);
        }
    }
    if let Some(policy) = spec.maybe_text("reinvocationPolicy") {
        let path = SPEC.child("reinvocationPolicy");
        names::one_of(&mut errors, &path, policy, &["IfNeeded", "Never"]);
    } else {
        errors.required(&SPEC.child("reinvocationPolicy"), "");
    }
    errors
}

fn constraints(errors: &mut FieldErrors, spec: &Value, is_mutating: bool) {
    let path = SPEC.child("matchConstraints");
    let Some(matches) = spec.maybe("matchConstraints") else {
        errors.required(&path, "");
        return;
    };
    match_resources(errors, &path, matches);
    if matches.list("resourceRules").is_empty() {
        errors.required(&path.child("resourceRules"), "");
    }
    if is_mutating {
        nothing_deleted(errors, &path, matches);
    }
}

/// What is deleted cannot be mutated. Upstream names no item here.
fn nothing_deleted(errors: &mut FieldErrors, path: &FieldPath, matches: &Value) {
    let path = path.child("resourceRules");
    let path = path.child("operations");
    let rules = matches.list("resourceRules").iter();
    for operation in rules.flat_map(|rule| rule.texts("operations")) {
        let known = ["*", "CONNECT", "CREATE", "UPDATE"];
        names::one_of(errors, &path, operation, &known);
    }
}

fn match_resources(errors: &mut FieldErrors, path: &FieldPath, matches: &Value) {
    if let Some(policy) = matches.maybe_text("matchPolicy") {
        names::one_of(
            errors,
            &path.child("matchPolicy"),
            policy,
            &["Equivalent", "Exact"],
        );
    } else {
        errors.required(&path.child("matchPolicy"), "");
    }
    for field in ["namespaceSelector", "objectSelector"] {
        if let Some(selector) = matches.maybe(field) {
            label_selector::selector(errors, &path.child(field), selector);
        } else {
            errors.required(&path.child(field), "");
        }
    }
    for field in ["resourceRules", "excludeResourceRules"] {
        let path = path.child(field);
        for (index, item) in matches.list(field).iter().enumerate() {
            let path = path.index(index);
            resource_names(errors, &path.child("resourceNames"), item);
            rule::with_operations(errors, &path, item);
        }
    }
}

/// Names of single objects that a rule is for.
fn resource_names(errors: &mut FieldErrors, path: &FieldPath, rule: &Value) {
    let all = rule.list("resourceNames");
    for (index, name) in rule.texts("resourceNames").enumerate() {
        let path = path.index(index);
        names::report(errors, &path, name, check_path_segment(name));
        if all[..index].iter().any(|other| other == name) {
            errors.duplicate(&path, &name.into());
        }
    }
}

fn variables(errors: &mut FieldErrors, environment: &mut Environment, spec: &Value) {
    let path = SPEC.child("variables");
    let variables = spec.list("variables");
    for (index, variable) in variables.iter().enumerate() {
        let path = path.index(index);
        let name = variable.text("name");
        let is_identifier = !RESERVED.contains(&name)
            && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if name.trim().is_empty() {
            errors.required(&path.child("name"), "name is not specified");
        } else if !is_identifier {
            let detail = "must be a valid CEL identifier";
            errors.invalid(&path.child("name"), &name.into(), detail);
        }
        expressions::declare(errors, environment, &path, variable);
    }
}

fn binding(object: &Object, is_validating: bool) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = object.at("spec");
    let name = spec.text("policyName");
    let path = SPEC.child("policyName");
    if name.is_empty() && is_validating {
        errors.declared(|errors| errors.required(&path, ""));
    } else if name.is_empty() {
        errors.required(&path, "");
    } else {
        names::subdomain(&mut errors, &path, name);
    }
    if let Some(reference) = spec.maybe("paramRef") {
        param_ref(&mut errors, &SPEC.child("paramRef"), reference);
    }
    if let Some(matches) = spec.maybe("matchResources") {
        let path = SPEC.child("matchResources");
        match_resources(&mut errors, &path, matches);
        if !is_validating {
            nothing_deleted(&mut errors, &path, matches);
        }
    }
    if is_validating {
        actions(&mut errors, spec);
    }
    errors
}

fn actions(errors: &mut FieldErrors, spec: &Value) {
    let path = SPEC.child("validationActions");
    let actions: Vec<&str> = spec.texts("validationActions").collect();
    if actions.is_empty() {
        errors.declared(|errors| errors.required(&path, ""));
    }
    for (index, action) in actions.iter().enumerate() {
        names::one_of(
            errors,
            &path.index(index),
            action,
            &["Audit", "Deny", "Warn"],
        );
        if actions[..index].contains(action) {
            errors.duplicate(&path.index(index), &(*action).into());
        }
    }
    if actions.contains(&"Deny") && actions.contains(&"Warn") {
        let detail = "must not contain both Deny and Warn (repeating the same validation failure \
                      information in the API response and headers serves no purpose)";
        errors.invalid(&path, spec.at("validationActions"), detail);
    }
}

fn param_ref(errors: &mut FieldErrors, path: &FieldPath, reference: &Value) {
    let name = reference.text("name");
    let selector = reference.maybe("selector");
    if !name.is_empty() {
        names::report(errors, &path.child("name"), name, check_path_segment(name));
        if selector.is_some() {
            errors.forbidden(
                &path.child("name"),
                "name and selector are mutually exclusive",
            );
        }
    }
    if let Some(selector) = selector {
        label_selector::selector(errors, &path.child("selector"), selector);
        if !name.is_empty() {
            errors.forbidden(
                &path.child("selector"),
                "name and selector are mutually exclusive",
            );
        }
    }
    if name.is_empty() && selector.is_none() {
        errors.required(path, "one of name or selector must be specified");
    }
    match reference.maybe_text("parameterNotFoundAction") {
        None | Some("") => {
            let path = path.child("parameterNotFoundAction");
            errors.required(&path, "");
        }
        Some(action) => {
            let path = path.child("parameterNotFoundAction");
            names::one_of(errors, &path, action, &["Deny", "Allow"]);
        }
    }
}

fn status(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let path = FieldPath::new("status");
    let status = object.at("status");
    let path = path.child("typeChecking");
    let path = path.child("expressionWarnings");
    let warnings = status.at("typeChecking").list("expressionWarnings");
    for (index, warning) in warnings.iter().enumerate() {
        let path = path.index(index);
        names::required(&mut errors, &path.child("warning"), warning.text("warning"));
        field_ref::validate(
            &mut errors,
            &path.child("fieldRef"),
            warning.text("fieldRef"),
        );
    }
    let path = FieldPath::new("status");
    conditions::validate(
        &mut errors,
        &path.child("conditions"),
        status.list("conditions"),
    );
    errors
}
