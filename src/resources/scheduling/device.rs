//! Devices that pods claim: classes, claims, slices of what there is, taints.
//!
//! *Upstream:* `pkg/registry/resource/*/strategy.go`, `pkg/apis/resource/v1/defaults.go`,
//! `pkg/apis/resource/validation/validation.go`. Differs: expressions in CEL are not compiled.

use serde_json::{Map, Value};

use crate::error::FieldErrors;
use crate::object::{FieldPath, Object, time};
use crate::registry::Context;
use crate::resources::shared::look::{Look, each, fill, fill_number, is_empty};
use crate::resources::shared::names;
use crate::resources::shared::plain::Plain;

const SPEC: FieldPath = FieldPath::new("spec");
const REQUESTS_MAX: usize = 32;

/// What is special about device classes.
pub(super) static DEVICE_CLASS: Plain = Plain {
    counts_generation: true,
    answers_deleted_object: true,
    validate_create: |_, object| selectors(&SPEC, object.at("spec")),
    validate_update: |_, object, _| selectors(&SPEC, object.at("spec")),
    ..Plain::DEFAULT
};

/// What is special about taints of devices.
pub(super) static DEVICE_TAINT_RULE: Plain = Plain {
    counts_generation: true,
    answers_deleted_object: true,
    resets_metadata_in_status: true,
    prepare_create: |cx, object| {
        stamp(cx, object);
        Ok(())
    },
    prepare_update: |cx, object, old| {
        let (new, before) = (object.at("spec").at("taint"), old.at("spec").at("taint"));
        let is_new_effect = new.text("effect") != before.text("effect");
        if is_new_effect && new.at("timeAdded") == before.at("timeAdded") {
            object.remove(&["spec", "taint", "timeAdded"]);
        }
        stamp(cx, object);
        Ok(())
    },
    validate_create: |_, object| taint(object),
    validate_update: |cx, object, _| match cx.subresource {
        "status" => FieldErrors::new(),
        _ => taint(object),
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
    validate_create: |_, object| claim(&SPEC, object.at("spec")),
    validate_update: |cx, object, old| match cx.subresource {
        "status" => FieldErrors::new(),
        _ => fixed_spec(object, old),
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
    validate_create: |_, object| claim(&SPEC.child("spec"), object.at("spec").at("spec")),
    validate_update: |_, object, old| fixed_spec(object, old),
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
    validate_create: |_, object| slice(object),
    validate_update: |_, object, old| {
        let mut errors = slice(object);
        for field in ["driver", "nodeName"] {
            let (new, before) = (object.at("spec").at(field), old.at("spec").at(field));
            if new != before {
                errors.invalid(&SPEC.child(field), new, "field is immutable");
            }
        }
        errors
    },
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
    fill(request, "allocationMode", "ExactCount");
    if request.text("allocationMode") == "ExactCount" {
        fill_number(request, "count", 1);
    }
    for toleration in each(request, "tolerations") {
        fill(toleration, "operator", "Equal");
    }
}

/// A taint says since when it holds.
fn stamp(cx: &Context, object: &mut Object) {
    if cx.subresource.is_empty() && !object.at("spec").at("taint").has("timeAdded") {
        object.set(&["spec", "taint", "timeAdded"], time::seconds(cx.now));
    }
}

fn taint(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let path = SPEC.child("taint");
    let taint = object.at("spec").at("taint");
    names::qualified_name(&mut errors, &path.child("key"), taint.text("key"));
    let value = taint.text("value");
    if !value.is_empty() {
        let wrong = names::check_label_value(value);
        names::report(&mut errors, &path.child("value"), value, wrong);
    }
    let known = ["NoExecute", "NoSchedule", "None"];
    let effect = taint.text("effect");
    errors.declared(|errors| {
        names::required_one_of(errors, &path.child("effect"), effect, &known);
    });
    errors
}

fn fixed_spec(object: &Object, old: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let (new, before) = (object.at("spec"), old.at("spec"));
    if new != before {
        errors.declared(|errors| errors.invalid(&SPEC, new, "field is immutable"));
    }
    errors
}

fn selectors(path: &FieldPath, holder: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let path = path.child("selectors");
    for (index, selector) in holder.list("selectors").iter().enumerate() {
        let path = path.index(index);
        match selector.maybe("cel") {
            None => errors.required(&path.child("cel"), ""),
            Some(cel) if is_empty(cel.at("expression")) => {
                errors.required(&path.child("cel").child("expression"), "");
            }
            Some(_) => {}
        }
    }
    errors
}

/// A claim: named requests, each for devices of a class.
fn claim(path: &FieldPath, spec: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let path = path.child("devices");
    let path = path.child("requests");
    let requests = spec.at("devices").list("requests");
    if requests.len() > REQUESTS_MAX {
        errors.declared(|errors| errors.too_many(&path, requests.len(), REQUESTS_MAX));
    }
    for (index, request) in requests.iter().enumerate() {
        let item = path.index(index);
        let name = request.text("name");
        name_of(&mut errors, &item.child("name"), name);
        if requests[..index]
            .iter()
            .any(|other| other.text("name") == name)
        {
            errors.declared(|errors| errors.duplicate(&item, &name.into()));
        }
        let subrequests = request.list("firstAvailable");
        match (request.maybe("exactly"), subrequests.is_empty()) {
            (None, true) => {
                errors.required(
                    &item,
                    "exactly one of `exactly` or `firstAvailable` is required",
                );
            }
            (Some(_), false) => {
                let detail = "exactly one of `exactly` or `firstAvailable` is required, but \
                              multiple fields are set";
                errors.invalid(&item, &Value::Null, detail);
            }
            (Some(exactly), true) => {
                self::request(&mut errors, &item.child("exactly"), exactly);
            }
            (None, false) => {
                let path = item.child("firstAvailable");
                for (index, subrequest) in subrequests.iter().enumerate() {
                    let path = path.index(index);
                    name_of(&mut errors, &path.child("name"), subrequest.text("name"));
                    self::request(&mut errors, &path, subrequest);
                }
            }
        }
    }
    errors
}

fn name_of(errors: &mut FieldErrors, path: &FieldPath, name: &str) {
    if name.is_empty() {
        errors.required(path, "");
    } else {
        names::label(errors, path, name);
    }
}

fn request(errors: &mut FieldErrors, path: &FieldPath, request: &Value) {
    let class = request.text("deviceClassName");
    if class.is_empty() {
        errors.required(&path.child("deviceClassName"), "");
    } else {
        names::subdomain(errors, &path.child("deviceClassName"), class);
    }
    errors.extend(selectors(path, request));
    let count = request.number("count");
    match request.text("allocationMode") {
        "ExactCount" if count <= 0 => {
            errors.invalid(
                &path.child("count"),
                &count.into(),
                "must be greater than zero",
            );
        }
        "All" if count != 0 => {
            let detail = "must not be specified when allocationMode is 'All'";
            errors.invalid(&path.child("count"), &count.into(), detail);
        }
        "ExactCount" | "All" => {}
        mode => {
            let path = path.child("allocationMode");
            let known = ["All", "ExactCount"];
            errors.declared(|errors| errors.not_supported(&path, &mode.into(), &known));
        }
    }
}

fn slice(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = object.at("spec");
    let driver = spec.text("driver");
    let path = SPEC.child("driver");
    if driver.is_empty() {
        errors.required(&path, "");
    } else {
        names::subdomain(&mut errors, &path, driver);
    }
    let pool = spec.at("pool");
    let path = SPEC.child("pool");
    if pool.text("name").is_empty() {
        errors.required(&path.child("name"), "");
    }
    if pool.number("resourceSliceCount") <= 0 {
        let count = pool.number("resourceSliceCount").into();
        errors.invalid(
            &path.child("resourceSliceCount"),
            &count,
            "must be greater than zero",
        );
    }
    names::non_negative(
        &mut errors,
        &path.child("generation"),
        pool.number("generation"),
    );
    let path = SPEC.child("devices");
    let devices = spec.list("devices");
    for (index, device) in devices.iter().enumerate() {
        let path = path.index(index);
        let name = device.text("name");
        name_of(&mut errors, &path.child("name"), name);
        if devices[..index]
            .iter()
            .any(|other| other.text("name") == name)
        {
            errors.duplicate(&path.child("name"), &name.into());
        }
    }
    errors
}
