//! Pods run on the nodes that their namespace is for.
//!
//! *Upstream:* `plugin/pkg/admission/podnodeselector/admission.go`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{is_of_pods, namespace_of, plain};
use crate::admission::{Attributes, Operation, Plugin};
use crate::error::ApiError;
use crate::object::Object;

/// The annotation of a namespace that says which nodes it is for.
const ANNOTATION: &str = "scheduler.alpha.kubernetes.io/node-selector";

/// Under which name the configuration has the nodes of all other namespaces.
const DEFAULT: &str = "clusterDefaultNodeSelector";

type Labels = BTreeMap<String, String>;

/// The plugin: selectors by namespace.
#[derive(Clone, Debug, Default)]
pub(in crate::admission::plugins) struct PodNodeSelector(BTreeMap<String, String>);

impl PodNodeSelector {
    /// As `podNodeSelectorPluginConfig` says.
    pub(in crate::admission::plugins) fn configured(settings: &Value) -> Result<Self, String> {
        let map = &settings["podNodeSelectorPluginConfig"];
        let entries = map.as_object().into_iter().flatten();
        let entries = entries.map(|(namespace, selector)| match selector.as_str() {
            Some(selector) => labels(selector).map(|_| (namespace.clone(), selector.to_owned())),
            None => Err(format!(
                "podNodeSelectorPluginConfig.{namespace}: expected a text"
            )),
        });
        Ok(Self(entries.collect::<Result<_, _>>()?))
    }

    /// The nodes that a namespace is for.
    fn of_namespace(&self, write: &Attributes) -> Result<Labels, ApiError> {
        let namespace = namespace_of(write)?;
        let asked = namespace.text(&["metadata", "annotations", ANNOTATION]);
        let has_any = namespace
            .get(&["metadata", "annotations", ANNOTATION])
            .is_some();
        let fallback = self.0.get(DEFAULT).map_or("", String::as_str);
        labels(if has_any { asked } else { fallback }).map_err(plain)
    }

    fn check(&self, write: &Attributes, object: &Object) -> Result<Labels, ApiError> {
        let refuse = |why: &str| {
            let resource = write.resource.group_resource();
            Err(ApiError::forbidden(&resource, object.name(), why))
        };
        let of_namespace = self.of_namespace(write)?;
        let own = own(object);
        let is_other = |(key, value): (&String, &String)| {
            of_namespace.get(key).is_some_and(|given| given != value)
        };
        if own.iter().any(is_other) {
            return refuse(
                "pod node label selector conflicts with its namespace node label selector",
            );
        }
        Ok(of_namespace)
    }
}

fn own(object: &Object) -> Labels {
    let map = object.get(&["spec", "nodeSelector"]);
    let map = map.and_then(Value::as_object).into_iter().flatten();
    map.map(|(key, value)| (key.clone(), value.as_str().unwrap_or("").to_owned()))
        .collect()
}

/// Labels as `key=value,key=value`.
fn labels(selector: &str) -> Result<Labels, String> {
    let parts = selector.split(',').filter(|_| !selector.is_empty());
    let pairs = parts.map(
        |part| match part.split('=').collect::<Vec<_>>().as_slice() {
            [key, value] => Ok((key.trim().to_owned(), value.trim().to_owned())),
            _ => Err(format!("invalid selector: [{part}]")),
        },
    );
    pairs.collect()
}

impl Plugin for PodNodeSelector {
    fn name(&self) -> &'static str {
        "PodNodeSelector"
    }

    fn mutate(&self, write: &Attributes, object: &mut Object) -> Result<(), ApiError> {
        if !is_of_pods(write) || write.operation != Operation::Create {
            return Ok(());
        }
        let mut all = self.check(write, object)?;
        all.extend(own(object));
        if !all.is_empty() {
            object.set(&["spec", "nodeSelector"], serde_json::json!(all));
        }
        self.validate(write, Some(object))
    }

    fn validate(&self, write: &Attributes, object: Option<&Object>) -> Result<(), ApiError> {
        let is_new = is_of_pods(write) && write.operation == Operation::Create;
        let Some(object) = object.filter(|_| is_new) else {
            return Ok(());
        };
        self.check(write, object)?;
        let allowed = self.0.get(write.namespace).map_or("", String::as_str);
        let allowed = labels(allowed).map_err(plain)?;
        let own = own(object);
        if !allowed.is_empty()
            && own
                .iter()
                .any(|(key, value)| allowed.get(key) != Some(value))
        {
            let why = "pod node label selector labels conflict with its namespace whitelist";
            let resource = write.resource.group_resource();
            return Err(ApiError::forbidden(&resource, object.name(), why));
        }
        Ok(())
    }
}
