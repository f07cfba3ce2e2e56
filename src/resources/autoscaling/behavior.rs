//! How fast an autoscaler scales.
//!
//! *Upstream:* `pkg/apis/autoscaling/v2/defaults.go`,
//! `pkg/apis/autoscaling/validation/validation.go` (`validateScalingRules`).

use serde_json::{Map, Value, json};

use crate::error::FieldErrors;
use crate::object::FieldPath;
use crate::resources::shared::look::Look;
use crate::resources::shared::names;
use crate::resources::shared::quantity::Amount;

const WINDOW_SECONDS_MAX: i64 = 3600;
const PERIOD_SECONDS_MAX: i64 = 1800;

/// Completes the rules of both directions.
pub(super) fn fill(behavior: &mut Map<String, Value>) {
    let percent = json!({"type": "Percent", "value": 100, "periodSeconds": 15});
    let up = json!({
        "stabilizationWindowSeconds": 0,
        "selectPolicy": "Max",
        "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}, percent.clone()],
    });
    let down = json!({"selectPolicy": "Max", "policies": [percent]});
    for (direction, default) in [("scaleUp", up), ("scaleDown", down)] {
        let Value::Object(default) = default else {
            continue;
        };
        let rules = behavior.entry(direction).or_insert(Value::Null);
        if rules.is_null() {
            *rules = json!({});
        }
        let Some(rules) = rules.as_object_mut() else {
            continue;
        };
        for (field, value) in default {
            if rules.maybe(&field).is_none() {
                rules.insert(field, value);
            }
        }
    }
}

/// Checks the rules of one direction.
pub(super) fn validate(errors: &mut FieldErrors, path: &FieldPath, rules: &Value) {
    if let Some(seconds) = rules.integer("stabilizationWindowSeconds") {
        let path = path.child("stabilizationWindowSeconds");
        if seconds < 0 {
            let detail = "must be greater than or equal to zero";
            errors.invalid(&path, &seconds.into(), detail);
        }
        if seconds > WINDOW_SECONDS_MAX {
            let detail = format!("must be less than or equal to {WINDOW_SECONDS_MAX}");
            errors.invalid(&path, &seconds.into(), detail);
        }
    }
    if let Some(policy) = rules.maybe_text("selectPolicy") {
        let known = ["Disabled", "Max", "Min"];
        names::one_of(errors, &path.child("selectPolicy"), policy, &known);
    }
    let policies = path.child("policies");
    if rules.list("policies").is_empty() {
        errors.required(&policies, "must specify at least one Policy");
    }
    for (index, policy) in rules.list("policies").iter().enumerate() {
        self::policy(errors, &policies.index(index), policy);
    }
    let tolerance = Amount::parse(rules.text("tolerance"));
    if tolerance.is_some_and(Amount::is_negative) {
        let detail = "must be greater than or equal to 0";
        errors.invalid(&path.child("tolerance"), rules.at("tolerance"), detail);
    }
}

fn policy(errors: &mut FieldErrors, path: &FieldPath, policy: &Value) {
    names::one_of(
        errors,
        &path.child("type"),
        policy.text("type"),
        &["Percent", "Pods"],
    );
    names::positive(errors, &path.child("value"), policy.number("value"));
    let seconds = policy.number("periodSeconds");
    let path = path.child("periodSeconds");
    names::positive(errors, &path, seconds);
    if seconds > PERIOD_SECONDS_MAX {
        let detail = format!("must be less than or equal to {PERIOD_SECONDS_MAX}");
        errors.invalid(&path, &seconds.into(), detail);
    }
}
