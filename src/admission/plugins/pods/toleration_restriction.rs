//! Pods tolerate what their namespace, or the cluster, lets them tolerate.
//!
//! *Upstream:* `plugin/pkg/admission/podtolerationrestriction/admission.go`,
//! `pkg/util/tolerations/tolerations.go`.

use serde_json::{Value, json};

use super::{is_of_pods, namespace_of, plain};
use crate::admission::plugins::usage;
use crate::admission::{Attributes, Operation, Plugin};
use crate::error::ApiError;
use crate::object::Object;

/// What pods of a namespace tolerate without asking, and what they may.
const DEFAULT: &str = "scheduler.alpha.kubernetes.io/defaultTolerations";
const ALLOWED: &str = "scheduler.alpha.kubernetes.io/tolerationsWhitelist";

/// The plugin: what holds where a namespace says nothing.
#[derive(Clone, Debug, Default)]
pub(in crate::admission::plugins) struct PodTolerationRestriction {
    default: Vec<Value>,
    allowed: Vec<Value>,
}

impl PodTolerationRestriction {
    /// As a `Configuration` of `podtolerationrestriction.admission.k8s.io` says.
    pub(in crate::admission::plugins) fn configured(settings: &Value) -> Result<Self, String> {
        let list = |field: &str| match &settings[field] {
            Value::Null => Ok(Vec::new()),
            Value::Array(list) => Ok(list.clone()),
            _ => Err(format!("{field}: expected a list")),
        };
        Ok(Self {
            default: list("default")?,
            allowed: list("whitelist")?,
        })
    }
}

/// What an annotation of the namespace lists; `None` where it is not there.
fn annotated(write: &Attributes, key: &str) -> Result<Option<Vec<Value>>, ApiError> {
    let namespace = namespace_of(write)?;
    let Some(text) = namespace.get(&["metadata", "annotations", key]) else {
        return Ok(None);
    };
    let text = text.as_str().unwrap_or("");
    if text.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let list = serde_json::from_str::<Vec<Value>>(text);
    list.map(Some).map_err(|error| plain(error.to_string()))
}

impl Plugin for PodTolerationRestriction {
    fn name(&self) -> &'static str {
        "PodTolerationRestriction"
    }

    fn mutate(&self, write: &Attributes, object: &mut Object) -> Result<(), ApiError> {
        if !is_of_pods(write) {
            return Ok(());
        }
        let mut extra = Vec::new();
        if write.operation == Operation::Create {
            let given = annotated(write, DEFAULT)?;
            extra = given.unwrap_or_else(|| self.default.clone());
        }
        if asks_for_something(object) {
            extra.push(json!({
                "key": "node.kubernetes.io/memory-pressure",
                "operator": "Exists",
                "effect": "NoSchedule",
            }));
        }
        if !extra.is_empty() {
            let mut all = object.items(&["spec", "tolerations"]).to_vec();
            all.extend(extra);
            object.set(&["spec", "tolerations"], merged(&all));
        }
        self.validate(write, Some(object))
    }

    fn validate(&self, write: &Attributes, object: Option<&Object>) -> Result<(), ApiError> {
        let Some(object) = object.filter(|_| is_of_pods(write)) else {
            return Ok(());
        };
        let own = object.items(&["spec", "tolerations"]);
        if own.is_empty() {
            return Ok(());
        }
        let given = annotated(write, ALLOWED)?;
        let scope = if given.is_some() {
            "namespace"
        } else {
            "cluster"
        };
        let allowed = given.as_ref().unwrap_or(&self.allowed);
        let is_allowed = |own: &Value| allowed.iter().any(|wider| is_wider(wider, own));
        if allowed.is_empty() || own.iter().all(is_allowed) {
            return Ok(());
        }
        Err(plain(format!(
            "pod tolerations (possibly merged with namespace default tolerations) conflict with \
             its {scope} whitelist"
        )))
    }
}

/// Whether a pod is more than best effort: it asks for processors or memory.
fn asks_for_something(pod: &Object) -> bool {
    let class = pod.text(&["status", "qosClass"]);
    if !class.is_empty() {
        return class != "BestEffort";
    }
    let mut all = vec![pod.get(&["spec"]).unwrap_or(&Value::Null)];
    for list in ["containers", "initContainers"] {
        all.extend(pod.items(&["spec", list]));
    }
    all.iter().any(|one| {
        ["requests", "limits"].iter().any(|which| {
            let amounts = usage::of_map(one["resources"].get(which));
            let mut amounts = amounts.iter();
            amounts.any(|(name, amount)| {
                matches!(name.as_str(), "cpu" | "memory") && !amount.is_zero()
            })
        })
    })
}

/// Tolerations without those that others cover.
fn merged(all: &[Value]) -> Vec<Value> {
    let mut merged: Vec<Value> = Vec::new();
    for (index, one) in all.iter().enumerate() {
        let is_covered = merged.iter().any(|other| is_wider(other, one))
            || all[index + 1..]
                .iter()
                .any(|other| !is_same(other, one) && is_wider(other, one));
        if !is_covered {
            merged.push(one.clone());
        }
    }
    merged
}

const FIELDS: [&str; 5] = ["key", "operator", "value", "effect", "tolerationSeconds"];

fn is_same(one: &Value, other: &Value) -> bool {
    FIELDS.iter().all(|field| one[field] == other[field])
}

/// Whether one toleration tolerates all that another does.
fn is_wider(wider: &Value, other: &Value) -> bool {
    let text = |one: &Value, field: &str| one[field].as_str().unwrap_or("").to_owned();
    let operator = text(wider, "operator");
    if is_same(wider, other) {
        return true;
    }
    let (key, effect) = (text(wider, "key"), text(wider, "effect"));
    if text(other, "key") != key && (!key.is_empty() || operator != "Exists") {
        return false;
    }
    if !effect.is_empty() && text(other, "effect") != effect {
        return false;
    }
    if effect == "NoExecute"
        && let Some(most) = wider["tolerationSeconds"].as_i64()
        && other["tolerationSeconds"]
            .as_i64()
            .is_none_or(|own| own > most)
    {
        return false;
    }
    match operator.as_str() {
        "" | "Equal" => {
            text(other, "operator") == "Equal" && text(other, "value") == text(wider, "value")
        }
        operator => operator == "Exists",
    }
}
