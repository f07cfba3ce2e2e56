//! How many pods there should be, by what their owners want.
//!
//! *Upstream:* `pkg/controller/disruption/disruption.go` (`getExpectedPodCount`,
//! `getExpectedScale`, `finders`).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::controllers::shared::scaled::{self, Round};
use crate::object::Object;
use crate::runner::{Item, Kind, Link, World};

/// How many pods there should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Expected {
    /// All of them.
    pub(super) count: i64,
    /// Those that must stay healthy.
    pub(super) healthy: i64,
    /// Whether nobody controls some of them.
    pub(super) has_unmanaged: bool,
}

/// What a budget asks of its pods.
pub(super) fn of(world: &World, budget: &Object, pods: &[Arc<Object>]) -> Result<Expected, String> {
    let at_most = budget
        .get(&["spec", "maxUnavailable"])
        .filter(|value| !value.is_null());
    if let Some(at_most) = at_most {
        let (count, has_unmanaged) = scale(world, pods)?;
        let healthy = (count - scaled::count(Some(at_most), count, Round::Up)).max(0);
        return Ok(Expected {
            count,
            healthy,
            has_unmanaged,
        });
    }
    match budget.get(&["spec", "minAvailable"]) {
        Some(Value::Number(number)) => Ok(Expected {
            count: i64::try_from(pods.len()).unwrap_or(i64::MAX),
            healthy: number.as_i64().unwrap_or(0),
            has_unmanaged: false,
        }),
        Some(percent @ Value::String(_)) => {
            let (count, has_unmanaged) = scale(world, pods)?;
            Ok(Expected {
                count,
                healthy: scaled::count(Some(percent), count, Round::Up),
                has_unmanaged,
            })
        }
        _ => Ok(Expected::default()),
    }
}

/// How many pods the owners of these want together, and whether nobody owns some of them.
fn scale(world: &World, pods: &[Arc<Object>]) -> Result<(i64, bool), String> {
    let mut scales: BTreeMap<String, i64> = BTreeMap::new();
    let mut has_unmanaged = false;
    for pod in pods {
        let links = Link::all(pod);
        let Some(controller) = links.iter().find(|link| link.is_controller) else {
            has_unmanaged = true;
            continue;
        };
        if scales.contains_key(&controller.uid) {
            continue;
        }
        let (uid, scale) = wanted_by(world, controller, pod.namespace())?
            .ok_or_else(|| format!("found no controllers for pod {:?}", pod.name()))?;
        scales.insert(controller.uid.clone(), 0);
        scales.insert(uid, scale);
    }
    Ok((scales.values().sum(), has_unmanaged))
}

/// How many pods a controller wants; of a ReplicaSet of a Deployment, what the Deployment wants.
fn wanted_by(world: &World, link: &Link, namespace: &str) -> Result<Option<(String, i64)>, String> {
    let Some(kind) = world.kind_of(&link.api_version, &link.kind) else {
        return Err(format!(
            "no matches for kind {:?} in version {:?}",
            link.kind, link.api_version
        ));
    };
    let found = world.get(&kind, namespace, &link.name);
    let Some(owner) = found.filter(|owner| owner.uid() == link.uid) else {
        return Ok(None);
    };
    let item = Item::of(&kind, namespace, &link.name);
    let deployment = world.owners(&item).iter().find(|link| link.is_controller);
    if kind.kind.as_ref() == "ReplicaSet"
        && let Some(deployment) = deployment.filter(|link| link.kind == "Deployment")
    {
        return wanted_by(world, deployment, namespace);
    }
    match replicas(world, &kind, &owner) {
        Some(replicas) => Ok(Some((owner.uid().to_owned(), replicas))),
        None => Err(format!(
            "{} does not implement the scale subresource",
            kind.resource
        )),
    }
}

fn replicas(world: &World, kind: &Kind, owner: &Object) -> Option<i64> {
    let path = world.replicas_path(kind)?;
    let path: Vec<&str> = path.trim_start_matches('.').split('.').collect();
    Some(owner.integer(&path).unwrap_or(0))
}

/// A label selector as Go prints one.
pub(super) fn go_selector(budget: &Object) -> String {
    let selector = budget.get(&["spec", "selector"]);
    let labels = selector.and_then(|selector| selector["matchLabels"].as_object());
    let labels: Vec<String> = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}: {},", value.as_str().unwrap_or("")))
        .collect();
    let expressions = selector.and_then(|selector| selector["matchExpressions"].as_array());
    let expressions: Vec<String> = expressions
        .into_iter()
        .flatten()
        .map(|one| {
            let text = |field: &str| one[field].as_str().unwrap_or("").to_owned();
            let values = one["values"].as_array().into_iter().flatten();
            let values: Vec<&str> = values.filter_map(Value::as_str).collect();
            format!(
                "LabelSelectorRequirement{{Key:{},Operator:{},Values:[{}],}},",
                text("key"),
                text("operator"),
                values.join(" ")
            )
        })
        .collect();
    format!(
        "&LabelSelector{{MatchLabels:map[string]string{{{}}},MatchExpressions:[]LabelSelectorRequirement{{{}}},}}",
        labels.join(""),
        expressions.join("")
    )
}
