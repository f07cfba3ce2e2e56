//! Endpoint slices: what stands behind a service, a hundred at a time.
//!
//! *Upstream:* `pkg/registry/discovery/endpointslice/strategy.go`,
//! `pkg/apis/discovery/validation/validation.go`.

use serde_json::Value;

use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::registry::Context;
use crate::resources::shared::look::{Look, each};
use crate::resources::shared::plain::Plain;
use crate::resources::shared::text::declared_immutable;
use crate::resources::shared::{ip, label_selector, names};

const ENDPOINTS: FieldPath = FieldPath::new("endpoints");
const ENDPOINTS_MAX: usize = 1000;
const ADDRESSES_MAX: usize = 100;
const PORTS_MAX: usize = 20000;
const TOPOLOGY_LABELS_MAX: usize = 16;
const HINTS_MAX: usize = 8;

/// What is special about endpoint slices.
pub(super) static ENDPOINT_SLICE: Plain = Plain {
    default: |object| {
        for port in each(object.as_map_mut(), "ports") {
            for (field, value) in [("name", ""), ("protocol", "TCP")] {
                if port.maybe(field).is_none() {
                    port.insert(field.to_owned(), value.into());
                }
            }
        }
    },
    prepare_create: |_, object| {
        drop_topology(object, &Value::Null);
        object.set(&["metadata", "generation"], 1);
        Ok(())
    },
    prepare_update: |_, object, old| {
        // Labels count here, as nowhere else.
        let is_changed = ["endpoints", "ports", "addressType"]
            .iter()
            .any(|field| object.at(field) != old.at(field))
            || object.at("metadata").at("labels") != old.at("metadata").at("labels");
        let generation = old.generation() + i64::from(is_changed);
        if generation > 0 {
            object.set(&["metadata", "generation"], generation);
        }
        drop_topology(object, old.at("endpoints"));
        Ok(())
    },
    validate_create: |_, object| validate(object, None),
    validate_update: |_, object, old| validate(object, Some(old)),
    warn,
    ..Plain::DEFAULT
};

/// The topology of beta is no longer taken: what is there may stay.
fn drop_topology(object: &mut Object, before: &Value) {
    let known = before.as_array().map_or(&[][..], Vec::as_slice);
    if known
        .iter()
        .any(|endpoint| endpoint.has("deprecatedTopology"))
    {
        return;
    }
    for endpoint in each(object.as_map_mut(), "endpoints") {
        endpoint.remove("deprecatedTopology");
    }
}

fn validate(object: &Object, old: Option<&Object>) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let kind = object.text(&["addressType"]);
    let known = ["FQDN", "IPv4", "IPv6"];
    let path = FieldPath::new("addressType");
    // Once a change of it is refused, what is declared of it is not looked at.
    if !kind.is_empty() && old.is_some_and(|old| old.text(&["addressType"]) != kind) {
        names::one_of(&mut errors, &path, kind, &known);
    } else {
        errors.declared(|errors| names::required_one_of(errors, &path, kind, &known));
    }
    if let Some(old) = old {
        let (new, before) = (object.at("addressType"), old.at("addressType"));
        declared_immutable(&mut errors, &path, new, before);
    }
    ports(&mut errors, object);
    if old.is_none_or(|old| old.at("endpoints") != object.at("endpoints")) {
        endpoints(&mut errors, object, kind);
    }
    errors
}

fn ports(errors: &mut FieldErrors, object: &Object) {
    let path = FieldPath::new("ports");
    let ports = object.list("ports");
    if ports.len() > PORTS_MAX {
        errors.too_many(&path, ports.len(), PORTS_MAX);
        return;
    }
    for (index, port) in ports.iter().enumerate() {
        let path = path.index(index);
        let name = port.text("name");
        if !name.is_empty() {
            names::label(errors, &path.child("name"), name);
        }
        if ports[..index]
            .iter()
            .any(|other| other.text("name") == name)
        {
            errors.duplicate(&path.child("name"), &name.into());
        }
        let known = ["SCTP", "TCP", "UDP"];
        let protocol = port.text("protocol");
        names::one_of(errors, &path.child("protocol"), protocol, &known);
        if let Some(protocol) = port.maybe_text("appProtocol") {
            names::qualified_name(errors, &path.child("appProtocol"), protocol);
        }
    }
}

fn endpoints(errors: &mut FieldErrors, object: &Object, kind: &str) {
    let endpoints = object.list("endpoints");
    if endpoints.len() > ENDPOINTS_MAX {
        errors.too_many(&ENDPOINTS, endpoints.len(), ENDPOINTS_MAX);
        return;
    }
    for (index, endpoint) in endpoints.iter().enumerate() {
        self::endpoint(errors, &ENDPOINTS.index(index), endpoint, kind);
    }
}

fn endpoint(errors: &mut FieldErrors, path: &FieldPath, endpoint: &Value, kind: &str) {
    let addresses = endpoint.list("addresses");
    let addresses_path = path.child("addresses");
    if addresses.is_empty() {
        errors.declared(|errors| errors.required(&addresses_path, ""));
    } else if addresses.len() > ADDRESSES_MAX {
        let count = addresses.len();
        errors.declared(|errors| errors.too_many(&addresses_path, count, ADDRESSES_MAX));
    }
    for (index, address) in endpoint.texts("addresses").enumerate() {
        self::address(errors, &addresses_path, index, address, kind);
    }
    if let Some(node) = endpoint.maybe_text("nodeName") {
        names::subdomain(errors, &path.child("nodeName"), node);
    }
    let topology = path.child("deprecatedTopology");
    let count = endpoint.entries("deprecatedTopology").count();
    if count > TOPOLOGY_LABELS_MAX {
        errors.too_many(&topology, count, TOPOLOGY_LABELS_MAX);
    }
    label_selector::labels(errors, &topology, endpoint.at("deprecatedTopology"));
    if let Some(host) = endpoint.maybe_text("hostname") {
        names::label(errors, &path.child("hostname"), host);
    }
    let hints_path = path.child("hints");
    for (field, check) in [
        (
            "forZones",
            names::check_label_value as fn(&str) -> Vec<String>,
        ),
        ("forNodes", names::check_subdomain),
    ] {
        let path = hints_path.child(field);
        hints(errors, &path, endpoint.at("hints").list(field), check);
    }
}

fn address(errors: &mut FieldErrors, path: &FieldPath, index: usize, address: &str, kind: &str) {
    let item = path.index(index);
    let mut wrong = FieldErrors::new();
    match kind {
        "IPv4" => ip::check_legacy(&mut wrong, &item, address),
        "IPv6" => ip::check(&mut wrong, &item, address),
        "FQDN" => domain(&mut wrong, &item, address),
        _ => return,
    }
    let is_formed = wrong.is_empty();
    errors.extend(wrong);
    if !is_formed || kind == "FQDN" {
        return;
    }
    if ip::is_v6(address) != (kind == "IPv6") {
        errors.invalid(path, &address.into(), format!("must be an {kind} address"));
    }
    ip::check_endpoint(errors, &item, address);
}

/// A domain of at least two segments.
fn domain(errors: &mut FieldErrors, path: &FieldPath, text: &str) {
    if text.is_empty() {
        errors.required(path, "");
        return;
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    let wrong = names::check_subdomain(name);
    if !wrong.is_empty() {
        errors.invalid(path, &name.into(), wrong.join(","));
        return;
    }
    if !name.contains('.') {
        let detail = "should be a domain with at least two segments separated by dots";
        errors.invalid(path, &name.into(), detail);
        return;
    }
    for label in name.split('.') {
        let wrong = names::check_label(label);
        if !wrong.is_empty() {
            errors.invalid(path, &label.into(), wrong.join(","));
        }
    }
}

fn hints(
    errors: &mut FieldErrors,
    path: &FieldPath,
    hints: &[Value],
    check: fn(&str) -> Vec<String>,
) {
    if hints.len() > HINTS_MAX {
        errors.too_many(path, hints.len(), HINTS_MAX);
        return;
    }
    for (index, hint) in hints.iter().enumerate() {
        let item = path.index(index);
        let name = hint.text("name");
        if hints[..index]
            .iter()
            .any(|other| other.text("name") == name)
        {
            errors.duplicate(&item.child("name"), &name.into());
        }
        names::report(errors, &item.child("name"), name, check(name));
    }
}

fn warn(cx: &Context, object: &Object, old: Option<&Object>) {
    if old.is_none() && object.text(&["addressType"]) == "FQDN" {
        cx.warn("spec.addressType: FQDN endpoints are deprecated");
    }
    let managed_by = object.label("endpointslice.kubernetes.io/managed-by");
    let own = [
        "endpointslice-controller.k8s.io",
        "endpointslicemirroring-controller.k8s.io",
    ];
    if managed_by.is_some_and(|name| own.contains(&name)) {
        return;
    }
    for (index, endpoint) in object.list("endpoints").iter().enumerate() {
        let path = ENDPOINTS.index(index);
        let path = path.child("addresses");
        for (index, address) in endpoint.texts("addresses").enumerate() {
            if let Some(text) = ip::warning(&path.index(index), address) {
                cx.warn(text);
            }
        }
    }
}
