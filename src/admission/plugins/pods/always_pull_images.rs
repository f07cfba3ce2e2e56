//! Images are always pulled, so that only who may pull an image runs it.
//!
//! *Upstream:* `plugin/pkg/admission/alwayspullimages/admission.go`.

use serde_json::Value;

use super::{forbidden, is_of_pods, plain};
use crate::admission::{Attributes, Operation, Plugin};
use crate::auth::authorize::aggregate;
use crate::error::{ApiError, FieldErrors};
use crate::object::{FieldPath, Object};

const ALWAYS: &str = "Always";

/// The lists of containers of a pod.
const LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub(in crate::admission::plugins) struct AlwaysPullImages;

impl Plugin for AlwaysPullImages {
    fn name(&self) -> &'static str {
        "AlwaysPullImages"
    }

    fn mutate(&self, write: &Attributes, object: &mut Object) -> Result<(), ApiError> {
        if !is_of_pods(write) || !brings_images(write, object) {
            return Ok(());
        }
        for list in LISTS {
            for container in each(object, list) {
                container["imagePullPolicy"] = ALWAYS.into();
            }
        }
        for volume in each(object, "volumes") {
            if volume["image"].is_object() {
                volume["image"]["pullPolicy"] = ALWAYS.into();
            }
        }
        Ok(())
    }

    fn validate(&self, write: &Attributes, object: Option<&Object>) -> Result<(), ApiError> {
        let Some(object) =
            object.filter(|object| is_of_pods(write) && brings_images(write, object))
        else {
            return Ok(());
        };
        let mut errors = FieldErrors::new();
        let spec = FieldPath::new("spec");
        let mut check = |path: &FieldPath, policy: &Value| {
            if policy != ALWAYS {
                errors.not_supported(path, &policy.as_str().unwrap_or("").into(), &[ALWAYS]);
            }
        };
        for list in LISTS {
            let path = spec.child(list);
            for (index, container) in object.items(&["spec", list]).iter().enumerate() {
                let path = path.index(index);
                let path = path.child("imagePullPolicy");
                check(&path, &container["imagePullPolicy"]);
            }
        }
        let path = spec.child("volumes");
        for (index, volume) in object.items(&["spec", "volumes"]).iter().enumerate() {
            let (path, image) = (path.index(index), &volume["image"]);
            let path = path.child("image");
            if image.is_object() {
                check(&path.child("pullPolicy"), &image["pullPolicy"]);
            }
        }
        let found: Vec<String> = errors
            .iter()
            .map(|error| {
                let why = format!("{}: {}", error.field, error.body());
                forbidden(write, object, &why).message().to_owned()
            })
            .collect();
        match aggregate(&found) {
            none if none.is_empty() => Ok(()),
            all => Err(plain(all)),
        }
    }
}

fn each<'a>(object: &'a mut Object, list: &str) -> impl Iterator<Item = &'a mut Value> {
    let list = object.get_mut(&["spec", list]);
    list.and_then(Value::as_array_mut).into_iter().flatten()
}

/// Whether a pod is new, or runs images that it did not run.
fn brings_images(write: &Attributes, object: &Object) -> bool {
    let (Operation::Update, Some(old)) = (write.operation, write.old) else {
        return true;
    };
    let images = |pod: &Object| -> Vec<String> {
        let containers = LISTS.iter().flat_map(|list| pod.items(&["spec", list]));
        let images = containers.map(|container| container["image"].as_str().unwrap_or(""));
        images.map(str::to_owned).collect()
    };
    let old = images(old);
    images(object).iter().any(|image| !old.contains(image))
}
