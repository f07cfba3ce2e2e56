//! A small cloud: load balancers for services and ingresses, each with an address of its own.
//!
//! Neither is a part of a cluster without a cloud, so both run only where they are named.
//!
//! *Upstream:* `k8s.io/cloud-provider/controllers/service`.

pub(super) mod ingresses;
pub(super) mod services;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::Value;

use crate::object::Object;
use crate::runner::World;
use crate::runner::kinds::{INGRESSES, SERVICES};

/// The first address of version 4: of those that are for tests of networks.
const FIRST_V4: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);

/// The first address of version 6: of those that are for documents.
const FIRST_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

/// The addresses that an object has been given.
fn given(object: &Object) -> impl Iterator<Item = IpAddr> + '_ {
    let ingress = object.items(&["status", "loadBalancer", "ingress"]).iter();
    ingress.filter_map(|one| one["ip"].as_str()?.parse().ok())
}

/// The lowest address that nobody has.
fn free(world: &World, is_v6: bool) -> IpAddr {
    let mut taken: BTreeSet<IpAddr> = BTreeSet::new();
    for kind in [&SERVICES, &INGRESSES] {
        for object in world.list(kind, "") {
            taken.extend(given(&object));
        }
    }
    let nth = |number: u32| {
        if is_v6 {
            IpAddr::from(Ipv6Addr::from(u128::from(FIRST_V6) + u128::from(number)))
        } else {
            IpAddr::from(Ipv4Addr::from(u32::from(FIRST_V4).wrapping_add(number)))
        }
    };
    let mut numbers = 0..u32::MAX;
    let found = numbers.find(|number| !taken.contains(&nth(*number)));
    nth(found.unwrap_or(0))
}

/// Whether an address is one that an object asks for by name.
fn address(text: &str) -> Option<Value> {
    let ip: IpAddr = text.parse().ok()?;
    Some(ip.to_string().into())
}
