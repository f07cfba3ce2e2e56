//! Pods stay five minutes on a node that is not ready or cannot be reached, unless they say
//! otherwise.
//!
//! *Upstream:* `plugin/pkg/admission/defaulttolerationseconds/admission.go`.

use serde_json::{Value, json};

use super::is_of_pods;
use crate::admission::{Attributes, Plugin};
use crate::error::ApiError;
use crate::object::Object;

/// How long pods stay where nobody says otherwise, in seconds.
const SECONDS: i64 = 300;

/// The plugin: for how many seconds a node may be without word, and out of reach.
#[derive(Clone, Copy, Debug)]
pub(in crate::admission::plugins) struct DefaultTolerationSeconds {
    not_ready: i64,
    unreachable: i64,
}

impl DefaultTolerationSeconds {
    /// As `notReady` and `unreachable` say.
    pub(in crate::admission::plugins) fn configured(settings: &Value) -> Self {
        let seconds = |field: &str| settings[field].as_i64().unwrap_or(SECONDS);
        Self {
            not_ready: seconds("notReady"),
            unreachable: seconds("unreachable"),
        }
    }
}

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
            ("node.kubernetes.io/not-ready", self.not_ready),
            ("node.kubernetes.io/unreachable", self.unreachable),
        ]
        .into_iter()
        .filter(|(taint, _)| !is_tolerated(taint))
        .map(|(taint, seconds)| {
            json!({
                "key": taint,
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": seconds,
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
