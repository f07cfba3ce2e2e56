//! Events: one store for the two shapes of core and of `events.k8s.io`.
//!
//! *Upstream:* `pkg/registry/core/event/strategy.go`, `pkg/apis/core/validation/events.go`,
//! `pkg/apis/events/v1/conversion.go`.

use serde_json::{Map, Value};

use crate::error::FieldErrors;
use crate::object::{FieldPath, GroupVersion, Object};
use crate::registry::strategy::NameRule;
use crate::registry::{Context, Strategy};
use crate::resources::shared::look::Look;
use crate::resources::shared::plain::value_at;
use crate::resources::shared::{names, text};
use crate::schema::{Resource, go_struct, normalise};

const EVENTS_GROUP: &str = "events.k8s.io";
/// Fields by their names in core and in `events.k8s.io`.
const RENAMED: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];
const NAME_LENGTH_MAX: usize = 128;
const NOTE_LENGTH_MAX: usize = 1024;

/// What is special about events.
#[derive(Clone, Copy, Debug)]
pub struct EventStrategy;

impl Strategy for EventStrategy {
    fn validate_create(&self, cx: &Context, object: &Object) -> FieldErrors {
        let is_core = is_core(cx);
        let mut errors = legacy(object, is_core);
        if !is_core {
            errors.extend(create(object));
        }
        errors
    }

    fn validate_update(&self, cx: &Context, object: &Object, old: &Object) -> FieldErrors {
        let is_core = is_core(cx);
        let mut errors = legacy(object, is_core);
        if !is_core {
            errors.extend(update(object, old));
        }
        errors
    }

    // Upstream checks names by the rule of path segments only.
    fn name_rule(&self) -> NameRule {
        NameRule::PathSegment
    }

    fn creates_on_update(&self) -> bool {
        true
    }

    fn field_labels(&self) -> &'static [&'static str] {
        &[
            "involvedObject.apiVersion",
            "involvedObject.fieldPath",
            "involvedObject.kind",
            "involvedObject.name",
            "involvedObject.namespace",
            "involvedObject.resourceVersion",
            "involvedObject.uid",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ]
    }

    fn field_alias<'a>(&self, resource: &Resource, label: &'a str) -> Option<&'a str> {
        if resource.group_version.group.as_ref() != EVENTS_GROUP {
            return Some(label);
        }
        let alias = match label {
            "regarding.apiVersion" => "involvedObject.apiVersion",
            "regarding.fieldPath" => "involvedObject.fieldPath",
            "regarding.kind" => "involvedObject.kind",
            "regarding.name" => "involvedObject.name",
            "regarding.namespace" => "involvedObject.namespace",
            "regarding.resourceVersion" => "involvedObject.resourceVersion",
            "regarding.uid" => "involvedObject.uid",
            "reportingController" => "reportingComponent",
            "metadata.name" | "metadata.namespace" | "reason" | "type" => label,
            _ => return None,
        };
        Some(alias)
    }

    fn field_value(&self, object: &Object, label: &str) -> String {
        if label != "source" {
            return value_at(object, label);
        }
        let component = object.at("source").text("component");
        if component.is_empty() {
            return object.text(&["reportingComponent"]).to_owned();
        }
        component.to_owned()
    }

    fn convert(&self, mut object: Object, from: &GroupVersion, to: &Resource) -> Object {
        let to_group = &to.group_version.group;
        if from.group != *to_group {
            rename(object.as_map_mut(), to_group.as_ref() == EVENTS_GROUP);
            normalise::apply(object.as_map_mut(), &to.schema);
        }
        object.set_type(&to.group_version.to_string(), &to.kind);
        object
    }
}

/// Gives the fields the names of the other group.
fn rename(map: &mut Map<String, Value>, is_to_events: bool) {
    for (core, events) in RENAMED {
        let (from, to) = if is_to_events {
            (core, events)
        } else {
            (events, core)
        };
        if let Some(value) = map.remove(from) {
            map.insert(to.to_owned(), value);
        }
    }
}

fn is_core(cx: &Context) -> bool {
    cx.resource.group_version.group.is_empty()
}

/// Whether a time is set.
fn has_time(object: &Object, field: &str) -> bool {
    !object.text(&[field]).is_empty()
}

/// What holds through both groups.
fn legacy(object: &Object, is_core: bool) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let involved = Look::text(object.at("involvedObject"), "namespace");
    let namespace = object.namespace();
    let matches = if has_time(object, "eventTime") {
        !involved.is_empty() || ["default", "kube-system"].contains(&namespace)
    } else if involved.is_empty() {
        namespace == "default"
    } else {
        namespace == involved
    };
    if !matches {
        let path = FieldPath::new("involvedObject");
        let detail = "does not match event.namespace";
        errors.invalid(&path.child("namespace"), &involved.into(), detail);
    }
    if has_time(object, "eventTime") {
        described(&mut errors, object, is_core);
    }
    errors
}

/// An event with a time says who reports what, in limits.
fn described(errors: &mut FieldErrors, object: &Object, is_core: bool) {
    let controller = object.text(&["reportingComponent"]);
    let name = if is_core {
        "reportingComponent"
    } else {
        "reportingController"
    };
    let path = FieldPath::new(name);
    if controller.is_empty() {
        errors.required(&path, "");
    }
    names::qualified_name(errors, &path, controller);
    for field in ["reportingInstance", "action", "reason"] {
        let path = FieldPath::new(field);
        let value = object.text(&[field]);
        if value.is_empty() {
            errors.required(&path, "");
        }
        at_most(errors, &path, value, NAME_LENGTH_MAX);
    }
    let message = object.text(&["message"]);
    at_most(errors, &FieldPath::new("message"), message, NOTE_LENGTH_MAX);
}

fn at_most(errors: &mut FieldErrors, path: &FieldPath, value: &str, max: usize) {
    if value.len() > max {
        errors.invalid(
            path,
            &"".into(),
            format!("can have at most {max} characters"),
        );
    }
}

/// What a new event of `events.k8s.io` must say, and what it may no longer say.
fn create(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let metadata = FieldPath::new("metadata");
    if !object.name().is_empty() {
        names::subdomain(&mut errors, &metadata.child("name"), object.name());
    }
    errors.extend(series(object));
    if !has_time(object, "eventTime") {
        errors.required(&FieldPath::new("eventTime"), "");
    }
    let kind = object.text(&["type"]);
    if kind != "Normal" && kind != "Warning" {
        let detail = format!("has invalid value: {kind}");
        errors.invalid(&FieldPath::new("type"), &"".into(), detail);
    }
    let has_source = ["component", "host"]
        .iter()
        .any(|field| !Look::text(object.at("source"), field).is_empty());
    for (field, is_set) in [
        ("firstTimestamp", has_time(object, "firstTimestamp")),
        ("lastTimestamp", has_time(object, "lastTimestamp")),
        ("count", object.number("count") != 0),
        ("source", has_source),
    ] {
        if is_set {
            errors.invalid(&FieldPath::new(field), &"".into(), "needs to be unset");
        }
    }
    errors
}

/// Of an event of `events.k8s.io` only the series may change.
fn update(object: &Object, old: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    if object.at("series") != old.at("series") {
        errors.extend(series(object));
    }
    for field in [
        "involvedObject",
        "reason",
        "message",
        "source",
        "firstTimestamp",
        "lastTimestamp",
        "count",
        "reason",
        "type",
        "eventTime",
        "action",
        "related",
        "reportingComponent",
        "reportingInstance",
    ] {
        let name = if field == "reportingComponent" {
            "reportingController"
        } else {
            field
        };
        let path = FieldPath::new(name);
        let (new, before) = (object.at(field), old.at(field));
        match field {
            "involvedObject" | "related" if new.is_object() && new != before => {
                let printed = go_struct::print("core.ObjectReference", new);
                errors.invalid_text(&path, printed, text::IMMUTABLE);
            }
            "source" if new != before => {
                let printed = go_struct::print("core.EventSource", new);
                errors.invalid_text(&path, printed, text::IMMUTABLE);
            }
            "reason" | "message" | "type" | "action" | "reportingComponent"
            | "reportingInstance" => text::immutable_text(&mut errors, &path, new, before),
            _ => text::immutable(&mut errors, &path, new, before),
        }
    }
    errors
}

fn series(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let Some(series) = object.maybe("series") else {
        return errors;
    };
    if series.number("count") < 2 {
        errors.invalid(
            &FieldPath::new("series.count"),
            &"".into(),
            "should be at least 2",
        );
    }
    if Look::text(series, "lastObservedTime").is_empty() {
        errors.required(&FieldPath::new("series.lastObservedTime"), "");
    }
    errors
}
