//! Services of type `LoadBalancer` get one, and keep it until it is taken down.
//!
//! *Upstream:* `k8s.io/cloud-provider/controllers/service/controller.go`.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{address, free, given};
use crate::client::PatchKind;
use crate::object::Object;
use crate::runner::kinds::SERVICES;
use crate::runner::{
    About, Controller, Event, Identity, Item, Items, Kind, Plan, Seen, Step, Watches, World,
};

/// What keeps a service until its load balancer is gone.
const FINALIZER: &str = "service.kubernetes.io/load-balancer-cleanup";

const COMPONENT: &str = "service-controller";

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoadBalancers;

impl Controller for LoadBalancers {
    fn name(&self) -> &'static str {
        "service-lb-controller"
    }

    fn identity(&self) -> Identity {
        Identity::ServiceAccount(COMPONENT)
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 1]> = LazyLock::new(|| [&SERVICES]);
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, _: &World, seen: &Seen, items: &mut Items) {
        if !seen.is_gone() {
            items.add(&seen.resource, &seen.object.key);
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let Some(service) = world.object(item) else {
            return Plan::nothing();
        };
        let is_wanted = service.text(&["spec", "type"]) == "LoadBalancer"
            && service.text(&["spec", "loadBalancerClass"]).is_empty();
        let is_kept = service.finalizers().any(|one| one == FINALIZER);
        if is_wanted && !service.is_being_deleted() {
            ensure(world, &service, is_kept)
        } else if is_kept {
            remove(&service)
        } else {
            Plan::nothing()
        }
    }
}

fn tell(service: &Object, reason: &str, message: &str) -> Event {
    Event::normal(
        About::object(&SERVICES, service),
        COMPONENT,
        reason,
        message,
    )
}

/// Changes metadata and status of a service.
fn patch(service: &Object, patch: Value) -> Step {
    let (namespace, name) = (service.namespace(), service.name());
    Step::patch(&SERVICES, namespace, name, PatchKind::Merge, patch).subresource("status")
}

fn ensure(world: &World, service: &Object, is_kept: bool) -> Plan {
    if is_kept && given(service).next().is_some() {
        return Plan::nothing();
    }
    let mut plan = Plan::nothing();
    plan.event(tell(
        service,
        "EnsuringLoadBalancer",
        "Ensuring load balancer",
    ));
    if !is_kept {
        let mut finalizers: Vec<&str> = service.finalizers().collect();
        finalizers.push(FINALIZER);
        plan.step(patch(
            service,
            json!({"metadata": {"finalizers": finalizers}}),
        ));
    }
    let families = service.items(&["spec", "ipFamilies"]).iter();
    let mut ingress: Vec<Value> = families
        .map(|family| free(world, family == "IPv6").to_string().into())
        .collect();
    if let Some(asked) = address(service.text(&["spec", "loadBalancerIP"])) {
        ingress = vec![asked];
    }
    let ingress: Vec<Value> = ingress
        .into_iter()
        .map(|ip| json!({"ip": ip, "ipMode": "VIP"}))
        .collect();
    let status = json!({"status": {"loadBalancer": {"ingress": ingress}}});
    plan.event(tell(
        service,
        "EnsuredLoadBalancer",
        "Ensured load balancer",
    ));
    plan.step(patch(service, status));
    plan
}

fn remove(service: &Object) -> Plan {
    let mut plan = Plan::nothing();
    if given(service).next().is_some() {
        plan.event(tell(
            service,
            "DeletingLoadBalancer",
            "Deleting load balancer",
        ));
    }
    plan.event(tell(
        service,
        "DeletedLoadBalancer",
        "Deleted load balancer",
    ));
    let left: Vec<&str> = service
        .finalizers()
        .filter(|one| *one != FINALIZER)
        .collect();
    let status = json!({"loadBalancer": {"ingress": null}});
    let patched = json!({"metadata": {"finalizers": left}, "status": status});
    plan.step(patch(service, patched));
    plan
}
