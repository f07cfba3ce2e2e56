//! Cluster IPs as objects: an `IPAddress` for each, and the `ServiceCIDR`s they come from.
//!
//! *Upstream:* `pkg/registry/core/service/ipallocator/{cidrallocator,ipallocator}.go`.

use std::net::IpAddr;
use std::sync::LazyLock;

use serde_json::json;

use super::families::ranges;
use crate::object::{GroupResource, Key, Object};
use crate::registry::Context;
use crate::registry::write::Beside;
use crate::resources::shared::ip::{self, Cidr};
use crate::resources::shared::look::Look;

const GROUP: &str = "networking.k8s.io";

static ADDRESSES: LazyLock<GroupResource> =
    LazyLock::new(|| GroupResource::new(GROUP, "ipaddresses"));
static RANGES: LazyLock<GroupResource> =
    LazyLock::new(|| GroupResource::new(GROUP, "servicecidrs"));

/// The name of an address's family.
fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "IPv4" } else { "IPv6" }
}

/// The objects of a service's addresses.
pub(super) fn beside(object: &Object) -> Vec<Beside> {
    let addresses = object.at("spec").texts("clusterIPs").filter_map(ip::parse);
    addresses
        .map(|address| Beside {
            group: GROUP,
            version: "v1",
            plural: "ipaddresses",
            name: address.to_string(),
            body: json!({
                "apiVersion": "networking.k8s.io/v1",
                "kind": "IPAddress",
                "metadata": {
                    "name": address.to_string(),
                    "labels": {
                        "ipaddress.kubernetes.io/ip-family": family(address),
                        "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
                    },
                },
                "spec": {"parentRef": {
                    "resource": "services",
                    "namespace": object.namespace(),
                    "name": object.name(),
                }},
            }),
        })
        .collect()
}

/// Whether there is an object of an address, whoever made it.
pub(super) fn stands(cx: &Context, address: IpAddr) -> bool {
    let key = Key::new("", &address.to_string());
    cx.reader.get(&ADDRESSES, &key).is_some()
}

/// The ranges that addresses of a family are taken from: the cluster's own, then those that were
/// added and are ready, by name. Differs: upstream takes any of them.
pub(super) fn ranges_of(cx: &Context, wanted: &str) -> Vec<Cidr> {
    let own = ranges(cx).into_iter();
    let own = own.filter(|(family, _)| *family == wanted);
    let mut out: Vec<Cidr> = own.map(|(_, range)| range).collect();
    if out.is_empty() {
        return out;
    }
    let Ok(snapshot) = cx.reader.snapshot(&RANGES, None) else {
        return out;
    };
    for stored in snapshot.objects.values() {
        let object = stored.object();
        if object.is_being_deleted() || !is_ready(&object) {
            continue;
        }
        let added = object.at("spec").texts("cidrs").filter_map(Cidr::parse);
        for range in added.filter(|range| family(range.address) == wanted) {
            if !out.contains(&range) {
                out.push(range);
            }
        }
    }
    out
}

fn is_ready(range: &Object) -> bool {
    let conditions = range.at("status").list("conditions");
    let mut ready = conditions.iter().filter(|one| one.text("type") == "Ready");
    ready.any(|one| one.text("status") == "True")
}
