//! Defaults of a service.
//!
//! *Upstream:* `pkg/apis/core/v1/defaults.go` (`SetDefaults_Service`).

use serde_json::{Map, Value, json};

use crate::object::Object;
use crate::resources::shared::look::{Look, each, fill as fill_field};

/// How long a client sticks to an endpoint.
const AFFINITY_SECONDS: i64 = 10800;

/// Fills in what was left out.
pub(super) fn fill(object: &mut Object) {
    let Some(spec) = object
        .as_map_mut()
        .entry("spec")
        .or_insert_with(|| json!({}))
        .as_object_mut()
    else {
        return;
    };
    fill_affinity(spec);
    fill_field(spec, "type", "ClusterIP");
    for port in each(spec, "ports") {
        fill_port(port);
    }
    let kind = spec["type"].as_str().unwrap_or("").to_owned();
    if super::is_external(&Value::Object(spec.clone())) {
        fill_field(spec, "externalTrafficPolicy", "Cluster");
    }
    if matches!(kind.as_str(), "ClusterIP" | "NodePort" | "LoadBalancer") {
        fill_field(spec, "internalTrafficPolicy", "Cluster");
    }
    if kind == "LoadBalancer" {
        fill_field(spec, "allocateLoadBalancerNodePorts", true);
        fill_status(object);
    }
}

fn fill_affinity(spec: &mut Map<String, Value>) {
    fill_field(spec, "sessionAffinity", "None");
    match spec["sessionAffinity"].as_str() {
        Some("None") => {
            spec.remove("sessionAffinityConfig");
        }
        Some("ClientIP") => {
            let seconds = spec
                .get("sessionAffinityConfig")
                .and_then(|config| config.at("clientIP").integer("timeoutSeconds"));
            if seconds.is_none() {
                let config = json!({"clientIP": {"timeoutSeconds": AFFINITY_SECONDS}});
                spec.insert("sessionAffinityConfig".to_owned(), config);
            }
        }
        _ => {}
    }
}

fn fill_port(port: &mut Map<String, Value>) {
    fill_field(port, "protocol", "TCP");
    let target = port.get("targetPort").unwrap_or(&Value::Null);
    if target.is_null() || target == 0 || target == "" {
        let number = port.get("port").cloned().unwrap_or_else(|| 0.into());
        port.insert("targetPort".to_owned(), number);
    }
}

fn fill_status(object: &mut Object) {
    let Some(balancer) = object.get_mut(&["status", "loadBalancer"]) else {
        return;
    };
    let Some(balancer) = balancer.as_object_mut() else {
        return;
    };
    for ingress in each(balancer, "ingress") {
        if ingress.get("ip").is_some_and(|ip| ip != "") {
            fill_field(ingress, "ipMode", "VIP");
        }
    }
}
