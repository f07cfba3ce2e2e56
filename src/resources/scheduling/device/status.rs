//! What became of a claim: the devices it got, who holds them, how they are.
//!
//! *Upstream:* `pkg/apis/resource/validation/validation.go`
//! (`validateResourceClaimStatusUpdate`), `pkg/registry/resource/resourceclaim/strategy.go`.

use serde_json::Value;

use super::claim::RequestNames;
use super::names;
use super::parts::{self, LIST_MAX, duplicates, is_too_many};
use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::resources::shared::claim_spec::csi_driver_name;
use crate::resources::shared::look::{Look, printed_texts};
use crate::resources::shared::names::{label, required_one_of};
use crate::resources::shared::pod_spec::affinity::node_selector;
use crate::resources::shared::{conditions, ip};

const STATUS: FieldPath = FieldPath::new("status");
const RESERVED_MAX: usize = 256;
const CONFIGURATIONS_MAX: usize = 64;
const CONDITIONS_MAX: usize = 8;
const ADDRESSES_MAX: usize = 16;
const INTERFACE_LENGTH_MAX: usize = 256;
const HARDWARE_ADDRESS_LENGTH_MAX: usize = 128;
const DATA_LENGTH_MAX: usize = 10 * 1024;

/// What tells a device from all others, as errors print it.
fn identity(device: &Value) -> String {
    let mut text = ["driver", "pool", "device"]
        .map(|field| device.text(field))
        .join("/");
    if let Some(share) = device.maybe_text("shareID") {
        text.push('/');
        text.push_str(share);
    }
    text
}

fn results(object: &Object) -> impl Iterator<Item = &Value> {
    let devices = object.at("status").at("allocation").at("devices");
    devices.list("results").iter()
}

/// Drops the status of devices that the claim no longer has.
pub(super) fn drop_deallocated(object: &mut Object, old: &Object) {
    let now: Vec<String> = results(object).map(identity).collect();
    let gone: Vec<String> = results(old)
        .map(identity)
        .filter(|device| !now.contains(device))
        .collect();
    let Some(status) = object.get_mut(&["status"]).and_then(Value::as_object_mut) else {
        return;
    };
    if let Some(devices) = status.get_mut("devices").and_then(Value::as_array_mut) {
        devices.retain(|device| !gone.contains(&identity(device)));
        if devices.is_empty() {
            status.remove("devices");
        }
    }
}

/// Everything that is wrong with a change of a claim's status.
pub(super) fn update(object: &Object, old: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let (status, before) = (object.at("status"), old.at("status"));
    reserved(&mut errors, object, before);
    devices(&mut errors, object);
    let allocation = status.at("allocation");
    let holders = status.list("reservedFor");
    let path = STATUS.child("reservedFor");
    if !holders.is_empty() {
        let old_holders = before.list("reservedFor");
        let is_deleted = object.at("metadata").has("deletionTimestamp");
        if allocation.is_null() {
            errors.forbidden(&path, "may not be specified when `allocated` is not set");
        } else if is_deleted && holders.iter().any(|one| !old_holders.contains(one)) {
            let detail = "new entries may not be added while `deallocationRequested` or \
                          `deletionTimestamp` are set";
            errors.forbidden(&path, detail);
        }
    }
    let path = STATUS.child("allocation");
    if !allocation.is_null() && before.has("allocation") {
        if allocation != before.at("allocation") {
            let detail = "field cannot be modified once set";
            errors.declared(|errors| errors.invalid(&path, &Value::Null, detail));
        }
    } else if !allocation.is_null() {
        self::allocation(&mut errors, &path, allocation, object);
    }
    errors
}

fn reserved(errors: &mut FieldErrors, object: &Object, before: &Value) {
    let path = STATUS.child("reservedFor");
    let holders = object.at("status").list("reservedFor");
    if is_too_many(errors, &path, holders, RESERVED_MAX) {
        return;
    }
    for (index, holder) in holders.iter().enumerate() {
        let path = path.index(index);
        for field in ["resource", "name", "uid"] {
            if holder.text(field).is_empty() {
                errors.required(&path.child(field), "");
            }
        }
        let is_same = |other: &Value| other.text("uid") == holder.text("uid");
        if holders[..index].iter().any(is_same) && holders != before.list("reservedFor") {
            errors.declared(|errors| errors.duplicate(&path, holder));
        }
    }
}

fn devices(errors: &mut FieldErrors, object: &Object) {
    let allocated: Vec<String> = results(object).map(identity).collect();
    let path = STATUS.child("devices");
    let devices = object.at("status").list("devices");
    for (index, device) in devices.iter().enumerate() {
        let path = path.index(index);
        let own = identity(device);
        csi_driver_name(errors, &path.child("driver"), device.text("driver"));
        names::pool(errors, &path.child("pool"), device.text("pool"));
        label(errors, &path.child("device"), device.text("device"));
        if let Some(share) = device.maybe_text("shareID") {
            names::declared_uuid(errors, &path.child("shareID"), share);
        }
        if !allocated.contains(&own) {
            let detail = "must be an allocated device in the claim";
            let fields = [
                ("Driver", "driver"),
                ("Pool", "pool"),
                ("Device", "device"),
                ("ShareID", "shareID"),
            ];
            errors.invalid_text(&path, printed_texts(device, &fields), detail);
        }
        let list = path.child("conditions");
        let found = device.list("conditions");
        if found.len() > CONDITIONS_MAX {
            errors.too_many(&list, found.len(), CONDITIONS_MAX);
        }
        conditions::validate(errors, &list, found);
        if let Some(data) = device.maybe("data") {
            parts::raw(errors, &path.child("data"), data, DATA_LENGTH_MAX);
        }
        network(errors, &path.child("networkData"), device.at("networkData"));
        if devices[..index].iter().any(|other| identity(other) == own) {
            let printed = parts::printed(device);
            errors.declared(|errors| errors.duplicate_text(&path, printed));
        }
    }
}

fn network(errors: &mut FieldErrors, path: &FieldPath, data: &Value) {
    for (field, length) in [
        ("interfaceName", INTERFACE_LENGTH_MAX),
        ("hardwareAddress", HARDWARE_ADDRESS_LENGTH_MAX),
    ] {
        if data.text(field).len() > length {
            errors.declared(|errors| errors.too_long(&path.child(field), length));
        }
    }
    let path = path.child("ips");
    let addresses = data.list("ips");
    if is_too_many(errors, &path, addresses, ADDRESSES_MAX) {
        return;
    }
    for (index, address) in data.texts("ips").enumerate() {
        ip::check_interface_address(errors, &path.index(index), address);
    }
    duplicates(errors, &path, addresses);
}

fn allocation(errors: &mut FieldErrors, path: &FieldPath, allocation: &Value, object: &Object) {
    let names = RequestNames::of(object.at("spec").at("devices"));
    let devices = path.child("devices");
    let list = devices.child("results");
    let results = allocation.at("devices").list("results");
    if !is_too_many(errors, &list, results, LIST_MAX) {
        for (index, result) in results.iter().enumerate() {
            let path = list.index(index);
            names.check(errors, &path.child("request"), result.text("request"));
            names::declared_driver(errors, &path.child("driver"), result.text("driver"));
            names::declared_pool(errors, &path.child("pool"), result.text("pool"));
            label(errors, &path.child("device"), result.text("device"));
            parts::binding_conditions(errors, &path, result);
            parts::tolerations(errors, &path, result);
            if let Some(share) = result.maybe_text("shareID") {
                names::declared_uuid(errors, &path.child("shareID"), share);
            }
        }
    }
    let list = devices.child("config");
    let configurations = allocation.at("devices").list("config");
    if !is_too_many(errors, &list, configurations, CONFIGURATIONS_MAX) {
        for (index, configuration) in configurations.iter().enumerate() {
            let path = list.index(index);
            let source = configuration.text("source");
            errors.declared(|errors| {
                let known = ["FromClaim", "FromClass"];
                required_one_of(errors, &path.child("source"), source, &known);
            });
            names.check_list(errors, &path, configuration);
            parts::configuration(errors, &path, configuration, false);
        }
    }
    if let Some(selector) = allocation.maybe("nodeSelector") {
        node_selector(errors, &path.child("nodeSelector"), selector);
    }
}
