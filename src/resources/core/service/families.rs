//! Which IP families a service has.
//!
//! *Upstream:* `pkg/registry/core/service/storage/{alloc.go,storage.go}` (`initIPFamilyFields`,
//! `normalizeClusterIPs`).

use serde_json::{Value, json};

use super::{invalid, kind, validate};
use crate::error::{ApiError, FieldErrors};
use crate::object::{FieldPath, Object};
use crate::registry::Context;
use crate::resources::shared::ip::{self, Cidr};
use crate::resources::shared::look::Look;

const SPEC: FieldPath = FieldPath::new("spec");

/// The name of an address's family.
fn family_of(text: &str) -> &'static str {
    match ip::parse(text) {
        Some(address) if address.is_ipv4() => "IPv4",
        Some(_) => "IPv6",
        None => "unknown",
    }
}

/// The cluster's ranges by family, the primary one first.
pub(super) fn ranges(cx: &Context) -> Vec<(&'static str, Cidr)> {
    let ranges = cx.settings.service_cluster_ip_ranges.iter();
    ranges
        .filter_map(|text| Cidr::parse(text))
        .map(|cidr| {
            (
                if cidr.address.is_ipv4() {
                    "IPv4"
                } else {
                    "IPv6"
                },
                cidr,
            )
        })
        .collect()
}

/// Keeps `clusterIP` and `clusterIPs` in step where the client wrote only one of them.
pub(super) fn normalize_cluster_ips(object: &mut Object, old: Option<&Object>) {
    let one = object.at("spec").text("clusterIP").to_owned();
    let all = object.at("spec").list("clusterIPs").to_vec();
    let Some(old) = old else {
        if !one.is_empty() && all.is_empty() {
            object.set(&["spec", "clusterIPs"], json!([one]));
        }
        return;
    };
    let (old_one, old_all) = (
        old.at("spec").text("clusterIP"),
        old.at("spec").list("clusterIPs"),
    );
    if !old_all.is_empty() && all.is_empty() && old_one == one {
        object.set(&["spec", "clusterIPs"], old_all.to_vec());
    }
    let is_same = object.at("spec").list("clusterIPs") == old_all;
    if old_one == one || !is_same {
        return;
    }
    if !old_one.is_empty() && one.is_empty() {
        object.remove(&["spec", "clusterIPs"]);
    } else {
        object.set(&["spec", "clusterIPs"], json!([one]));
    }
}

/// Whether a service that prefers two stacks stays as it is.
pub(super) fn is_settled(object: &Object, old: &Object) -> bool {
    let (new, old) = (object.at("spec"), old.at("spec"));
    let prefers_two = |spec: &Value| {
        !spec.has("ipFamilyPolicy") || spec.text("ipFamilyPolicy") == "PreferDualStack"
    };
    new.has("ipFamilyPolicy")
        && old.text("type") == new.text("type")
        && matches!(new.text("type"), "ClusterIP" | "NodePort" | "LoadBalancer")
        && prefers_two(new)
        && prefers_two(old)
        && old.list("clusterIPs") == new.list("clusterIPs")
        && old.list("ipFamilies") == new.list("ipFamilies")
}

/// Decides policy and families.
pub(super) fn init(
    cx: &Context,
    object: &mut Object,
    old: Option<&Object>,
) -> Result<(), ApiError> {
    if kind(object) == "ExternalName" || old.is_some_and(|old| is_settled(object, old)) {
        return Ok(());
    }
    init_policy(object, old);
    refuse(object, &validate::cluster_ips(object, old))?;
    let mut errors = FieldErrors::new();
    if let Some(old) = old {
        release_secondary(&mut errors, object, old);
    }
    check_single_stack(&mut errors, object);
    let ranges = ranges(cx);
    let is_served = |family: &str| ranges.iter().any(|(served, _)| *served == family);
    families_of_ips(&mut errors, object, &is_served);
    refuse(object, &errors)?;
    let primary = ranges.first().map_or("IPv4", |(family, _)| *family);
    if is_headless_without_selector(object) {
        // Its endpoints are the user's own, of any family.
        complete_families(object, primary, true);
        return Ok(());
    }
    if object.at("spec").text("ipFamilyPolicy") == "RequireDualStack" && ranges.len() < 2 {
        let detail = "this cluster is not configured for dual-stack services";
        invalid_policy(&mut errors, object, detail);
    }
    for (index, family) in object.at("spec").texts("ipFamilies").enumerate() {
        if !is_served(family) {
            let path = SPEC.child("ipFamilies");
            errors.invalid(
                &path.index(index),
                &family.into(),
                "not configured on this cluster",
            );
        }
    }
    refuse(object, &errors)?;
    complete_families(object, primary, ranges.len() == 2);
    Ok(())
}

fn refuse(object: &Object, errors: &FieldErrors) -> Result<(), ApiError> {
    if errors.is_empty() {
        Ok(())
    } else {
        Err(invalid(object, errors))
    }
}

fn is_headless_without_selector(object: &Object) -> bool {
    let spec = object.at("spec");
    spec.text("clusterIP") == "None" && spec.entries("selector").next().is_none()
}

fn init_policy(object: &mut Object, old: Option<&Object>) {
    if object.at("spec").has("ipFamilyPolicy") {
        return;
    }
    let policy = match old.map(|old| old.at("spec").text("ipFamilyPolicy")) {
        Some(policy) if !policy.is_empty() => policy.to_owned(),
        _ if is_headless_without_selector(object) => "RequireDualStack".to_owned(),
        _ => "SingleStack".to_owned(),
    };
    object.set(&["spec", "ipFamilyPolicy"], policy);
}

fn invalid_policy(errors: &mut FieldErrors, object: &Object, detail: &str) {
    let path = SPEC.child("ipFamilyPolicy");
    errors.invalid(&path, object.at("spec").at("ipFamilyPolicy"), detail);
}

/// A service that becomes single-stack gives up its second address and family; one that does not
/// may not lose them.
fn release_secondary(errors: &mut FieldErrors, object: &mut Object, old: &Object) {
    let is_single = object.at("spec").text("ipFamilyPolicy") == "SingleStack";
    for (field, what) in [("clusterIPs", "cluster IP"), ("ipFamilies", "IP family")] {
        let new = object.at("spec").list(field);
        let before = old.at("spec").list(field);
        if is_single {
            if new == before && new.len() > 1 {
                let first = vec![new[0].clone()];
                object.set(&["spec", field], first);
            }
        } else if !new.is_empty() && new.len() < before.len() {
            let detail = format!("must be 'SingleStack' to release the secondary {what}");
            invalid_policy(errors, object, &detail);
        }
    }
}

fn check_single_stack(errors: &mut FieldErrors, object: &Object) {
    let spec = object.at("spec");
    if spec.text("ipFamilyPolicy") != "SingleStack" {
        return;
    }
    for (field, what) in [("clusterIPs", "cluster IPs"), ("ipFamilies", "IP families")] {
        if spec.list(field).len() == 2 {
            let detail = format!(
                "must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified"
            );
            invalid_policy(errors, object, &detail);
        }
    }
}

/// Families that follow from the addresses asked for.
fn families_of_ips(
    errors: &mut FieldErrors,
    object: &mut Object,
    is_served: &dyn Fn(&str) -> bool,
) {
    let spec = object.at("spec");
    let mut families = spec.list("ipFamilies").to_vec();
    for (index, text) in spec.texts("clusterIPs").enumerate() {
        if text == "None" {
            break;
        }
        let family = family_of(text);
        if index < families.len() {
            continue;
        }
        if is_served(family) {
            families.push(family.into());
        } else {
            let detail = format!("{family} is not configured on this cluster");
            let path = SPEC.child("clusterIPs");
            errors.invalid(&path.index(index), spec.at("clusterIPs"), detail);
        }
    }
    if !families.is_empty() {
        object.set(&["spec", "ipFamilies"], families);
    }
}

/// Adds the primary family where none is named, and the other one where two are meant.
fn complete_families(object: &mut Object, primary: &'static str, has_two: bool) {
    let mut families = object.at("spec").list("ipFamilies").to_vec();
    if families.is_empty() {
        families.push(primary.into());
    }
    let is_single = object.at("spec").text("ipFamilyPolicy") == "SingleStack";
    if !is_single && families.len() == 1 && has_two {
        let other = if families[0] == "IPv4" {
            "IPv6"
        } else {
            "IPv4"
        };
        families.push(other.into());
    }
    object.set(&["spec", "ipFamilies"], families);
}
