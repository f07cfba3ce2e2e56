//! Which pods stand behind a service, and where.
//!
//! *Upstream:* `endpointslice/{utils,util/controller_utils,util/trigger_time_tracker}.go`.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::pods;
use crate::object::selector::LabelSelector;
use crate::object::{Object, time};
use crate::runner::kinds::{PODS, SERVICES};
use crate::runner::{Items, Seen, Stored, World};

/// The label that says that a service has no cluster IP.
pub(crate) const HEADLESS: &str = "service.kubernetes.io/headless";

/// The annotation that says when what led to a change happened.
pub(crate) const TRIGGER_TIME: &str = "endpoints.kubernetes.io/last-change-trigger-time";

/// The selector of a service whose endpoints controllers make; `None` for all others.
pub(crate) fn selector(service: &Object) -> Option<LabelSelector> {
    if service.text(&["spec", "type"]) == "ExternalName" {
        return None;
    }
    let labels = service.get(&["spec", "selector"])?.as_object()?;
    let labels = labels
        .iter()
        .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)));
    Some(LabelSelector::from_labels(labels))
}

/// Brings the ports of a slice in the order in which they are written.
pub(crate) fn sort_slice_ports(ports: &mut [Value]) {
    let text = |port: &Value, field: &str| port[field].as_str().unwrap_or("").to_owned();
    ports.sort_by_cached_key(|port| {
        hash(&format!(
            "(v1.EndpointPort){{Name:(*string){} Protocol:(*v1.Protocol){} Port:(*int32){} \
             AppProtocol:(*string){}}}",
            text(port, "name"),
            text(port, "protocol"),
            port["port"],
            port["appProtocol"].as_str().unwrap_or("<nil>"),
        ))
    });
}

/// The same of the ports of `Endpoints`.
pub(crate) fn sort_ports(ports: &mut [Value]) {
    let text = |port: &Value, field: &str| port[field].as_str().unwrap_or("").to_owned();
    ports.sort_by_cached_key(|port| {
        hash(&format!(
            "(v1.EndpointPort){{Name:(string){} Port:(int32){} Protocol:(v1.Protocol){} \
             AppProtocol:(*string){}}}",
            text(port, "name"),
            port["port"],
            text(port, "protocol"),
            port["appProtocol"].as_str().unwrap_or("<nil>"),
        ))
    });
}

/// FNV-1a of 128 bits, which decides the order.
fn hash(text: &str) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0100_0000_0000_0000_0000_013b;
    let bytes = text.bytes();
    bytes.fold(OFFSET, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(PRIME)
    })
}

/// The pods that a service selects, by name.
pub(crate) fn pods_of(world: &World, service: &Object) -> Vec<Arc<Object>> {
    selector(service).map_or_else(Vec::new, |selector| {
        world.select(&PODS, service.namespace(), &selector)
    })
}

/// Adds the services that select a pod, or did.
pub(crate) fn services_of(world: &World, seen: &Seen, items: &mut Items) {
    let Some(services) = world.snapshot(&SERVICES.resource) else {
        return;
    };
    let namespace = seen.object.key.namespace();
    for stored in services.objects(Some(namespace), None) {
        let service = world.parsed(stored);
        let Some(selector) = selector(&service) else {
            continue;
        };
        let matches = |pod: &Stored| selector.matches(|key| pod.label(key));
        if matches(&seen.object) || seen.previous.as_deref().is_some_and(matches) {
            items.add(&SERVICES.resource, &stored.key);
        }
    }
}

/// Whether a pod has an address and is not at its end.
pub(crate) fn has_place(pod: &Object, includes_terminating: bool) -> bool {
    let is_over = matches!(pod.text(&["status", "phase"]), "Failed" | "Succeeded");
    let has_address =
        !pod.text(&["status", "podIP"]).is_empty() || !pod.items(&["status", "podIPs"]).is_empty();
    !is_over && has_address && (includes_terminating || !pod.is_being_deleted())
}

/// The pod's own name in the service's domain, where it has one.
pub(crate) fn hostname<'a>(pod: &'a Object, service: &Object) -> Option<&'a str> {
    let hostname = pod.text(&["spec", "hostname"]);
    let is_in_domain = pod.text(&["spec", "subdomain"]) == service.name()
        && pod.namespace() == service.namespace();
    (!hostname.is_empty() && is_in_domain).then_some(hostname)
}

/// The number of the port of a pod that a port of a service leads to.
pub(crate) fn find_port(pod: &Object, port: &Value) -> Option<i64> {
    let target = &port["targetPort"];
    let Some(name) = target.as_str() else {
        return target.as_i64();
    };
    let sidecars = pod
        .items(&["spec", "initContainers"])
        .iter()
        .filter(|container| container["restartPolicy"] == "Always");
    pod.items(&["spec", "containers"])
        .iter()
        .chain(sidecars)
        .filter_map(|container| container["ports"].as_array())
        .flatten()
        .find(|one| one["name"] == name && one["protocol"] == port["protocol"])
        .and_then(|one| one["containerPort"].as_i64())
}

/// Whether a service has a cluster IP.
pub(crate) fn has_cluster_ip(service: &Object) -> bool {
    !matches!(service.text(&["spec", "clusterIP"]), "" | "None")
}

/// When that happened what led to a change: as far as it was not known before.
#[derive(Debug, Default)]
pub(crate) struct TriggerTimes(BTreeMap<(String, String), Times>);

#[derive(Debug, Default)]
struct Times {
    service: Option<Timestamp>,
    pods: BTreeMap<String, Timestamp>,
}

impl TriggerTimes {
    /// The earliest time that is new since this was asked last.
    pub(crate) fn latest(&mut self, service: &Object, pods: &[Arc<Object>]) -> Option<Timestamp> {
        let key = (service.namespace().to_owned(), service.name().to_owned());
        let known = self.0.entry(key).or_default();
        let mut times = Times {
            service: time::time_at(service, &["metadata", "creationTimestamp"]),
            pods: BTreeMap::new(),
        };
        let mut news = Vec::new();
        for pod in pods.iter().filter(|pod| has_place(pod, true)) {
            let Some(at) = pods::ready_changed_at(pod) else {
                continue;
            };
            if known.pods.get(pod.name()).is_none_or(|before| at > *before) {
                news.push(at);
            }
            times.pods.insert(pod.name().to_owned(), at);
        }
        if times.service > known.service {
            news.extend(times.service);
        }
        *known = times;
        news.into_iter().min()
    }

    /// Forgets a service.
    pub(crate) fn forget(&mut self, namespace: &str, name: &str) {
        self.0.remove(&(namespace.to_owned(), name.to_owned()));
    }
}
