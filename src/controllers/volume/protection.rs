//! Claims that pods use and volumes that are bound stay until they are not.
//!
//! *Upstream:* `pkg/controller/volume/{pvcprotection,pvprotection}`.

use std::sync::LazyLock;

use serde_json::json;

use crate::client::PatchKind;
use crate::object::Object;
use crate::runner::kinds::{PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS};
use crate::runner::{Controller, Identity, Item, Items, Kind, Plan, Seen, Step, Watches, World};

const CLAIM_FINALIZER: &str = "kubernetes.io/pvc-protection";
const VOLUME_FINALIZER: &str = "kubernetes.io/pv-protection";

/// Protects claims.
#[derive(Debug, Default)]
pub(crate) struct Claims;

/// Protects volumes.
#[derive(Debug, Default)]
pub(crate) struct Volumes;

impl Controller for Claims {
    fn name(&self) -> &'static str {
        "persistentvolumeclaim-protection-controller"
    }

    fn identity(&self) -> Identity {
        Identity::ServiceAccount("pvc-protection-controller")
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 2]> = LazyLock::new(|| [&PERSISTENT_VOLUME_CLAIMS, &PODS]);
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, _world: &World, seen: &Seen, items: &mut Items) {
        if seen.resource == PERSISTENT_VOLUME_CLAIMS.resource {
            items.add(&seen.resource, &seen.object.key);
            return;
        }
        let pod = seen.parsed();
        for name in claims_of(&pod) {
            items.push(&PERSISTENT_VOLUME_CLAIMS, pod.namespace(), &name);
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let Some(claim) = world.object(item) else {
            return Plan::nothing();
        };
        if !claim.is_being_deleted() {
            return keep(&PERSISTENT_VOLUME_CLAIMS, &claim, CLAIM_FINALIZER);
        }
        let is_used = world.list(&PODS, claim.namespace()).iter().any(|pod| {
            let is_bound = !pod.text(&["spec", "nodeName"]).is_empty();
            is_bound && claims_of(pod).iter().any(|name| name == claim.name())
        });
        if is_used {
            return Plan::nothing();
        }
        free(&PERSISTENT_VOLUME_CLAIMS, &claim, CLAIM_FINALIZER)
    }
}

impl Controller for Volumes {
    fn name(&self) -> &'static str {
        "persistentvolume-protection-controller"
    }

    fn identity(&self) -> Identity {
        Identity::ServiceAccount("pv-protection-controller")
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 1]> = LazyLock::new(|| [&PERSISTENT_VOLUMES]);
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, _world: &World, seen: &Seen, items: &mut Items) {
        items.add(&seen.resource, &seen.object.key);
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let Some(volume) = world.object(item) else {
            return Plan::nothing();
        };
        if !volume.is_being_deleted() {
            return keep(&PERSISTENT_VOLUMES, &volume, VOLUME_FINALIZER);
        }
        if volume.text(&["status", "phase"]) == "Bound" {
            return Plan::nothing();
        }
        free(&PERSISTENT_VOLUMES, &volume, VOLUME_FINALIZER)
    }
}

/// The claims that a pod uses, those made for it among them.
fn claims_of(pod: &Object) -> Vec<String> {
    let volumes = pod.items(&["spec", "volumes"]).iter();
    let names = volumes.filter_map(|volume| {
        if let Some(name) = volume["persistentVolumeClaim"]["claimName"].as_str() {
            return Some(name.to_owned());
        }
        let name = volume["name"].as_str()?;
        volume["ephemeral"]
            .is_object()
            .then(|| format!("{}-{name}", pod.name()))
    });
    names.collect()
}

/// Adds the finalizer to an object that lacks it.
fn keep(kind: &Kind, object: &Object, finalizer: &str) -> Plan {
    if object.finalizers().any(|one| one == finalizer) {
        return Plan::nothing();
    }
    let mut finalizers: Vec<&str> = object.finalizers().collect();
    finalizers.push(finalizer);
    Plan::of(write(kind, object, &finalizers))
}

/// Takes the finalizer off.
fn free(kind: &Kind, object: &Object, finalizer: &str) -> Plan {
    let finalizers: Vec<&str> = object
        .finalizers()
        .filter(|one| *one != finalizer)
        .collect();
    if finalizers.len() == object.finalizers().count() {
        return Plan::nothing();
    }
    Plan::of(write(kind, object, &finalizers))
}

fn write(kind: &Kind, object: &Object, finalizers: &[&str]) -> Step {
    let metadata = json!({
        "finalizers": finalizers,
        "resourceVersion": object.resource_version(),
    });
    let patch = json!({"metadata": metadata});
    Step::patch(
        kind,
        object.namespace(),
        object.name(),
        PatchKind::Merge,
        patch,
    )
}
