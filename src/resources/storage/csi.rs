//! CSI drivers, what nodes have of them, and what they have left.
//!
//! *Upstream:* `pkg/registry/storage/{csidriver,csinode,csistoragecapacity}/strategy.go`,
//! `pkg/apis/storage/validation/validation.go`.

use serde_json::{Map, Value, json};

use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::resources::shared::look::Look;
use crate::resources::shared::plain::Plain;
use crate::resources::shared::quantity::Amount;
use crate::resources::shared::text::{immutable, immutable_text};
use crate::resources::shared::{claim_spec, conditions, label_selector, names};
use crate::schema::go_struct;

const SPEC: FieldPath = FieldPath::new("spec");
const NODE_ID_LENGTH_MAX: usize = 256;
const HEALTH_CONDITIONS_MAX: usize = 16;
const TEN_MINUTES: i64 = 600;

/// What is special about CSI drivers.
pub(super) static CSI_DRIVER: Plain = Plain {
    answers_deleted_object: true,
    updates_unconditionally: false,
    default: |object| {
        if let Some(spec) = object.get_mut(&["spec"]).and_then(Value::as_object_mut) {
            fill_driver(spec);
        }
    },
    prepare_update: |_, object, old| {
        // The generation begins at none, not at one.
        let is_changed = object.at("spec") != old.at("spec");
        let generation = old.generation() + i64::from(is_changed);
        if generation > 0 {
            object.set(&["metadata", "generation"], generation);
        }
        Ok(())
    },
    validate_create: |_, object| driver(object),
    validate_update: |_, object, old| {
        let mut errors = driver(object);
        let (new, before) = (object.at("spec"), old.at("spec"));
        for (field, shown) in [
            // Upstream's path has a name of its own.
            ("attachRequired", "attachedRequired"),
            ("volumeLifecycleModes", "volumeLifecycleModes"),
        ] {
            let path = SPEC.child(shown);
            immutable(&mut errors, &path, new.at(field), before.at(field));
        }
        errors
    },
    warn: |cx, object, old| {
        let (spec, requests) = (object.at("spec"), "tokenRequests");
        if old.is_none_or(|old| old.at("spec").list(requests) != spec.list(requests))
            && !spec.list(requests).is_empty()
            && !spec.has("serviceAccountTokenInSecrets")
        {
            cx.warn(
                "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set \
                 to true to prevent possible logging of tokens in volume attributes",
            );
        }
    },
    ..Plain::DEFAULT
};

/// What is special about the CSI drivers of a node.
pub(super) static CSI_NODE: Plain = Plain {
    answers_deleted_object: true,
    updates_unconditionally: false,
    resets_metadata_in_status: true,
    prepare_update: |cx, object, old| {
        if cx.subresource == "status" && old.at("status").list("storageHealth").is_empty() {
            // CSIVolumeHealth is off.
            object.remove(&["status", "storageHealth"]);
        }
        Ok(())
    },
    validate_create: |_, object| node(object),
    validate_update: |cx, object, old| match cx.subresource {
        "status" => health(object),
        _ => update_node(object, old),
    },
    ..Plain::DEFAULT
};

/// What is special about storage capacities.
pub(super) static CSI_STORAGE_CAPACITY: Plain = Plain {
    updates_unconditionally: false,
    validate_create: |_, object| capacity(object),
    validate_update: |_, object, old| {
        let mut errors = capacity(object);
        let (topology, class) = ("nodeTopology", "storageClassName");
        let (new, before) = (object.at(topology), old.at(topology));
        if new != before {
            let path = FieldPath::new(topology);
            let printed = label_selector::printed(new);
            errors.invalid_text(&path, printed, "field is immutable");
        }
        let (new, before) = (object.at(class), old.at(class));
        immutable_text(&mut errors, &FieldPath::new(class), new, before);
        errors
    },
    ..Plain::DEFAULT
};

fn fill_driver(spec: &mut Map<String, Value>) {
    for (field, value) in [
        ("attachRequired", json!(true)),
        ("podInfoOnMount", json!(false)),
        ("storageCapacity", json!(false)),
        ("fsGroupPolicy", json!("ReadWriteOnceWithFSType")),
        ("requiresRepublish", json!(false)),
        ("seLinuxMount", json!(false)),
    ] {
        if spec.maybe(field).is_none() {
            spec.insert(field.to_owned(), value);
        }
    }
    if spec.list("volumeLifecycleModes").is_empty() {
        spec.insert("volumeLifecycleModes".to_owned(), json!(["Persistent"]));
    }
}

fn driver(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = object.at("spec");
    if let Some(policy) = spec.maybe_text("fsGroupPolicy") {
        let known = ["File", "None", "ReadWriteOnceWithFSType"];
        names::one_of(&mut errors, &SPEC.child("fsGroupPolicy"), policy, &known);
    }
    token_requests(&mut errors, spec);
    for mode in spec.texts("volumeLifecycleModes") {
        let path = SPEC.child("volumeLifecycleModes");
        names::one_of(&mut errors, &path, mode, &["Persistent", "Ephemeral"]);
    }
    let path = SPEC.child("nodeAllocatableUpdatePeriodSeconds");
    if let Some(seconds) = spec.integer("nodeAllocatableUpdatePeriodSeconds")
        && seconds < 10
    {
        let detail = "must be greater than or equal to 10 seconds";
        errors.invalid(&path, &seconds.into(), detail);
    }
    let in_secrets = spec.at("serviceAccountTokenInSecrets");
    if !in_secrets.is_null() && spec.list("tokenRequests").is_empty() {
        let detail = "serviceAccountTokenInSecrets is set but no tokenRequests are specified";
        errors.invalid(
            &SPEC.child("serviceAccountTokenInSecrets"),
            in_secrets,
            detail,
        );
    }
    errors
}

fn token_requests(errors: &mut FieldErrors, spec: &Value) {
    let path = SPEC.child("tokenRequests");
    let requests = spec.list("tokenRequests");
    for (index, request) in requests.iter().enumerate() {
        let path = path.index(index);
        let audience = request.text("audience");
        if requests[..index]
            .iter()
            .any(|other| other.text("audience") == audience)
        {
            errors.duplicate(&path.child("audience"), &audience.into());
            continue;
        }
        let Some(seconds) = request.integer("expirationSeconds") else {
            continue;
        };
        let path = path.child("expirationSeconds");
        if seconds < TEN_MINUTES {
            let detail = "may not specify a duration less than 10 minutes";
            errors.invalid(&path, &seconds.into(), detail);
        }
        if seconds > 1 << 32 {
            let detail = "may not specify a duration larger than 2^32 seconds";
            errors.invalid(&path, &seconds.into(), detail);
        }
    }
}

fn node(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let path = SPEC.child("drivers");
    let drivers = object.at("spec").list("drivers");
    for (index, driver) in drivers.iter().enumerate() {
        let path = path.index(index);
        let name = driver.text("name");
        claim_spec::csi_driver_name(&mut errors, &path.child("name"), name);
        let id = driver.text("nodeID");
        if id.is_empty() {
            errors.required(&path.child("nodeID"), "");
        }
        if id.len() > NODE_ID_LENGTH_MAX {
            let detail = format!("must be {NODE_ID_LENGTH_MAX} characters or less");
            errors.invalid(&path.child("nodeID"), &id.into(), detail);
        }
        let count = driver.at("allocatable").number("count");
        let allocatable = path.child("allocatable");
        names::non_negative(&mut errors, &allocatable.child("count"), count);
        if drivers[..index]
            .iter()
            .any(|other| other.text("name") == name)
        {
            errors.duplicate(&path.child("name"), &name.into());
        }
        topology_keys(&mut errors, &path, driver);
    }
    errors
}

fn topology_keys(errors: &mut FieldErrors, path: &FieldPath, driver: &Value) {
    let keys = driver.list("topologyKeys");
    for (index, key) in keys.iter().enumerate() {
        let text = key.as_str().unwrap_or("");
        if text.is_empty() {
            errors.required(path, "");
        }
        if keys[..index].contains(key) {
            errors.duplicate(path, key);
        }
        names::qualified_name(errors, path, text);
    }
}

fn update_node(object: &Object, old: &Object) -> FieldErrors {
    let mut errors = node(object);
    let without_count = |driver: &Value| {
        let mut driver = driver.clone();
        if let Some(map) = driver.as_object_mut() {
            map.remove("allocatable");
        }
        driver
    };
    for before in old.at("spec").list("drivers") {
        for driver in object.at("spec").list("drivers") {
            if before.text("name") == driver.text("name") {
                let (new, before) = (without_count(driver), without_count(before));
                if new != before {
                    let printed = go_struct::print("storage.CSINodeDriver", &new);
                    let path = SPEC.child("drivers");
                    errors.invalid_text(&path, printed, "field is immutable");
                }
            }
        }
    }
    errors
}

fn health(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let path = FieldPath::new("status");
    let path = path.child("storageHealth");
    let entries = object.at("status").list("storageHealth");
    for (index, entry) in entries.iter().enumerate() {
        let path = path.index(index);
        let name = entry.text("name");
        if entries[..index]
            .iter()
            .any(|other| other.text("name") == name)
        {
            errors.duplicate(&path, &name.into());
        }
        claim_spec::csi_driver_name(&mut errors, &path.child("name"), name);
        let path = path.child("healthConditions");
        let found = entry.list("healthConditions");
        if found.len() > HEALTH_CONDITIONS_MAX {
            errors.too_many(&path, found.len(), HEALTH_CONDITIONS_MAX);
            continue;
        }
        for (index, condition) in found.iter().enumerate() {
            let path = path.index(index);
            let status = condition.text("status");
            let known = ["StorageDegraded", "StorageUnreachable"];
            names::one_of(&mut errors, &path.child("status"), status, &known);
            let reason = condition.text("reason");
            let wrong = conditions::check_reason(reason);
            names::report(&mut errors, &path.child("reason"), reason, wrong);
        }
    }
    errors
}

fn capacity(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let path = FieldPath::new("nodeTopology");
    label_selector::selector(&mut errors, &path, object.at("nodeTopology"));
    let class = object.text(&["storageClassName"]);
    names::subdomain(&mut errors, &FieldPath::new("storageClassName"), class);
    let amount = Amount::parse(object.text(&["capacity"]));
    if amount.is_some_and(Amount::is_negative) {
        let detail = "must be greater than or equal to 0";
        errors.invalid(&FieldPath::new("capacity"), object.at("capacity"), detail);
    }
    errors
}
