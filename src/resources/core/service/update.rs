//! What a change of a service keeps, drops and may not do.
//!
//! *Upstream:* `pkg/registry/core/service/strategy.go` (`dropTypeDependentFields`),
//! `…/storage/storage.go` (`patchAllocatedValues`), `pkg/apis/core/validation/validation.go`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    allocates_node_ports, is_external, is_headless, is_on_nodes, kind, needs_cluster_ip,
    needs_health_check, validate,
};
use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::resources::shared::look::{Look, each};

const SPEC: FieldPath = FieldPath::new("spec");

/// A client that leaves out what the server gave keeps it.
pub(super) fn keep_allocated(object: &mut Object, old: &Object) {
    if needs_cluster_ip(old) && needs_cluster_ip(object) {
        let (new, before) = (object.at("spec"), old.at("spec"));
        let lacks_one = new.text("clusterIP").is_empty();
        let lacks_all = new.list("clusterIPs").is_empty();
        if lacks_one && !before.text("clusterIP").is_empty() {
            object.set(&["spec", "clusterIP"], before.text("clusterIP"));
        }
        if lacks_all && !before.list("clusterIPs").is_empty() {
            object.set(&["spec", "clusterIPs"], before.list("clusterIPs").to_vec());
        }
    }
    if allocates_node_ports(old) && allocates_node_ports(object) {
        keep_node_ports(object, old);
    }
    let health = object
        .at("spec")
        .integer("healthCheckNodePort")
        .unwrap_or(0);
    if needs_health_check(old) && needs_health_check(object) && health == 0 {
        let port = old.at("spec").at("healthCheckNodePort").clone();
        object.set(&["spec", "healthCheckNodePort"], port);
    }
}

fn node_ports(object: &Object) -> BTreeSet<i64> {
    let ports = object.at("spec").list("ports").iter();
    ports
        .filter_map(|port| port.integer("nodePort"))
        .filter(|port| *port != 0)
        .collect()
}

fn keep_node_ports(object: &mut Object, old: &Object) {
    let old_ports = node_ports(old);
    let used: BTreeSet<i64> = old_ports
        .intersection(&node_ports(object))
        .copied()
        .collect();
    let by_name: BTreeMap<&str, i64> = old
        .at("spec")
        .list("ports")
        .iter()
        .map(|port| (port.text("name"), port.integer("nodePort").unwrap_or(0)))
        .collect();
    let Some(spec) = object.get_mut(&["spec"]).and_then(Value::as_object_mut) else {
        return;
    };
    for port in each(spec, "ports") {
        if port.get("nodePort").and_then(Value::as_i64).unwrap_or(0) != 0 {
            continue;
        }
        let name = port.get("name").and_then(Value::as_str).unwrap_or("");
        let before = by_name.get(name).copied().unwrap_or(0);
        if before != 0 && !used.contains(&before) {
            port.insert("nodePort".to_owned(), before.into());
        }
    }
}

/// Drops what belonged to the old type only, unless the client changed it along with the type.
pub(super) fn drop_fields_of_old_type(object: &mut Object, old: &Object) {
    let same =
        |object: &Object, field: &str| object.at("spec").at(field) == old.at("spec").at(field);
    if needs_cluster_ip(old) && !needs_cluster_ip(object) {
        if same(object, "clusterIP") && same(object, "clusterIPs") {
            object.remove(&["spec", "clusterIP"]);
            object.remove(&["spec", "clusterIPs"]);
        }
        for field in ["ipFamilies", "ipFamilyPolicy"] {
            if same(object, field) {
                object.remove(&["spec", field]);
            }
        }
    }
    if is_on_nodes(old)
        && !is_on_nodes(object)
        && node_ports(old).is_superset(&node_ports(object))
        && let Some(spec) = object.get_mut(&["spec"]).and_then(Value::as_object_mut)
    {
        each(spec, "ports").for_each(|port| {
            port.remove("nodePort");
        });
    }
    if needs_health_check(old) && !needs_health_check(object) && same(object, "healthCheckNodePort")
    {
        object.remove(&["spec", "healthCheckNodePort"]);
    }
    let was_balanced = kind(old) == "LoadBalancer" && kind(object) != "LoadBalancer";
    for field in ["allocateLoadBalancerNodePorts", "loadBalancerClass"] {
        if was_balanced && same(object, field) {
            object.remove(&["spec", field]);
        }
    }
    let is_inside_now = is_external(old.at("spec")) && !is_external(object.at("spec"));
    if is_inside_now && same(object, "externalTrafficPolicy") {
        object.remove(&["spec", "externalTrafficPolicy"]);
    }
    if kind(object) != "LoadBalancer" {
        object.set(&["status", "loadBalancer"], serde_json::json!({}));
    }
}

/// Everything that a change may not do.
pub(super) fn validate(object: &Object, old: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    if kind(object) != "ExternalName" && kind(old) != "ExternalName" {
        let (is_headless, was_headless) = (is_headless(object), is_headless(old));
        if !(is_headless && was_headless) {
            cluster_ips(&mut errors, object, old);
        }
        if !is_headless && !was_headless {
            ip_families(&mut errors, object, old);
        }
    }
    validate::load_balancer_class(&mut errors, object, Some(old));
    let is_checked = needs_health_check(old) && needs_health_check(object);
    let port = |object: &Object| object.at("spec").integer("healthCheckNodePort");
    if is_checked && port(object) != port(old) {
        errors.forbidden(&SPEC.child("healthCheckNodePort"), "field is immutable");
    }
    errors
}

fn cluster_ips(errors: &mut FieldErrors, object: &Object, old: &Object) {
    let value = object.at("spec").at("clusterIPs");
    let new = object.at("spec").list("clusterIPs");
    let before = old.at("spec").list("clusterIPs");
    let path = SPEC.child("clusterIPs");
    if new.len() == before.len() {
        for (index, _) in new
            .iter()
            .zip(before)
            .enumerate()
            .filter(|(_, (a, b))| a != b)
        {
            errors.invalid(&path.index(index), value, "may not change once set");
        }
        return;
    }
    if new.is_empty() {
        errors.invalid(&path.index(0), value, "primary clusterIP can not be unset");
    } else if !before.is_empty() && new[0] != before[0] {
        errors.invalid(&path.index(0), value, "may not change once set");
    }
    if before.len() > new.len() && new.len() == 1 {
        releases(errors, object, "clusterIP");
    }
}

fn ip_families(errors: &mut FieldErrors, object: &Object, old: &Object) {
    let value = object.at("spec").at("ipFamilies");
    let new = object.at("spec").list("ipFamilies");
    let before = old.at("spec").list("ipFamilies");
    let path = SPEC.child("ipFamilies");
    if new.len() == before.len() {
        for _ in new.iter().zip(before).filter(|(a, b)| a != b) {
            errors.invalid(&path.index(0), value, "may not change once set");
        }
        return;
    }
    let addresses = object.at("spec").at("clusterIPs");
    let is_shrinking = before.len() > new.len();
    if is_shrinking && object.at("spec").list("clusterIPs").is_empty() {
        errors.invalid(&path.index(0), value, "primary ipFamily can not be unset");
    }
    if !new.is_empty() && !before.is_empty() && new[0] != before[0] {
        // Upstream shows the addresses here, not the families.
        errors.invalid(&path.index(0), addresses, "may not change once set");
    }
    if is_shrinking && new.len() == 1 {
        releases(errors, object, "ipFamily");
    }
}

/// Giving up the second of two needs the policy to say so.
fn releases(errors: &mut FieldErrors, object: &Object, what: &str) {
    let spec = object.at("spec");
    if spec.text("ipFamilyPolicy") != "SingleStack" {
        let detail = format!("must be set to 'SingleStack' when releasing the secondary {what}");
        errors.invalid(
            &SPEC.child("ipFamilyPolicy"),
            spec.at("ipFamilyPolicy"),
            detail,
        );
    }
}
