//! Pods stay five minutes on a node that is not ready or cannot be reached, unless they say
//! otherwise.
//!
//! *Upstream:* `plugin/pkg/admission/defaulttolerationseconds/admission.go`.

use serde_json::{Value, json};

use super::is_of_pods;
use crate::admission::{Attributes, Plugin};
use crate::error::ApiError;
use crate::object::Object;

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub(in crate::admission::plugins) struct DefaultTolerationSeconds;

impl Plugin for DefaultTolerationSeconds {
    fn name(&self) -> &'static str {
        "DefaultTolerationSeconds"
    }

    fn mutate(&self, write: &Attributes, object: &mut Object) -> Result<(), ApiError> {
        if !is_of_pods(write) {
            return Ok(());
        }
        let own = object.items(&["spec", "tolerations"]);
        let text = |toleration: &Value, name: &str| {
            let value = toleration.get(name).and_then(Value::as_str);
            value.unwrap_or("").to_owned()
        };
        let is_tolerated = |taint: &str| {
            own.iter().any(|toleration| {
                let (key, effect) = (text(toleration, "key"), text(toleration, "effect"));
                (key == taint || key.is_empty()) && (effect == "NoExecute" || effect.is_empty())
            })
        };
        let missing: Vec<Value> = [
            "node.kubernetes.io/not-ready",
            "node.kubernetes.io/unreachable",
        ]
        .into_iter()
        .filter(|taint| !is_tolerated(taint))
        .map(|taint| {
            json!({
                "key": taint,
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": 300,
            })
        })
        .collect();
        if !missing.is_empty() {
            let mut all = own.to_vec();
            all.extend(missing);
            object.set(&["spec", "tolerations"], all);
        }
        Ok(())
    }
}
