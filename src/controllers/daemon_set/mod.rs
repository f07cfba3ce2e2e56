//! `DaemonSet`: a pod on each node that is fit for it.
//!
//! *Upstream:* `pkg/controller/daemon`.

mod placement;
mod presence;
mod revisions;
mod rollout;
mod status;
mod template;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use jiff::Timestamp;

use self::placement::Wish;
use super::shared::pod_steps::Maker;
use super::shared::{adoption, pods};
use crate::object::Object;
use crate::object::selector::LabelSelector;
use crate::runner::kinds::{CONTROLLER_REVISIONS, DAEMON_SETS, NODES, PODS};
use crate::runner::{Again, Controller, Item, Items, Kind, Plan, Seen, Watches, World};

const COMPONENT: &str = "daemonset-controller";

/// So many pods are made or taken away in one go.
const BURST_REPLICAS: usize = 250;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct DaemonSets {
    /// When a failed pod of a node was last taken away, and how long the next has to wait: by the
    /// set's uid and generation and the node's name.
    backoff: BTreeMap<String, (Timestamp, Duration)>,
}

/// What a look at a set needs.
struct View<'a> {
    set: &'a Object,
    /// All nodes, by name.
    nodes: Vec<Arc<Object>>,
    wish: Wish,
    /// Pods by the node they are on or meant for.
    pods: BTreeMap<String, Vec<Arc<Object>>>,
    /// The hash of the present template.
    hash: String,
    min_ready: i64,
    now: Timestamp,
}

/// Pods to be made, by node, and to be taken away.
#[derive(Default)]
struct Changes {
    make: Vec<String>,
    delete: Vec<Arc<Object>>,
}

impl Controller for DaemonSets {
    fn name(&self) -> &'static str {
        "daemonset-controller"
    }

    fn identity(&self) -> crate::runner::Identity {
        crate::runner::Identity::ServiceAccount("daemon-set-controller")
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 4]> =
            LazyLock::new(|| [&DAEMON_SETS, &PODS, &NODES, &CONTROLLER_REVISIONS]);
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, world: &World, seen: &Seen, items: &mut Items) {
        if seen.resource == DAEMON_SETS.resource {
            items.add(&seen.resource, &seen.object.key);
        } else if seen.resource == NODES.resource {
            if placement::is_news(seen) {
                for set in world.list(&DAEMON_SETS, "") {
                    items.push(&DAEMON_SETS, set.namespace(), set.name());
                }
            }
        } else {
            adoption::concerns(world, seen, &DAEMON_SETS, selector, items);
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let Some(set) = world.object(item).filter(|set| !set.is_being_deleted()) else {
            return Plan::nothing();
        };
        let Some(selector) = selector(&set).filter(|selector| !selector.is_empty()) else {
            return Plan::nothing();
        };
        let owner: (&Object, &Kind) = (&set, &DAEMON_SETS);
        let history = adoption::claim(world, owner, &CONTROLLER_REVISIONS, &selector, |_| true);
        if !history.plan.is_empty() {
            return history.plan;
        }
        let claim = adoption::claim(world, owner, &PODS, &selector, |_| true);
        if !claim.plan.is_empty() {
            return claim.plan;
        }
        match revisions::sync(world, &set, history.own, &claim.own) {
            Ok(revisions) => {
                let view = View::of(world, &set, &claim.own, &revisions.hash);
                self.sync(&view, &revisions)
            }
            Err(plan) => plan,
        }
    }

    fn forget(&mut self) {
        self.backoff.clear();
    }
}

fn selector(set: &Object) -> Option<LabelSelector> {
    LabelSelector::from_json(set.get(&["spec", "selector"])).ok()
}

impl<'a> View<'a> {
    fn of(world: &World, set: &'a Object, own: &[Arc<Object>], hash: &str) -> Self {
        let mut pods: BTreeMap<String, Vec<Arc<Object>>> = BTreeMap::new();
        for pod in own {
            let is_over = matches!(pod.text(&["status", "phase"]), "Failed" | "Succeeded");
            if is_over && pod.is_being_deleted() {
                continue;
            }
            if let Some(node) = template::target(pod) {
                pods.entry(node).or_default().push(Arc::clone(pod));
            }
        }
        for pods in pods.values_mut() {
            pods.sort_by_key(|pod| {
                let is_bound = !pod.text(&["spec", "nodeName"]).is_empty();
                let created = pod.text(&["metadata", "creationTimestamp"]).to_owned();
                (!is_bound, created, pod.name().to_owned())
            });
        }
        Self {
            set,
            nodes: world.list(&NODES, ""),
            wish: Wish::of(set),
            pods,
            hash: hash.to_owned(),
            min_ready: set.integer(&["spec", "minReadySeconds"]).unwrap_or(0),
            now: world.now,
        }
    }

    fn is_available(&self, pod: &Object) -> bool {
        pods::is_available(pod, self.min_ready, self.now)
    }

    fn is_updated(&self, pod: &Object) -> bool {
        template::is_updated(self.set, pod, &self.hash)
    }

    /// Makes and takes away.
    fn plan(&self, changes: &Changes) -> Plan {
        let maker = Maker {
            owner: self.set,
            kind: &DAEMON_SETS,
            component: COMPONENT,
        };
        let mut plan = Plan::nothing();
        for node in changes.make.iter().take(BURST_REPLICAS) {
            let pod = template::pod(self.set, node, &self.hash);
            plan.step(maker.create(pod));
        }
        for pod in changes.delete.iter().take(BURST_REPLICAS) {
            plan.step(maker.delete(pod));
        }
        plan
    }
}

impl DaemonSets {
    fn sync(&mut self, view: &View<'_>, revisions: &revisions::Revisions) -> Plan {
        let presence = presence::changes(&mut self.backoff, view);
        let mut plan = Plan::nothing();
        for event in presence.events {
            plan.event(event);
        }
        let mut steps = view.plan(&presence.changes);
        let is_rolling = view.set.text(&["spec", "updateStrategy", "type"]) == "RollingUpdate";
        if steps.is_empty() && is_rolling {
            steps = view.plan(&rollout::changes(view));
        }
        let has_steps = !steps.is_empty();
        plan.append(steps);
        let status = status::update(view);
        if has_steps {
            // What is done is told, and the status follows then; not so where it cannot be done.
            return plan.then(move |outcomes| {
                if outcomes.is_cut_short {
                    status
                } else {
                    Plan::nothing()
                }
            });
        }
        plan.append(revisions::truncate(view, revisions));
        plan.append(status);
        if let Some(pause) = presence.pause {
            plan.again(Again::After(pause));
        }
        let all = view.pods.values().flatten();
        let next = all.filter_map(|pod| pods::available_in(pod, view.min_ready, view.now));
        if let Some(pause) = next.min() {
            plan.again(Again::After(pause.max(Duration::from_millis(1))));
        }
        plan
    }
}
