//! `Endpoints` of services that select pods.
//!
//! *Upstream:* `pkg/controller/endpoint/endpoints_controller.go`, `pkg/api/v1/endpoints/util.go`.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value, json};

use super::shared::endpoints::{self, HEADLESS, TRIGGER_TIME, TriggerTimes};
use super::shared::pods;
use crate::object::{Object, time};
use crate::runner::kinds::{ENDPOINTS, PODS, SERVICES};
use crate::runner::{
    About, Controller, Event, Identity, Item, Items, Kind, Plan, Seen, Step, Watches, World,
};

/// So many addresses are named, the ready ones first.
const CAPACITY: usize = 1000;
const OVER_CAPACITY: &str = "endpoints.kubernetes.io/over-capacity";
const MANAGED_BY: &str = "endpoints.kubernetes.io/managed-by";
const NAME: &str = "endpoint-controller";

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Endpoints {
    times: TriggerTimes,
}

impl Controller for Endpoints {
    fn name(&self) -> &'static str {
        "endpoints-controller"
    }

    fn identity(&self) -> Identity {
        Identity::ServiceAccount(NAME)
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 3]> = LazyLock::new(|| [&SERVICES, &PODS, &ENDPOINTS]);
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, world: &World, seen: &Seen, items: &mut Items) {
        if seen.resource == PODS.resource {
            endpoints::services_of(world, seen, items);
        } else {
            items.add(&SERVICES.resource, &seen.object.key);
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let (namespace, name) = (item.key.namespace(), item.key.name());
        let known = world.get(&ENDPOINTS, namespace, name);
        let Some(service) = world.object(item) else {
            self.times.forget(namespace, name);
            // Those that elect a leader have endpoints without a service.
            let is_elected = |object: &Object| {
                object
                    .annotations()
                    .any(|(key, _)| key == "control-plane.alpha.kubernetes.io/leader")
            };
            return match known.filter(|known| !is_elected(known)) {
                Some(known) => Plan::of(Step::delete(&ENDPOINTS, &known).or_go_on()),
                None => Plan::nothing(),
            };
        };
        if endpoints::selector(&service).is_none() {
            return Plan::nothing();
        }
        let pods = endpoints::pods_of(world, &service);
        let trigger = self.times.latest(&service, &pods);
        let (subsets, is_truncated) = truncate(subsets(&service, &pods));
        let labels = labels(&service);
        if let Some(known) = &known
            && is_same(known.get(&["subsets"]), &subsets)
            && known.get(&["metadata", "labels"]) == Some(&labels)
            && known.annotations().any(|(key, _)| key == OVER_CAPACITY) == is_truncated
        {
            return Plan::nothing();
        }
        let mut object = match &known {
            Some(known) => Object::clone(known),
            None => Object::default(),
        };
        object.set_type("v1", "Endpoints");
        object.set(&["metadata", "name"], name);
        object.set(&["metadata", "namespace"], namespace);
        object.set(&["metadata", "labels"], labels);
        let mut annotate = |key: &str, text: Option<String>| match text {
            Some(text) => object.set(&["metadata", "annotations", key], text),
            None => {
                object.remove(&["metadata", "annotations", key]);
            }
        };
        annotate(TRIGGER_TIME, trigger.map(time::seconds));
        annotate(OVER_CAPACITY, is_truncated.then(|| "truncated".to_owned()));
        object.set(&["subsets"], subsets);
        Plan::of(write(known.is_some(), object))
    }

    fn forget(&mut self) {
        self.times = TriggerTimes::default();
    }
}

fn write(is_known: bool, object: Object) -> Step {
    let about = About::object(&ENDPOINTS, &object);
    let place = format!("{}/{}", object.namespace(), object.name());
    let (step, reason, what) = if is_known {
        let what = format!("Failed to update endpoint {place}");
        (
            Step::update(&ENDPOINTS, object),
            "FailedToUpdateEndpoint",
            what,
        )
    } else {
        let what = format!("Failed to create endpoint for service {place}");
        (
            Step::create(&ENDPOINTS, object),
            "FailedToCreateEndpoint",
            what,
        )
    };
    step.tell(move |outcome| {
        let is_silent = outcome.is_success()
            || matches!(outcome.code, 404 | 409)
            || outcome.has_cause("NamespaceTerminating");
        (!is_silent).then(|| {
            let message = format!("{what}: {}", outcome.message());
            Event::warning(about, NAME, reason, message)
        })
    })
}

/// The service's own labels, and the controller's.
fn labels(service: &Object) -> Value {
    let mut labels: Map<String, Value> = service
        .labels()
        .map(|(key, value)| (key.to_owned(), value.into()))
        .collect();
    labels.remove(HEADLESS);
    if !endpoints::has_cluster_ip(service) {
        labels.insert(HEADLESS.to_owned(), "".into());
    }
    labels.insert(MANAGED_BY.to_owned(), NAME.into());
    labels.into()
}

/// Where a pod is reached: its address of the service's family.
fn address(service: &Object, pod: &Object) -> Option<Value> {
    let family = service.items(&["spec", "ipFamilies"]).first();
    let wants_v6 = family.is_some_and(|family| family == "IPv6");
    let own = pod.text(&["status", "podIP"]);
    let all = pod.items(&["status", "podIPs"]).iter();
    let mut all = all.filter_map(|one| one["ip"].as_str()).chain([own]);
    let ip = all.find(|ip| !ip.is_empty() && ip.contains(':') == wants_v6)?;
    let mut address = json!({
        "ip": ip,
        "targetRef": {
            "kind": "Pod",
            "namespace": pod.namespace(),
            "name": pod.name(),
            "uid": pod.uid(),
        },
    });
    // Whoever has no node has an empty name of one, which the server refuses.
    address["nodeName"] = pod.text(&["spec", "nodeName"]).into();
    if let Some(hostname) = endpoints::hostname(pod, service) {
        address["hostname"] = hostname.into();
    }
    Some(address)
}

/// Addresses by the ports they have in common, ready ones and others apart.
fn subsets(service: &Object, pods: &[Arc<Object>]) -> Vec<Value> {
    let publishes_all = service.is_true(&["spec", "publishNotReadyAddresses"]);
    let ports = service.items(&["spec", "ports"]);
    // All ports of an address, then all addresses of a set of ports.
    let mut by_ports: BTreeMap<String, (Vec<Value>, [Vec<Value>; 2])> = BTreeMap::new();
    for pod in pods
        .iter()
        .filter(|pod| endpoints::has_place(pod, publishes_all))
    {
        let Some(address) = address(service, pod) else {
            continue;
        };
        let mut own: Vec<Value> = ports.iter().filter_map(|port| port_of(pod, port)).collect();
        // A service without an address of its own may do without ports.
        let needs_ports = !ports.is_empty() || endpoints::has_cluster_ip(service);
        if own.is_empty() && needs_ports {
            continue;
        }
        endpoints::sort_ports(&mut own);
        let is_ready = publishes_all || pods::is_ready(pod);
        let key = Value::from(own.clone()).to_string();
        let (_, addresses) = by_ports.entry(key).or_insert((own, Default::default()));
        addresses[usize::from(!is_ready)].push(address);
    }
    let sets = by_ports
        .into_values()
        .map(|(ports, [mut ready, mut others])| {
            let mut subset = Map::new();
            for (field, addresses) in [
                ("addresses", &mut ready),
                ("notReadyAddresses", &mut others),
            ] {
                addresses.sort_by_key(|address| address["ip"].as_str().unwrap_or("").to_owned());
                if !addresses.is_empty() {
                    subset.insert(field.to_owned(), std::mem::take(addresses).into());
                }
            }
            if !ports.is_empty() {
                subset.insert("ports".to_owned(), ports.into());
            }
            Value::Object(subset)
        });
    sets.collect()
}

fn port_of(pod: &Object, port: &Value) -> Option<Value> {
    let mut out = json!({
        "port": endpoints::find_port(pod, port)?,
        "protocol": port["protocol"],
    });
    for field in ["name", "appProtocol"] {
        if let Some(text) = port[field].as_str().filter(|text| !text.is_empty()) {
            out[field] = text.into();
        }
    }
    Some(out)
}

/// Leaves as many addresses as there is room for, the ready ones first; and whether any went.
fn truncate(mut subsets: Vec<Value>) -> (Value, bool) {
    let mut left = CAPACITY;
    let mut is_truncated = false;
    for field in ["addresses", "notReadyAddresses"] {
        for subset in &mut subsets {
            let addresses = subset.get_mut(field).and_then(Value::as_array_mut);
            let Some(addresses) = addresses else {
                continue;
            };
            is_truncated |= addresses.len() > left;
            addresses.truncate(left);
            left -= addresses.len();
        }
    }
    (subsets.into(), is_truncated)
}

/// Whether subsets are the same, an absent list being an empty one.
fn is_same(known: Option<&Value>, subsets: &Value) -> bool {
    let empty = json!([]);
    match known {
        None | Some(Value::Null) => subsets == &empty,
        Some(known) => known == subsets,
    }
}
