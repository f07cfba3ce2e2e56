//! Defaults of pods and of their templates that depend on other fields.
//!
//! *Invariant:* running it twice changes nothing more.
//! *Upstream:* `pkg/apis/core/v1/defaults.go`, `pkg/api/pod/util.go` (`DefaultPodLevelResources`).

use serde_json::{Map, Value, json};

use crate::object::Object;

use super::super::look::{Look, child, each, fill};
use super::super::pod_spec::pod_resources::aggregate;
use super::super::pod_spec::{resources, volume};
use super::super::quantity::Amount;
use super::image::pull_policy;

/// The lists of containers.
const CONTAINERS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// What a pod's spec gets, in a pod or in a template.
pub fn spec(spec: &mut Map<String, Value>) {
    let account = match spec.text("serviceAccountName") {
        "" => spec.text("serviceAccount"),
        name => name,
    };
    if account.is_empty() {
        spec.remove("serviceAccountName");
        spec.remove("serviceAccount");
    } else if spec.text("serviceAccountName") != account || spec.text("serviceAccount") != account {
        let account = account.to_owned();
        spec.insert("serviceAccountName".to_owned(), account.as_str().into());
        spec.insert("serviceAccount".to_owned(), account.into());
    }
    fill(spec, "securityContext", json!({}));
    for list in CONTAINERS {
        for container in each(spec, list) {
            if container.text("imagePullPolicy").is_empty() {
                let policy = pull_policy(container.text("image"));
                container.insert("imagePullPolicy".to_owned(), policy.into());
            }
            round_requirements(container);
        }
    }
    round_requirements(spec);
    round(spec.get_mut("overhead"));
    for volume in spec
        .get_mut("volumes")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        one_volume(volume);
    }
}

fn one_volume(volume: &mut Value) {
    let has_source = volume::source_name(volume).is_some();
    let Some(map) = volume.as_object_mut() else {
        return;
    };
    if !has_source {
        map.insert("emptyDir".to_owned(), json!({}));
    }
    if let Some(image) = map.get_mut("image").and_then(Value::as_object_mut)
        && image.text("pullPolicy").is_empty()
    {
        let policy = pull_policy(image.text("reference"));
        image.insert("pullPolicy".to_owned(), policy.into());
    }
    let template = map
        .get_mut("ephemeral")
        .and_then(|ephemeral| ephemeral.get_mut("volumeClaimTemplate"))
        .and_then(|template| template.get_mut("spec"))
        .and_then(Value::as_object_mut);
    if let Some(claim) = template {
        round_requirements(claim);
    }
}

fn round_requirements(holder: &mut Map<String, Value>) {
    if let Some(resources) = holder.get_mut("resources").and_then(Value::as_object_mut) {
        round(resources.get_mut("limits"));
        round(resources.get_mut("requests"));
    }
}

/// Rounds the amounts at these places of an object.
pub fn round_at(object: &mut Object, places: &[&[&str]]) {
    for place in places {
        round(object.get_mut(place));
    }
}

/// Amounts are kept to the thousandth, rounded up.
pub fn round(list: Option<&mut Value>) {
    for value in list
        .and_then(Value::as_object_mut)
        .into_iter()
        .flat_map(Map::values_mut)
    {
        // Only billionths, millionths and fractions can be finer than that.
        let is_fine = value
            .as_str()
            .is_some_and(|text| text.ends_with(['n', 'u']) || text.contains(['e', '.']));
        let amount = value.as_str().and_then(Amount::parse);
        if let Some(amount) = amount.filter(|_| is_fine) {
            let rounded = amount.round_up_to_milli();
            if rounded != amount {
                *value = rounded.to_string().into();
            }
        }
    }
}

/// What a pod gets beyond what its template would.
pub fn pod(object: &mut Map<String, Value>) {
    let Some(map) = object.get_mut("spec").and_then(Value::as_object_mut) else {
        return;
    };
    if map
        .integer("terminationGracePeriodSeconds")
        .is_some_and(|seconds| seconds < 0)
    {
        map.insert("terminationGracePeriodSeconds".to_owned(), 1.into());
    }
    for list in ["containers", "initContainers"] {
        for container in each(map, list) {
            requests_from_limits(container);
        }
    }
    fill(map, "enableServiceLinks", true);
    if map.is_true("hostNetwork") {
        for list in ["containers", "initContainers"] {
            for container in each(map, list) {
                for port in each(container, "ports") {
                    if port.number("hostPort") == 0 {
                        let number = port.at("containerPort").clone();
                        port.insert("hostPort".to_owned(), number);
                    }
                }
            }
        }
    }
    spec(map);
    addresses(object);
}

fn requests_from_limits(container: &mut Map<String, Value>) {
    let Some(resources) = container
        .get_mut("resources")
        .and_then(Value::as_object_mut)
    else {
        return;
    };
    let Some(limits) = resources.map("limits").filter(|limits| !limits.is_empty()) else {
        return;
    };
    let limits = limits.clone();
    let Some(requests) = child(resources, "requests") else {
        return;
    };
    for (name, limit) in limits {
        requests.entry(name).or_insert(limit);
    }
}

/// `podIP` and the first of `podIPs` are the same.
pub fn addresses(object: &mut Map<String, Value>) {
    let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) else {
        return;
    };
    let first = status
        .list("podIPs")
        .first()
        .map(|entry| entry.text("ip").to_owned());
    let own = status.text("podIP").to_owned();
    match first {
        Some(first) if own.is_empty() => {
            status.insert("podIP".to_owned(), first.into());
        }
        Some(first) if first == own => {}
        _ if own.is_empty() => {}
        _ => {
            status.insert("podIPs".to_owned(), json!([{ "ip": own }]));
        }
    }
}

/// What the resources of a pod as a whole take from those of its containers.
pub fn pod_level_resources(spec: &mut Value) {
    let resources = spec.at("resources");
    let is_said = ["limits", "requests"]
        .iter()
        .any(|which| resources.map(which).is_some_and(|map| !map.is_empty()));
    if !is_said {
        return;
    }
    let mut limits = resources.map("limits").cloned().unwrap_or_default();
    let mut requests = resources.map("requests").cloned().unwrap_or_default();
    let sums = aggregate(spec, "limits");
    for (name, sum) in &sums {
        let is_open = resources::is_huge_pages(name) && !requests.contains_key(*name);
        if is_open && !limits.contains_key(*name) {
            limits.insert((*name).to_owned(), sum.to_string().into());
        }
    }
    for (name, sum) in aggregate(spec, "requests") {
        let is_open = resources::is_for_pods(name) && resources::is_overcommitted(name);
        if is_open && !requests.contains_key(name) {
            requests.insert(name.to_owned(), sum.to_string().into());
        }
    }
    for (name, limit) in &limits {
        if resources::is_for_pods(name) && !requests.contains_key(name) {
            requests.insert(name.clone(), limit.clone());
        }
    }
    for (name, request) in &requests {
        let Some(sum) = sums.get(name.as_str()) else {
            continue;
        };
        let is_open = resources::is_for_pods(name)
            && !limits.contains_key(name)
            && CONTAINERS
                .iter()
                .flat_map(|list| spec.list(list))
                .all(|container| container.at("resources").at("limits").has(name));
        if is_open {
            let asked = request.as_str().and_then(Amount::parse);
            let limit = asked.filter(|asked| asked > sum).unwrap_or(*sum);
            limits.insert(name.clone(), limit.to_string().into());
        }
    }
    let mut filled = resources.as_object().cloned().unwrap_or_default();
    for (which, map) in [("limits", limits), ("requests", requests)] {
        if !map.is_empty() {
            filled.insert(which.to_owned(), Value::Object(map));
        }
    }
    spec["resources"] = Value::Object(filled);
}
