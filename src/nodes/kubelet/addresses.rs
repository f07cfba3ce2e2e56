//! Which pod has which address: each its own, from its node's range.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use crate::object::{Key, Object};

/// The range of nodes that have none of their own: 100.64.0.0/10.
const SHARED: Range = Range {
    base: 0x6440_0000,
    len: 1 << 22,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Range {
    base: u32,
    len: u32,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    taken: BTreeSet<u32>,
    /// Where to go on looking in each range, so that an address is not used again at once.
    next: BTreeMap<Range, u32>,
    /// Given to pods that have not said so yet.
    given: BTreeMap<Key, u32>,
}

impl Addresses {
    /// An address for a pod on a node.
    pub(super) fn give(&mut self, node: &Object, pod: &Key) -> Option<String> {
        if let Some(given) = self.given.get(pod) {
            return Some(Ipv4Addr::from_bits(*given).to_string());
        }
        let range = range(node.text(&["spec", "podCIDR"])).unwrap_or(SHARED);
        let start = self.next.get(&range).copied().unwrap_or(0);
        // The first is the network's, the second its gateway's, the last its broadcast's.
        let count = range.len.checked_sub(3)?;
        let mut offsets = (0..count).map(|step| (start + step) % count);
        let offset = offsets.find(|offset| !self.taken.contains(&(range.base + 2 + offset)))?;
        let address = range.base + 2 + offset;
        self.next.insert(range, offset + 1);
        self.taken.insert(address);
        self.given.insert(pod.clone(), address);
        Some(Ipv4Addr::from_bits(address).to_string())
    }

    /// A pod says that it has an address.
    pub(super) fn take(&mut self, pod: &Key, address: &str) {
        if let Ok(address) = address.parse::<Ipv4Addr>() {
            self.given.remove(pod);
            self.taken.insert(address.to_bits());
        }
    }

    /// A pod is gone.
    pub(super) fn free(&mut self, pod: &Key, address: &str) {
        let given = self.given.remove(pod);
        let said = address.parse::<Ipv4Addr>().ok().map(Ipv4Addr::to_bits);
        for address in [given, said].into_iter().flatten() {
            self.taken.remove(&address);
        }
    }
}

/// An IPv4 range in CIDR notation.
fn range(cidr: &str) -> Option<Range> {
    let (address, bits) = cidr.split_once('/')?;
    let address: Ipv4Addr = address.parse().ok()?;
    let bits: u32 = bits.parse().ok()?;
    let len = 1_u32.checked_shl(32_u32.checked_sub(bits)?)?;
    Some(Range {
        base: address.to_bits(),
        len,
    })
}
