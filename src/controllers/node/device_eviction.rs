//! Pods go whose devices have taints that drive them off, as a slice or a rule says.
//!
//! Differs: what a rule has done is not told in its status.
//!
//! *Upstream:* `pkg/controller/devicetainteviction/device_taint_eviction.go`.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{disrupt, with_status};
use crate::controllers::shared::placement::tolerates;
use crate::object::{Object, time};
use crate::runner::kinds::{DEVICE_TAINT_RULES, PODS, RESOURCE_CLAIMS, RESOURCE_SLICES};
use crate::runner::{
    About, Again, Controller, Event, Identity, Item, Items, Kind, Plan, Seen, Step, Watches, World,
};

const NAME: &str = "device-taint-eviction-controller";

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeviceEviction;

impl Controller for DeviceEviction {
    fn name(&self) -> &'static str {
        NAME
    }

    fn identity(&self) -> Identity {
        Identity::ServiceAccount(NAME)
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 4]> = LazyLock::new(|| {
            [
                &PODS,
                &RESOURCE_CLAIMS,
                &RESOURCE_SLICES,
                &DEVICE_TAINT_RULES,
            ]
        });
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, world: &World, seen: &Seen, items: &mut Items) {
        let object = seen.parsed();
        if seen.resource == PODS.resource {
            if !object.items(&["spec", "resourceClaims"]).is_empty() {
                items.add(&seen.resource, &seen.object.key);
            }
            return;
        }
        let claims = if seen.resource == RESOURCE_CLAIMS.resource {
            vec![object]
        } else {
            world.list(&RESOURCE_CLAIMS, "")
        };
        for claim in claims {
            for consumer in claim.items(&["status", "reservedFor"]) {
                if consumer["resource"] == "pods" {
                    let name = consumer["name"].as_str().unwrap_or("");
                    items.push(&PODS, claim.namespace(), name);
                }
            }
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let pod = world
            .object(item)
            .filter(|pod| !pod.is_being_deleted() && !pod.text(&["spec", "nodeName"]).is_empty());
        let Some(pod) = pod else {
            return Plan::nothing();
        };
        let reserves = |claim: &Object| {
            let mut consumers = claim.items(&["status", "reservedFor"]).iter();
            consumers.any(|one| one["uid"] == pod.uid())
        };
        let claims = world.list(&RESOURCE_CLAIMS, pod.namespace());
        let claims = claims.into_iter().filter(|claim| reserves(claim));
        let Some(when) = claims.filter_map(|claim| end(world, &claim)).min() else {
            return Plan::nothing();
        };
        match Duration::try_from(when.duration_since(world.now)) {
            Ok(left) if !left.is_zero() => Plan::nothing().and_again(Again::After(left)),
            _ => evict(&pod, world.now),
        }
    }
}

/// When those who use a claim have to go; `None` where they may stay.
fn end(world: &World, claim: &Object) -> Option<Timestamp> {
    let slices = world.list(&RESOURCE_SLICES, "");
    let rules = world.list(&DEVICE_TAINT_RULES, "");
    let results = claim.items(&["status", "allocation", "devices", "results"]);
    let ends = results.iter().flat_map(|result| {
        let taints = taints(&slices, &rules, result).into_iter();
        taints.filter_map(move |taint| left(result, &taint, world.now))
    });
    ends.min()
}

/// The taints of a device that was given that drive who uses it off.
fn taints(slices: &[Arc<Object>], rules: &[Arc<Object>], result: &Value) -> Vec<Value> {
    let of_pool = slices.iter().filter(|slice| {
        result["driver"] == slice.text(&["spec", "driver"])
            && result["pool"] == slice.text(&["spec", "pool", "name"])
    });
    let devices = of_pool.flat_map(|slice| slice.items(&["spec", "devices"]));
    let own = devices.filter(|device| device["name"] == result["device"]);
    let own = own.flat_map(|device| device["taints"].as_array().into_iter().flatten());
    let matching = rules.iter().filter(|rule| is_about(rule, result));
    let ruled = matching.filter_map(|rule| rule.get(&["spec", "taint"]));
    let all = own
        .chain(ruled)
        .filter(|taint| taint["effect"] == "NoExecute");
    all.cloned().collect()
}

/// Whether a rule is about a device that was given.
fn is_about(rule: &Object, result: &Value) -> bool {
    let selector = rule.get(&["spec", "deviceSelector"]);
    selector
        .filter(|selector| selector.is_object())
        .is_some_and(|selector| {
            ["driver", "pool", "device"].iter().all(|field| {
                let wanted = &selector[*field];
                wanted.is_null() || *wanted == result[*field]
            })
        })
}

/// When a taint has its effect; `None` where it is tolerated for ever.
fn left(result: &Value, taint: &Value, now: Timestamp) -> Option<Timestamp> {
    let since = time::time_of(&taint["timeAdded"]).unwrap_or(now);
    let tolerations = result["tolerations"].as_array().into_iter().flatten();
    let used: Vec<&Value> = tolerations
        .filter(|one| one["effect"] == "NoExecute" && tolerates(one, taint))
        .collect();
    if used.is_empty() {
        return Some(since);
    }
    let seconds: Option<Vec<i64>> = used
        .iter()
        .map(|one| one["tolerationSeconds"].as_i64())
        .collect();
    let seconds = seconds?.into_iter().min()?.max(0);
    since.checked_add(SignedDuration::from_secs(seconds)).ok()
}

fn evict(pod: &Object, now: Timestamp) -> Plan {
    let mut plan = Plan::nothing();
    let about = About {
        resource_version: String::new(),
        ..About::object(&PODS, pod)
    };
    let reason = "DeviceTaintManagerEviction";
    plan.event(Event::normal(about, NAME, reason, "Marking for deletion"));
    let why = "Device Taint manager: deleting due to NoExecute taint";
    if let Some(conditions) = disrupt(pod, "DeletionByDeviceTaintManager", why, now) {
        plan.step(with_status(pod, |pod| {
            pod.set(&["status", "conditions"], conditions);
        }));
    }
    plan.step(Step::delete_named(
        &PODS,
        pod.namespace(),
        pod.name(),
        json!({}),
    ));
    plan
}
