//! Which requests share what part of the server.
//!
//! *Upstream:* `pkg/registry/flowcontrol/*/strategy.go`, `pkg/apis/flowcontrol/v1/defaults.go`,
//! `pkg/apis/flowcontrol/validation/validation.go`.

use serde_json::Value;

use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::resources::shared::look::{Look, fill, fill_number};
use crate::resources::shared::names;
use crate::resources::shared::plain::Plain;

const SPEC: FieldPath = FieldPath::new("spec");
const PRECEDENCE_MAX: i64 = 10000;

/// Any flow control kind.
const FLOW_CONTROL: Plain = Plain {
    counts_generation: true,
    resets_metadata_in_status: true,
    ..Plain::DEFAULT
};

/// What is special about flow schemas.
pub(super) static FLOW_SCHEMA: Plain = Plain {
    default: |object| {
        if let Some(spec) = object.get_mut(&["spec"]).and_then(Value::as_object_mut) {
            fill_number(spec, "matchingPrecedence", 1000);
        }
    },
    validate_create: |_, object| schema(object),
    validate_update: |cx, object, _| match cx.subresource {
        "status" => FieldErrors::new(),
        _ => schema(object),
    },
    ..FLOW_CONTROL
};

/// What is special about priority levels.
pub(super) static PRIORITY_LEVEL_CONFIGURATION: Plain = Plain {
    default: fill_level,
    validate_create: |_, object| level(object),
    validate_update: |cx, object, _| match cx.subresource {
        "status" => FieldErrors::new(),
        _ => level(object),
    },
    ..FLOW_CONTROL
};

fn fill_level(object: &mut Object) {
    for (part, shares) in [("exempt", 0), ("limited", 30)] {
        let Some(part) = object
            .get_mut(&["spec", part])
            .and_then(Value::as_object_mut)
        else {
            continue;
        };
        fill(part, "nominalConcurrencyShares", shares);
        fill(part, "lendablePercent", 0);
        let queuing = part
            .get_mut("limitResponse")
            .and_then(|response| response.get_mut("queuing"))
            .and_then(Value::as_object_mut);
        if let Some(queuing) = queuing {
            fill_number(queuing, "handSize", 8);
            fill_number(queuing, "queues", 64);
            fill_number(queuing, "queueLengthLimit", 50);
        }
    }
}

fn schema(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = object.at("spec");
    let precedence = spec.number("matchingPrecedence");
    let path = SPEC.child("matchingPrecedence");
    if precedence <= 0 {
        errors.invalid(&path, &precedence.into(), "must be a positive value");
    }
    if precedence > PRECEDENCE_MAX {
        let detail = format!("must not be greater than {PRECEDENCE_MAX}");
        errors.invalid(&path, &precedence.into(), detail);
    }
    if let Some(method) = spec.maybe("distinguisherMethod") {
        let path = SPEC.child("distinguisherMethod");
        let known = ["ByNamespace", "ByUser"];
        names::required_one_of(
            &mut errors,
            &path.child("type"),
            method.text("type"),
            &known,
        );
    }
    let level = spec.at("priorityLevelConfiguration").text("name");
    let path = SPEC.child("priorityLevelConfiguration");
    if level.is_empty() {
        errors.required(&path.child("name"), "must reference a priority level");
    } else {
        names::subdomain(&mut errors, &path.child("name"), level);
    }
    let path = SPEC.child("rules");
    for (index, rule) in spec.list("rules").iter().enumerate() {
        self::rule(&mut errors, &path.index(index), rule);
    }
    errors
}

fn rule(errors: &mut FieldErrors, path: &FieldPath, rule: &Value) {
    if rule.list("subjects").is_empty() {
        errors.required(
            &path.child("subjects"),
            "subjects must contain at least one value",
        );
    }
    for (index, subject) in rule.list("subjects").iter().enumerate() {
        let path = path.child("subjects");
        let path = path.index(index);
        let known = ["Group", "ServiceAccount", "User"];
        names::one_of(errors, &path.child("kind"), subject.text("kind"), &known);
    }
    let (resources, others) = (rule.list("resourceRules"), rule.list("nonResourceRules"));
    if resources.is_empty() && others.is_empty() {
        let detail = "at least one of resourceRules and nonResourceRules has to be non-empty";
        errors.required(path, detail);
    }
    for (index, item) in resources.iter().enumerate() {
        let path = path.child("resourceRules");
        let path = path.index(index);
        for (field, what) in [
            ("verbs", "verbs"),
            ("apiGroups", "apiGroups"),
            ("resources", "resources"),
        ] {
            if item.list(field).is_empty() {
                let detail = format!("{what} must contain at least one value");
                errors.required(&path.child(field), detail);
            }
        }
        if item.list("namespaces").is_empty() && !item.is_true("clusterScope") {
            let detail = "resource rules that are not cluster scoped must supply at least one \
                          namespace";
            errors.required(&path.child("namespaces"), detail);
        }
    }
    for (index, item) in others.iter().enumerate() {
        let path = path.child("nonResourceRules");
        let path = path.index(index);
        for (field, what) in [("verbs", "verbs"), ("nonResourceURLs", "nonResourceURLs")] {
            if item.list(field).is_empty() {
                let detail = format!("{what} must contain at least one value");
                errors.required(&path.child(field), detail);
            }
        }
    }
}

fn level(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = object.at("spec");
    let kind = spec.text("type");
    errors.declared(|errors| {
        let detail = "must be nil if the type is not Limited";
        match kind {
            "Exempt" if spec.has("limited") => errors.forbidden(&SPEC.child("limited"), detail),
            "Limited" if spec.has("exempt") => {
                errors.forbidden(&SPEC.child("exempt"), "must be nil if the type is Limited");
            }
            "Limited" if !spec.has("limited") => {
                errors.required(
                    &SPEC.child("limited"),
                    "must not be empty when type is Limited",
                );
            }
            "" => errors.required(&SPEC.child("type"), ""),
            _ => {}
        }
    });
    if !kind.is_empty() {
        names::one_of(
            &mut errors,
            &SPEC.child("type"),
            kind,
            &["Exempt", "Limited"],
        );
    }
    if let Some(limited) = spec.maybe("limited") {
        self::limited(&mut errors, limited);
    }
    errors
}

fn limited(errors: &mut FieldErrors, limited: &Value) {
    let path = SPEC.child("limited");
    let shares = limited.number("nominalConcurrencyShares");
    if shares < 0 {
        let detail = "must be a non-negative integer";
        errors.invalid(
            &path.child("nominalConcurrencyShares"),
            &shares.into(),
            detail,
        );
    }
    let percent = limited.number("lendablePercent");
    if !(0..=100).contains(&percent) {
        let detail = "must be between 0 and 100, inclusive";
        errors.invalid(&path.child("lendablePercent"), &percent.into(), detail);
    }
    let path = path.child("limitResponse");
    let response = limited.at("limitResponse");
    let kind = response.text("type");
    let has_queuing = response.has("queuing");
    errors.declared(|errors| match kind {
        "Reject" if has_queuing => {
            let detail = "must be nil if limited.limitResponse.type is not Limited";
            errors.forbidden(&path.child("queuing"), detail);
        }
        "Queue" if !has_queuing => {
            let detail = "must not be empty if limited.limitResponse.type is Limited";
            errors.required(&path.child("queuing"), detail);
        }
        "" => errors.required(&path.child("type"), ""),
        _ => {}
    });
    if !kind.is_empty() {
        names::one_of(errors, &path.child("type"), kind, &["Queue", "Reject"]);
    }
    if kind != "Queue" || !has_queuing {
        return;
    }
    let path = path.child("queuing");
    let queuing = response.at("queuing");
    for field in ["queueLengthLimit", "queues", "handSize"] {
        let number = queuing.number(field);
        if number <= 0 {
            errors.invalid(&path.child(field), &number.into(), "must be positive");
        }
    }
    let (hand, queues) = (queuing.number("handSize"), queuing.number("queues"));
    if hand > queues {
        let detail = format!("should not be greater than queues ({queues})");
        errors.invalid(&path.child("handSize"), &hand.into(), detail);
    }
}
