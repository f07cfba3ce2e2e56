//! Devices for the claims of a pod: which of those that a node reaches they are given.
//!
//! Differs: requests are served one after the other, each by the first devices that do; only what
//! stands against it makes the search go back. Capacities that are shared and counters of
//! partitions are not looked at.
//!
//! *Upstream:* `dynamic-resource-allocation/structured/internal`,
//! `pkg/scheduler/framework/plugins/dynamicresources`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::super::affinity;
use super::super::node::Node;
use crate::object::{Object, time};
use crate::resources::scheduling::selects_device;
use crate::runner::World;
use crate::runner::kinds::{DEVICE_CLASSES, RESOURCE_CLAIMS, RESOURCE_SLICES};

/// What is advised where an attribute is not there.
const HINT: &str = ". consider using CEL optional chaining (.? followed by orValue()) or guarding \
                    the check with has() for optional fields";

/// Driver, pool and device.
type Id = (String, String, String);

/// See the module.
#[derive(Clone, Debug)]
pub(in super::super) struct Devices {
    claims: Vec<Arc<Object>>,
    slices: Vec<Arc<Object>>,
    classes: BTreeMap<String, Arc<Object>>,
    taken: BTreeSet<Id>,
    now: jiff::Timestamp,
    /// What went wrong while a selector looked at a device.
    failure: Arc<Mutex<Option<String>>>,
}

/// A device that a node reaches.
#[derive(Clone, Copy)]
struct Device<'d> {
    slice: &'d Object,
    device: &'d Value,
}

impl Device<'_> {
    fn id(&self) -> Id {
        let text = |path: &[&str]| self.slice.text(path).to_owned();
        let name = self.device["name"].as_str().unwrap_or("").to_owned();
        (
            text(&["spec", "driver"]),
            text(&["spec", "pool", "name"]),
            name,
        )
    }

    /// An attribute by its name, which is the driver's own where it says no domain.
    fn attribute(&self, name: &str) -> Option<&Value> {
        let attributes = self.device["attributes"].as_object()?;
        let own = name.strip_prefix(self.slice.text(&["spec", "driver"]));
        let own = own.and_then(|rest| rest.strip_prefix('/'));
        attributes.get(name).or_else(|| attributes.get(own?))
    }
}

/// One device that a request asks for.
struct Slot<'d> {
    /// As the result names it: with its alternative, where it has some.
    request: String,
    main: &'d str,
    spec: &'d Value,
}

impl Devices {
    /// What there is for claims that nobody has allocated.
    pub(in super::super) fn of(world: &World, claims: Vec<Arc<Object>>) -> Self {
        let mut newest: BTreeMap<(String, String), i64> = BTreeMap::new();
        let mut slices = world.list(&RESOURCE_SLICES, "");
        let pool = |slice: &Object| {
            let text = |path: &[&str]| slice.text(path).to_owned();
            (text(&["spec", "driver"]), text(&["spec", "pool", "name"]))
        };
        let generation = |slice: &Object| slice.integer(&["spec", "pool", "generation"]);
        for slice in &slices {
            let known = newest.entry(pool(slice)).or_default();
            *known = (*known).max(generation(slice).unwrap_or(0));
        }
        slices.retain(|slice| newest.get(&pool(slice)) == Some(&generation(slice).unwrap_or(0)));
        let mut taken = BTreeSet::new();
        for claim in world.list(&RESOURCE_CLAIMS, "") {
            for result in claim.items(&["status", "allocation", "devices", "results"]) {
                if result["adminAccess"] != true {
                    let text = |field: &str| result[field].as_str().unwrap_or("").to_owned();
                    taken.insert((text("driver"), text("pool"), text("device")));
                }
            }
        }
        let classes = world.list(&DEVICE_CLASSES, "").into_iter();
        Self {
            claims,
            slices,
            classes: classes
                .map(|class| (class.name().to_owned(), class))
                .collect(),
            taken,
            now: world.now,
            failure: Arc::default(),
        }
    }

    /// Takes what went wrong while a selector looked at a device: nothing comes of such a pod.
    pub(in super::super) fn failure(&self) -> Option<String> {
        self.failure.lock().take()
    }

    /// What each claim is given on a node; `None` where there is not enough.
    pub(in super::super) fn allocate(&self, node: &Node) -> Option<Vec<(Arc<Object>, Value)>> {
        let reached: Vec<&Arc<Object>> = self
            .slices
            .iter()
            .filter(|one| reaches(one, node))
            .collect();
        let devices: Vec<Device> = reached
            .iter()
            .flat_map(|slice| {
                let devices = slice.items(&["spec", "devices"]).iter();
                devices.map(move |device| Device { slice, device })
            })
            .collect();
        let mut taken = self.taken.clone();
        let mut given = Vec::new();
        for claim in &self.claims {
            let mut chosen = Vec::new();
            let requests = claim.items(&["spec", "devices", "requests"]);
            if !self.serve(claim, requests, &devices, &mut taken, &mut chosen) {
                return None;
            }
            given.push((Arc::clone(claim), self.allocation(claim, &chosen, node)));
        }
        Some(given)
    }

    /// Serves the requests of a claim, the first one and then the rest.
    fn serve<'d>(
        &'d self,
        claim: &'d Object,
        requests: &'d [Value],
        devices: &[Device<'d>],
        taken: &mut BTreeSet<Id>,
        chosen: &mut Vec<(Slot<'d>, Device<'d>)>,
    ) -> bool {
        let Some((request, rest)) = requests.split_first() else {
            return true;
        };
        let main = request["name"].as_str().unwrap_or("");
        let choices = request["firstAvailable"].as_array().into_iter().flatten();
        let choices = choices.chain(request.get("exactly"));
        for spec in choices {
            let name = match spec["name"].as_str() {
                Some(name) => format!("{main}/{name}"),
                None => main.to_owned(),
            };
            let count = match spec["allocationMode"].as_str() {
                Some("All") => devices
                    .iter()
                    .filter(|one| self.does(claim, one, spec))
                    .count(),
                _ => spec["count"].as_u64().unwrap_or(1) as usize,
            };
            let before = chosen.len();
            let slots = (0..count).map(|_| Slot {
                request: name.clone(),
                main,
                spec,
            });
            let slots: Vec<Slot> = slots.collect();
            let is_served = count > 0 && self.fill(claim, slots, devices, taken, chosen);
            if is_served && self.serve(claim, rest, devices, taken, chosen) {
                return true;
            }
            for (slot, device) in chosen.drain(before..) {
                if slot.spec["adminAccess"] != true {
                    taken.remove(&device.id());
                }
            }
        }
        false
    }

    /// Fills one slot after the other.
    fn fill<'d>(
        &'d self,
        claim: &'d Object,
        mut slots: Vec<Slot<'d>>,
        devices: &[Device<'d>],
        taken: &mut BTreeSet<Id>,
        chosen: &mut Vec<(Slot<'d>, Device<'d>)>,
    ) -> bool {
        let Some(slot) = slots.pop() else {
            return true;
        };
        let is_admin = slot.spec["adminAccess"] == true;
        let (spec, before) = (slot.spec, chosen.len());
        let Some(first) = devices.first() else {
            return false;
        };
        chosen.push((slot, *first));
        for device in devices {
            let id = device.id();
            if (!is_admin && taken.contains(&id)) || !self.does(claim, device, spec) {
                continue;
            }
            chosen[before].1 = *device;
            if !keeps(claim, &chosen[..=before]) {
                continue;
            }
            if !is_admin {
                taken.insert(id.clone());
            }
            let left = slots.iter().map(|slot| Slot {
                request: slot.request.clone(),
                ..*slot
            });
            let left: Vec<Slot> = left.collect();
            if self.fill(claim, left, devices, taken, chosen) {
                return true;
            }
            chosen.truncate(before + 1);
            if !is_admin {
                taken.remove(&id);
            }
        }
        chosen.truncate(before);
        false
    }

    /// Whether a device is one that a request of a claim may be given.
    fn does(&self, claim: &Object, device: &Device, spec: &Value) -> bool {
        let class = spec["deviceClassName"].as_str().unwrap_or("");
        let Some(class) = self.classes.get(class) else {
            return false;
        };
        let place = format!("{}/{}", claim.namespace(), claim.name());
        let own = spec["selectors"].as_array().map_or(&[][..], Vec::as_slice);
        let taints = device.device["taints"].as_array().into_iter().flatten();
        let mut taints = taints.filter(|taint| taint["effect"] != "None");
        let is_tolerated = |taint: &Value| {
            let mut tolerations = spec["tolerations"].as_array().into_iter().flatten();
            tolerations.any(|one| tolerates(one, taint))
        };
        self.select(
            &format!("class {}", class.name()),
            class.items(&["spec", "selectors"]),
            device,
        ) && self.select(&format!("claim {place}"), own, device)
            && taints.all(is_tolerated)
    }

    /// Whether all selectors of somebody take a device. One that comes to nothing is told.
    fn select(&self, whose: &str, selectors: &[Value], device: &Device) -> bool {
        let driver = device.slice.text(&["spec", "driver"]);
        selectors.iter().enumerate().all(|(index, selector)| {
            let text = selector["cel"]["expression"].as_str().unwrap_or("");
            selects_device(text, driver, device.device).unwrap_or_else(|mut why| {
                if why.contains("no such key:") {
                    why.push_str(HINT);
                }
                let (driver, pool, name) = device.id();
                let why = format!(
                    "{whose}: selector #{index} on device {driver}/{pool}/{name}: CEL runtime \
                     error: {why}"
                );
                self.failure.lock().get_or_insert(why);
                false
            })
        })
    }

    /// The configurations of classes, each class's once, and of the claim, as far as they are about
    /// what was chosen. Those that are about all requests name none.
    fn config(&self, claim: &Object, chosen: &[(Slot, Device)]) -> Vec<Value> {
        let mut config: Vec<Value> = Vec::new();
        let mut names: Vec<(&str, &str)> = Vec::new();
        let mut classes: Vec<(&str, std::ops::Range<usize>)> = Vec::new();
        for (slot, _) in chosen {
            if names.iter().any(|(main, _)| *main == slot.main) {
                continue;
            }
            names.push((slot.main, &slot.request));
            let name = slot.spec["deviceClassName"].as_str().unwrap_or("");
            if let Some((_, known)) = classes.iter().find(|(known, _)| *known == name) {
                for one in &mut config[known.clone()] {
                    if let Some(requests) = one["requests"].as_array_mut() {
                        requests.push(slot.request.as_str().into());
                    }
                }
                continue;
            }
            let start = config.len();
            let class = self.classes.get(name);
            for one in class.map_or(&[][..], |class| class.items(&["spec", "config"])) {
                let mut one = one.clone();
                one["source"] = "FromClass".into();
                one["requests"] = json!([slot.request]);
                config.push(one);
            }
            classes.push((name, start..config.len()));
        }
        let about = |one: &Value, (main, request): &(&str, &str)| {
            let requests = one["requests"].as_array();
            requests.is_some_and(|all| all.iter().any(|name| name == main || name == request))
        };
        let is_general = |one: &Value| one["requests"].as_array().is_none_or(Vec::is_empty);
        for one in claim.items(&["spec", "devices", "config"]) {
            if is_general(one) || names.iter().any(|name| about(one, name)) {
                let mut one = one.clone();
                one["source"] = "FromClaim".into();
                config.push(one);
            }
        }
        for one in &mut config {
            if names.iter().all(|name| about(one, name))
                && let Value::Object(fields) = one
            {
                fields.remove("requests");
            }
        }
        config
    }

    fn allocation(&self, claim: &Object, chosen: &[(Slot, Device)], node: &Node) -> Value {
        let results = chosen.iter().map(|(slot, device)| {
            let (driver, pool, name) = device.id();
            let mut result = json!({
                "request": slot.request, "driver": driver, "pool": pool, "device": name,
            });
            for field in ["adminAccess", "tolerations"] {
                if let Some(value) = slot.spec.get(field) {
                    result[field] = value.clone();
                }
            }
            result
        });
        let results: Vec<Value> = results.collect();
        let config = self.config(claim, chosen);
        let mut allocation = json!({
            "devices": {"results": results},
            "allocationTimestamp": time::seconds(self.now),
        });
        if !config.is_empty() {
            allocation["devices"]["config"] = config.into();
        }
        let is_local = |slice: &Object| !slice.text(&["spec", "nodeName"]).is_empty();
        let mut selectors = chosen
            .iter()
            .filter_map(|(_, device)| device.slice.get(&["spec", "nodeSelector"]));
        if chosen.iter().any(|(_, device)| is_local(device.slice)) {
            let field = json!({"key": "metadata.name", "operator": "In", "values": [node.name()]});
            let terms = json!([{"matchFields": [field]}]);
            allocation["nodeSelector"] = json!({"nodeSelectorTerms": terms});
        } else if let Some(selector) = selectors.next() {
            allocation["nodeSelector"] = selector.clone();
        }
        allocation
    }
}

/// Whether a node reaches the devices of a slice.
fn reaches(slice: &Object, node: &Node) -> bool {
    let terms = slice.items(&["spec", "nodeSelector", "nodeSelectorTerms"]);
    slice.is_true(&["spec", "allNodes"])
        || slice.text(&["spec", "nodeName"]) == node.name()
        || terms.iter().any(|term| affinity::matches(term, node))
}

fn tolerates(toleration: &Value, taint: &Value) -> bool {
    let text = |of: &Value, field: &str| of[field].as_str().unwrap_or("").to_owned();
    let is_same = |field: &str| text(toleration, field) == text(taint, field);
    let any = |field: &str| text(toleration, field).is_empty();
    let is_key = is_same("key") || (any("key") && text(toleration, "operator") == "Exists");
    is_key
        && (any("effect") || is_same("effect"))
        && (text(toleration, "operator") == "Exists" || is_same("value"))
}

/// Whether devices that were chosen keep the constraints of a claim.
fn keeps(claim: &Object, chosen: &[(Slot, Device)]) -> bool {
    claim
        .items(&["spec", "devices", "constraints"])
        .iter()
        .all(|constraint| {
            let requests = constraint["requests"].as_array();
            let is_of = |slot: &Slot| {
                requests.is_none_or(|names| {
                    names.is_empty()
                        || names
                            .iter()
                            .any(|name| *name == slot.main || *name == slot.request)
                })
            };
            let concerned = chosen.iter().filter(|(slot, _)| is_of(slot));
            let devices: Vec<&Device> = concerned.map(|(_, device)| device).collect();
            let values = |name: &str| -> Option<Vec<&Value>> {
                devices
                    .iter()
                    .map(|device| device.attribute(name))
                    .collect()
            };
            if let Some(name) = constraint["matchAttribute"].as_str() {
                let Some(values) = values(name) else {
                    return false;
                };
                return values.windows(2).all(|pair| pair[0] == pair[1]);
            }
            if let Some(name) = constraint["distinctAttribute"].as_str() {
                let Some(values) = values(name) else {
                    return false;
                };
                let differs = |(index, one): (usize, &&Value)| !values[..index].contains(one);
                return values.iter().enumerate().all(differs);
            }
            true
        })
}
