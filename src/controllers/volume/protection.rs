//! Claims that pods use, volumes that are bound and classes that either has stay until they are
//! not.
//!
//! *Upstream:* `pkg/controller/volume/{pvcprotection,pvprotection,vacprotection}`.

use std::sync::LazyLock;

use serde_json::json;

use crate::object::Object;
use crate::runner::kinds::{
    PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS, VOLUME_ATTRIBUTES_CLASSES,
};
use crate::runner::{Controller, Identity, Item, Items, Kind, Plan, Seen, Step, Watches, World};

const CLAIM_FINALIZER: &str = "kubernetes.io/pvc-protection";
const CLASS_FINALIZER: &str = "kubernetes.io/vac-protection";
const VOLUME_FINALIZER: &str = "kubernetes.io/pv-protection";

/// Protects claims.
#[derive(Debug, Default)]
pub(crate) struct Claims;

/// Protects classes of attributes of volumes.
#[derive(Debug, Default)]
pub(crate) struct Classes;

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

impl Controller for Classes {
    fn name(&self) -> &'static str {
        "volumeattributesclass-protection-controller"
    }

    fn identity(&self) -> Identity {
        Identity::ServiceAccount("volumeattributesclass-protection-controller")
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 3]> = LazyLock::new(|| {
            [
                &VOLUME_ATTRIBUTES_CLASSES,
                &PERSISTENT_VOLUMES,
                &PERSISTENT_VOLUME_CLAIMS,
            ]
        });
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, _world: &World, seen: &Seen, items: &mut Items) {
        if seen.resource == VOLUME_ATTRIBUTES_CLASSES.resource {
            items.add(&seen.resource, &seen.object.key);
            return;
        }
        let objects = [Some(seen.parsed()), seen.parsed_previous()];
        for object in objects.into_iter().flatten() {
            for class in attributes_classes(&object) {
                items.push(&VOLUME_ATTRIBUTES_CLASSES, "", class);
            }
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let Some(class) = world.object(item) else {
            return Plan::nothing();
        };
        if !class.is_being_deleted() {
            return keep(&VOLUME_ATTRIBUTES_CLASSES, &class, CLASS_FINALIZER);
        }
        let is_used = [&PERSISTENT_VOLUMES, &PERSISTENT_VOLUME_CLAIMS]
            .iter()
            .flat_map(|kind| world.list(kind, ""))
            .any(|object| attributes_classes(&object).any(|name| name == class.name()));
        if is_used {
            return Plan::nothing();
        }
        free(&VOLUME_ATTRIBUTES_CLASSES, &class, CLASS_FINALIZER)
    }
}

/// The classes of attributes that a volume or claim has, wants, or is on its way to.
fn attributes_classes(object: &Object) -> impl Iterator<Item = &str> {
    let paths: [&[&str]; 3] = [
        &["spec", "volumeAttributesClassName"],
        &["status", "currentVolumeAttributesClassName"],
        &[
            "status",
            "modifyVolumeStatus",
            "targetVolumeAttributesClassName",
        ],
    ];
    let names = paths.into_iter().map(|path| object.text(path));
    names.filter(|name| !name.is_empty())
}

/// The claims that a pod uses, those made for it among them.
pub(super) fn claims_of(pod: &Object) -> Vec<String> {
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

/// Writes the whole object, as nobody here has the right to a patch.
fn write(kind: &Kind, object: &Object, finalizers: &[&str]) -> Step {
    let mut changed = object.clone();
    if finalizers.is_empty() {
        changed.remove(&["metadata", "finalizers"]);
    } else {
        changed.set(&["metadata", "finalizers"], json!(finalizers));
    }
    Step::update(kind, changed)
}
