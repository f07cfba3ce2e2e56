//! What claims use: of storage, and of devices.
//!
//! *Upstream:* `pkg/quota/v1/evaluator/core/{persistent_volume_claims,resource_claims}.go`.

use serde_json::Value;

use super::measure::{count_name, one};
use super::selects;
use crate::admission::plugins::usage::{self, Usage};
use crate::admission::{Attributes, Operation};
use crate::object::Object;
use crate::object::quantity::{Format, Quantity};

const COUNT: &str = "count/persistentvolumeclaims";
const CLASS: &str = ".storageclass.storage.k8s.io/";
const DEVICES: &str = ".deviceclass.resource.k8s.io/devices";
const COUNTED: [&str; 2] = ["persistentvolumeclaims", "requests.storage"];

/// The most devices that one request may come to.
const DEVICES_MAX: i64 = 32;

/// Whether a write may change what a claim uses.
pub(super) fn is_seen(write: &Attributes, object: &Object) -> bool {
    match write.subresource {
        "" => true,
        "status" if write.operation == Operation::Update => write.old.is_some_and(|old| {
            let allocated = ["status", "allocatedResources", "storage"];
            old.get(&allocated) != object.get(&allocated) || classes(old) != classes(object)
        }),
        _ => false,
    }
}

/// Whether a resource of a quota is one that claims use.
pub(super) fn is_counted(name: &str) -> bool {
    name == COUNT
        || COUNTED.contains(&name)
        || COUNTED.iter().any(|resource| {
            let rest = name.strip_suffix(resource);
            rest.is_some_and(|rest| rest.ends_with(CLASS))
        })
}

/// What a claim uses.
pub(super) fn usage(claim: &Object) -> Usage {
    let mut all = Usage::from([(COUNT.to_owned(), one())]);
    let mut put = |name: &str, amount: Quantity| {
        let class = class(claim);
        if !class.is_empty() {
            all.insert(format!("{class}{CLASS}{name}"), amount.clone());
        }
        all.insert(name.to_owned(), amount);
    };
    put("persistentvolumeclaims", one());
    let requests = usage::of_map(claim.get(&["spec", "resources", "requests"]));
    if let Some(mut size) = requests.get("storage").cloned() {
        let allocated = usage::of_map(claim.get(&["status", "allocatedResources"]));
        if let Some(allocated) = allocated.get("storage").filter(|other| **other > size) {
            size = allocated.clone();
        }
        size.round_up(0);
        put("requests.storage", size);
    }
    all
}

fn class(claim: &Object) -> &str {
    let annotation = "volume.beta.kubernetes.io/storage-class";
    match claim.get(&["metadata", "annotations", annotation]) {
        Some(name) => name.as_str().unwrap_or(""),
        None => claim.text(&["spec", "storageClassName"]),
    }
}

/// The classes of volume attributes that a claim has, wants, or is on its way to.
fn classes(claim: &Object) -> Vec<&str> {
    let paths: [&[&str]; 3] = [
        &["spec", "volumeAttributesClassName"],
        &["status", "currentVolumeAttributesClassName"],
        &[
            "status",
            "modifyVolumeStatus",
            "targetVolumeAttributesClassName",
        ],
    ];
    let mut names: Vec<&str> = paths.iter().map(|path| claim.text(path)).collect();
    names.retain(|name| !name.is_empty());
    names.sort_unstable();
    names.dedup();
    names
}

/// Whether a claim is in a scope.
pub(super) fn is_in_scope(claim: &Object, selector: &Value) -> bool {
    if selector["scopeName"] != "VolumeAttributesClass" {
        return false;
    }
    let names = classes(claim);
    if names.is_empty() {
        return selects(selector, None);
    }
    names.into_iter().any(|name| selects(selector, Some(name)))
}

/// Whether a resource of a quota is one that claims of devices use.
pub(super) fn is_device(name: &str) -> bool {
    name == count_name("resource.k8s.io", "resourceclaims") || name.ends_with(DEVICES)
}

/// What a claim of devices uses at worst.
pub(super) fn devices(claim: &Object) -> Usage {
    let count = count_name("resource.k8s.io", "resourceclaims");
    let mut all = Usage::from([(count, one())]);
    for request in claim.items(&["spec", "devices", "requests"]) {
        let mut most = Usage::new();
        let choices = request["firstAvailable"].as_array().into_iter().flatten();
        for choice in choices.chain(request.get("exactly")) {
            let number = match choice["allocationMode"].as_str() {
                Some("ExactCount") => choice["count"].as_i64().unwrap_or(0),
                Some("All") => DEVICES_MAX,
                _ => 0,
            };
            let class = choice["deviceClassName"].as_str().unwrap_or("");
            let number = Quantity::new(number, Format::DecimalSi);
            let entry = most
                .entry(format!("{class}{DEVICES}"))
                .or_insert(Quantity::ZERO);
            if number > *entry {
                *entry = number;
            }
        }
        usage::add(&mut all, &most);
    }
    all
}
