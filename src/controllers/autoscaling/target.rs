//! What an autoscaler scales: where its replicas stand, and which pods it has.
//!
//! *Upstream:* `pkg/controller/podautoscaler/horizontal.go` (`scaleForResourceMappings`,
//! `validateAndParseSelector`).

use std::sync::Arc;

use serde_json::{Value, json};

use crate::object::selector::LabelSelector;
use crate::object::{GroupVersion, Object};
use crate::runner::kinds::{HORIZONTAL_POD_AUTOSCALERS, PODS};
use crate::runner::{Kind, Step, World};

/// What is wrong with a selector: the condition's reason, the event's, the condition's message,
/// and what is wrong.
pub(super) type Refused = Box<(&'static str, &'static str, String, String)>;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Target {
    kind: Kind,
    object: Arc<Object>,
    /// What is asked for.
    pub(super) replicas: i64,
    /// What there is.
    pub(super) there: i64,
    selector: Option<String>,
}

impl Target {
    /// The target of an autoscaler.
    pub(super) fn find(world: &World, hpa: &Object) -> Result<Self, String> {
        let of = |field: &str| hpa.text(&["spec", "scaleTargetRef", field]);
        let (kind, name) = (of("kind"), of("name"));
        let version = of("apiVersion");
        let group = GroupVersion::parse(version).map(|version| version.group);
        let Some(group) = group else {
            return Err(format!("unexpected GroupVersion string: {version}"));
        };
        let kinds = world.kinds();
        let found = kinds
            .iter()
            .find(|one| *one.kind == *kind && one.group_version.group == group);
        let Some(found) = found else {
            return Err(format!("no matches for kind {kind:?} in group \"{group}\""));
        };
        let Some(object) = world.get(found, hpa.namespace(), name) else {
            let dot = if group.is_empty() { "" } else { "." };
            return Err(format!("{}{dot}{group} {name:?} not found", found.plural));
        };
        let Some(path) = world.replicas_path(found) else {
            return Err("the server could not find the requested resource".to_owned());
        };
        let version = &found.group_version;
        let resource = world
            .catalog()
            .resource(&version.group, &version.version, &found.plural);
        let custom = resource.as_ref().and_then(|one| one.custom.as_ref());
        let scale = custom.and_then(|custom| custom.scale.as_ref());
        let there = scale.and_then(|scale| scale["statusReplicasPath"].as_str());
        let number = |path: &str| number_at(&object, path);
        let selector = match scale {
            Some(scale) => scale["labelSelectorPath"]
                .as_str()
                .and_then(|path| at(&object, path)?.as_str().map(str::to_owned)),
            None => selector_text(&object),
        };
        Ok(Self {
            kind: found.clone(),
            replicas: number(&path),
            there: number(there.unwrap_or(".status.replicas")),
            selector: selector.filter(|text| !text.is_empty()),
            object,
        })
    }

    /// The write that scales it.
    pub(super) fn scale_to(&self, replicas: i64) -> Step {
        let scale = json!({
            "apiVersion": "autoscaling/v1",
            "kind": "Scale",
            "metadata": {
                "name": self.object.name(),
                "namespace": self.object.namespace(),
                "uid": self.object.uid(),
                "resourceVersion": self.object.resource_version(),
            },
            "spec": {"replicas": replicas},
        });
        let scale = Object::from_value(scale).unwrap_or_default();
        Step::update(&self.kind, scale).subresource("scale")
    }

    /// Which pods it has, and nobody else's autoscaler.
    pub(super) fn selector(&self, world: &World, hpa: &Object) -> Result<LabelSelector, Refused> {
        let Some(text) = &self.selector else {
            return Err(Box::new((
                "InvalidSelector",
                "SelectorRequired",
                "the HPA target's scale is missing a selector".to_owned(),
                "selector is required".to_owned(),
            )));
        };
        let invalid =
            |reason: &'static str, why: String| Box::new((reason, reason, why.clone(), why));
        let selector = LabelSelector::parse(text).map_err(|error| {
            let what = "couldn't convert selector into a corresponding internal selector object";
            invalid("InvalidSelector", format!("{what}: {error}"))
        })?;
        let pods = world.select(&PODS, hpa.namespace(), &selector);
        let others = world.list(&HORIZONTAL_POD_AUTOSCALERS, hpa.namespace());
        let rivals = others.iter().filter(|other| {
            if other.uid() == hpa.uid() {
                return !pods.is_empty();
            }
            let selector = Self::find(world, other)
                .ok()
                .and_then(|target| target.selector);
            let selector = selector.and_then(|text| LabelSelector::parse(&text).ok());
            selector.is_some_and(|other| pods.iter().any(|pod| other.matches_object(pod)))
        });
        let rivals: Vec<String> = rivals
            .map(|other| format!("{}/{}", other.namespace(), other.name()))
            .take(2)
            .collect();
        if rivals.len() > 1 {
            let rivals = rivals.join(" ");
            let why = format!(
                "pods by selector {text} are controlled by more than one HPA (e.g. [{rivals}])"
            );
            return Err(invalid("AmbiguousSelector", why));
        }
        Ok(selector)
    }
}

fn at<'a>(object: &'a Object, path: &str) -> Option<&'a Value> {
    let parts: Vec<&str> = path.trim_start_matches('.').split('.').collect();
    object.get(&parts)
}

fn number_at(object: &Object, path: &str) -> i64 {
    at(object, path).and_then(Value::as_i64).unwrap_or(0)
}

/// The selector of a built-in kind, as a scale has it.
fn selector_text(object: &Object) -> Option<String> {
    let selector = object.get(&["spec", "selector"])?;
    let is_plain =
        selector.get("matchLabels").is_none() && selector.get("matchExpressions").is_none();
    let labels = if is_plain {
        Some(selector)
    } else {
        selector.get("matchLabels")
    };
    let labels = labels.and_then(Value::as_object).into_iter().flatten();
    let mut parts: Vec<String> = labels
        .filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?)))
        .collect();
    let rules = selector.get("matchExpressions").and_then(Value::as_array);
    for rule in rules.into_iter().flatten() {
        let key = rule["key"].as_str()?;
        let values = rule["values"].as_array().into_iter().flatten();
        let mut values: Vec<&str> = values.filter_map(Value::as_str).collect();
        values.sort_unstable();
        let values = values.join(",");
        parts.push(match rule["operator"].as_str()? {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "Exists" => key.to_owned(),
            _ => format!("!{key}"),
        });
    }
    parts.sort();
    Some(parts.join(","))
}
