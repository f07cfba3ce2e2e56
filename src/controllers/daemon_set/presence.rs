//! A pod on each node that is fit, and none on others.
//!
//! *Upstream:* `pkg/controller/daemon/daemon_controller.go` (`manage`, `podsShouldBeOnNode`).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::super::shared::pods;
use super::super::shared::scaled::{self, Round};
use super::{COMPONENT, Changes, View};
use crate::object::Object;
use crate::runner::kinds::DAEMON_SETS;
use crate::runner::{About, Event};

const BACKOFF_FIRST: Duration = Duration::from_secs(1);
const BACKOFF_MAX: Duration = Duration::from_mins(15);

/// What is to be done, what is told of it, and when failed pods may go.
#[derive(Default)]
pub(super) struct Presence {
    pub(super) changes: Changes,
    pub(super) events: Vec<Event>,
    pub(super) pause: Option<Duration>,
}

type Backoff = BTreeMap<String, (Timestamp, Duration)>;

pub(super) fn changes(backoff: &mut Backoff, view: &View<'_>) -> Presence {
    let mut presence = Presence::default();
    for node in &view.nodes {
        on_node(backoff, view, node, &mut presence);
    }
    // Pods for nodes that are gone would wait for ever.
    for (node, pods) in &view.pods {
        if view.nodes.iter().any(|known| known.name() == node) {
            continue;
        }
        let is_free = |pod: &&Arc<Object>| pod.text(&["spec", "nodeName"]).is_empty();
        let free = pods
            .iter()
            .filter(is_free)
            .filter(|pod| !pod.is_being_deleted());
        presence.changes.delete.extend(free.cloned());
    }
    presence
}

fn on_node(backoff: &mut Backoff, view: &View<'_>, node: &Object, presence: &mut Presence) {
    let verdict = view.wish.judge(node);
    let Some(pods) = view.pods.get(node.name()) else {
        if verdict.runs {
            presence.changes.make.push(node.name().to_owned());
        }
        return;
    };
    let present = pods.iter().filter(|pod| !pod.is_being_deleted());
    if !verdict.stays {
        presence.changes.delete.extend(present.cloned());
        return;
    }
    let mut running = Vec::new();
    for pod in present {
        match pod.text(&["status", "phase"]) {
            "Failed" => fail(backoff, view, node, pod, presence),
            "Succeeded" => {
                tell(view, pod, node, "SucceededDaemonPod", presence);
                presence.changes.delete.push(Arc::clone(pod));
            }
            _ => running.push(pod),
        }
    }
    if !allows_surge(view.set) {
        presence
            .changes
            .delete
            .extend(running.into_iter().skip(1).cloned());
        return;
    }
    if running.is_empty() && verdict.runs {
        presence.changes.make.push(node.name().to_owned());
    }
    if running.len() > 1 {
        thin(view, &running, &mut presence.changes);
    }
}

/// Of pods that stand together for an update, one of each template stays, until the old one is not
/// needed any more.
fn thin(view: &View<'_>, running: &[&Arc<Object>], changes: &mut Changes) {
    let is_new = |pod: &Object| pod.label(super::template::HASH) == Some(view.hash.as_str());
    let (new, old): (Vec<_>, Vec<_>) = running.iter().copied().partition(|pod| is_new(pod));
    let spare = new.iter().skip(1).chain(old.iter().skip(1));
    changes.delete.extend(spare.map(|pod| Arc::clone(pod)));
    if let (Some(new), Some(old)) = (new.first(), old.first())
        && (!pods::is_ready(old) || view.is_available(new))
    {
        changes.delete.push(Arc::clone(old));
    }
}

fn fail(
    backoff: &mut Backoff,
    view: &View<'_>,
    node: &Object,
    pod: &Arc<Object>,
    presence: &mut Presence,
) {
    let observed = view
        .set
        .integer(&["status", "observedGeneration"])
        .unwrap_or(0);
    let key = format!("{}/{observed}/{}", view.set.uid(), node.name());
    let known = backoff.get(&key).copied();
    let mut pause = BACKOFF_FIRST;
    if let Some((at, length)) = known {
        let since = Duration::try_from(view.now.duration_since(at)).unwrap_or_default();
        let left = length.saturating_sub(since);
        if !left.is_zero() {
            presence.pause = Some(presence.pause.map_or(left, |known| known.min(left)));
            return;
        }
        if since <= BACKOFF_MAX * 2 {
            pause = (length * 2).min(BACKOFF_MAX);
        }
    }
    backoff.insert(key, (view.now, pause));
    tell(view, pod, node, "FailedDaemonPod", presence);
    presence.changes.delete.push(Arc::clone(pod));
}

fn tell(view: &View<'_>, pod: &Object, node: &Object, reason: &str, presence: &mut Presence) {
    let (namespace, name, node) = (pod.namespace(), pod.name(), node.name());
    let about = About::object(&DAEMON_SETS, view.set);
    presence.events.push(if reason == "FailedDaemonPod" {
        let message = format!(
            "Found failed daemon pod {namespace}/{name} on node {node}, will try to kill it"
        );
        Event::warning(about, COMPONENT, reason, message)
    } else {
        let message = format!(
            "Found succeeded daemon pod {namespace}/{name} on node {node}, will try to delete it"
        );
        Event::normal(about, COMPONENT, reason, message)
    });
}

fn allows_surge(set: &Object) -> bool {
    let surge = set.get(&["spec", "updateStrategy", "rollingUpdate", "maxSurge"]);
    set.text(&["spec", "updateStrategy", "type"]) == "RollingUpdate"
        && scaled::count(surge, 1, Round::Up) > 0
}
