//! IP addresses and the ranges of services, as objects.
//!
//! *Upstream:* `pkg/registry/networking/{ipaddress,servicecidr}/strategy.go`,
//! `pkg/apis/networking/validation/validation.go`.

use serde_json::Value;

use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::registry::meta::names::check_path_segment;
use crate::registry::strategy::NameRule;
use crate::resources::shared::look::Look;
use crate::resources::shared::plain::Plain;
use crate::resources::shared::text::declared_immutable;
use crate::resources::shared::{ip, names};

const SPEC: FieldPath = FieldPath::new("spec");

/// What is special about IP addresses.
pub(super) static IP_ADDRESS: Plain = Plain {
    name_rule: NameRule::Own,
    validate_create: |_, object| validate(object, true),
    validate_update: |_, object, old| {
        let (new, before) = (
            object.at("spec").at("parentRef"),
            old.at("spec").at("parentRef"),
        );
        // Once a change is refused, what is declared of the parts is not looked at.
        let mut errors = validate(object, new == before);
        declared_immutable(&mut errors, &SPEC.child("parentRef"), new, before);
        errors
    },
    ..Plain::DEFAULT
};

/// What is special about the ranges of services.
pub(super) static SERVICE_CIDR: Plain = Plain {
    resets_metadata_in_status: true,
    validate_create: |_, object| ranges(object),
    validate_update: |cx, object, old| match cx.subresource {
        "status" => FieldErrors::new(),
        _ => update_ranges(object, old),
    },
    ..Plain::DEFAULT
};

fn validate(object: &Object, are_parts_declared: bool) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let name = object.name();
    let path = FieldPath::new("metadata");
    if !name.is_empty() {
        ip::check(&mut errors, &path.child("name"), name);
    }
    let path = SPEC.child("parentRef");
    let Some(parent) = object.at("spec").maybe("parentRef") else {
        errors.declared(|errors| errors.required(&path, ""));
        return errors;
    };
    if !parent.text("group").is_empty() {
        names::subdomain(&mut errors, &path.child("group"), parent.text("group"));
    }
    for (field, is_required) in [("resource", true), ("name", true), ("namespace", false)] {
        let text = parent.text(field);
        if !text.is_empty() {
            names::report(
                &mut errors,
                &path.child(field),
                text,
                check_path_segment(text),
            );
        } else if is_required && are_parts_declared {
            errors.declared(|errors| errors.required(&path.child(field), ""));
        } else if is_required {
            errors.required(&path.child(field), "");
        }
    }
    errors
}

fn ranges(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let path = SPEC.child("cidrs");
    let spec = object.at("spec");
    let ranges: Vec<&str> = spec.texts("cidrs").collect();
    if ranges.is_empty() {
        errors.required(&path, "at least one CIDR required");
        return errors;
    }
    if ranges.len() > 2 {
        let shown = format!("{{\"CIDRs\":{}}}", spec.at("cidrs"));
        errors.invalid_text(&path, shown, "may only hold up to 2 values");
        return errors;
    }
    for (index, range) in ranges.iter().enumerate() {
        ip::check_cidr(&mut errors, &path.index(index), range);
    }
    let is_v4 = |range: &&str| ip::Cidr::parse(range).map(|range| range.address.is_ipv4());
    if let [first, second] = ranges.as_slice()
        && is_v4(first).is_some()
        && is_v4(first) == is_v4(second)
    {
        let detail = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and \
                      2001:db8::/64";
        errors.invalid(&path, spec.at("cidrs"), detail);
    }
    errors
}

/// A range stays; a second one may be added.
fn update_ranges(object: &Object, old: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let path = SPEC.child("cidrs");
    let (new, before) = (
        object.at("spec").list("cidrs"),
        old.at("spec").list("cidrs"),
    );
    if new.len() != before.len() && (before.len(), new.len()) != (1, 2) {
        let value: &Value = object.at("spec").at("cidrs");
        errors.invalid(&path, value, "field is immutable");
        return errors;
    }
    for (index, (new, _)) in new
        .iter()
        .zip(before)
        .enumerate()
        .filter(|(_, (a, b))| a != b)
    {
        errors.invalid(&path.index(index), new, "field is immutable");
    }
    if new.len() != before.len() {
        errors.extend(ranges(object));
    }
    errors
}
