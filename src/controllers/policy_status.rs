//! What is wrong with the expressions of policies, in their status.
//!
//! *Upstream:* `pkg/controller/validatingadmissionpolicystatus/controller.go`.

use std::sync::LazyLock;

use serde_json::json;

use crate::admission::type_check;
use crate::runner::kinds::VALIDATING_ADMISSION_POLICIES;
use crate::runner::{Controller, Item, Items, Kind, Plan, Seen, Step, Watches, World};

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct PolicyStatus;

impl Controller for PolicyStatus {
    fn name(&self) -> &'static str {
        "validatingadmissionpolicy-status-controller"
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 1]> = LazyLock::new(|| [&VALIDATING_ADMISSION_POLICIES]);
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, _world: &World, seen: &Seen, items: &mut Items) {
        if !seen.is_gone() {
            items.push(&VALIDATING_ADMISSION_POLICIES, "", seen.object.key.name());
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let Some(policy) = world.object(item) else {
            return Plan::nothing();
        };
        let Some(status) = type_check(&policy, world.catalog()) else {
            return Plan::nothing();
        };
        let kind = &VALIDATING_ADMISSION_POLICIES;
        let applied = json!({
            "apiVersion": kind.api_version(),
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": policy.name()},
            "status": status,
        });
        let query = "fieldManager=validatingadmissionpolicy-status&force=true";
        let step = Step::apply(kind, "", policy.name(), query, applied);
        Plan::of(step.subresource("status"))
    }
}
