//! Which pod a StatefulSet's pod is: its ordinal, and the names that come of it.
//!
//! *Upstream:* `pkg/controller/statefulset/stateful_set_utils.go`.

use serde_json::{Value, json};

use super::super::shared::pods;
use super::claims;
use crate::object::Object;
use crate::runner::kinds::STATEFUL_SETS;

/// The revision of a pod's template.
pub(super) const REVISION: &str = "controller-revision-hash";
const POD_NAME: &str = "statefulset.kubernetes.io/pod-name";
const POD_INDEX: &str = "apps.kubernetes.io/pod-index";

/// The name of the set a pod's name begins with, and its number.
fn parts(pod: &str) -> Option<(&str, i64)> {
    let (parent, number) = pod.rsplit_once('-')?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let number = number.parse::<i32>().ok().filter(|_| is_number)?;
    Some((parent, i64::from(number)))
}

/// A pod's number.
pub(super) fn ordinal(pod: &Object) -> Option<i64> {
    parts(pod.name()).map(|(_, ordinal)| ordinal)
}

/// Whether a pod is named as one of the set's.
pub(super) fn is_member(set: &Object, pod: &Object) -> bool {
    parts(pod.name()).is_some_and(|(parent, _)| parent == set.name())
}

/// The first number.
pub(super) fn start(set: &Object) -> i64 {
    set.integer(&["spec", "ordinals", "start"]).unwrap_or(0)
}

/// How many pods are asked for.
pub(super) fn size(set: &Object) -> i64 {
    set.integer(&["spec", "replicas"]).unwrap_or(1)
}

/// Whether a pod is one of those asked for.
pub(super) fn is_wanted(set: &Object, pod: &Object) -> bool {
    let range = start(set)..start(set) + size(set);
    ordinal(pod).is_some_and(|ordinal| range.contains(&ordinal))
}

/// The revision a pod was made of.
pub(super) fn revision(pod: &Object) -> &str {
    pod.label(REVISION).unwrap_or("")
}

/// Whether a pod's labels say who it is.
pub(super) fn matches(set: &Object, pod: &Object) -> bool {
    is_member(set, pod) && pod.label(POD_NAME) == Some(pod.name())
}

/// Has a pod's labels say who it is.
pub(super) fn label(pod: &mut Object, ordinal: i64) {
    let name = pod.name().to_owned();
    pod.set(&["metadata", "labels", POD_NAME], name);
    pod.set(&["metadata", "labels", POD_INDEX], ordinal.to_string());
}

/// A pod of a set's template, of a revision.
pub(super) fn make(set: &Object, revision: &str, ordinal: i64) -> Object {
    let template = set.get(&["spec", "template"]).unwrap_or(&Value::Null);
    let mut pod = pods::of_template(template, set, &STATEFUL_SETS);
    let name = format!("{}-{ordinal}", set.name());
    pod.set(&["metadata", "name"], name.clone());
    label(&mut pod, ordinal);
    pod.set(&["metadata", "labels", REVISION], revision);
    pod.set(&["spec", "hostname"], name);
    pod.set(&["spec", "subdomain"], set.text(&["spec", "serviceName"]));
    mount(set, &mut pod, ordinal);
    pod
}

/// Has a pod's volumes be its claims, before those of the template.
pub(super) fn mount(set: &Object, pod: &mut Object, ordinal: i64) {
    let templates = set.items(&["spec", "volumeClaimTemplates"]);
    if templates.is_empty() {
        return;
    }
    let name = |template: &Value| {
        template["metadata"]["name"]
            .as_str()
            .unwrap_or("")
            .to_owned()
    };
    let names: Vec<String> = templates.iter().map(name).collect();
    let mut volumes: Vec<Value> = names
        .iter()
        .map(|volume| {
            let claim = claims::name(set, volume, ordinal);
            json!({"name": volume, "persistentVolumeClaim": {"claimName": claim}})
        })
        .collect();
    let own = pod.items(&["spec", "volumes"]).iter();
    let is_other = |volume: &&Value| !names.iter().any(|name| volume["name"] == *name);
    volumes.extend(own.filter(is_other).cloned());
    pod.set(&["spec", "volumes"], volumes);
}

/// Whether a pod's volumes are its claims.
pub(super) fn is_mounted(set: &Object, pod: &Object) -> bool {
    let Some(ordinal) = ordinal(pod) else {
        return false;
    };
    let volumes = pod.items(&["spec", "volumes"]);
    set.items(&["spec", "volumeClaimTemplates"])
        .iter()
        .all(|template| {
            let name = template["metadata"]["name"].as_str().unwrap_or("");
            let claim = claims::name(set, name, ordinal);
            volumes.iter().any(|volume| {
                volume["name"] == name && volume["persistentVolumeClaim"]["claimName"] == claim
            })
        })
}
