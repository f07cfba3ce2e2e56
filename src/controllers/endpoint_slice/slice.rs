//! One slice and what is in it.
//!
//! *Upstream:* `endpointslice/utils.go`.

use serde_json::{Map, Value, json};

use crate::controllers::shared::endpoints::{self, HEADLESS};
use crate::controllers::shared::pods;
use crate::object::Object;
use crate::runner::kinds::SERVICES;

pub(super) const SERVICE_NAME: &str = "kubernetes.io/service-name";
pub(super) const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";

/// Whose slices these are.
pub(super) const NAME: &str = "endpointslice-controller.k8s.io";

/// `addressType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        }
    }

    /// The families of a service.
    pub(super) fn of_service(service: &Object) -> Vec<Self> {
        let families = service.items(&["spec", "ipFamilies"]).iter();
        let families = families.filter_map(|family| match family.as_str()? {
            "IPv4" => Some(Self::V4),
            "IPv6" => Some(Self::V6),
            _ => None,
        });
        families.collect()
    }
}

/// Whether a slice is of this very service.
pub(super) fn is_of(slice: &Object, service: &Object) -> bool {
    let owners = slice.items(&["metadata", "ownerReferences"]);
    owners.iter().any(|owner| {
        owner["uid"] == service.uid() && owner["kind"] == "Service" && owner["apiVersion"] == "v1"
    })
}

/// A slice without endpoints.
pub(super) fn new(service: &Object, ports: &[Value], family: Family) -> Object {
    let metadata = json!({
        "generateName": format!("{}-", service.name()),
        "namespace": service.namespace(),
        "labels": labels(service),
        "ownerReferences": [pods::controller_reference(service, &SERVICES)],
    });
    let slice = json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": metadata,
        "addressType": family.as_str(),
        "endpoints": [],
        "ports": ports,
    });
    Object::from_value(slice).unwrap_or_default()
}

/// The service's labels and the controller's own.
pub(super) fn labels(service: &Object) -> Value {
    let mut labels = Map::new();
    for (key, value) in service.labels() {
        if !matches!(key, SERVICE_NAME | MANAGED_BY | HEADLESS) {
            labels.insert(key.to_owned(), value.into());
        }
    }
    if !endpoints::has_cluster_ip(service) {
        labels.insert(HEADLESS.to_owned(), "".into());
    }
    labels.insert(SERVICE_NAME.to_owned(), service.name().into());
    labels.insert(MANAGED_BY.to_owned(), NAME.into());
    labels.into()
}

/// The ports of a pod that the service's ports lead to.
pub(super) fn ports(service: &Object, pod: &Object) -> Vec<Value> {
    let ports = service.items(&["spec", "ports"]).iter();
    let ports = ports.filter_map(|port| {
        let mut out = json!({
            "name": port["name"].as_str().unwrap_or(""),
            "port": endpoints::find_port(pod, port)?,
            "protocol": port["protocol"],
        });
        if let Some(protocol) = port["appProtocol"].as_str() {
            out["appProtocol"] = protocol.into();
        }
        Some(out)
    });
    let mut ports: Vec<Value> = ports.collect();
    endpoints::sort_slice_ports(&mut ports);
    ports
}

/// What tells sets of ports apart.
pub(super) fn key_of(ports: &[Value]) -> String {
    let mut texts: Vec<String> = ports.iter().map(Value::to_string).collect();
    texts.sort();
    texts.join(",")
}

/// The same of a slice.
pub(super) fn port_key(slice: &Object) -> String {
    key_of(slice.items(&["ports"]))
}

/// Where a pod is reached; `None` where it has no address of the family.
pub(super) fn endpoint(
    pod: &Object,
    node: Option<&Object>,
    service: &Object,
    family: Family,
) -> Option<Value> {
    let ips = pod.items(&["status", "podIPs"]).iter();
    let addresses: Vec<&str> = ips
        .filter_map(|one| one["ip"].as_str())
        .filter(|ip| ip.contains(':') == (family == Family::V6))
        .collect();
    if addresses.is_empty() {
        return None;
    }
    let publishes_all = service.is_true(&["spec", "publishNotReadyAddresses"]);
    let is_serving = pods::is_ready(pod);
    let is_terminating = pod.is_being_deleted();
    let mut endpoint = json!({
        "addresses": addresses,
        "conditions": {
            "ready": publishes_all || (is_serving && !is_terminating),
            "serving": is_serving,
            "terminating": is_terminating,
        },
        "targetRef": {
            "kind": "Pod",
            "namespace": pod.namespace(),
            "name": pod.name(),
            "uid": pod.uid(),
        },
    });
    let node_name = pod.text(&["spec", "nodeName"]);
    if !node_name.is_empty() {
        endpoint["nodeName"] = node_name.into();
    }
    let zone = node.and_then(|node| node.label("topology.kubernetes.io/zone"));
    if let Some(zone) = zone.filter(|zone| !zone.is_empty()) {
        endpoint["zone"] = zone.into();
    }
    if let Some(hostname) = endpoints::hostname(pod, service) {
        endpoint["hostname"] = hostname.into();
    }
    Some(endpoint)
}

/// Whether a slice is the empty one already.
pub(super) fn is_same_placeholder(slice: &Object, placeholder: &Object) -> bool {
    let none = |object: &Object, field: &str| object.items(&[field]).is_empty();
    none(slice, "endpoints")
        && none(slice, "ports")
        && slice.get(&["metadata", "labels"]) == placeholder.get(&["metadata", "labels"])
        && slice.text(&["addressType"]) == placeholder.text(&["addressType"])
}
