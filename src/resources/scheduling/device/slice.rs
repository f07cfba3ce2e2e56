//! What devices a driver has to give, a slice of them at a time.
//!
//! *Upstream:* `pkg/apis/resource/validation/validation.go` (`validateResourceSliceSpec`),
//! `pkg/registry/resource/resourceslice/strategy.go`.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::names::{pool, qualified, shortened};
use super::parts::{self, is_too_many};
use super::{SPEC, capacity};
use crate::error::FieldErrors;
use crate::object::{FieldPath, Object, time};
use crate::registry::Context;
use crate::resources::shared::claim_spec::csi_driver_name;
use crate::resources::shared::look::{Look, each};
use crate::resources::shared::names::{check_label, in_bytes, label, report, subdomain};
use crate::resources::shared::pod_spec::affinity::node_selector;
use crate::resources::shared::text::immutable;
use crate::schema::go_struct;

const DEVICES_MAX: usize = 128;
/// Where devices have taints or consume counters.
const ADVANCED_DEVICES_MAX: usize = 64;
const TAINTS_MAX: usize = 16;
const COUNTER_SETS_MAX: usize = 8;
const COUNTERS_MAX: usize = 32;
const CONSUMED_SETS_MAX: usize = 2;
const PROPERTIES_MAX: usize = 32;
const VALUE_LENGTH_MAX: usize = 64;
/// Values of attributes behind a gate that is shut.
const LISTS: [&str; 4] = ["bools", "ints", "strings", "versions"];

/// Drops what is behind gates that are shut.
pub(super) fn drop_disabled(object: &mut Object) {
    let Some(spec) = object.get_mut(&["spec"]).and_then(Value::as_object_mut) else {
        return;
    };
    spec.remove("partitionTypeAttribute");
    spec.remove("skipNodeOperations");
    for device in each(spec, "devices") {
        device.remove("nodeAllocatableResources");
        for consumed in each(device, "consumesCounters") {
            consumed.remove("compatibilityGroups");
        }
        let attributes = device.get_mut("attributes").and_then(Value::as_object_mut);
        for attribute in attributes.into_iter().flat_map(Map::values_mut) {
            if let Some(attribute) = attribute.as_object_mut() {
                for list in LISTS {
                    attribute.remove(list);
                }
            }
        }
    }
}

/// A taint says since when it holds.
pub(super) fn stamp(object: &mut Object, now: Timestamp) {
    let now = time::seconds(now);
    let Some(spec) = object.get_mut(&["spec"]).and_then(Value::as_object_mut) else {
        return;
    };
    for device in each(spec, "devices") {
        for taint in each(device, "taints") {
            if !taint.has("timeAdded") {
                taint.insert("timeAdded".to_owned(), now.as_str().into());
            }
        }
    }
}

/// Everything that is wrong with a slice.
pub(super) fn slice(cx: &Context, object: &Object, old: Option<&Object>) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = object.at("spec");
    csi_driver_name(&mut errors, &SPEC.child("driver"), spec.text("driver"));
    self::resource_pool(&mut errors, spec.at("pool"));
    if let Some(before) = old.map(|old| old.at("spec")) {
        let (name, name_before) = (spec.at("pool").at("name"), before.at("pool").at("name"));
        let path = SPEC.child("pool");
        immutable(&mut errors, &path.child("name"), name, name_before);
        for field in ["driver", "nodeName"] {
            immutable(
                &mut errors,
                &SPEC.child(field),
                spec.at(field),
                before.at(field),
            );
        }
    }
    nodes(&mut errors, spec);
    let is_sent = |field| spec.has(field) || cx.is_emptied(&SPEC.child(field).to_string());
    if is_sent("sharedCounters") && is_sent("devices") {
        let detail = "only one of `sharedCounters` or `devices` is allowed";
        errors.invalid(&SPEC, &"".into(), detail);
    }
    devices(&mut errors, spec, old.map(|old| old.at("spec")));
    counter_sets(&mut errors, spec);
    errors
}

fn resource_pool(errors: &mut FieldErrors, value: &Value) {
    let path = SPEC.child("pool");
    pool(errors, &path.child("name"), value.text("name"));
    let count = value.number("resourceSliceCount");
    if count <= 0 {
        let path = path.child("resourceSliceCount");
        errors.invalid(&path, &count.into(), "must be greater than zero");
    }
    let generation = value.number("generation");
    if generation < 0 {
        let detail = "must be greater than or equal to zero";
        errors.invalid(&path.child("generation"), &generation.into(), detail);
    }
}

/// A field that is either not there or true; whether it is true.
fn only_true(errors: &mut FieldErrors, path: &FieldPath, holder: &Value, field: &str) -> bool {
    if holder.flag(field) == Some(false) {
        let detail = "must be either unset or set to true";
        errors.invalid(&path.child(field), &false.into(), detail);
    }
    holder.is_true(field)
}

/// Where the devices can be used.
fn nodes(errors: &mut FieldErrors, spec: &Value) {
    let mut set = Vec::new();
    if let Some(node) = spec.maybe_text("nodeName") {
        let path = SPEC.child("nodeName");
        if node.is_empty() {
            let detail = "must be either unset or set to a non-empty string";
            errors.invalid(&path, &node.into(), detail);
        } else {
            set.push("`nodeName`");
            subdomain(errors, &path, node);
        }
    }
    if let Some(selector) = spec.maybe("nodeSelector") {
        set.push("`nodeSelector`");
        let path = SPEC.child("nodeSelector");
        node_selector(errors, &path, selector);
        if selector.list("nodeSelectorTerms").len() != 1 {
            let detail = "must have exactly one node selector term";
            let terms = selector.at("nodeSelectorTerms");
            let printed = go_struct::print("[]core.NodeSelectorTerm", terms);
            errors.invalid_text(&path.child("nodeSelectorTerms"), printed, detail);
        }
    }
    for (field, name) in [
        ("allNodes", "`allNodes`"),
        ("perDeviceNodeSelection", "`perDeviceNodeSelection`"),
    ] {
        if only_true(errors, &SPEC, spec, field) {
            set.push(name);
        }
    }
    let detail = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` \
                  is required";
    match set.len() {
        0 => errors.required(&SPEC, detail),
        1 => {}
        _ => {
            let set = format!("{{{}}}", set.join(", "));
            let detail = format!("{detail}, but multiple fields are set");
            errors.invalid(&SPEC, &set.into(), detail);
        }
    }
}

fn devices(errors: &mut FieldErrors, spec: &Value, before: Option<&Value>) {
    let path = SPEC.child("devices");
    let devices = spec.list("devices");
    let is_advanced = devices.iter().any(|device| {
        !device.list("taints").is_empty() || !device.list("consumesCounters").is_empty()
    });
    let max = if is_advanced {
        ADVANCED_DEVICES_MAX
    } else {
        DEVICES_MAX
    };
    if devices.len() > max {
        errors.too_many(&path, devices.len(), max);
        return;
    }
    for (index, device) in devices.iter().enumerate() {
        let old = before.into_iter().flat_map(|spec| spec.list("devices"));
        let mut old = old.filter(|old| old.text("name") == device.text("name"));
        self::device(errors, &path.index(index), device, old.next(), spec);
    }
    for (index, device) in devices.iter().enumerate() {
        let name = device.text("name");
        if devices[..index]
            .iter()
            .any(|other| other.text("name") == name)
        {
            errors.duplicate(&path.index(index), &name.into());
        }
    }
}

fn device(
    errors: &mut FieldErrors,
    path: &FieldPath,
    device: &Value,
    old: Option<&Value>,
    spec: &Value,
) {
    label(errors, &path.child("name"), device.text("name"));
    let properties = device.entries("attributes").count() + device.entries("capacity").count();
    if properties > PROPERTIES_MAX {
        let detail = format!(
            "the total number of attributes and capacities must not exceed {PROPERTIES_MAX}"
        );
        errors.invalid(path, &properties.into(), detail);
    }
    let attributes = path.child("attributes");
    for (name, attribute) in device.entries("attributes") {
        qualified(errors, &attributes, name);
        self::attribute(errors, &attributes.key(&shortened(name)), attribute);
    }
    if old.is_none_or(|old| old.at("capacity") != device.at("capacity")) {
        let path = path.child("capacity");
        for (name, capacity) in device.entries("capacity") {
            qualified(errors, &path, name);
            let name = shortened(name);
            let path = path.key(&name);
            if device.is_true("allowMultipleAllocations") {
                capacity::policy(errors, &path, capacity);
            } else if capacity.has("requestPolicy") {
                let detail = "allowMultipleAllocations must be true";
                errors.forbidden(&path.child("requestPolicy"), detail);
            }
        }
    }
    if old.is_none_or(|old| old.at("taints") != device.at("taints")) {
        let path = path.child("taints");
        let taints = device.list("taints");
        if taints.len() > TAINTS_MAX {
            errors.too_many(&path, taints.len(), TAINTS_MAX);
        } else {
            for (index, taint) in taints.iter().enumerate() {
                parts::taint(errors, &path.index(index), taint, &Value::Null);
            }
        }
    }
    consumption(errors, path, device);
    nodes_of_device(errors, path, device, spec.is_true("perDeviceNodeSelection"));
    parts::binding_conditions(errors, path, device);
}

fn attribute(errors: &mut FieldErrors, path: &FieldPath, attribute: &Value) {
    let fields = ["int", "bool", "string", "version"];
    if let Some(version) = attribute.maybe_text("version") {
        let path = path.child("version");
        if !is_semantic_version(version) {
            let detail = "must be a string compatible with semver.org spec 2.0.0";
            errors.invalid(&path, &version.into(), detail);
        }
    }
    for field in ["string", "version"] {
        if attribute.text(field).len() > VALUE_LENGTH_MAX {
            errors.too_long(&path.child(field), VALUE_LENGTH_MAX);
        }
    }
    let set: Vec<&str> = fields
        .into_iter()
        .filter(|field| attribute.has(field))
        .collect();
    if set.len() != 1 {
        let all = "`int`, `bool`, `string`, `version`, `ints`, `bools`, `strings`, `versions`";
        let (value, detail) = if set.is_empty() {
            (String::new(), format!("must specify one of: {all}"))
        } else {
            let value = format!("{{{}}}", set.join(", "));
            (value, format!("must specify exactly one of: {all}"))
        };
        errors.declared(|errors| errors.invalid(path, &value.into(), detail));
    }
}

fn is_semantic_version(text: &str) -> bool {
    let (text, build) = text.split_once('+').unwrap_or((text, "0"));
    let (numbers, release) = text.split_once('-').unwrap_or((text, "0"));
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_identifier = |part: &str| !part.is_empty() && part.bytes().all(is_word);
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let is_number =
        |part: &str| !part.is_empty() && is_digits(part) && (part == "0" || !part.starts_with('0'));
    numbers.split('.').count() == 3
        && numbers.split('.').all(is_number)
        && release
            .split('.')
            .all(|part| is_identifier(part) && (!is_digits(part) || is_number(part)))
        && build.split('.').all(is_identifier)
}

/// Where a device can be used, in a slice that leaves it to each.
fn nodes_of_device(errors: &mut FieldErrors, path: &FieldPath, device: &Value, is_own: bool) {
    if !is_own {
        if ["nodeName", "nodeSelector", "allNodes"]
            .iter()
            .any(|field| device.has(field))
        {
            let detail = "`nodeName`, `nodeSelector` and `allNodes` can only be set if \
                          `perDeviceNodeSelection` is set to true in the ResourceSlice spec";
            errors.invalid(path, &Value::Null, detail);
        }
        return;
    }
    let mut set = Vec::new();
    if let Some(node) = device.maybe_text("nodeName") {
        let path = path.child("nodeName");
        if node.is_empty() {
            errors.invalid(&path, &node.into(), "must not be empty");
        } else {
            set.push("`nodeName`");
            subdomain(errors, &path, node);
        }
    }
    if let Some(selector) = device.maybe("nodeSelector") {
        set.push("`nodeSelector`");
        node_selector(errors, &path.child("nodeSelector"), selector);
    }
    if only_true(errors, path, device, "allNodes") {
        set.push("`allNodes`");
    }
    let detail = "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when \
                  `perDeviceNodeSelection` is set to true in the ResourceSlice spec";
    match set.len() {
        0 => errors.required(path, detail),
        1 => {}
        _ => errors.invalid(path, &format!("{{{}}}", set.join(", ")).into(), detail),
    }
}

/// A name that the types declare to be there and a label.
fn declared_label(errors: &mut FieldErrors, path: &FieldPath, name: &str) {
    errors.declared(|errors| {
        if name.is_empty() {
            errors.required(path, "");
        } else {
            report(errors, path, name, in_bytes(check_label(name)));
        }
    });
}

/// Counters by name.
fn counters(errors: &mut FieldErrors, path: &FieldPath, holder: &Value) {
    let path = path.child("counters");
    let count = holder.entries("counters").count();
    if count == 0 {
        errors.declared(|errors| errors.required(&path, ""));
    } else if count > COUNTERS_MAX {
        errors.too_many(&path, count, COUNTERS_MAX);
    }
    for (name, _) in holder.entries("counters") {
        let wrong = in_bytes(check_label(name));
        errors.declared(|errors| report(errors, &path, name, wrong));
    }
}

fn counter_sets(errors: &mut FieldErrors, spec: &Value) {
    let path = SPEC.child("sharedCounters");
    let sets = spec.list("sharedCounters");
    if is_too_many(errors, &path, sets, COUNTER_SETS_MAX) {
        return;
    }
    unique(errors, &path, sets, "name");
    for (index, set) in sets.iter().enumerate() {
        let path = path.index(index);
        declared_label(errors, &path.child("name"), set.text("name"));
        counters(errors, &path, set);
    }
}

fn consumption(errors: &mut FieldErrors, path: &FieldPath, device: &Value) {
    let path = path.child("consumesCounters");
    let consumed = device.list("consumesCounters");
    if is_too_many(errors, &path, consumed, CONSUMED_SETS_MAX) {
        return;
    }
    unique(errors, &path, consumed, "counterSet");
    for (index, consumed) in consumed.iter().enumerate() {
        let path = path.index(index);
        declared_label(
            errors,
            &path.child("counterSet"),
            consumed.text("counterSet"),
        );
        counters(errors, &path, consumed);
    }
}

/// Items whose key is there before; declared in the types.
fn unique(errors: &mut FieldErrors, path: &FieldPath, items: &[Value], key: &str) {
    errors.declared(|errors| {
        for (index, item) in items.iter().enumerate() {
            let is_same = |other: &Value| other.text(key) == item.text(key);
            if items[..index].iter().any(is_same) {
                errors.duplicate_text(&path.index(index), parts::printed(item));
            }
        }
    });
}
