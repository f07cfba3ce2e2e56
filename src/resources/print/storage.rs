//! Volumes, claims, classes and drivers.
//!
//! *Upstream:* `pkg/printers/internalversion/printers.go`.

use jiff::Timestamp;
use serde_json::Value;

use super::shared::{self, NONE, UNSET};
use crate::object::Object;
use crate::registry::Printer;

pub(super) const PERSISTENT_VOLUME: Printer =
    Printer::new("core.PersistentVolume", |object, now| {
        let has_claim = object
            .get(&["spec", "claimRef"])
            .is_some_and(Value::is_object);
        let part = |field: &str| object.text(&["spec", "claimRef", field]);
        let claim = if has_claim {
            format!("{}/{}", part("namespace"), part("name"))
        } else {
            String::new()
        };
        vec![
            shared::name(object),
            shared::text_or(object, &["spec", "capacity", "storage"], "0"),
            access_modes(object, &["spec", "accessModes"]),
            shared::text(object, &["spec", "persistentVolumeReclaimPolicy"]),
            phase(object),
            claim.into(),
            class(object),
            shared::text_or(object, &["spec", "volumeAttributesClassName"], UNSET),
            shared::text(object, &["status", "reason"]),
            shared::age(object, now),
            shared::text_or(object, &["spec", "volumeMode"], UNSET),
        ]
    });

pub(super) const PERSISTENT_VOLUME_CLAIM: Printer =
    Printer::new("core.PersistentVolumeClaim", |object, now| {
        let is_bound = !object.text(&["spec", "volumeName"]).is_empty();
        let (capacity, modes) = if is_bound {
            (
                shared::text_or(object, &["status", "capacity", "storage"], "0"),
                access_modes(object, &["status", "accessModes"]),
            )
        } else {
            ("".into(), "".into())
        };
        vec![
            shared::name(object),
            phase(object),
            shared::text(object, &["spec", "volumeName"]),
            capacity,
            modes,
            class(object),
            shared::text_or(object, &["spec", "volumeAttributesClassName"], UNSET),
            shared::age(object, now),
            shared::text_or(object, &["spec", "volumeMode"], UNSET),
        ]
    });

fn phase(object: &Object) -> Value {
    if object.is_being_deleted() {
        return "Terminating".into();
    }
    shared::text(object, &["status", "phase"])
}

/// The class a volume or claim names; an annotation of the old form comes first.
fn class(object: &Object) -> Value {
    let annotation = "volume.beta.kubernetes.io/storage-class";
    let named = object.text(&["spec", "storageClassName"]);
    shared::text_or(object, &["metadata", "annotations", annotation], named)
}

fn access_modes(object: &Object, path: &[&str]) -> Value {
    const SHORT: [(&str, &str); 4] = [
        ("ReadWriteOnce", "RWO"),
        ("ReadOnlyMany", "ROX"),
        ("ReadWriteMany", "RWX"),
        ("ReadWriteOncePod", "RWOP"),
    ];
    let modes = object.items(path);
    let short = SHORT
        .iter()
        .filter(|(mode, _)| modes.iter().any(|listed| listed == mode))
        .map(|(_, short)| *short);
    short.collect::<Vec<_>>().join(",").into()
}

/// Which class is the default is known of a list only.
pub(super) const STORAGE_CLASS: Printer = Printer {
    list: Some(classes),
    ..Printer::new("storage.StorageClass", storage_class)
};

fn storage_class(object: &Object, now: Timestamp) -> Vec<Value> {
    vec![
        shared::name(object),
        shared::text(object, &["provisioner"]),
        shared::text_or(object, &["reclaimPolicy"], "Delete"),
        shared::text_or(object, &["volumeBindingMode"], "Immediate"),
        shared::boolean(object, &["allowVolumeExpansion"], false),
        shared::age(object, now),
    ]
}

/// Of several classes marked as default the newest is it; of equally old ones, the first by name.
fn classes(objects: Vec<Object>, now: Timestamp) -> Vec<(Object, Vec<Value>)> {
    let created = |object: &Object| object.text(&["metadata", "creationTimestamp"]).to_owned();
    let default = objects
        .iter()
        .filter(|object| is_default(object))
        .min_by(|a, b| created(b).cmp(&created(a)).then(a.name().cmp(b.name())))
        .map(|object| object.name().to_owned());
    let print = |object: Object| {
        let mut cells = storage_class(&object, now);
        if default.as_deref() == Some(object.name()) {
            cells[0] = format!("{} (default)", object.name()).into();
        }
        (object, cells)
    };
    objects.into_iter().map(print).collect()
}

fn is_default(class: &Object) -> bool {
    let marks = [
        "storageclass.kubernetes.io/is-default-class",
        "storageclass.beta.kubernetes.io/is-default-class",
    ];
    let mut marks = marks.iter();
    marks.any(|mark| class.text(&["metadata", "annotations", mark]) == "true")
}

pub(super) const VOLUME_ATTRIBUTES_CLASS: Printer =
    Printer::new("storage.VolumeAttributesClass", |object, now| {
        let driver = shared::text(object, &["driverName"]);
        vec![shared::name(object), driver, shared::age(object, now)]
    });

pub(super) const VOLUME_ATTACHMENT: Printer =
    Printer::new("storage.VolumeAttachment", |object, now| {
        vec![
            shared::name(object),
            shared::text(object, &["spec", "attacher"]),
            shared::text(object, &["spec", "source", "persistentVolumeName"]),
            shared::text(object, &["spec", "nodeName"]),
            shared::boolean(object, &["status", "attached"], false),
            shared::age(object, now),
        ]
    });

pub(super) const CSI_NODE: Printer = Printer::new("storage.CSINode", |object, now| {
    let drivers = shared::count(object, &["spec", "drivers"]);
    vec![
        shared::name(object),
        drivers.into(),
        shared::age(object, now),
    ]
});

pub(super) const CSI_DRIVER: Printer = Printer::new("storage.CSIDriver", |object, now| {
    let audiences = object
        .get(&["spec", "tokenRequests"])
        .and_then(Value::as_array);
    let audiences = audiences.map_or(UNSET.to_owned(), |requests| {
        let audiences = requests.iter().map(|request| request["audience"].as_str());
        audiences
            .map(Option::unwrap_or_default)
            .collect::<Vec<_>>()
            .join(",")
    });
    let modes = shared::joined(object, &["spec", "volumeLifecycleModes"]);
    vec![
        shared::name(object),
        shared::boolean(object, &["spec", "attachRequired"], true),
        shared::boolean(object, &["spec", "podInfoOnMount"], false),
        shared::boolean(object, &["spec", "storageCapacity"], false),
        audiences.into(),
        shared::boolean(object, &["spec", "requiresRepublish"], false),
        shared::non_empty(&modes, NONE).into(),
        shared::age(object, now),
    ]
});
