//! Claims of pods that bring a template of their own: made with the pod, and its alone.
//!
//! *Upstream:* `pkg/controller/volume/ephemeral/controller.go`.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use crate::controllers::shared::pods;
use crate::object::Object;
use crate::runner::kinds::{PERSISTENT_VOLUME_CLAIMS, PODS};
use crate::runner::{
    About, Again, Controller, Event, Identity, Item, Items, Kind, Plan, Seen, Step, Watches, World,
};

const COMPONENT: &str = "ephemeral_volume";

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ephemeral;

impl Controller for Ephemeral {
    fn name(&self) -> &'static str {
        "ephemeral-volume-controller"
    }

    fn identity(&self) -> Identity {
        Identity::ServiceAccount("ephemeral-volume-controller")
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 2]> = LazyLock::new(|| [&PODS, &PERSISTENT_VOLUME_CLAIMS]);
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, world: &World, seen: &Seen, items: &mut Items) {
        if seen.resource == PODS.resource {
            let is_new = seen.previous.is_none() && !seen.is_gone();
            if is_new && volumes(&seen.parsed()).next().is_some() {
                items.add(&seen.resource, &seen.object.key);
            }
        } else if seen.is_gone() {
            let owners = seen.former_owners.as_deref();
            let owners = owners.unwrap_or_else(|| world.owners(&seen.item()));
            for owner in owners.iter().filter(|owner| owner.is_controller) {
                items.push(&PODS, seen.object.key.namespace(), &owner.name);
            }
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let pod = world.object(item);
        let Some(pod) = pod.filter(|pod| !pod.is_being_deleted()) else {
            return Plan::nothing();
        };
        let mut plan = Plan::nothing();
        for (volume, template) in volumes(&pod) {
            let name = format!("{}-{volume}", pod.name());
            let about = About::object(&PODS, &pod);
            let warn = move |why: &str, volume: &str| {
                let message = format!("ephemeral volume {volume}: {why}");
                Event::warning(about, COMPONENT, "FailedBinding", message)
            };
            let known = world.get(&PERSISTENT_VOLUME_CLAIMS, pod.namespace(), &name);
            if let Some(known) = known {
                let owners = known.items(&["metadata", "ownerReferences"]);
                if !owners.iter().any(|owner| owner["uid"] == pod.uid()) {
                    let (namespace, pod) = (pod.namespace(), pod.name());
                    let why = format!(
                        "PVC {namespace}/{name} was not created for pod {namespace}/{pod} (pod is not owner)"
                    );
                    plan.event(warn(&why, volume));
                    plan.again(Again::AfterBackoff);
                    return plan;
                }
                continue;
            }
            let volume = volume.to_owned();
            let step = Step::create(&PERSISTENT_VOLUME_CLAIMS, claim(&pod, &name, template));
            plan.step(step.tell(move |outcome| {
                let why = format!("create PVC {name}: {}", outcome.message());
                (!outcome.is_success()).then(|| warn(&why, &volume))
            }));
        }
        plan
    }
}

/// The volumes of a pod that have a template, by name.
fn volumes(pod: &Object) -> impl Iterator<Item = (&str, &Value)> {
    let volumes = pod.items(&["spec", "volumes"]).iter();
    volumes.filter_map(|volume| {
        let template = volume["ephemeral"].get("volumeClaimTemplate")?;
        Some((volume["name"].as_str()?, template))
    })
}

fn claim(pod: &Object, name: &str, template: &Value) -> Object {
    let mut metadata = json!({
        "name": name,
        "namespace": pod.namespace(),
        "ownerReferences": [pods::controller_reference(pod, &PODS)],
    });
    for field in ["annotations", "labels"] {
        let said = template["metadata"].get(field).and_then(Value::as_object);
        if let Some(said) = said.filter(|said| !Map::is_empty(said)) {
            metadata[field] = said.clone().into();
        }
    }
    let claim = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata,
        "spec": template["spec"],
    });
    Object::from_value(claim).unwrap_or_default()
}
