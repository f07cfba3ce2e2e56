//! Pods that do not tolerate what drives pods off their node go, at once or after a while.
//!
//! *Upstream:* `pkg/controller/tainteviction/taint_eviction.go`.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{disrupt, with_status};
use crate::controllers::shared::placement::tolerates;
use crate::object::Object;
use crate::runner::kinds::{NODES, PODS};
use crate::runner::{
    About, Again, Controller, Event, Identity, Item, Items, Kind, Plan, Seen, Step, Watches, World,
};

const COMPONENT: &str = "taint-eviction-controller";

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct TaintEviction {
    /// Since when pods tolerate taints only for a time.
    since: BTreeMap<Item, Timestamp>,
}

impl Controller for TaintEviction {
    fn name(&self) -> &'static str {
        "taint-eviction-controller"
    }

    fn identity(&self) -> Identity {
        Identity::ServiceAccount("taint-eviction-controller")
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 2]> = LazyLock::new(|| [&NODES, &PODS]);
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, world: &World, seen: &Seen, items: &mut Items) {
        if seen.resource == PODS.resource {
            items.add(&seen.resource, &seen.object.key);
            return;
        }
        let taints = |object: &Object| object.get(&["spec", "taints"]).cloned();
        let before = seen.parsed_previous().and_then(|node| taints(&node));
        if !seen.is_gone() && before != taints(&seen.parsed()) {
            for pod in world.pods_on(seen.object.key.name()) {
                items.push(&PODS, pod.namespace(), pod.name());
            }
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let pod = world.object(item);
        let verdict = match &pod {
            Some(pod) if !pod.is_being_deleted() => judge(world, pod),
            _ => Verdict::Stays,
        };
        let (Some(pod), false) = (pod, verdict == Verdict::Stays) else {
            self.since.remove(item);
            return Plan::nothing();
        };
        let since = *self.since.entry(item.clone()).or_insert(world.now);
        if let Verdict::StaysFor(time) = verdict {
            let end = since.checked_add(time).unwrap_or(Timestamp::MAX);
            let left = Duration::try_from(end.duration_since(world.now)).unwrap_or_default();
            if !left.is_zero() {
                return Plan::nothing().and_again(Again::After(left));
            }
        }
        self.since.remove(item);
        evict(&pod, world.now)
    }

    fn forget(&mut self) {
        self.since.clear();
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Stays,
    StaysFor(Duration),
    Goes,
}

/// How long a pod tolerates what drives pods off its node.
fn judge(world: &World, pod: &Object) -> Verdict {
    let Some(node) = world.get(&NODES, "", pod.text(&["spec", "nodeName"])) else {
        return Verdict::Stays;
    };
    let taints = node.items(&["spec", "taints"]).iter();
    let taints: Vec<&Value> = taints
        .filter(|taint| taint["effect"] == "NoExecute")
        .collect();
    if taints.is_empty() {
        return Verdict::Stays;
    }
    let tolerations = pod.items(&["spec", "tolerations"]);
    let mut shortest: Option<i64> = None;
    for taint in taints {
        let Some(used) = tolerations.iter().find(|one| tolerates(one, taint)) else {
            return Verdict::Goes;
        };
        if let Some(seconds) = used["tolerationSeconds"].as_i64() {
            shortest = Some(shortest.map_or(seconds, |known| known.min(seconds)));
        }
    }
    match shortest {
        None => Verdict::Stays,
        Some(seconds) => match u64::try_from(seconds) {
            Ok(seconds) if seconds > 0 => Verdict::StaysFor(Duration::from_secs(seconds)),
            _ => Verdict::Goes,
        },
    }
}

fn evict(pod: &Object, now: Timestamp) -> Plan {
    let mut plan = Plan::nothing();
    let about = About {
        uid: String::new(),
        resource_version: String::new(),
        ..About::object(&PODS, pod)
    };
    let message = format!(
        "Marking for deletion Pod {}/{}",
        pod.namespace(),
        pod.name()
    );
    plan.event(Event::normal(
        about,
        COMPONENT,
        "TaintManagerEviction",
        message,
    ));
    let why = "Taint manager: deleting due to NoExecute taint";
    if let Some(conditions) = disrupt(pod, "DeletionByTaintManager", why, now) {
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
