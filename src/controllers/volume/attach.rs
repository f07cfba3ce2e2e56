//! Volumes of drivers are attached to the nodes of the pods that use them, and detached after the
//! last.
//!
//! The attachment is made as the controller makes it; those of the emulator's own driver are
//! attached at once, those of others when whoever runs the driver says so.
//!
//! *Upstream:* `pkg/controller/volume/attachdetach`, `pkg/volume/csi/csi_attacher.go`. Differs:
//! nothing is waited for before a volume is detached.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::protection::claims_of;
use super::provision::PROVISIONER;
use crate::auth::{AUTHENTICATED, MASTERS, User};
use crate::client::PatchKind;
use crate::object::Object;
use crate::runner::kinds::{
    CSI_DRIVERS, NODES, PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS, VOLUME_ATTACHMENTS,
};
use crate::runner::{
    About, Controller, Event, Identity, Item, Items, Kind, Plan, Seen, Step, Watches, World,
};

const COMPONENT: &str = "attachdetach-controller";

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attaching;

impl Controller for Attaching {
    fn name(&self) -> &'static str {
        "persistentvolume-attach-detach-controller"
    }

    fn identity(&self) -> Identity {
        Identity::ServiceAccount("attachdetach-controller")
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 2]> = LazyLock::new(|| [&PODS, &VOLUME_ATTACHMENTS]);
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, _: &World, seen: &Seen, items: &mut Items) {
        let object = seen.parsed();
        let node = object.text(&["spec", "nodeName"]);
        let is_of_interest = seen.resource != PODS.resource || !claims_of(&object).is_empty();
        if !node.is_empty() && is_of_interest {
            items.push(&NODES, "", node);
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let name = item.key.name();
        let wanted = wanted(world, name);
        let mut known: BTreeMap<String, Arc<Object>> = BTreeMap::new();
        for attachment in world.list(&VOLUME_ATTACHMENTS, "") {
            if attachment.text(&["spec", "nodeName"]) == name {
                known.insert(attachment.name().to_owned(), attachment);
            }
        }
        let mut plan = Plan::nothing();
        let mut attached = Vec::new();
        for (id, volume) in &wanted {
            match known.remove(id) {
                None => attach(&mut plan, id, volume, name),
                Some(attachment) if attachment.is_true(&["status", "attached"]) => {
                    attached.push(json!({"name": volume.name, "devicePath": ""}));
                }
                Some(_) => {}
            }
        }
        for attachment in known.into_values().filter(|one| !one.is_being_deleted()) {
            plan.step(Step::delete(&VOLUME_ATTACHMENTS, &attachment).or_go_on());
        }
        if let Some(node) = world.get(&NODES, "", name)
            && node.items(&["status", "volumesAttached"]) != attached
        {
            let patch = json!({"status": {"volumesAttached": attached}});
            let step = Step::patch(&NODES, "", name, PatchKind::Merge, patch);
            plan.step(step.subresource("status"));
        }
        plan
    }
}

/// A volume that is to be attached.
struct Wanted {
    /// As nodes call it.
    name: String,
    driver: String,
    volume: String,
    pod: Arc<Object>,
}

/// What pods of a node use, by the names of the attachments.
fn wanted(world: &World, node: &str) -> BTreeMap<String, Wanted> {
    let mut wanted = BTreeMap::new();
    for pod in world.pods_on(node) {
        if matches!(pod.text(&["status", "phase"]), "Succeeded" | "Failed") {
            continue;
        }
        for claim in claims_of(&pod) {
            let claim = world.get(&PERSISTENT_VOLUME_CLAIMS, pod.namespace(), &claim);
            let volume = claim.and_then(|claim| {
                world.get(&PERSISTENT_VOLUMES, "", claim.text(&["spec", "volumeName"]))
            });
            let Some(volume) = volume else {
                continue;
            };
            let driver = volume.text(&["spec", "csi", "driver"]);
            let handle = volume.text(&["spec", "csi", "volumeHandle"]);
            if driver.is_empty() || !is_attached(world, driver) {
                continue;
            }
            let digest = Sha256::digest(format!("{handle}{driver}{node}"));
            wanted.entry(format!("csi-{digest:x}")).or_insert(Wanted {
                name: format!("kubernetes.io/csi/{driver}^{handle}"),
                driver: driver.to_owned(),
                volume: volume.name().to_owned(),
                pod: Arc::clone(&pod),
            });
        }
    }
    wanted
}

/// Whether volumes of a driver are attached at all.
fn is_attached(world: &World, driver: &str) -> bool {
    let driver = world.get(&CSI_DRIVERS, "", driver);
    driver.is_none_or(|driver| driver.get(&["spec", "attachRequired"]) != Some(&Value::Bool(false)))
}

fn attach(plan: &mut Plan, id: &str, volume: &Wanted, node: &str) {
    let attachment = json!({
        "apiVersion": VOLUME_ATTACHMENTS.api_version(),
        "kind": "VolumeAttachment",
        "metadata": {"name": id},
        "spec": {
            "attacher": volume.driver,
            "nodeName": node,
            "source": {"persistentVolumeName": volume.volume},
        },
    });
    let attachment = Object::from_value(attachment).unwrap_or_default();
    plan.step(Step::create(&VOLUME_ATTACHMENTS, attachment));
    if volume.driver != PROVISIONER {
        return;
    }
    let patch = json!({"status": {"attached": true}});
    let step = Step::patch(&VOLUME_ATTACHMENTS, "", id, PatchKind::Merge, patch);
    plan.step(step.subresource("status").acting_as(attacher()));
    let about = About::object(&PODS, &volume.pod);
    let message = format!(
        "AttachVolume.Attach succeeded for volume {:?} ",
        volume.volume
    );
    plan.event(Event::normal(
        about,
        COMPONENT,
        "SuccessfulAttachVolume",
        message,
    ));
}

/// Who runs the emulator's own driver.
fn attacher() -> Identity {
    Identity::Other {
        user: User {
            name: "system:serviceaccount:kube-system:csi-attacher".to_owned(),
            // It comes with rights of its own, which are in no bootstrap role.
            groups: vec![MASTERS.to_owned(), AUTHENTICATED.to_owned()],
            ..User::default()
        },
        agent: "csi-attacher".to_owned(),
    }
}
