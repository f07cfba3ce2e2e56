//! Horizontal pod autoscalers.
//!
//! *Upstream:* `pkg/registry/autoscaling/horizontalpodautoscaler/strategy.go`,
//! `pkg/apis/autoscaling/{v1,v2}/defaults.go`, `pkg/apis/autoscaling/validation/validation.go`.

use serde_json::{Map, Value, json};

use super::{behavior, metric, versions};
use crate::error::FieldErrors;
use crate::object::{FieldPath, GroupVersion, Object};
use crate::registry::meta::names::check_path_segment;
use crate::registry::{Context, Strategy};
use crate::resources::shared::look::Look;
use crate::resources::shared::names;
use crate::schema::{Resource, normalise};

const SPEC: FieldPath = FieldPath::new("spec");
const STATUS: FieldPath = FieldPath::new("status");

/// What is special about horizontal pod autoscalers.
#[derive(Clone, Copy, Debug)]
pub(super) struct AutoscalerStrategy;

impl Strategy for AutoscalerStrategy {
    fn default(&self, object: &mut Object) {
        let is_v2 = object.api_version() == "autoscaling/v2";
        if let Some(spec) = spec_of(object) {
            if spec.integer("minReplicas").is_none() {
                spec.insert("minReplicas".to_owned(), 1.into());
            }
            if is_v2 {
                fill(spec);
            }
        }
    }

    fn tells_empty_from_none(&self) -> bool {
        true
    }

    fn validate_create(&self, _cx: &Context, object: &Object) -> FieldErrors {
        validate(object, None)
    }

    fn validate_update(&self, cx: &Context, object: &Object, old: &Object) -> FieldErrors {
        if cx.subresource == "status" {
            return status(object);
        }
        validate(object, Some(old))
    }

    fn complete_stored(&self, object: &mut Object) {
        if let Some(spec) = spec_of(object) {
            fill(spec);
        }
    }

    fn counts_generation(&self) -> bool {
        true
    }

    fn convert(&self, object: Object, _from: &GroupVersion, to: &Resource) -> Object {
        let mut object = if to.group_version.version.as_ref() == "v1" {
            versions::to_v1(object)
        } else {
            let mut object = versions::to_v2(object);
            if let Some(spec) = spec_of(&mut object) {
                fill_metrics(spec);
            }
            object
        };
        object.set_type(&to.group_version.to_string(), &to.kind);
        normalise::apply(object.as_map_mut(), &to.schema);
        object
    }
}

fn spec_of(object: &mut Object) -> Option<&mut Map<String, Value>> {
    object.get_mut(&["spec"]).and_then(Value::as_object_mut)
}

/// Defaults of v2.
fn fill(spec: &mut Map<String, Value>) {
    fill_metrics(spec);
    if let Some(rules) = spec.get_mut("behavior").and_then(Value::as_object_mut) {
        behavior::fill(rules);
    }
}

fn fill_metrics(spec: &mut Map<String, Value>) {
    if spec.list("metrics").is_empty() {
        let metric = json!({
            "type": "Resource",
            "resource": {
                "name": "cpu",
                "target": {"type": "Utilization", "averageUtilization": 80},
            },
        });
        spec.insert("metrics".to_owned(), json!([metric]));
    }
}

fn validate(object: &Object, old: Option<&Object>) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = object.at("spec");
    replicas(&mut errors, spec);
    let target = spec.at("scaleTargetRef");
    let is_known = old.is_some_and(|old| {
        let before = old.at("spec").at("scaleTargetRef");
        before.text("apiVersion") == target.text("apiVersion")
            && before.text("kind") == target.text("kind")
    });
    let rule = match target.text("kind") {
        _ if is_known => GroupRule::Any,
        "ReplicationController" => GroupRule::CoreToo,
        _ => GroupRule::NotCore,
    };
    reference(&mut errors, &SPEC.child("scaleTargetRef"), target, rule);
    let path = SPEC.child("metrics");
    for (index, metric) in spec.list("metrics").iter().enumerate() {
        metric::validate(&mut errors, &path.index(index), metric);
    }
    let scales_to_zero = spec
        .list("metrics")
        .iter()
        .any(|metric| matches!(metric.text("type"), "Object" | "External"));
    if spec.integer("minReplicas") == Some(0) && !scales_to_zero {
        let detail = "must specify at least one Object or External metric to support scaling to \
                      zero replicas";
        errors.forbidden(&path, detail);
    }
    for direction in ["scaleUp", "scaleDown"] {
        if let Some(rules) = spec.at("behavior").maybe(direction) {
            let path = SPEC.child("behavior");
            behavior::validate(&mut errors, &path.child(direction), rules);
        }
    }
    errors
}

fn replicas(errors: &mut FieldErrors, spec: &Value) {
    let min = spec.integer("minReplicas");
    let max = spec.number("maxReplicas");
    if let Some(min) = min {
        let path = SPEC.child("minReplicas");
        errors.declared(|errors| names::non_negative(errors, &path, min));
    }
    let path = SPEC.child("maxReplicas");
    errors.declared(|errors| {
        if max == 0 {
            errors.required(&path, "");
        } else if max < 0 {
            errors.invalid(&path, &max.into(), "must be greater than or equal to 1");
        }
    });
    if min.is_some_and(|min| max < min) {
        errors.invalid(
            &path,
            &max.into(),
            "must be greater than or equal to `minReplicas`",
        );
    }
}

/// Which groups a reference may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GroupRule {
    /// Whatever stands there stands.
    Any,
    /// Any group, the core one included.
    CoreToo,
    /// Any group but the core one.
    NotCore,
}

/// A reference to an object of any kind.
pub(super) fn reference(
    errors: &mut FieldErrors,
    path: &FieldPath,
    reference: &Value,
    rule: GroupRule,
) {
    for field in ["kind", "name"] {
        let text = reference.text(field);
        let path = path.child(field);
        if text.is_empty() {
            errors.required(&path, "");
        } else {
            names::report(errors, &path, text, check_path_segment(text));
        }
    }
    if rule == GroupRule::Any {
        return;
    }
    let version = reference.text("apiVersion");
    let wrong = match GroupVersion::parse(version) {
        None => format!("unexpected GroupVersion string: {version}"),
        Some(found) if found.group.is_empty() && rule == GroupRule::NotCore => {
            "apiVersion must specify API group".to_owned()
        }
        Some(_) => return,
    };
    errors.invalid(&path.child("apiVersion"), &version.into(), wrong);
}

fn status(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let status = object.at("status");
    let path = STATUS.child("conditions");
    for (index, condition) in status.list("conditions").iter().enumerate() {
        let generation = condition.number("observedGeneration");
        let path = path.index(index);
        names::non_negative(&mut errors, &path.child("observedGeneration"), generation);
    }
    for field in ["currentReplicas", "desiredReplicas"] {
        names::non_negative(&mut errors, &STATUS.child(field), status.number(field));
    }
    errors
}
