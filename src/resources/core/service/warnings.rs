//! What is odd about a service but allowed.
//!
//! *Upstream:* `pkg/api/service/warnings.go`.

use super::{is_headless, kind};
use crate::object::{FieldPath, Object};
use crate::registry::Context;
use crate::resources::shared::ip;
use crate::resources::shared::look::Look;

/// Warns of what the spec says.
pub(super) fn of_spec(cx: &Context, object: &Object) {
    let spec = object.at("spec");
    let path = FieldPath::new("spec");
    let hints = "service.kubernetes.io/topology-aware-hints";
    if object.annotations().any(|(key, _)| key == hints) {
        cx.warn(format!(
            "annotation {hints} is deprecated, please use service.kubernetes.io/topology-mode \
             instead"
        ));
    }
    let is_headless = is_headless(object);
    if !is_headless {
        warn_ips(cx, &path.child("clusterIPs"), spec.texts("clusterIPs"));
    }
    let has_external = !spec.list("externalIPs").is_empty();
    if is_headless {
        if !spec.text("loadBalancerIP").is_empty() {
            cx.warn("spec.loadBalancerIP is ignored for headless services");
        }
        if has_external {
            cx.warn("spec.externalIPs is ignored for headless services");
        }
        if spec.text("sessionAffinity") != "None" {
            cx.warn("spec.SessionAffinity is ignored for headless services");
        }
    }
    warn_ips(cx, &path.child("externalIPs"), spec.texts("externalIPs"));
    let is_name = kind(object) == "ExternalName";
    if has_external && !is_headless && !is_name {
        cx.warn("spec.externalIPs is deprecated and may no longer be implemented in some clusters");
    }
    if let Some(warning) = ip::warning(&path.child("loadBalancerIP"), spec.text("loadBalancerIP")) {
        cx.warn(warning);
    }
    for (index, range) in spec.texts("loadBalancerSourceRanges").enumerate() {
        let path = path.child("loadBalancerSourceRanges");
        for text in ip::cidr_warnings(&path.index(index), range) {
            cx.warn(text);
        }
    }
    if is_name && has_external {
        cx.warn("spec.externalIPs is ignored when spec.type is \"ExternalName\"");
    }
    if !is_name && !spec.text("externalName").is_empty() {
        cx.warn("spec.externalName is ignored when spec.type is not \"ExternalName\"");
    }
    if spec.text("trafficDistribution") == "PreferClose" {
        cx.warn("spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\"");
    }
}

/// Warns of what the status says.
pub(super) fn of_status(cx: &Context, object: &Object) {
    let path = FieldPath::new("status");
    let path = path.child("loadBalancer");
    let ingresses = object.at("status").at("loadBalancer").list("ingress");
    warn_ips(
        cx,
        &path.child("ingress"),
        ingresses.iter().map(|ingress| ingress.text("ip")),
    );
}

fn warn_ips<'a>(cx: &Context, path: &FieldPath, addresses: impl Iterator<Item = &'a str>) {
    for (index, address) in addresses.enumerate() {
        if let Some(warning) = ip::warning(&path.index(index), address) {
            cx.warn(warning);
        }
    }
}
