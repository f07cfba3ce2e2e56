//! `EndpointSlice`s of services that select pods.
//!
//! *Upstream:* `pkg/controller/endpointslice/endpointslice_controller.go`,
//! `endpointslice/reconciler.go`.

mod fill;
pub(super) mod mirroring;
mod slice;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use serde_json::{Value, json};

use self::slice::{Family, MANAGED_BY, NAME, SERVICE_NAME};
use super::shared::endpoints::{self, TRIGGER_TIME, TriggerTimes};
use crate::object::selector::LabelSelector;
use crate::object::{Object, time};
use crate::runner::kinds::{ENDPOINT_SLICES, NODES, PODS, SERVICES};
use crate::runner::{
    About, Controller, Event, Identity, Item, Items, Kind, Plan, Seen, Step, Watches, World,
};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct EndpointSlices {
    times: TriggerTimes,
}

impl Controller for EndpointSlices {
    fn name(&self) -> &'static str {
        "endpointslice-controller"
    }

    fn identity(&self) -> Identity {
        Identity::ServiceAccount("endpointslice-controller")
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 3]> = LazyLock::new(|| [&SERVICES, &PODS, &ENDPOINT_SLICES]);
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, world: &World, seen: &Seen, items: &mut Items) {
        if seen.resource == SERVICES.resource {
            items.add(&seen.resource, &seen.object.key);
        } else if seen.resource == PODS.resource {
            endpoints::services_of(world, seen, items);
        } else if seen.object.label(MANAGED_BY) == Some(NAME)
            && let Some(service) = seen.object.label(SERVICE_NAME)
        {
            items.push(&SERVICES, seen.object.key.namespace(), service);
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let Some(service) = world.object(item) else {
            self.times.forget(item.key.namespace(), item.key.name());
            return Plan::nothing();
        };
        if endpoints::selector(&service).is_none() {
            return Plan::nothing();
        }
        let pods = endpoints::pods_of(world, &service);
        let trigger = self.times.latest(&service, &pods);
        let mine = LabelSelector::from_labels([(SERVICE_NAME, service.name()), (MANAGED_BY, NAME)]);
        let slices = world.select(&ENDPOINT_SLICES, service.namespace(), &mine);
        let families = Family::of_service(&service);
        let mut plan = Plan::nothing();
        for slice in &slices {
            if !families
                .iter()
                .any(|family| slice.text(&["addressType"]) == family.as_str())
            {
                plan.step(Step::delete(&ENDPOINT_SLICES, slice).or_go_on());
            }
        }
        plan.append(missing_nodes(world, &service, &pods));
        for family in families {
            let own = slices.iter().filter(|slice| {
                slice.text(&["addressType"]) == family.as_str() && !slice.is_being_deleted()
            });
            let change = Change::of(world, &service, &pods, own.cloned().collect(), family);
            plan.append(change.into_plan(&service, trigger));
        }
        plan
    }

    fn forget(&mut self) {
        self.times = TriggerTimes::default();
    }
}

/// Says which pods are left out since their node is not there.
fn missing_nodes(world: &World, service: &Object, pods: &[Arc<Object>]) -> Plan {
    let mut plan = Plan::nothing();
    if service.is_true(&["spec", "publishNotReadyAddresses"]) {
        return plan;
    }
    let place = format!("{}/{}", service.namespace(), service.name());
    let node = |pod: &Object| pod.text(&["spec", "nodeName"]).to_owned();
    let missing: Vec<String> = pods
        .iter()
        .filter(|pod| endpoints::has_place(pod, true))
        .filter(|pod| world.get(&NODES, "", &node(pod)).is_none())
        .map(|pod| {
            let (name, node) = (pod.name(), node(pod));
            format!("skipping Pod {name} for Service {place}: Node {node} Not Found")
        })
        .collect();
    let all = match missing.as_slice() {
        [] => return plan,
        [one] => one.clone(),
        several => format!("[{}]", several.join(", ")),
    };
    let about = About::object(&SERVICES, service);
    let message = format!("Error updating Endpoint Slices for Service {place}: {all}");
    let reason = "FailedToUpdateEndpointSlices";
    plan.event(Event::warning(
        about,
        "endpoint-slice-controller",
        reason,
        message,
    ));
    plan
}

/// What is to become of the slices of a family.
#[derive(Debug, Default)]
struct Change {
    create: Vec<Object>,
    update: Vec<Object>,
    delete: Vec<Arc<Object>>,
}

impl Change {
    fn of(
        world: &World,
        service: &Object,
        pods: &[Arc<Object>],
        slices: Vec<Arc<Object>>,
        family: Family,
    ) -> Self {
        let mut change = Self::default();
        let count = slices.len();
        let mut known: BTreeMap<String, Vec<Arc<Object>>> = BTreeMap::new();
        for one in slices {
            if slice::is_of(&one, service) {
                known.entry(slice::port_key(&one)).or_default().push(one);
            } else {
                change.delete.push(one);
            }
        }
        let mut wanted: BTreeMap<String, (Vec<Value>, fill::Endpoints)> = BTreeMap::new();
        for pod in pods.iter().filter(|pod| endpoints::has_place(pod, true)) {
            let node = world.get(&NODES, "", pod.text(&["spec", "nodeName"]));
            let publishes_all = service.is_true(&["spec", "publishNotReadyAddresses"]);
            if node.is_none() && !publishes_all {
                continue;
            }
            let ports = slice::ports(service, pod);
            let key = slice::key_of(&ports);
            let (_, endpoints) = wanted
                .entry(key)
                .or_insert((ports, fill::Endpoints::default()));
            if let Some(endpoint) = slice::endpoint(pod, node.as_deref(), service, family) {
                endpoints.insert(pod.uid().to_owned(), endpoint);
            }
        }
        for (key, (ports, endpoints)) in wanted {
            let known = known.remove(&key).unwrap_or_default();
            let empty = slice::new(service, &ports, family);
            fill::fill(&mut change, service, &known, endpoints, &empty);
        }
        change.delete.extend(known.into_values().flatten());
        if change.delete.len() == count && change.create.is_empty() {
            change.keep_placeholder(slice::new(service, &[], family));
        }
        change
    }

    /// Without any endpoints there is one empty slice.
    fn keep_placeholder(&mut self, placeholder: Object) {
        if let [only] = self.delete.as_slice()
            && slice::is_same_placeholder(only, &placeholder)
        {
            self.delete.clear();
            return;
        }
        self.create.push(placeholder);
    }

    /// The writes; a slice that goes becomes one that is new, where there are both.
    fn into_plan(mut self, service: &Object, trigger: Option<Timestamp>) -> Plan {
        let mut left = Vec::new();
        for gone in std::mem::take(&mut self.delete) {
            if slice::is_of(&gone, service)
                && let Some(mut new) = self.create.pop()
            {
                new.set(&["metadata", "name"], gone.name());
                self.update.push(new);
            } else {
                left.push(gone);
            }
        }
        let annotated = |mut object: Object| {
            if let Some(at) = trigger {
                object.set(
                    &["metadata", "annotations", TRIGGER_TIME],
                    time::seconds(at),
                );
            } else {
                object.remove(&["metadata", "annotations", TRIGGER_TIME]);
                if object.get(&["metadata", "annotations"]) == Some(&json!({})) {
                    object.remove(&["metadata", "annotations"]);
                }
            }
            object
        };
        let mut plan = Plan::nothing();
        if !service.is_being_deleted() {
            for object in self.create {
                plan.step(Step::create(&ENDPOINT_SLICES, annotated(object)));
            }
        }
        for object in self.update {
            plan.step(Step::update(&ENDPOINT_SLICES, annotated(object)));
        }
        for object in left {
            plan.step(Step::delete(&ENDPOINT_SLICES, &object).or_go_on());
        }
        plan
    }
}
