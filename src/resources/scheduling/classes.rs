//! Classes of priority and of runtimes.
//!
//! *Upstream:* `pkg/registry/{scheduling/priorityclass,node/runtimeclass}/strategy.go`,
//! `pkg/apis/{scheduling,node}/validation/validation.go`.

use serde_json::Value;

use crate::error::{ApiError, FieldErrors};
use crate::object::{FieldPath, Object};
use crate::resources::shared::look::{Look, fill};
use crate::resources::shared::plain::Plain;
use crate::resources::shared::pod_spec::scheduling::tolerations as pod_tolerations;
use crate::resources::shared::text::{declared_immutable, immutable};
use crate::resources::shared::{label_selector, names, resource_name};
use crate::schema::go_struct;

/// The most that a class of a user may be worth.
const USER_PRIORITY_MAX: i64 = 1_000_000_000;
const SYSTEM_CLASSES: [(&str, i64); 2] = [
    ("system-cluster-critical", 2_000_000_000),
    ("system-node-critical", 2_000_001_000),
];

/// What is special about priority classes.
pub(super) static PRIORITY_CLASS: Plain = Plain {
    default: |object| {
        fill(
            object.as_map_mut(),
            "preemptionPolicy",
            "PreemptLowerPriority",
        );
    },
    prepare_create: |_, object| {
        // Set once and never counted.
        object.set(&["metadata", "generation"], 1);
        Ok::<(), ApiError>(())
    },
    validate_create: |_, object| priority(object),
    validate_update: |_, object, old| {
        let mut errors = FieldErrors::new();
        if object.number("value") != old.number("value") {
            errors.forbidden(&FieldPath::new("value"), "may not be changed in an update.");
        }
        let path = FieldPath::new("preemptionPolicy");
        let (new, before) = (object.at("preemptionPolicy"), old.at("preemptionPolicy"));
        immutable(&mut errors, &path, new, before);
        errors
    },
    ..Plain::DEFAULT
};

/// What is special about runtime classes.
pub(super) static RUNTIME_CLASS: Plain = Plain {
    creates_on_update: true,
    updates_unconditionally: false,
    validate_create: |_, object| runtime(object, false),
    validate_update: |_, object, old| {
        let (new, before) = (object.at("handler"), old.at("handler"));
        let mut errors = FieldErrors::new();
        declared_immutable(&mut errors, &FieldPath::new("handler"), new, before);
        errors.extend(runtime(object, new != before));
        errors
    },
    ..Plain::DEFAULT
};

fn priority(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let name = object.name();
    let value = object.number("value");
    if name.starts_with("system-") {
        let known = SYSTEM_CLASSES.iter().find(|(known, _)| *known == name);
        let wrong = match known {
            None => format!("{name} is not a known system priority class"),
            Some((_, expected)) if *expected != value => {
                format!("value of {name} PriorityClass must be {expected}")
            }
            Some(_) if object.is_true(&["globalDefault"]) => {
                format!("globalDefault of {name} PriorityClass must be false")
            }
            Some(_) => String::new(),
        };
        if !wrong.is_empty() {
            let path = FieldPath::new("metadata");
            let detail = format!(
                "priority class names with 'system-' prefix are reserved for system use only. \
                 error: {wrong}"
            );
            errors.forbidden(&path.child("name"), detail);
        }
    } else if value > USER_PRIORITY_MAX {
        let detail =
            format!("maximum allowed value of a user defined priority is {USER_PRIORITY_MAX}");
        errors.forbidden(&FieldPath::new("value"), detail);
    }
    let policy = object.text(&["preemptionPolicy"]);
    let known = ["PreemptLowerPriority", "Never"];
    names::required_one_of(
        &mut errors,
        &FieldPath::new("preemptionPolicy"),
        policy,
        &known,
    );
    errors
}

/// `is_refused`: the handler may not be what it is anyway.
fn runtime(object: &Object, is_refused: bool) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let handler = object.text(&["handler"]);
    let path = FieldPath::new("handler");
    let wrong = names::check_label(handler);
    if handler.is_empty() {
        errors.declared(|errors| errors.required(&path, ""));
    } else if is_refused {
        names::report(&mut errors, &path, handler, wrong);
    } else {
        let wrong = names::in_bytes(wrong);
        errors.declared(|errors| names::report(errors, &path, handler, wrong));
    }
    let path = FieldPath::new("overhead");
    for (name, value) in object.at("overhead").entries("podFixed") {
        let path = path.child("limits");
        resource_name::of_container(&mut errors, &path.key(name), name);
        resource_name::quantity(&mut errors, &path.key(name), name, value);
    }
    let path = FieldPath::new("scheduling");
    let scheduling = object.at("scheduling");
    let selector = scheduling.at("nodeSelector");
    label_selector::labels(&mut errors, &path.child("nodeSelector"), selector);
    tolerations(&mut errors, &path.child("tolerations"), scheduling);
    errors
}

/// Tolerations, none there twice.
fn tolerations(errors: &mut FieldErrors, path: &FieldPath, scheduling: &Value) {
    let list = scheduling.list("tolerations");
    pod_tolerations(errors, path, list);
    let key = |toleration: &Value| {
        ["key", "operator", "value", "effect"].map(|field| toleration.text(field).to_owned())
    };
    for (index, toleration) in list.iter().enumerate() {
        if list[..index]
            .iter()
            .any(|other| key(other) == key(toleration))
        {
            let printed = go_struct::print("core.Toleration", toleration);
            errors.duplicate_text(&path.index(index), printed);
        }
    }
}
