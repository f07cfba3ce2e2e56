//! What can be wrong with the spec of a job.
//!
//! *Upstream:* `pkg/apis/batch/validation/validation.go` (`ValidateJobCreate`, `validateJobSpec`).

use serde_json::Value;

use super::{NAME_LABELS, UID_LABELS, policy};
use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::resources::shared::label_selector;
use crate::resources::shared::look::Look;
use crate::resources::shared::names::{check_label, check_subdomain, one_of, report};
use crate::resources::shared::pod_template;
use crate::resources::shared::workload::{SPEC, counters, matching_template, valid_selector};

/// A selector that was not said must be the generated one, and select the job's pods.
pub(super) fn generated_selector(errors: &mut FieldErrors, object: &Object) {
    let spec = object.at("spec");
    let selector = spec.at("selector");
    if spec.is_true("manualSelector") || selector.is_null() {
        return;
    }
    let template = SPEC.child("template");
    let metadata = template.child("metadata");
    let path = metadata.child("labels");
    let labels = spec.at("template").at("metadata").at("labels");
    let [old_name, new_name] = NAME_LABELS;
    let [old_uid, new_uid] = UID_LABELS;
    let expected = [
        (old_uid, object.uid()),
        (old_name, object.name()),
        (new_uid, object.uid()),
        (new_name, object.name()),
    ];
    for (key, value) in expected {
        let detail = format!("must be '{value}'");
        match labels.maybe_text(key) {
            None => errors.required(&path.key(key), detail),
            Some(found) if found != value => errors.invalid(&path.key(key), labels, detail),
            Some(_) => {}
        }
    }
    let expected: Value = expected
        .iter()
        .map(|(key, value)| ((*key).to_owned(), Value::from(*value)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let mut ignored = FieldErrors::new();
    let path = SPEC.child("selector");
    let is_valid = valid_selector(&mut ignored, &path, selector);
    if is_valid && !label_selector::matches(selector, &expected) {
        errors.invalid_text(
            &path,
            label_selector::printed(selector),
            "`selector` not auto-generated",
        );
    }
}

/// The pods of an indexed job take their names from the job's.
pub(super) fn name(errors: &mut FieldErrors, object: &Object) {
    let spec = object.at("spec");
    let completions = spec.number("completions");
    if spec.text("completionMode") != "Indexed" || completions <= 0 {
        return;
    }
    let name = object.name();
    let host = format!("{name}-{}", completions - 1);
    if !check_label(&host).is_empty() {
        errors.invalid(
            &FieldPath::new("metadata").child("name"),
            &name.into(),
            format!("will not able to create pod with invalid DNS label: {host}"),
        );
    }
}

/// Everything that is wrong with the spec of a job itself.
pub(super) fn of_job(errors: &mut FieldErrors, spec: &Value) {
    any(errors, &SPEC, spec);
    let path = SPEC.child("selector");
    let selector = spec.at("selector");
    if selector.is_null() {
        errors.required(&path, "");
    }
    if valid_selector(errors, &path, selector) {
        matching_template(errors, &SPEC.child("template"), spec);
    }
}

/// Everything that is wrong with the spec of a job, or of the jobs of a cron job.
pub(in crate::resources::batch) fn any(errors: &mut FieldErrors, path: &FieldPath, spec: &Value) {
    let numbers = [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
    ];
    counters(errors, path, spec, &numbers);
    if spec.has("maxFailedIndexes") && !spec.has("backoffLimitPerIndex") {
        let path = path.child("backoffLimitPerIndex");
        errors.required(&path, "when maxFailedIndexes is specified");
    }
    if let Some(manager) = spec.maybe_text("managedBy") {
        managed_by(errors, &path.child("managedBy"), manager);
    }
    completion_mode(errors, path, spec);
    policy::validate(errors, path, spec);
    let template = path.child("template");
    pod_template::validate(errors, &template, spec.at("template"));
    let pods = template.child("spec");
    restart_policy(errors, &pods.child("restartPolicy"), spec);
}

/// Who looks after the job: a path under a domain.
fn managed_by(errors: &mut FieldErrors, path: &FieldPath, text: &str) {
    let is_path = |b: u8| b.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:".contains(&b);
    let parts = text
        .split_once('/')
        .filter(|(domain, rest)| !domain.is_empty() && !rest.is_empty());
    match parts {
        _ if text.is_empty() => errors.required(path, ""),
        None => errors.invalid(
            path,
            &text.into(),
            "must be a domain-prefixed path (such as \"acme.io/foo\")",
        ),
        Some((domain, rest)) => {
            report(errors, path, domain, check_subdomain(domain));
            if !rest.bytes().all(is_path) {
                errors.invalid(
                    path,
                    &rest.into(),
                    "Invalid path (regex used for validation is \
                     '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')",
                );
            }
        }
    }
    if text.len() > 63 {
        errors.too_long(path, 63);
    }
}

fn completion_mode(errors: &mut FieldErrors, path: &FieldPath, spec: &Value) {
    let mode = spec.maybe_text("completionMode");
    if let Some(mode) = mode {
        let path = path.child("completionMode");
        one_of(errors, &path, mode, &["NonIndexed", "Indexed"]);
    }
    if mode == Some("Indexed") {
        indexed(errors, path, spec);
    }
    if matches!(mode, None | Some("NonIndexed")) {
        for field in ["backoffLimitPerIndex", "maxFailedIndexes"] {
            if let Some(value) = spec.maybe(field) {
                let detail = "requires indexed completion mode";
                errors.invalid(&path.child(field), value, detail);
            }
        }
    }
}

const WORDS: &str = "must be less than or equal to 10000 when completions are above 100000 and \
                         used with backoff limit per index";

fn indexed(errors: &mut FieldErrors, path: &FieldPath, spec: &Value) {
    let completions = spec.integer("completions");
    let failed = spec.integer("maxFailedIndexes");
    let parallelism = spec.number("parallelism");
    let (parallelism_path, failed_path) =
        (path.child("parallelism"), path.child("maxFailedIndexes"));
    if completions.is_none() {
        let path = path.child("completions");
        errors.required(&path, "when completion mode is Indexed");
    }
    if parallelism > 100_000 {
        errors.invalid(
            &parallelism_path,
            &parallelism.into(),
            "must be less than or equal to 100000 when completion mode is Indexed",
        );
    }
    if let (Some(completions), Some(failed)) = (completions, failed)
        && failed > completions
    {
        let detail = "must be less than or equal to completions";
        errors.invalid(&failed_path, &failed.into(), detail);
    }
    if let Some(failed) = failed.filter(|failed| *failed > 100_000) {
        let detail = "must be less than or equal to 100000";
        errors.invalid(&failed_path, &failed.into(), detail);
    }
    let is_large = completions.is_some_and(|completions| completions > 100_000);
    if !is_large || !spec.has("backoffLimitPerIndex") {
        return;
    }
    if failed.is_none() {
        let detail = "must be specified when completions is above 100000";
        errors.required(&failed_path, detail);
    }
    if parallelism > 10_000 {
        errors.invalid(&parallelism_path, &parallelism.into(), WORDS);
    }
    if let Some(failed) = failed.filter(|failed| *failed > 10_000) {
        errors.invalid(&failed_path, &failed.into(), WORDS);
    }
}

fn restart_policy(errors: &mut FieldErrors, path: &FieldPath, spec: &Value) {
    let policy = spec.at("template").at("spec").text("restartPolicy");
    match policy {
        "Always" | "" => errors.required(path, "valid values: \"OnFailure\", \"Never\""),
        "Never" => {}
        "OnFailure" => {
            if spec.has("podFailurePolicy") {
                errors.invalid(
                    path,
                    &policy.into(),
                    "only \"Never\" is supported when podFailurePolicy is specified",
                );
            }
        }
        other => errors.not_supported(path, &other.into(), &["OnFailure", "Never"]),
    }
}
