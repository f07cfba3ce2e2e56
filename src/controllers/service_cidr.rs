//! `ServiceCIDR`s: ready once they are protected, and kept while an address depends on them.
//!
//! *Upstream:* `pkg/controller/servicecidrs/servicecidrs_controller.go`.

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use serde_json::json;

use super::shared::conditions;
use crate::client::PatchKind;
use crate::object::{Object, time};
use crate::resources::shared::ip::Cidr;
use crate::runner::kinds::{IP_ADDRESSES, SERVICE_CIDRS};
use crate::runner::{
    Again, Controller, Identity, Item, Items, Kind, Plan, Seen, Step, Watches, World,
};

const NAME: &str = "service-cidr-controller";

const FINALIZER: &str = "networking.k8s.io/service-cidr-finalizer";

/// Who made the object of an address, and the label that says so.
const MANAGED_BY: &str = "ipaddress.kubernetes.io/managed-by";
const ALLOCATOR: &str = "ipallocator.k8s.io";

/// How long whoever gives addresses is given to learn that a range goes.
const GRACE: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct ServiceCidrs;

impl Controller for ServiceCidrs {
    fn name(&self) -> &'static str {
        NAME
    }

    fn identity(&self) -> Identity {
        Identity::ServiceAccount("service-cidrs-controller")
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 2]> = LazyLock::new(|| [&SERVICE_CIDRS, &IP_ADDRESSES]);
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, world: &World, seen: &Seen, items: &mut Items) {
        if seen.resource == SERVICE_CIDRS.resource {
            items.add(&seen.resource, &seen.object.key);
        }
        // Others may go now, or must stay.
        for other in world.list(&SERVICE_CIDRS, "") {
            if other.is_being_deleted() {
                items.push(&SERVICE_CIDRS, "", other.name());
            }
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let Some(range) = world.object(item) else {
            return Plan::nothing();
        };
        let is_kept = range.finalizers().any(|one| one == FINALIZER);
        if !range.is_being_deleted() {
            let mut plan = Plan::nothing();
            if !is_kept {
                plan.step(patch(&range, &json!({"finalizers": [FINALIZER]})));
            }
            let message = "Kubernetes Service CIDR is ready";
            plan.append(set(world, &range, ["True", "", message]));
            return plan;
        }
        if !may_go(world, &range) {
            let message = "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR";
            return set(world, &range, ["False", "Terminating", message]);
        }
        let asked = time::time_at(&range, &["metadata", "deletionTimestamp"]);
        let end = asked.and_then(|asked| asked.checked_add(GRACE).ok());
        let left = end.and_then(|end| Duration::try_from(end.duration_since(world.now)).ok());
        if let Some(left) = left.filter(|left| !left.is_zero()) {
            return Plan::nothing().and_again(Again::After(left));
        }
        if !is_kept {
            return Plan::nothing();
        }
        Plan::of(patch(
            &range,
            &json!({"$deleteFromPrimitiveList/finalizers": [FINALIZER]}),
        ))
    }
}

fn patch(range: &Object, metadata: &serde_json::Value) -> Step {
    let patch = json!({"metadata": metadata});
    Step::patch(
        &SERVICE_CIDRS,
        "",
        range.name(),
        PatchKind::Strategic,
        patch,
    )
}

/// Says how a range is, where that was not said.
fn set(world: &World, range: &Object, [status, reason, message]: [&str; 3]) -> Plan {
    let known = conditions::find(range.items(&["status", "conditions"]), "Ready");
    let says = |field: &str, text: &str| known.is_some_and(|known| known[field] == text);
    if says("status", status) && says("reason", reason) && says("message", message) {
        return Plan::nothing();
    }
    let condition = json!({
        "type": "Ready",
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": time::seconds(world.now),
    });
    let applied = json!({
        "apiVersion": SERVICE_CIDRS.api_version(),
        "kind": "ServiceCIDR",
        "metadata": {"name": range.name()},
        "status": {"conditions": [condition]},
    });
    let query = "fieldManager=service-cidr-controller&force=true";
    let step = Step::apply(&SERVICE_CIDRS, "", range.name(), query, applied);
    Plan::of(step.subresource("status"))
}

fn cidrs(range: &Object) -> impl Iterator<Item = Cidr> + '_ {
    let cidrs = range.items(&["spec", "cidrs"]).iter();
    cidrs.filter_map(|cidr| Cidr::parse(cidr.as_str()?))
}

/// Whether every address of a range is in another, or nobody has one that is in no other.
fn may_go(world: &World, range: &Object) -> bool {
    let all = world.list(&SERVICE_CIDRS, "");
    let others: Vec<&Arc<Object>> = all
        .iter()
        .filter(|other| other.name() != range.name() && !other.is_being_deleted())
        .collect();
    let is_in_other = |address: IpAddr| {
        let has = |other: &&&Arc<Object>| cidrs(other).any(|cidr| cidr.contains(address));
        others.iter().any(|other| has(&other))
    };
    let is_covered = |cidr: &Cidr| {
        others.iter().any(|other| {
            cidrs(other).any(|larger| {
                larger.host_bits() >= cidr.host_bits() && larger.contains(cidr.first())
            })
        })
    };
    if cidrs(range).all(|cidr| is_covered(&cidr)) {
        return true;
    }
    let all = world.list(&IP_ADDRESSES, "");
    let ours = all
        .iter()
        .filter(|one| one.label(MANAGED_BY) == Some(ALLOCATOR));
    let mut orphans = ours.filter_map(|one| one.name().parse::<IpAddr>().ok());
    !orphans.any(|address| cidrs(range).any(|cidr| cidr.contains(address)) && !is_in_other(address))
}
