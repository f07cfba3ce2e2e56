//! Devices that pods claim: classes, claims, slices of what there is, taints.
//!
//! *Upstream:* `pkg/registry/resource/*/strategy.go`, `pkg/apis/resource/v1/defaults.go`,
//! `pkg/apis/resource/validation/validation.go`.

mod capacity;
mod claim;
mod names;
mod parts;
mod selector;
mod slice;
mod status;

pub use self::selector::selects_device;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::error::FieldErrors;
use crate::object::{FieldPath, Object, time};
use crate::registry::strategy::NameRule;
use crate::resources::shared::claim_spec::{csi_driver_name, template_metadata};
use crate::resources::shared::look::{Look, each, fill_number, fill_text};
use crate::resources::shared::names::{check_subdomain, in_bytes, label, report};
use crate::resources::shared::plain::Plain;
use crate::resources::shared::text::{declared_immutable, immutable_struct};
use crate::resources::shared::{conditions, resource_name};

const SPEC: FieldPath = FieldPath::new("spec");
const METADATA: FieldPath = FieldPath::new("metadata");
const TAINT_CONDITIONS_MAX: usize = 8;

/// What is special about device classes.
pub(super) static DEVICE_CLASS: Plain = Plain {
    // The rule of subdomains, declared in the types.
    name_rule: NameRule::Own,
    counts_generation: true,
    answers_deleted_object: true,
    validate_create: |_, object| class(object, &Value::Null),
    validate_update: |_, object, old| class(object, old.at("spec")),
    ..Plain::DEFAULT
};

/// What is special about taints of devices.
pub(super) static DEVICE_TAINT_RULE: Plain = Plain {
    updates_unconditionally: false,
    counts_generation: true,
    answers_deleted_object: true,
    answers_status_in: "v1",
    resets_metadata_in_status: true,
    stamp,
    prepare_update: |cx, object, old| {
        let (new, before) = (object.at("spec").at("taint"), old.at("spec").at("taint"));
        let is_new_effect = new.text("effect") != before.text("effect");
        if is_new_effect && new.at("timeAdded") == before.at("timeAdded") {
            object.remove(&["spec", "taint", "timeAdded"]);
            stamp(object, cx.now);
        }
        Ok(())
    },
    validate_create: |_, object| taint_rule(object, &Value::Null),
    validate_update: |cx, object, old| match cx.subresource {
        "status" => taint_status(object),
        _ => taint_rule(object, old.at("spec").at("taint")),
    },
    ..Plain::DEFAULT
};

/// What is special about claims.
pub(super) static RESOURCE_CLAIM: Plain = Plain {
    answers_deleted_object: true,
    resets_metadata_in_status: true,
    default: |object| {
        if let Some(spec) = object.get_mut(&["spec"]).and_then(Value::as_object_mut) {
            fill_claim(spec);
        }
    },
    prepare_update: |cx, object, old| {
        if cx.subresource == "status" {
            status::drop_deallocated(object, old);
        }
        Ok(())
    },
    validate_create: |cx, object| {
        let mut errors = FieldErrors::new();
        claim::admin_access(&mut errors, cx, object, object.at("spec"));
        claim::claim(&mut errors, &SPEC, object.at("spec"));
        errors
    },
    validate_update: |cx, object, old| {
        if cx.subresource == "status" {
            return status::update(object, old);
        }
        let mut errors = FieldErrors::new();
        declared_immutable(&mut errors, &SPEC, object.at("spec"), old.at("spec"));
        errors
    },
    ..Plain::DEFAULT
};

/// What is special about templates of claims.
pub(super) static RESOURCE_CLAIM_TEMPLATE: Plain = Plain {
    answers_deleted_object: true,
    default: |object| {
        if let Some(spec) = object
            .get_mut(&["spec", "spec"])
            .and_then(Value::as_object_mut)
        {
            fill_claim(spec);
        }
    },
    validate_create: |cx, object| {
        let mut errors = FieldErrors::new();
        claim::admin_access(&mut errors, cx, object, object.at("spec").at("spec"));
        errors.extend(template(object));
        errors
    },
    validate_update: |_, object, old| {
        let mut errors = template(object);
        let kind = "resource.ResourceClaimTemplateSpec";
        let (new, before) = (object.at("spec"), old.at("spec"));
        immutable_struct(&mut errors, &SPEC, kind, new, before);
        errors
    },
    ..Plain::DEFAULT
};

/// What is special about slices.
pub(super) static RESOURCE_SLICE: Plain = Plain {
    counts_generation: true,
    answers_deleted_object: true,
    field_labels: &["spec.driver", "spec.nodeName", "spec.pool.name"],
    field_refusal: Some(|resource, label| {
        let version = &resource.group_version;
        format!("field label not supported for {version}, Kind=ResourceSlice: {label}")
    }),
    stamp: slice::stamp,
    prepare_create: |_, object| {
        slice::drop_disabled(object);
        Ok(())
    },
    prepare_update: |_, object, _| {
        slice::drop_disabled(object);
        Ok(())
    },
    validate_create: |cx, object| slice::slice(cx, object, None),
    validate_update: |cx, object, old| slice::slice(cx, object, Some(old)),
    ..Plain::DEFAULT
};

/// Devices are asked for one by one unless said otherwise.
fn fill_claim(spec: &mut Map<String, Value>) {
    let Some(devices) = spec.get_mut("devices").and_then(Value::as_object_mut) else {
        return;
    };
    for request in each(devices, "requests") {
        if let Some(exactly) = request.get_mut("exactly").and_then(Value::as_object_mut) {
            fill_request(exactly);
        }
        each(request, "firstAvailable").for_each(fill_request);
    }
}

fn fill_request(request: &mut Map<String, Value>) {
    // Behind a gate that is shut.
    request.remove("derivedAttributes");
    fill_text(request, "allocationMode", "ExactCount");
    if request.text("allocationMode") == "ExactCount" {
        fill_number(request, "count", 1);
    }
    for toleration in each(request, "tolerations") {
        fill_text(toleration, "operator", "Equal");
    }
}

/// A taint says since when it holds.
fn stamp(object: &mut Object, now: Timestamp) {
    if object.at("spec").has("taint") && !object.at("spec").at("taint").has("timeAdded") {
        object.set(&["spec", "taint", "timeAdded"], time::seconds(now));
    }
}

fn template(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = object.at("spec");
    template_metadata(&mut errors, &SPEC.child("metadata"), spec.at("metadata"));
    claim::claim(&mut errors, &SPEC.child("spec"), spec.at("spec"));
    errors
}

fn class(object: &Object, before: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let name = object.name();
    if !name.is_empty() {
        let wrong = in_bytes(check_subdomain(name));
        errors.declared(|errors| report(errors, &METADATA.child("name"), name, wrong));
    }
    let spec = object.at("spec");
    let is_stored = |field: &str| !before.is_null() && spec.list(field) == before.list(field);
    parts::selectors(&mut errors, &SPEC, spec, is_stored("selectors"));
    let path = SPEC.child("config");
    let configurations = spec.list("config");
    if !parts::is_too_many(&mut errors, &path, configurations, parts::LIST_MAX) {
        for (index, configuration) in configurations.iter().enumerate() {
            let is_stored = is_stored("config");
            parts::configuration(&mut errors, &path.index(index), configuration, is_stored);
        }
    }
    if let Some(name) = spec.maybe_text("extendedResourceName") {
        let path = SPEC.child("extendedResourceName");
        errors.declared(|errors| resource_name::extended(errors, &path, name));
    }
    errors
}

fn taint_rule(object: &Object, before: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = object.at("spec");
    let path = SPEC.child("deviceSelector");
    let selector = spec.at("deviceSelector");
    if let Some(driver) = selector.maybe_text("driver") {
        csi_driver_name(&mut errors, &path.child("driver"), driver);
    }
    if let Some(pool) = selector.maybe_text("pool") {
        names::pool(&mut errors, &path.child("pool"), pool);
    }
    if let Some(device) = selector.maybe_text("device") {
        label(&mut errors, &path.child("device"), device);
    }
    parts::taint(&mut errors, &SPEC.child("taint"), spec.at("taint"), before);
    errors
}

fn taint_status(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let path = FieldPath::new("status");
    let path = path.child("conditions");
    let found = object.at("status").list("conditions");
    conditions::validate(&mut errors, &path, found);
    if found.len() > TAINT_CONDITIONS_MAX {
        errors.too_many(&path, found.len(), TAINT_CONDITIONS_MAX);
    }
    errors
}
