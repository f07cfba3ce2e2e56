//! Endpoints: the older list of what stands behind a service.
//!
//! *Upstream:* `pkg/registry/core/endpoint/strategy.go`, `pkg/apis/core/validation/validation.go`
//! (`ValidateEndpoints`), `pkg/api/v1/endpoints/util.go`.

use serde_json::Value;

use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::registry::Context;
use crate::resources::shared::look::{Look, each, fill_text};
use crate::resources::shared::plain::Plain;
use crate::resources::shared::{ip, names};

const SUBSETS: FieldPath = FieldPath::new("subsets");
const ADDRESSES: [&str; 2] = ["addresses", "notReadyAddresses"];

/// What is special about endpoints.
pub static ENDPOINTS: Plain = Plain {
    creates_on_update: true,
    default: |object| {
        for subset in each(object.as_map_mut(), "subsets") {
            each(subset, "ports").for_each(|port| fill_text(port, "protocol", "TCP"));
        }
    },
    validate_create: |_, object| validate(object),
    validate_update: |_, object, old| {
        if object.at("subsets") == old.at("subsets") {
            return FieldErrors::new();
        }
        validate(object)
    },
    warn: |cx, object, _| warn(cx, object),
    ..Plain::DEFAULT
};

fn validate(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    for (index, subset) in object.list("subsets").iter().enumerate() {
        let path = SUBSETS.index(index);
        if ADDRESSES.iter().all(|field| subset.list(field).is_empty()) {
            errors.required(&path, "must specify `addresses` or `notReadyAddresses`");
        }
        for field in ADDRESSES {
            let path = path.child(field);
            for (index, address) in subset.list(field).iter().enumerate() {
                self::address(&mut errors, &path.index(index), address);
            }
        }
        let ports = subset.list("ports");
        let path = path.child("ports");
        for (index, port) in ports.iter().enumerate() {
            self::port(&mut errors, &path.index(index), port, ports.len() > 1);
        }
    }
    errors
}

fn address(errors: &mut FieldErrors, path: &FieldPath, address: &Value) {
    let text = address.text("ip");
    ip::check_legacy(errors, &path.child("ip"), text);
    if !address.text("hostname").is_empty() {
        names::label(errors, &path.child("hostname"), address.text("hostname"));
    }
    if address.has("nodeName") {
        names::subdomain(errors, &path.child("nodeName"), address.text("nodeName"));
    }
    ip::check_endpoint(errors, &path.child("ip"), text);
}

fn port(errors: &mut FieldErrors, path: &FieldPath, port: &Value, needs_name: bool) {
    let name = port.text("name");
    if !name.is_empty() {
        names::label(errors, &path.child("name"), name);
    } else if needs_name {
        errors.required(&path.child("name"), "");
    }
    names::port_number(errors, &path.child("port"), port.number("port"));
    let known = ["SCTP", "TCP", "UDP"];
    names::required_one_of(
        errors,
        &path.child("protocol"),
        port.text("protocol"),
        &known,
    );
    if port.has("appProtocol") {
        names::qualified_name(errors, &path.child("appProtocol"), port.text("appProtocol"));
    }
}

fn warn(cx: &Context, object: &Object) {
    const MANAGED_BY: &str = "endpoints.kubernetes.io/managed-by";
    if object.label(MANAGED_BY) == Some("endpoint-controller") {
        return;
    }
    for (index, subset) in object.list("subsets").iter().enumerate() {
        let path = SUBSETS.index(index);
        for field in ADDRESSES {
            let path = path.child(field);
            for (index, address) in subset.list(field).iter().enumerate() {
                let path = path.index(index);
                if let Some(text) = ip::warning(&path.child("ip"), address.text("ip")) {
                    cx.warn(text);
                }
            }
        }
    }
}
