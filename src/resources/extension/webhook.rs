//! Configurations of admission webhooks.
//!
//! *Upstream:* `pkg/registry/admissionregistration/*webhookconfiguration/strategy.go`,
//! `pkg/apis/admissionregistration/{v1/defaults.go,validation/validation.go}`.

use serde_json::{Value, json};

use super::{ADMISSION, expressions, rule};
use crate::cel::admission::{Environment, Returns};
use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::registry::meta::names::check_label_1035;
use crate::resources::shared::look::{Look, each, fill};
use crate::resources::shared::plain::Plain;
use crate::resources::shared::text::fully_qualified_name;
use crate::resources::shared::{label_selector, names, url};

/// Versions of the review that the server can send.
const REVIEW_VERSIONS: [&str; 2] = ["v1", "v1beta1"];
const CONDITIONS_MAX: usize = 64;

/// What both kinds of configurations have in common.
const WEBHOOKS: Plain = Plain {
    counts_emptied: true,
    validate_create: |_, object| validate(object, None),
    validate_update: |_, object, old| validate(object, Some(old)),
    ..ADMISSION
};

/// What is special about configurations of mutating webhooks.
pub(super) static MUTATING_WEBHOOK_CONFIGURATION: Plain = Plain {
    default: |object| fill_webhooks(object, true),
    ..WEBHOOKS
};

/// What is special about configurations of validating webhooks.
pub(super) static VALIDATING_WEBHOOK_CONFIGURATION: Plain = Plain {
    default: |object| fill_webhooks(object, false),
    ..WEBHOOKS
};

fn fill_webhooks(object: &mut Object, is_mutating: bool) {
    for webhook in each(object.as_map_mut(), "webhooks") {
        fill(webhook, "failurePolicy", "Fail");
        fill(webhook, "matchPolicy", "Equivalent");
        fill(webhook, "namespaceSelector", json!({}));
        fill(webhook, "objectSelector", json!({}));
        fill(webhook, "timeoutSeconds", 10);
        if is_mutating {
            fill(webhook, "reinvocationPolicy", "Never");
        }
        each(webhook, "rules").for_each(|rule| fill(rule, "scope", "*"));
        let service = webhook
            .get_mut("clientConfig")
            .and_then(|config| config.get_mut("service"))
            .and_then(Value::as_object_mut);
        if let Some(service) = service {
            // A service is reached at the port of HTTPS.
            fill(service, "port", 443);
        }
    }
}

fn validate(object: &Object, old: Option<&Object>) -> FieldErrors {
    let mut errors = FieldErrors::new();
    // What an older rule let in stays good as long as all of it was so.
    let old_hooks = old.map(|old| old.list("webhooks")).unwrap_or_default();
    let had_unknown_versions = old_hooks.iter().any(|hook| {
        let mut versions = hook.texts("admissionReviewVersions").peekable();
        versions.peek().is_some() && !versions.any(|v| REVIEW_VERSIONS.contains(&v))
    });
    let mut seen: Vec<&str> = Vec::new();
    for (index, hook) in object.list("webhooks").iter().enumerate() {
        let path = FieldPath::new("webhooks");
        let path = path.index(index);
        webhook(&mut errors, &path, hook);
        let unchanged = same_conditions(object, old);
        if !unchanged {
            let path = path.child("matchConditions");
            let environment = Environment::new().with_authorizer(true);
            match_conditions(
                &mut errors,
                &path,
                hook.list("matchConditions"),
                &environment,
            );
        }
        let versions = path.child("admissionReviewVersions");
        review_versions(&mut errors, &versions, hook, !had_unknown_versions);
        let name = hook.text("name");
        if !name.is_empty() {
            if seen.contains(&name) {
                errors.duplicate(&path.child("name"), &name.into());
            }
            seen.push(name);
        }
    }
    errors
}

fn webhook(errors: &mut FieldErrors, path: &FieldPath, hook: &Value) {
    fully_qualified_name(errors, &path.child("name"), hook.text("name"));
    for (index, rule) in hook.list("rules").iter().enumerate() {
        let path = path.child("rules");
        rule::with_operations(errors, &path.index(index), rule);
    }
    for (field, known) in [
        ("failurePolicy", ["Fail", "Ignore"]),
        ("matchPolicy", ["Equivalent", "Exact"]),
    ] {
        if let Some(policy) = hook.maybe_text(field) {
            names::one_of(errors, &path.child(field), policy, &known);
        }
    }
    match hook.maybe_text("sideEffects") {
        None => {
            let detail = "must specify one of None, NoneOnDryRun";
            errors.required(&path.child("sideEffects"), detail);
        }
        Some(class) => {
            let known = ["None", "NoneOnDryRun"];
            names::one_of(errors, &path.child("sideEffects"), class, &known);
        }
    }
    if let Some(seconds) = hook.integer("timeoutSeconds")
        && !(1..=30).contains(&seconds)
    {
        let detail = "the timeout value must be between 1 and 30 seconds";
        errors.invalid(&path.child("timeoutSeconds"), &seconds.into(), detail);
    }
    for field in ["namespaceSelector", "objectSelector"] {
        label_selector::selector(errors, &path.child(field), hook.at(field));
    }
    if let Some(policy) = hook.maybe_text("reinvocationPolicy") {
        let path = path.child("reinvocationPolicy");
        names::one_of(errors, &path, policy, &["IfNeeded", "Never"]);
    }
    client_config(errors, &path.child("clientConfig"), hook.at("clientConfig"));
}

/// Whether no webhook's conditions changed, which are then not looked at again.
fn same_conditions(object: &Object, old: Option<&Object>) -> bool {
    let Some(old) = old else {
        return false;
    };
    let (new, old) = (object.list("webhooks"), old.list("webhooks"));
    new.len() == old.len()
        && new
            .iter()
            .zip(old)
            .all(|(new, old)| new.list("matchConditions") == old.list("matchConditions"))
}

fn client_config(errors: &mut FieldErrors, path: &FieldPath, config: &Value) {
    match (config.maybe_text("url"), config.maybe("service")) {
        (Some(url), None) => url::check_webhook(errors, &path.child("url"), url),
        (None, Some(service)) => url::check_service(errors, &path.child("service"), service),
        _ => errors.required(path, "exactly one of url or service is required"),
    }
}

/// Conditions in CEL: named, unique, there, and true or false.
pub(super) fn match_conditions(
    errors: &mut FieldErrors,
    path: &FieldPath,
    conditions: &[Value],
    environment: &Environment,
) {
    if conditions.len() > CONDITIONS_MAX {
        errors.too_many(path, conditions.len(), CONDITIONS_MAX);
    }
    for (index, condition) in conditions.iter().enumerate() {
        let path = path.index(index);
        let source = condition.text("expression").trim();
        let of_source = path.child("expression");
        if source.is_empty() {
            errors.required(&of_source, "");
        } else {
            expressions::check(errors, &of_source, environment, source, Returns::Bool);
        }
        let name = condition.text("name");
        if name.is_empty() {
            errors.required(&path.child("name"), "");
        } else {
            names::qualified_name(errors, &path.child("name"), name);
            if conditions[..index]
                .iter()
                .any(|other| other.text("name") == name)
            {
                errors.duplicate(&path.child("name"), &name.into());
            }
        }
    }
}

fn review_versions(errors: &mut FieldErrors, path: &FieldPath, hook: &Value, requires_known: bool) {
    let versions: Vec<&str> = hook.texts("admissionReviewVersions").collect();
    if versions.is_empty() {
        errors.required(path, "must specify one of v1, v1beta1");
        return;
    }
    for (index, version) in versions.iter().enumerate() {
        let path = path.index(index);
        if versions[..index].contains(version) {
            errors.invalid(&path, &(*version).into(), "duplicate version");
        } else {
            names::report(errors, &path, version, check_label_1035(version));
        }
    }
    if requires_known
        && !versions
            .iter()
            .any(|version| REVIEW_VERSIONS.contains(version))
    {
        let detail = "must include at least one of v1, v1beta1";
        errors.invalid(path, hook.at("admissionReviewVersions"), detail);
    }
}
