//! Templates of pods as objects of their own.
//!
//! *Upstream:* `pkg/registry/core/podtemplate/strategy.go`.

use serde_json::Value;

use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::registry::Context;
use crate::resources::shared::look::{Look, child};
use crate::resources::shared::plain::Plain;
use crate::resources::shared::pod_template::{self, defaults, disabled, warnings};

const TEMPLATE: FieldPath<'static> = FieldPath::new("template");

pub(super) static POD_TEMPLATE: Plain = Plain {
    counts_generation: true,
    answers_deleted_object: true,
    default,
    prepare_create: |_, object| {
        prepare(object);
        Ok(())
    },
    prepare_update: |_, object, _| {
        prepare(object);
        Ok(())
    },
    validate_create: |_, object| validate(object),
    validate_update: |_, object, _| validate(object),
    warn,
    ..Plain::DEFAULT
};

fn default(object: &mut Object) {
    let template = object.get_mut(&["template"]).and_then(Value::as_object_mut);
    if let Some(template) = template
        && let Some(spec) = child(template, "spec")
    {
        defaults::spec(spec);
    }
}

fn prepare(object: &mut Object) {
    let spec = object.get_mut(&["template", "spec"]);
    if let Some(spec) = spec.and_then(Value::as_object_mut) {
        disabled::drop(spec);
    }
}

fn validate(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    pod_template::validate(&mut errors, &TEMPLATE, object.at("template"));
    errors
}

fn warn(cx: &Context, object: &Object, old: Option<&Object>) {
    if old.is_none_or(|old| old.generation() != object.generation()) {
        for warning in warnings::warnings(&TEMPLATE, object.at("template"), true) {
            cx.warn(warning);
        }
    }
}
