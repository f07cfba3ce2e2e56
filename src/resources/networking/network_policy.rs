//! Network policies.
//!
//! *Upstream:* `pkg/registry/networking/networkpolicy/strategy.go`,
//! `pkg/apis/networking/validation/validation.go`.

use serde_json::{Value, json};

use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::resources::shared::look::{Look, each, fill};
use crate::resources::shared::plain::Plain;
use crate::resources::shared::{ip, label_selector, names};

const SPEC: FieldPath = FieldPath::new("spec");
/// Rules, and the peers in them.
const DIRECTIONS: [(&str, &str); 2] = [("ingress", "from"), ("egress", "to")];

/// What is special about network policies.
pub(super) static NETWORK_POLICY: Plain = Plain {
    counts_generation: true,
    counts_emptied: true,
    default: default_types,
    validate_create: |_, object| validate(object, &[]),
    validate_update: |_, object, old| validate(object, &ranges(old)),
    warn: |cx, object, _| {
        each_block(object, &mut |path, block| {
            let mut warnings = ip::cidr_warnings(&path.child("cidr"), block.text("cidr"));
            for (index, range) in block.texts("except").enumerate() {
                let path = path.child("except");
                warnings.extend(ip::cidr_warnings(&path.index(index), range));
            }
            for text in warnings {
                cx.warn(text);
            }
        });
    },
    ..Plain::DEFAULT
};

fn default_types(object: &mut Object) {
    let spec = object
        .as_map_mut()
        .entry("spec")
        .or_insert_with(|| json!({}));
    let Some(spec) = spec.as_object_mut() else {
        return;
    };
    if spec.list("policyTypes").is_empty() {
        let mut types = vec!["Ingress"];
        if !spec.list("egress").is_empty() {
            types.push("Egress");
        }
        spec.insert("policyTypes".to_owned(), json!(types));
    }
    for (direction, _) in DIRECTIONS {
        for rule in each(spec, direction) {
            each(rule, "ports").for_each(|port| fill(port, "protocol", "TCP"));
        }
    }
}

/// Calls back for every IP block, at its path.
fn each_block(object: &Object, call: &mut dyn FnMut(&FieldPath, &Value)) {
    for (direction, peers) in DIRECTIONS {
        let path = SPEC.child(direction);
        for (index, rule) in object.at("spec").list(direction).iter().enumerate() {
            let path = path.index(index);
            let path = path.child(peers);
            for (index, peer) in rule.list(peers).iter().enumerate() {
                if let Some(block) = peer.maybe("ipBlock") {
                    call(&path.index(index).child("ipBlock"), block);
                }
            }
        }
    }
}

/// Every network that a policy names.
fn ranges(object: &Object) -> Vec<String> {
    let mut ranges = Vec::new();
    each_block(object, &mut |_, block| {
        ranges.push(block.text("cidr").to_owned());
        ranges.extend(block.texts("except").map(str::to_owned));
    });
    ranges
}

fn validate(object: &Object, known: &[String]) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = object.at("spec");
    label_selector::selector(
        &mut errors,
        &SPEC.child("podSelector"),
        spec.at("podSelector"),
    );
    for (direction, peers) in DIRECTIONS {
        let path = SPEC.child(direction);
        for (index, rule) in spec.list(direction).iter().enumerate() {
            let path = path.index(index);
            for (index, port) in rule.list("ports").iter().enumerate() {
                self::port(&mut errors, &path.child("ports").index(index), port);
            }
            for (index, peer) in rule.list(peers).iter().enumerate() {
                self::peer(&mut errors, &path.child(peers).index(index), peer, known);
            }
        }
    }
    let path = SPEC.child("policyTypes");
    if spec.list("policyTypes").len() > 2 {
        let detail = "may not specify more than two policyTypes";
        errors.invalid(&path, spec.at("policyTypes"), detail);
        return errors;
    }
    for (index, kind) in spec.texts("policyTypes").enumerate() {
        let known = ["Ingress", "Egress"];
        if !known.contains(&kind) {
            errors.not_supported(&path.index(index), &kind.into(), &known);
        }
    }
    errors
}

fn port(errors: &mut FieldErrors, path: &FieldPath, port: &Value) {
    if let Some(protocol) = port.maybe_text("protocol") {
        let known = ["TCP", "UDP", "SCTP"];
        if !known.contains(&protocol) {
            errors.not_supported(&path.child("protocol"), &protocol.into(), &known);
        }
    }
    let end = port.integer("endPort");
    let end_path = path.child("endPort");
    let refuse_end = |errors: &mut FieldErrors, detail: &str| {
        if let Some(end) = end {
            errors.invalid(&end_path, &end.into(), detail);
        }
    };
    match port.maybe("port") {
        None => refuse_end(errors, "may not be specified when `port` is not specified"),
        Some(Value::String(name)) => {
            refuse_end(errors, "may not be specified when `port` is non-numeric");
            names::report(
                errors,
                &path.child("port"),
                name,
                names::check_port_name(name),
            );
        }
        Some(number) => {
            let number = number.as_i64().unwrap_or(0);
            names::port_number(errors, &path.child("port"), number);
            if end.is_some_and(|end| end < number) {
                refuse_end(errors, "must be greater than or equal to `port`");
            }
            if let Some(end) = end {
                names::port_number(errors, &end_path, end);
            }
        }
    }
}

fn peer(errors: &mut FieldErrors, path: &FieldPath, peer: &Value, known: &[String]) {
    let mut count = 0;
    for field in ["podSelector", "namespaceSelector"] {
        if let Some(selector) = peer.maybe(field) {
            count += 1;
            label_selector::selector(errors, &path.child(field), selector);
        }
    }
    let block = peer.maybe("ipBlock");
    if let Some(block) = block {
        ip_block(errors, &path.child("ipBlock"), block, known);
        if count > 0 {
            errors.forbidden(path, "may not specify both ipBlock and another peer");
        }
    } else if count == 0 {
        errors.required(path, "must specify a peer");
    }
}

fn ip_block(errors: &mut FieldErrors, path: &FieldPath, block: &Value, known: &[String]) {
    let text = block.text("cidr");
    if text.is_empty() {
        errors.declared(|errors| errors.required(&path.child("cidr"), ""));
        return;
    }
    let mut check = |path: &FieldPath, text: &str| {
        if !known.iter().any(|known| known == text) {
            ip::check_cidr_legacy(errors, path, text);
        }
    };
    check(&path.child("cidr"), text);
    let Some(range) = ip::Cidr::parse(text) else {
        return;
    };
    let path = path.child("except");
    let mut outside = Vec::new();
    for (index, text) in block.texts("except").enumerate() {
        check(&path.index(index), text);
        let Some(except) = ip::Cidr::parse(text) else {
            continue;
        };
        if !range.contains(except.first()) || range.bits >= except.bits {
            outside.push((index, text));
        }
    }
    for (index, text) in outside {
        errors.invalid(
            &path.index(index),
            &text.into(),
            "must be a strict subset of `cidr`",
        );
    }
}
