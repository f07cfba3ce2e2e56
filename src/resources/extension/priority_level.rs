//! How much of the server a level of priority gets, and who waits.
//!
//! *Upstream:* `pkg/registry/flowcontrol/prioritylevelconfiguration/strategy.go`,
//! `pkg/apis/flowcontrol/v1/defaults.go`, `pkg/apis/flowcontrol/validation/validation.go`.

use serde_json::{Value, json};

use super::FLOW_CONTROL;
use super::dangling::OfLevel;
use super::flow_schema::status;
use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::resources::shared::look::{Look, fill, fill_number};
use crate::resources::shared::names;
use crate::resources::shared::plain::Plain;

const SPEC: FieldPath = FieldPath::new("spec");
const QUEUES_MAX: i64 = 10_000_000;
/// Bits of a hash that may choose queues.
const HASH_BITS_MAX: i64 = 60;

/// What is special about priority levels.
pub(super) static PRIORITY_LEVEL_CONFIGURATION: Plain = Plain {
    default: fill_level,
    validate_create: |_, object| level(object),
    validate_update: |cx, object, _| match cx.subresource {
        "status" => status(object),
        _ => level(object),
    },
    follower: Some(&OfLevel),
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

fn level(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = object.at("spec");
    let kind = spec.text("type");
    let type_path = SPEC.child("type");
    if (object.name() == "exempt") != (kind == "Exempt") {
        let detail = "must be 'Exempt' if and only if `name` is 'exempt'";
        errors.invalid(&type_path, &kind.into(), detail);
    }
    match kind {
        "Exempt" => shares(&mut errors, &SPEC.child("exempt"), spec.at("exempt")),
        "Limited" if spec.has("limited") => limited(&mut errors, spec.at("limited")),
        "" | "Limited" => {}
        _ => errors.not_supported(&type_path, &kind.into(), &["Exempt", "Limited"]),
    }
    let members = [("Exempt", "exempt", false), ("Limited", "limited", true)];
    modes(&mut errors, &SPEC, spec, &members);
    if let Some(limited) = spec.maybe("limited") {
        let path = SPEC.child("limited");
        let members = [("Queue", "queuing", true)];
        let response = limited.at("limitResponse");
        modes(
            &mut errors,
            &path.child("limitResponse"),
            response,
            &members,
        );
    }
    fixed(&mut errors, object);
    errors.extend(status(object));
    errors
}

/// What a field `type` makes of others, as the types declare it: each is for one type only, and
/// that type may require it.
fn modes(
    errors: &mut FieldErrors,
    path: &FieldPath,
    holder: &Value,
    members: &[(&str, &str, bool)],
) {
    let kind = holder.text("type");
    errors.declared(|errors| {
        for (mode, field, is_required) in members {
            let path = path.child(field);
            if kind != *mode && holder.has(field) {
                errors.forbidden(&path, "");
            } else if kind == *mode && *is_required && !holder.has(field) {
                errors.required(&path, "");
            }
        }
        if kind.is_empty() {
            errors.required(&path.child("type"), "");
        }
    });
}

/// The levels that every server has cannot be changed.
fn fixed(errors: &mut FieldErrors, object: &Object) {
    let spec = object.at("spec");
    let (is_fixed, detail) = match object.name() {
        "exempt" => (
            spec.text("type") == "Exempt" && !spec.has("limited"),
            "spec of 'exempt' except the 'spec.exempt' field must equal the fixed value",
        ),
        "catch-all" => {
            let response = json!({"type": "Reject"});
            let limited = spec.at("limited");
            let is_fixed = spec.text("type") == "Limited"
                && !spec.has("exempt")
                && limited.number("nominalConcurrencyShares") == 5
                && limited.number("lendablePercent") == 0
                && !limited.has("borrowingLimitPercent")
                && *limited.at("limitResponse") == response;
            (is_fixed, "spec of 'catch-all' must equal the fixed value")
        }
        _ => return,
    };
    if !is_fixed {
        errors.invalid(&SPEC, spec, detail);
    }
}

/// What levels of both kinds say.
fn shares(errors: &mut FieldErrors, path: &FieldPath, part: &Value) {
    let shares = part.number("nominalConcurrencyShares");
    if shares < 0 {
        let path = path.child("nominalConcurrencyShares");
        errors.invalid(&path, &shares.into(), "must be a non-negative integer");
    }
    lendable(errors, path, part);
}

fn lendable(errors: &mut FieldErrors, path: &FieldPath, part: &Value) {
    let percent = part.number("lendablePercent");
    if !(0..=100).contains(&percent) {
        let detail = "must be between 0 and 100, inclusive";
        errors.invalid(&path.child("lendablePercent"), &percent.into(), detail);
    }
}

fn limited(errors: &mut FieldErrors, limited: &Value) {
    let path = SPEC.child("limited");
    let shares = limited.number("nominalConcurrencyShares");
    if shares < 0 {
        let path = path.child("nominalConcurrencyShares");
        errors.invalid(&path, &shares.into(), "must be a non-negative integer");
    }
    response(
        errors,
        &path.child("limitResponse"),
        limited.at("limitResponse"),
    );
    lendable(errors, &path, limited);
    let borrowed = limited.number("borrowingLimitPercent");
    if borrowed < 0 {
        let detail = "if specified, must be a non-negative integer";
        errors.invalid(
            &path.child("borrowingLimitPercent"),
            &borrowed.into(),
            detail,
        );
    }
}

fn response(errors: &mut FieldErrors, path: &FieldPath, response: &Value) {
    match response.text("type") {
        "Queue" if response.has("queuing") => {
            queuing(errors, &path.child("queuing"), response.at("queuing"));
        }
        "" | "Queue" | "Reject" => {}
        kind => names::one_of(errors, &path.child("type"), kind, &["Queue", "Reject"]),
    }
}

fn queuing(errors: &mut FieldErrors, path: &FieldPath, queuing: &Value) {
    let number = |field: &str| queuing.number(field);
    let (length, queues, hand) = (
        number("queueLengthLimit"),
        number("queues"),
        number("handSize"),
    );
    if length <= 0 {
        let path = path.child("queueLengthLimit");
        errors.invalid(&path, &length.into(), "must be positive");
    }
    let queues_path = path.child("queues");
    if queues <= 0 {
        errors.invalid(&queues_path, &queues.into(), "must be positive");
    } else if queues > QUEUES_MAX {
        let detail = format!("must not be greater than {QUEUES_MAX}");
        errors.invalid(&queues_path, &queues.into(), detail);
    }
    let hand_path = path.child("handSize");
    let bits = ((queues.max(1) as f64).log2() * hand as f64).ceil() as i64;
    if hand <= 0 {
        errors.invalid(&hand_path, &hand.into(), "must be positive");
    } else if hand > queues {
        let detail = format!("should not be greater than queues ({queues})");
        errors.invalid(&hand_path, &hand.into(), detail);
    } else if bits > HASH_BITS_MAX {
        let detail = format!(
            "required entropy bits of deckSize {queues} and handSize {hand} should not be greater \
             than {HASH_BITS_MAX}"
        );
        errors.invalid(&hand_path, &hand.into(), detail);
    }
}
