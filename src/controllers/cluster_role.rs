//! `ClusterRole`s that are made of others: the rules of all that their selectors match.
//!
//! *Upstream:* `pkg/controller/clusterroleaggregation/clusterroleaggregation_controller.go`.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::object::selector::LabelSelector;
use crate::runner::kinds::CLUSTER_ROLES;
use crate::runner::{Controller, Identity, Item, Items, Kind, Plan, Seen, Step, Watches, World};

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Aggregation;

impl Controller for Aggregation {
    fn name(&self) -> &'static str {
        "clusterrole-aggregation-controller"
    }

    fn identity(&self) -> Identity {
        Identity::ServiceAccount("clusterrole-aggregation-controller")
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 1]> = LazyLock::new(|| [&CLUSTER_ROLES]);
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, world: &World, _: &Seen, items: &mut Items) {
        for role in world.list(&CLUSTER_ROLES, "") {
            if role.get(&["aggregationRule"]).is_some() {
                items.push(&CLUSTER_ROLES, "", role.name());
            }
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let Some(role) = world.object(item) else {
            return Plan::nothing();
        };
        if role.get(&["aggregationRule"]).is_none() {
            return Plan::nothing();
        }
        let mut rules: Vec<Value> = Vec::new();
        for selector in role.items(&["aggregationRule", "clusterRoleSelectors"]) {
            let Ok(selector) = LabelSelector::from_json(Some(selector)) else {
                return Plan::nothing();
            };
            for other in world.select(&CLUSTER_ROLES, "", &selector) {
                if other.name() == role.name() {
                    continue;
                }
                for rule in other.items(&["rules"]) {
                    if !rules.contains(rule) {
                        rules.push(rule.clone());
                    }
                }
            }
        }
        if rules == role.items(&["rules"]) {
            return Plan::nothing();
        }
        let mut applied = json!({
            "apiVersion": CLUSTER_ROLES.api_version(),
            "kind": "ClusterRole",
            "metadata": {"name": role.name()},
        });
        if !rules.is_empty() {
            applied["rules"] = rules.into();
        }
        let query = "fieldManager=clusterrole-aggregation-controller&force=true";
        Plan::of(Step::apply(&CLUSTER_ROLES, "", role.name(), query, applied))
    }
}
