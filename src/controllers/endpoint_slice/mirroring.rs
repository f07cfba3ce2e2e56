//! `EndpointSlice`s of `Endpoints` that somebody else than a controller fills: one for each set of
//! ports and family of addresses.
//!
//! *Upstream:* `pkg/controller/endpointslicemirroring/{endpointslicemirroring_controller,
//! reconciler,utils}.go`.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value, json};

use super::slice::{self, MANAGED_BY, SERVICE_NAME};
use crate::controllers::shared::endpoints::{self, TRIGGER_TIME};
use crate::controllers::shared::pods;
use crate::object::Object;
use crate::object::selector::LabelSelector;
use crate::runner::kinds::{ENDPOINT_SLICES, ENDPOINTS, SERVICES};
use crate::runner::{
    About, Controller, Event, Identity, Item, Items, Kind, Plan, Seen, Step, Watches, World,
};

/// Whose slices these are.
const NAME: &str = "endpointslicemirroring-controller.k8s.io";

/// Who tells events.
const COMPONENT: &str = "endpoint-slice-mirroring-controller";

/// So many addresses of a set are mirrored.
const ADDRESSES_MAX: usize = 1000;

/// The label of endpoints that are not to be mirrored.
const SKIP: &str = "endpointslice.kubernetes.io/skip-mirror";

/// Annotations that are not mirrored.
const OWN_ANNOTATIONS: [&str; 2] = [
    TRIGGER_TIME,
    "kubectl.kubernetes.io/last-applied-configuration",
];

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(in crate::controllers) struct Mirroring;

impl Controller for Mirroring {
    fn name(&self) -> &'static str {
        "endpointslice-mirroring-controller"
    }

    fn identity(&self) -> Identity {
        Identity::ServiceAccount("endpointslicemirroring-controller")
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 3]> =
            LazyLock::new(|| [&ENDPOINTS, &SERVICES, &ENDPOINT_SLICES]);
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, _: &World, seen: &Seen, items: &mut Items) {
        let key = &seen.object.key;
        if seen.resource != ENDPOINT_SLICES.resource {
            items.add(&ENDPOINTS.resource, key);
        } else if seen.object.label(MANAGED_BY) == Some(NAME)
            && let Some(name) = seen.object.label(SERVICE_NAME)
        {
            items.push(&ENDPOINTS, key.namespace(), name);
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let (namespace, name) = (item.key.namespace(), item.key.name());
        let mine = LabelSelector::from_labels([(SERVICE_NAME, name), (MANAGED_BY, NAME)]);
        let known = world.select(&ENDPOINT_SLICES, namespace, &mine);
        let endpoints = world.object(item).filter(|one| is_mirrored(one));
        let service = world.get(&SERVICES, namespace, name);
        // Of a service that selects pods somebody else makes the slices.
        let is_filled = service.is_some_and(|one| one.get(&["spec", "selector"]).is_none());
        let Some(endpoints) = endpoints.filter(|_| is_filled) else {
            let mut plan = Plan::nothing();
            for slice in known {
                plan.step(
                    Step::delete_named(&ENDPOINT_SLICES, namespace, slice.name(), Value::Null)
                        .or_go_on(),
                );
            }
            return plan;
        };
        mirror(&endpoints, known)
    }
}

fn is_mirrored(endpoints: &Object) -> bool {
    let is_leader = |(key, _): (&str, _)| key == "control-plane.alpha.kubernetes.io/leader";
    !endpoints
        .labels()
        .any(|(key, value)| key == SKIP && value == "true")
        && !endpoints.annotations().any(is_leader)
}

/// What is to stand in slices: by family and ports.
#[derive(Default)]
struct Wanted {
    sets: BTreeMap<String, Set>,
    invalid: usize,
    skipped: usize,
}

struct Set {
    family: &'static str,
    ports: Vec<Value>,
    endpoints: Vec<Value>,
}

impl Wanted {
    fn of(endpoints: &Object) -> Self {
        let mut wanted = Self::default();
        for (ports, addresses) in repacked(endpoints) {
            let mut added = 0;
            for is_ready in [true, false] {
                for (address, _) in addresses.iter().filter(|one| one.1 == is_ready) {
                    if added >= ADDRESSES_MAX {
                        wanted.skipped += 1;
                    } else if wanted.add(address, &ports, is_ready) {
                        added += 1;
                    } else {
                        wanted.invalid += 1;
                    }
                }
            }
        }
        wanted
    }

    fn add(&mut self, address: &Value, ports: &[Value], is_ready: bool) -> bool {
        let ip = address["ip"]
            .as_str()
            .and_then(|ip| ip.parse::<IpAddr>().ok());
        let Some(ip) = ip else {
            return false;
        };
        let family = if ip.is_ipv4() { "IPv4" } else { "IPv6" };
        let mut endpoint = json!({
            "addresses": [ip.to_string()],
            "conditions": {"ready": is_ready},
        });
        for field in ["targetRef", "nodeName", "hostname"] {
            let value = &address[field];
            if !value.is_null() && value != "" {
                endpoint[field] = value.clone();
            }
        }
        let key = format!("{family}-{}", slice::key_of(ports));
        let set = self.sets.entry(key).or_insert_with(|| Set {
            family,
            ports: {
                let mut ports = ports.to_vec();
                endpoints::sort_slice_ports(&mut ports);
                ports
            },
            endpoints: Vec::new(),
        });
        if !set.endpoints.contains(&endpoint) {
            set.endpoints.push(endpoint);
        }
        true
    }
}

/// What tells addresses apart: the address, and the uid of what it leads to.
type Host = (String, String);

/// Sets of ports, each with the addresses that have all of them; and whether those are ready.
type Subset = (Vec<Value>, Vec<(Value, bool)>);

/// Endpoints as few sets of ports as there can be.
///
/// *Upstream:* `pkg/api/v1/endpoints/util.go` (`RepackSubsets`).
fn repacked(endpoints: &Object) -> Vec<Subset> {
    let mut addresses: BTreeMap<Host, Value> = BTreeMap::new();
    let mut by_port: Vec<(Value, BTreeMap<Host, bool>)> = Vec::new();
    for subset in endpoints.items(&["subsets"]) {
        let ports = subset["ports"].as_array().into_iter().flatten();
        let mut ports: Vec<Value> = ports.map(port).collect();
        if ports.is_empty() {
            ports.push(Value::Null);
        }
        for port in ports {
            let known = by_port.iter().position(|(one, _)| *one == port);
            let place = known.unwrap_or(by_port.len());
            if known.is_none() {
                by_port.push((port, BTreeMap::new()));
            }
            for (list, is_ready) in [("addresses", true), ("notReadyAddresses", false)] {
                for address in subset[list].as_array().into_iter().flatten() {
                    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
                    let host = (text(&address["ip"]), text(&address["targetRef"]["uid"]));
                    addresses
                        .entry(host.clone())
                        .or_insert_with(|| address.clone());
                    let ready = by_port[place].1.entry(host).or_insert(is_ready);
                    *ready &= is_ready;
                }
            }
        }
    }
    let mut sets: Vec<(BTreeMap<Host, bool>, Vec<Value>)> = Vec::new();
    for (port, hosts) in by_port {
        let own = if port.is_null() {
            Vec::new()
        } else {
            vec![port]
        };
        match sets.iter_mut().find(|(known, _)| *known == hosts) {
            Some((_, ports)) => ports.extend(own),
            None => sets.push((hosts, own)),
        }
    }
    let subset = |(hosts, ports): (BTreeMap<Host, bool>, Vec<Value>)| {
        let hosts = hosts.into_iter();
        let hosts =
            hosts.filter_map(|(host, is_ready)| Some((addresses.get(&host)?.clone(), is_ready)));
        (ports, hosts.collect())
    };
    sets.into_iter().map(subset).collect()
}

fn port(port: &Value) -> Value {
    let mut out = json!({
        "name": port["name"].as_str().unwrap_or(""),
        "port": port["port"],
        "protocol": port["protocol"],
    });
    if let Some(protocol) = port["appProtocol"].as_str() {
        out["appProtocol"] = protocol.into();
    }
    out
}

fn mirror(endpoints: &Object, known: Vec<Arc<Object>>) -> Plan {
    let wanted = Wanted::of(endpoints);
    let mut plan = Plan::nothing();
    tell(&mut plan, endpoints, &wanted);
    let mut by_key: BTreeMap<String, Vec<Arc<Object>>> = BTreeMap::new();
    for one in known {
        let key = format!("{}-{}", one.text(&["addressType"]), slice::port_key(&one));
        by_key.entry(key).or_default().push(one);
    }
    let (mut create, mut update, mut delete) = (Vec::new(), Vec::new(), Vec::new());
    for (key, set) in wanted.sets {
        let mut own = by_key.remove(&key).unwrap_or_default().into_iter();
        let new = new_slice(endpoints, &set);
        match own.next() {
            None => create.push(new),
            Some(first) if is_same(&first, &new) => {}
            Some(first) => update.push(named(new, &first)),
        }
        delete.extend(own);
    }
    delete.extend(by_key.into_values().flatten());
    // One that goes becomes one that is new.
    while !create.is_empty() && !delete.is_empty() {
        let (new, gone) = (create.remove(0), delete.remove(0));
        update.push(named(new, &gone));
    }
    if !endpoints.is_being_deleted() {
        for new in create {
            plan.step(Step::create(&ENDPOINT_SLICES, new));
        }
    }
    for changed in update {
        plan.step(Step::update(&ENDPOINT_SLICES, changed));
    }
    for gone in delete {
        let step = Step::delete_named(&ENDPOINT_SLICES, gone.namespace(), gone.name(), Value::Null);
        plan.step(step.or_go_on());
    }
    plan
}

fn tell(plan: &mut Plan, endpoints: &Object, wanted: &Wanted) {
    let mut warn = |reason: &str, message: String| {
        let about = About::object(&ENDPOINTS, endpoints);
        plan.event(Event::warning(about, COMPONENT, reason, message));
    };
    let (invalid, skipped) = (wanted.invalid, wanted.skipped);
    if invalid > 0 {
        let message =
            format!("Skipped {invalid} invalid IP addresses when mirroring to EndpointSlices");
        warn("InvalidIPAddress", message);
    }
    if skipped > 0 {
        let all = invalid + skipped;
        let message = format!(
            "A max of {ADDRESSES_MAX} addresses can be mirrored to EndpointSlices per Endpoints subset. {all} addresses were skipped"
        );
        warn("TooManyAddressesToMirror", message);
    }
}

fn new_slice(endpoints: &Object, set: &Set) -> Object {
    let mut labels: Map<String, Value> = Map::new();
    labels.extend(
        endpoints
            .labels()
            .map(|(key, value)| (key.to_owned(), value.into())),
    );
    labels.insert(SERVICE_NAME.to_owned(), endpoints.name().into());
    labels.insert(MANAGED_BY.to_owned(), NAME.into());
    let mut annotations: Map<String, Value> = Map::new();
    let kept = endpoints
        .annotations()
        .filter(|(key, _)| !OWN_ANNOTATIONS.contains(key));
    annotations.extend(kept.map(|(key, value)| (key.to_owned(), value.into())));
    let mut metadata = json!({
        "generateName": format!("{}-", endpoints.name()),
        "namespace": endpoints.namespace(),
        "labels": labels,
        "ownerReferences": [pods::controller_reference(endpoints, &ENDPOINTS)],
    });
    if !annotations.is_empty() {
        metadata["annotations"] = annotations.into();
    }
    let slice = json!({
        "apiVersion": ENDPOINT_SLICES.api_version(),
        "kind": "EndpointSlice",
        "metadata": metadata,
        "addressType": set.family,
        "endpoints": set.endpoints,
        "ports": set.ports,
    });
    Object::from_value(slice).unwrap_or_default()
}

/// A slice in the place of another.
fn named(mut new: Object, known: &Object) -> Object {
    new.remove(&["metadata", "generateName"]);
    new.set(&["metadata", "name"], known.name());
    new
}

fn is_same(known: &Object, new: &Object) -> bool {
    let paths: [&[&str]; 3] = [
        &["endpoints"],
        &["metadata", "labels"],
        &["metadata", "annotations"],
    ];
    let is_owned = known.items(&["metadata", "ownerReferences"])
        == new.items(&["metadata", "ownerReferences"]);
    is_owned && paths.iter().all(|path| known.get(path) == new.get(path))
}
