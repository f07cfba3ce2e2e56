//! Everything that can be wrong with a service.
//!
//! *Upstream:* `pkg/apis/core/validation/validation.go` (`validateService`).

use serde_json::Value;

use super::{is_external, is_headless, kind, needs_health_check};
use crate::error::FieldErrors;
use crate::error::field::{FieldError, FieldErrorKind};
use crate::object::{FieldPath, Object};
use crate::resources::shared::look::Look;
use crate::resources::shared::{ip, label_selector, names};

const SPEC: FieldPath = FieldPath::new("spec");
/// The longest that a client sticks to an endpoint.
const AFFINITY_SECONDS_MAX: i64 = 86400;
const HINTS: &str = "service.kubernetes.io/topology-aware-hints";
const TOPOLOGY_MODE: &str = "service.kubernetes.io/topology-mode";
const SOURCE_RANGES: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";

/// A service's whole state; `old` is what an update starts from.
pub(super) fn service(object: &Object, old: Option<&Object>) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = object.at("spec");
    annotations(&mut errors, object);
    type_fields(&mut errors, object);
    let ports = spec.list("ports");
    let mut seen: Vec<&str> = Vec::new();
    for (index, port) in ports.iter().enumerate() {
        let path = SPEC.child("ports");
        service_port(
            &mut errors,
            &path.index(index),
            port,
            ports.len() > 1,
            &mut seen,
        );
    }
    label_selector::labels(&mut errors, &SPEC.child("selector"), spec.at("selector"));
    affinity(&mut errors, spec);
    errors.extend(cluster_ips(object, old));
    external_ips(&mut errors, spec, old);
    let known = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    names::required_one_of(&mut errors, &SPEC.child("type"), spec.text("type"), &known);
    repeated_ports(&mut errors, spec);
    source_ranges(&mut errors, object, old);
    if spec.has("allocateLoadBalancerNodePorts") && kind(object) != "LoadBalancer" {
        let detail = "may only be used when `type` is 'LoadBalancer'";
        errors.forbidden(&SPEC.child("allocateLoadBalancerNodePorts"), detail);
    }
    load_balancer_class(&mut errors, object, None);
    traffic(&mut errors, object);
    errors
}

fn annotations(errors: &mut FieldErrors, object: &Object) {
    let annotation = |key: &str| {
        object
            .annotations()
            .find(|(k, _)| *k == key)
            .map(|(_, v)| v)
    };
    if let (Some(hints), Some(mode)) = (annotation(HINTS), annotation(TOPOLOGY_MODE))
        && hints != mode
    {
        let detail = format!("must match annotations[{HINTS}] when both are specified");
        let path = FieldPath::new("metadata");
        let path = path.child("annotations");
        errors.invalid(&path.key(TOPOLOGY_MODE), &mode.into(), detail);
    }
}

/// What the type demands and excludes.
fn type_fields(errors: &mut FieldErrors, object: &Object) {
    let spec = object.at("spec");
    let kind = kind(object);
    if spec.list("ports").is_empty() && !is_headless(object) && kind != "ExternalName" {
        errors.required(&SPEC.child("ports"), "");
    }
    if matches!(kind, "LoadBalancer" | "NodePort") && is_headless(object) {
        let detail = format!("may not be set to 'None' for {kind} services");
        errors.invalid(&SPEC.child("clusterIPs").index(0), &"None".into(), detail);
    }
    if kind != "ExternalName" {
        return;
    }
    for field in ["clusterIPs", "ipFamilies"] {
        if !spec.list(field).is_empty() {
            errors.forbidden(
                &SPEC.child(field),
                "may not be set for ExternalName services",
            );
        }
    }
    if spec.has("ipFamilyPolicy") {
        let path = SPEC.child("ipFamilyPolicy");
        errors.forbidden(&path, "may not be set for ExternalName services");
    }
    let name = spec.text("externalName");
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_empty() {
        errors.required(&SPEC.child("externalName"), "");
    } else {
        names::subdomain(errors, &SPEC.child("externalName"), name);
    }
}

fn service_port<'a>(
    errors: &mut FieldErrors,
    path: &FieldPath,
    port: &'a Value,
    needs_name: bool,
    seen: &mut Vec<&'a str>,
) {
    let name = port.text("name");
    if !name.is_empty() {
        names::label(errors, &path.child("name"), name);
        if seen.contains(&name) {
            errors.duplicate(&path.child("name"), &name.into());
        } else {
            seen.push(name);
        }
    } else if needs_name {
        errors.required(&path.child("name"), "");
    }
    names::port_number(
        errors,
        &path.child("port"),
        port.integer("port").unwrap_or(0),
    );
    let known = ["SCTP", "TCP", "UDP"];
    names::required_one_of(
        errors,
        &path.child("protocol"),
        port.text("protocol"),
        &known,
    );
    names::port_number_or_name(errors, &path.child("targetPort"), port.at("targetPort"));
    if port.has("appProtocol") {
        names::qualified_name(errors, &path.child("appProtocol"), port.text("appProtocol"));
    }
}

fn affinity(errors: &mut FieldErrors, spec: &Value) {
    let affinity = spec.text("sessionAffinity");
    names::required_one_of(
        errors,
        &SPEC.child("sessionAffinity"),
        affinity,
        &["ClientIP", "None"],
    );
    let path = SPEC.child("sessionAffinityConfig");
    let config = spec.at("sessionAffinityConfig");
    if affinity == "None" && !config.is_null() {
        errors.forbidden(&path, "must not be set when session affinity is None");
    }
    if affinity == "ClientIP" {
        let client = path.child("clientIP");
        let seconds = config.at("clientIP").integer("timeoutSeconds").unwrap_or(0);
        if seconds <= 0 || seconds > AFFINITY_SECONDS_MAX {
            let detail = format!("must be greater than 0 and less than {AFFINITY_SECONDS_MAX}");
            errors.invalid(&client.child("timeoutSeconds"), &seconds.into(), detail);
        }
    }
}

/// Cluster IPs, families and policy among themselves.
pub(super) fn cluster_ips(object: &Object, old: Option<&Object>) -> FieldErrors {
    let mut errors = FieldErrors::new();
    if kind(object) == "ExternalName" {
        return errors;
    }
    let spec = object.at("spec");
    let path = SPEC.child("clusterIPs");
    let value = spec.at("clusterIPs");
    let addresses: Vec<&str> = spec.texts("clusterIPs").collect();
    match (spec.text("clusterIP"), addresses.first()) {
        ("", None) => {}
        ("", Some(_)) => {
            errors.invalid(
                &path,
                value,
                "must be empty when `clusterIP` is not specified",
            );
        }
        (_, None) => errors.required(&path, ""),
        (one, Some(first)) if one != *first => {
            errors.invalid(&path, value, "first value must match `clusterIP`");
        }
        _ => {}
    }
    families(&mut errors, spec);
    let known: Vec<&str> = old
        .map(|old| old.at("spec").texts("clusterIPs").collect())
        .unwrap_or_default();
    let mut wrong = FieldErrors::new();
    for (index, address) in addresses.iter().enumerate() {
        if index == 0 && *address == "None" {
            if addresses.len() > 1 {
                wrong.invalid(&path, value, "'None' must be the first and only value");
            }
        } else if !known.contains(address) {
            ip::check_legacy(&mut wrong, &path.index(index), address);
        }
    }
    let has_invalid = !wrong.is_empty();
    errors.extend(wrong);
    if addresses.len() > 2 {
        errors.invalid(&path, value, "may only hold up to 2 values");
    }
    if has_invalid {
        return errors;
    }
    if addresses.len() > 1 {
        let v6 = addresses
            .iter()
            .filter(|address| ip::is_v6(address))
            .count();
        if v6 == 0 || v6 == addresses.len() {
            let detail = "may specify no more than one IP for each IP family";
            errors.invalid(&path, value, detail);
        }
    }
    if !is_headless(object) {
        match_families(&mut errors, spec, &addresses);
    }
    errors
}

fn families(errors: &mut FieldErrors, spec: &Value) {
    let path = SPEC.child("ipFamilies");
    let mut seen: Vec<&str> = Vec::new();
    for (index, family) in spec.texts("ipFamilies").enumerate() {
        if !["IPv4", "IPv6"].contains(&family) {
            errors.not_supported(&path.index(index), &family.into(), &["IPv4", "IPv6"]);
        }
        if seen.contains(&family) {
            errors.duplicate(&path.index(index), &family.into());
        }
        seen.push(family);
    }
    let known = ["PreferDualStack", "RequireDualStack", "SingleStack"];
    let policy = spec.at("ipFamilyPolicy");
    if !policy.is_null() && !known.iter().any(|known| policy == known) {
        errors.not_supported(&SPEC.child("ipFamilyPolicy"), policy, &known);
    }
}

fn match_families(errors: &mut FieldErrors, spec: &Value, addresses: &[&str]) {
    let path = SPEC.child("clusterIPs");
    for (index, (address, family)) in addresses.iter().zip(spec.texts("ipFamilies")).enumerate() {
        let is_right = match family {
            "IPv4" => !ip::is_v6(address),
            "IPv6" => ip::is_v6(address),
            _ => true,
        };
        if !is_right {
            let detail =
                format!("expected an {family} value as indicated by `ipFamilies[{index}]`");
            errors.invalid(&path.index(index), &(*address).into(), detail);
        }
    }
}

fn external_ips(errors: &mut FieldErrors, spec: &Value, old: Option<&Object>) {
    let path = SPEC.child("externalIPs");
    for (index, address) in spec.texts("externalIPs").enumerate() {
        let path = path.index(index);
        let is_known =
            old.is_some_and(|old| old.at("spec").texts("externalIPs").any(|a| a == address));
        let mut wrong = FieldErrors::new();
        if !is_known {
            ip::check_legacy(&mut wrong, &path, address);
        }
        if wrong.is_empty() {
            ip::check_endpoint(&mut wrong, &path, address);
        }
        errors.extend(wrong);
    }
}

/// Ports that stand twice, and node ports where there are none.
fn repeated_ports(errors: &mut FieldErrors, spec: &Value) {
    let path = SPEC.child("ports");
    let ports = spec.list("ports");
    let node_port = |port: &Value| port.integer("nodePort").unwrap_or(0);
    if spec.text("type") == "ClusterIP" {
        for (index, _) in ports
            .iter()
            .enumerate()
            .filter(|(_, port)| node_port(port) != 0)
        {
            let detail = "may not be used when `type` is 'ClusterIP'";
            errors.forbidden(&path.index(index).child("nodePort"), detail);
        }
    }
    let same = |a: &Value, b: &Value, number: &dyn Fn(&Value) -> i64| {
        a.text("protocol") == b.text("protocol") && number(a) == number(b)
    };
    for (index, port) in ports.iter().enumerate() {
        let is_repeated = ports[..index]
            .iter()
            .any(|other| same(other, port, &node_port));
        if node_port(port) != 0 && is_repeated {
            errors.duplicate(&path.index(index).child("nodePort"), port.at("nodePort"));
        }
    }
    let number = |port: &Value| port.integer("port").unwrap_or(0);
    for (index, port) in ports.iter().enumerate() {
        if ports[..index]
            .iter()
            .any(|other| same(other, port, &number))
        {
            // Upstream prints its own struct here.
            let value = format!(
                "{{\"Name\":\"\",\"Protocol\":{},\"AppProtocol\":null,\"Port\":{},\"TargetPort\":0,\
                 \"NodePort\":0}}",
                port.at("protocol"),
                number(port)
            );
            errors.push(FieldError {
                kind: FieldErrorKind::Duplicate,
                field: path.index(index).to_string(),
                value,
                detail: String::new(),
            });
        }
    }
}

fn source_ranges(errors: &mut FieldErrors, object: &Object, old: Option<&Object>) {
    let spec = object.at("spec");
    let wrong_type = "may only be used when `type` is 'LoadBalancer'";
    let is_balanced = kind(object) == "LoadBalancer";
    if !spec.list("loadBalancerSourceRanges").is_empty() {
        // Upstream's path begins with a capital.
        let path = SPEC.child("LoadBalancerSourceRanges");
        if !is_balanced {
            errors.forbidden(&path, wrong_type);
        }
        for (index, range) in spec
            .texts("loadBalancerSourceRanges")
            .map(str::trim)
            .enumerate()
        {
            let is_known = old.is_some_and(|old| {
                old.at("spec")
                    .texts("loadBalancerSourceRanges")
                    .any(|r| r.trim() == range)
            });
            if !is_known {
                ip::check_cidr_legacy(errors, &path.index(index), range);
            }
        }
        return;
    }
    let annotation = |object: &Object| {
        object
            .at("metadata")
            .at("annotations")
            .at(SOURCE_RANGES)
            .clone()
    };
    let ranges = annotation(object);
    let Some(text) = ranges.as_str() else { return };
    let path = FieldPath::new("metadata");
    let path = path.child("annotations");
    let path = path.key(SOURCE_RANGES);
    if !is_balanced {
        errors.forbidden(&path, wrong_type);
    }
    if old.is_none_or(|old| annotation(old) != ranges) && !text.trim().is_empty() {
        for range in text.split(',') {
            ip::check_cidr_legacy(errors, &path, range.trim());
        }
    }
}

/// The class of a load balancer: its form, and that it stays.
pub(super) fn load_balancer_class(errors: &mut FieldErrors, object: &Object, old: Option<&Object>) {
    let path = SPEC.child("loadBalancerClass");
    let class = object.at("spec").at("loadBalancerClass");
    let is_balanced = kind(object) == "LoadBalancer";
    if let Some(old) = old
        && is_balanced
        && kind(old) == "LoadBalancer"
        && class != old.at("spec").at("loadBalancerClass")
    {
        errors.invalid(&path, class, "may not change once set");
    }
    if class.is_null() {
        return;
    }
    if is_balanced {
        names::qualified_name(errors, &path, class.as_str().unwrap_or(""));
    } else {
        errors.forbidden(&path, "may only be used when `type` is 'LoadBalancer'");
    }
}

fn traffic(errors: &mut FieldErrors, object: &Object) {
    let spec = object.at("spec");
    let path = SPEC.child("externalTrafficPolicy");
    let policy = spec.text("externalTrafficPolicy");
    if is_external(spec) {
        names::required_one_of(errors, &path, policy, &["Cluster", "Local"]);
    } else if !policy.is_empty() {
        let detail = "may only be set for externally-accessible services";
        errors.invalid(&path, &policy.into(), detail);
    }
    let path = SPEC.child("healthCheckNodePort");
    let port = spec.integer("healthCheckNodePort").unwrap_or(0);
    if needs_health_check(object) {
        if port == 0 {
            errors.required(&path, "");
        } else {
            names::port_number(errors, &path, port);
        }
    } else if port != 0 {
        let detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` \
                      is 'Local'";
        errors.invalid(&path, &port.into(), detail);
    }
    let path = SPEC.child("internalTrafficPolicy");
    if spec.has("internalTrafficPolicy") {
        let policy = spec.text("internalTrafficPolicy");
        if !["Cluster", "Local"].contains(&policy) {
            errors.not_supported(&path, &policy.into(), &["Cluster", "Local"]);
        }
    } else if matches!(kind(object), "NodePort" | "LoadBalancer" | "ClusterIP") {
        errors.required(&path, "");
    }
    let known = ["PreferClose", "PreferSameZone", "PreferSameNode"];
    let distribution = spec.at("trafficDistribution");
    if !distribution.is_null() && !known.iter().any(|known| distribution == known) {
        let path = SPEC.child("trafficDistribution");
        errors.not_supported(&path, distribution, &known);
    }
}

/// The status, which load balancers write.
pub(super) fn status(object: &Object, old: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let balancer = object.at("status").at("loadBalancer");
    let path = FieldPath::new("status");
    let path = path.child("loadBalancer");
    let path = path.child("ingress");
    if kind(object) != "LoadBalancer" && !balancer.list("ingress").is_empty() {
        errors.forbidden(&path, "may only be used when `spec.type` is 'LoadBalancer'");
        return errors;
    }
    let known = old.at("status").at("loadBalancer").list("ingress");
    for (index, ingress) in balancer.list("ingress").iter().enumerate() {
        let path = path.index(index);
        ip::check_ingress(&mut errors, &path, ingress, known);
        let mode = ingress.at("ipMode");
        let has_ip = !ingress.text("ip").is_empty();
        if mode.is_null() && has_ip {
            errors.required(&path.child("ipMode"), "must be specified when `ip` is set");
        } else if !mode.is_null() && !has_ip {
            errors.forbidden(
                &path.child("ipMode"),
                "may not be specified when `ip` is not set",
            );
        } else if !mode.is_null() && mode != "VIP" && mode != "Proxy" {
            errors.not_supported(&path.child("ipMode"), mode, &["Proxy", "VIP"]);
        }
        ip::check_ingress_hostname(&mut errors, &path, ingress);
    }
    errors
}
