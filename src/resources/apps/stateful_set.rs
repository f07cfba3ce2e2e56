//! Stateful sets.
//!
//! *Upstream:* `pkg/registry/apps/statefulset/strategy.go`,
//! `pkg/apis/apps/v1/{conversion,defaults}.go`, `pkg/apis/apps/validation/validation.go`.

use serde_json::{Map, Value, json};

use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::registry::Context;
use crate::registry::strategy::NameRule;
use crate::resources::shared::look::{Look, child, each, fill, fill_text};
use crate::resources::shared::names::{label, one_of};
use crate::resources::shared::plain::Plain;
use crate::resources::shared::pod_template::{self, annotations, defaults, warnings};
use crate::resources::shared::workload::{self, SPEC, counters, immutable_struct};
use crate::resources::shared::{claim_spec, label_selector};
use crate::schema::go_struct;

pub(super) static STATEFUL_SET: Plain = Plain {
    complete_empty: workload::complete_empty,
    name_rule: NameRule::Label,
    counts_generation: true,
    default,
    prepare_create: workload::prepare_create,
    prepare_update: workload::prepare_update,
    validate_create,
    validate_update,
    warn,
    ..Plain::DEFAULT
};

fn default(object: &mut Object) {
    workload::default_template(object);
    let Some(spec) = child(object.as_map_mut(), "spec") else {
        return;
    };
    if let Some(strategy) = child(spec, "updateStrategy") {
        update_strategy_defaults(strategy);
    }
    for claim in each(spec, "volumeClaimTemplates") {
        // Whatever it says it is.
        claim.insert("apiVersion".to_owned(), "v1".into());
        claim.insert("kind".to_owned(), "PersistentVolumeClaim".into());
        if let Some(status) = child(claim, "status") {
            fill_text(status, "phase", "Pending");
        }
        if let Some(spec) = child(claim, "spec") {
            fill(spec, "volumeMode", "Filesystem");
            if let Some(resources) = child(spec, "resources") {
                defaults::round(resources.get_mut("limits"));
                defaults::round(resources.get_mut("requests"));
            }
        }
    }
}

/// Only who says no type at all gets the settings of rolling updates with it.
fn update_strategy_defaults(strategy: &mut Map<String, Value>) {
    if strategy.text("type").is_empty() {
        fill_text(strategy, "type", "RollingUpdate");
        fill(strategy, "rollingUpdate", json!({}));
    }
    let is_rolling = strategy.text("type") == "RollingUpdate";
    let rolling = strategy.get_mut("rollingUpdate");
    if let Some(rolling) = rolling.and_then(Value::as_object_mut) {
        fill(rolling, "partition", 0);
        if is_rolling {
            fill(rolling, "maxUnavailable", 1);
        }
    }
}

fn warn(cx: &Context, object: &Object, old: Option<&Object>) {
    if cx.subresource == "status" {
        return;
    }
    workload::warn_of_template(cx, object, old);
    let spec = object.at("spec");
    let list = SPEC.child("volumeClaimTemplates");
    for (i, claim) in spec.list("volumeClaimTemplates").iter().enumerate() {
        let mut found = Vec::new();
        let path = list.index(i);
        if old.is_none() {
            warnings::claim_spec(&path, claim.at("spec"), &mut found);
        } else {
            warnings::claim_spec(&path.child("Spec"), claim.at("spec"), &mut found);
        }
        for warning in found {
            cx.warn(warning);
        }
    }
    if spec.number("revisionHistoryLimit") < 0 {
        cx.warn(
            "spec.revisionHistoryLimit: a negative value retains all historical revisions; a \
             value >= 0 is recommended",
        );
    }
}

fn validate_create(_cx: &Context, object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = object.at("spec");
    policies(&mut errors, spec);
    let list = SPEC.child("volumeClaimTemplates");
    for (i, claim) in spec.list("volumeClaimTemplates").iter().enumerate() {
        let path = list.index(i);
        claim_spec::spec(&mut errors, &path.child("spec"), claim.at("spec"));
    }
    rest(&mut errors, spec, true);
    errors
}

fn validate_update(cx: &Context, object: &Object, old: &Object) -> FieldErrors {
    if let Some(errors) = workload::validate_status(cx, object, old, status) {
        return errors;
    }
    let mut errors = FieldErrors::new();
    let (new, old) = (object.at("spec"), old.at("spec"));
    policies(&mut errors, new);
    rest(&mut errors, new, false);
    let same = |errors: &mut FieldErrors, field: &str, kind: &str| {
        immutable_struct(
            errors,
            &SPEC.child(field),
            kind,
            new.at(field),
            old.at(field),
        );
    };
    same(&mut errors, "selector", "*meta.LabelSelector");
    same(
        &mut errors,
        "volumeClaimTemplates",
        "[]core.PersistentVolumeClaim",
    );
    same(&mut errors, "serviceName", "string");
    same(&mut errors, "podManagementPolicy", "string");
    errors
}

fn policies(errors: &mut FieldErrors, spec: &Value) {
    let path = SPEC.child("podManagementPolicy");
    match spec.text("podManagementPolicy") {
        "" => errors.required(&path, ""),
        "OrderedReady" | "Parallel" => {}
        other => errors.invalid(&path, &other.into(), "must be 'OrderedReady' or 'Parallel'"),
    }
    update_strategy(
        errors,
        &SPEC.child("updateStrategy"),
        spec.at("updateStrategy"),
    );
    if let Some(policy) = spec.maybe("persistentVolumeClaimRetentionPolicy") {
        let path = SPEC.child("persistentVolumeClaimRetentionPolicy");
        for field in ["whenDeleted", "whenScaled"] {
            let path = path.child(field);
            one_of(errors, &path, policy.text(field), &["Retain", "Delete"]);
        }
    }
}

fn update_strategy(errors: &mut FieldErrors, path: &FieldPath, strategy: &Value) {
    let rolling_path = path.child("rollingUpdate");
    match (strategy.text("type"), strategy.maybe("rollingUpdate")) {
        ("", _) => errors.required(path, ""),
        ("OnDelete", Some(rolling)) => errors.invalid_text(
            &rolling_path,
            go_struct::print("apps.RollingUpdateStatefulSetStrategy", rolling),
            "only allowed for updateStrategy 'RollingUpdate'",
        ),
        ("RollingUpdate", Some(rolling)) => {
            counters(errors, &rolling_path, rolling, &["partition"]);
            let path = rolling_path.child("maxUnavailable");
            if let Some(value) = rolling.maybe("maxUnavailable") {
                workload::check_number_or_percent(errors, &path, value);
                if workload::number_or_percent(value) == 0 {
                    errors.invalid(&path, value, "cannot be 0");
                }
                workload::at_most_hundred_percent(errors, &path, value);
            }
        }
        ("OnDelete" | "RollingUpdate", None) => {}
        _ => errors.invalid_text(
            path,
            go_struct::print("apps.StatefulSetUpdateStrategy", strategy),
            "must be 'RollingUpdate' or 'OnDelete'",
        ),
    }
}

fn rest(errors: &mut FieldErrors, spec: &Value, is_new: bool) {
    counters(errors, &SPEC, spec, &["replicas", "minReadySeconds"]);
    let start = spec.at("ordinals").number("start");
    if start < 0 {
        let detail = "must be greater than or equal to 0";
        errors.invalid(&SPEC.child("ordinals.start"), &start.into(), detail);
    }
    let service = spec.text("serviceName");
    if is_new && !service.is_empty() {
        label(errors, &SPEC.child("serviceName"), service);
    }
    if workload::required_selector(errors, spec, "statefulset") {
        template(errors, spec);
    } else {
        errors.invalid_text(
            &SPEC.child("selector"),
            label_selector::printed(spec.at("selector")),
            "",
        );
    }
    let pods = spec.at("template").at("spec");
    let template = SPEC.child("template");
    let path = template.child("spec");
    let policy = pods.text("restartPolicy");
    if policy != "Always" {
        errors.not_supported(&path.child("restartPolicy"), &policy.into(), &["Always"]);
    }
    if pods.has("activeDeadlineSeconds") {
        let detail = "activeDeadlineSeconds in StatefulSet is not Supported";
        errors.forbidden(&path.child("activeDeadlineSeconds"), detail);
    }
}

/// The template, with the volumes its pods will have and without the names they will be given.
fn template(errors: &mut FieldErrors, spec: &Value) {
    let path = SPEC.child("template");
    let selector = spec.at("selector");
    if selector.is_null() || !label_selector::is_empty(selector) {
        workload::matching_template(errors, &path, spec);
    }
    let claims = spec.list("volumeClaimTemplates");
    let own = spec.at("template");
    let is_named = ["subdomain", "hostname"]
        .iter()
        .any(|f| own.at("spec").has(f));
    let mut complete;
    let template = if is_named || !claims.is_empty() {
        complete = own.clone();
        if let Some(pods) = complete.get_mut("spec").and_then(Value::as_object_mut) {
            pods.remove("subdomain");
            pods.remove("hostname");
            add_claims(pods, claims);
        }
        &complete
    } else {
        own
    };
    pod_template::validate(errors, &path, template);
    // Upstream looks at the metadata twice.
    let metadata = template.at("metadata");
    label_selector::labels(errors, &path.child("labels"), metadata.at("labels"));
    let path = path.child("annotations");
    label_selector::annotations(errors, &path, metadata.at("annotations"));
    annotations::validate(errors, &path, metadata, template.at("spec"));
}

fn add_claims(pods: &mut Map<String, Value>, claims: &[Value]) {
    let name = |claim: &Value| claim.at("metadata").text("name").to_owned();
    let mut names: Vec<String> = claims.iter().map(name).collect();
    names.sort_unstable();
    names.dedup();
    let mut volumes: Vec<Value> = names
        .into_iter()
        .map(|name| json!({ "name": name, "persistentVolumeClaim": { "claimName": name } }))
        .collect();
    let is_own = |volume: &&Value| {
        claims
            .iter()
            .all(|claim| name(claim) != volume.text("name"))
    };
    volumes.extend(pods.list("volumes").iter().filter(is_own).cloned());
    pods.insert("volumes".to_owned(), volumes.into());
}

fn status(errors: &mut FieldErrors, status: &Value) {
    let fields = [
        "replicas",
        "readyReplicas",
        "currentReplicas",
        "updatedReplicas",
        "availableReplicas",
        "observedGeneration",
        "collisionCount",
    ];
    let parts = [
        "readyReplicas",
        "currentReplicas",
        "updatedReplicas",
        "availableReplicas",
    ];
    workload::status_counters(errors, status, &fields, &parts, "status.readyReplicas");
}
