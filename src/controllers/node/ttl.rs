//! How long kubelets may keep what they read: an annotation that follows the number of nodes.
//!
//! *Upstream:* `pkg/controller/ttl/ttl_controller.go`.

use std::sync::LazyLock;

use serde_json::json;

use crate::client::PatchKind;
use crate::runner::kinds::NODES;
use crate::runner::{Controller, Identity, Item, Items, Kind, Plan, Seen, Step, Watches, World};

const ANNOTATION: &str = "node.alpha.kubernetes.io/ttl";

/// From so many nodes on: so many seconds.
const STEPS: [(usize, u32); 5] = [(0, 0), (90, 15), (450, 30), (900, 60), (1800, 300)];

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Ttl {
    nodes: usize,
}

impl Ttl {
    fn seconds(&self) -> u32 {
        let reached = STEPS.iter().rev().find(|(nodes, _)| self.nodes >= *nodes);
        reached.map_or(0, |(_, seconds)| *seconds)
    }
}

impl Controller for Ttl {
    fn name(&self) -> &'static str {
        "ttl-controller"
    }

    fn identity(&self) -> Identity {
        Identity::ServiceAccount("ttl-controller")
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 1]> = LazyLock::new(|| [&NODES]);
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, _world: &World, seen: &Seen, items: &mut Items) {
        if seen.is_gone() {
            self.nodes = self.nodes.saturating_sub(1);
        } else if seen.previous.is_none() {
            self.nodes += 1;
        }
        items.add(&seen.resource, &seen.object.key);
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let Some(node) = world.object(item) else {
            return Plan::nothing();
        };
        let seconds = self.seconds().to_string();
        if node.text(&["metadata", "annotations", ANNOTATION]) == seconds {
            return Plan::nothing();
        }
        let patch = json!({"metadata": {"annotations": {ANNOTATION: seconds}}});
        let how = PatchKind::Strategic;
        Plan::of(Step::patch(&NODES, "", node.name(), how, patch))
    }

    fn forget(&mut self) {
        self.nodes = 0;
    }
}
