//! Which cluster IPs and node ports are taken: read from the log, and by writes on their way.
//!
//! *Upstream:* `pkg/registry/core/service/{ipallocator,portallocator}`, which keep bitmaps and
//! objects of their own. Differs: the services themselves are the record, so a rewound store needs
//! no repair; the objects of addresses (`addresses`) follow them.

use std::collections::BTreeSet;

use crate::object::{GroupResource, Object};
use crate::registry::Context;
use crate::registry::context::Pool;
use crate::resources::shared::ip;
use crate::resources::shared::look::Look;
use crate::storage::{ChangeKind, Reader, Revision, Scope};

const NAME: &str = "services";

/// What a write takes; given back when dropped before [`Taken::keep`].
pub(super) struct Taken<'a> {
    cx: &'a Context<'a>,
    claims: Vec<String>,
}

impl<'a> Taken<'a> {
    pub(super) fn new(cx: &'a Context<'a>) -> Self {
        Self {
            cx,
            claims: Vec::new(),
        }
    }

    /// Takes a claim, unless somebody has it.
    pub(super) fn take(&mut self, claim: String) -> bool {
        self.take_first(std::iter::once(claim)).is_some()
    }

    /// Takes the first claim that nobody has.
    pub(super) fn take_first(&mut self, claims: impl Iterator<Item = String>) -> Option<String> {
        let claim = with(self.cx, |pool| {
            let mut claims = claims;
            let claim = claims.find(|claim| !pool.taken.contains_key(claim))?;
            *pool.taken.entry(claim.clone()).or_default() += 1;
            Some(claim)
        })?;
        self.claims.push(claim.clone());
        Some(claim)
    }

    /// The highest of the ports taken.
    pub(super) fn highest_port(&self) -> Option<i64> {
        let ports = self
            .claims
            .iter()
            .filter_map(|claim| claim.strip_prefix("port:"));
        ports.filter_map(|port| port.parse().ok()).max()
    }

    /// Leaves the claims taken until the write is settled; those of a dry run go back at once.
    pub(super) fn keep(mut self) {
        if !self.cx.is_dry_run {
            self.claims.clear();
        }
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if !self.claims.is_empty() {
            with(self.cx, |pool| {
                for claim in self.claims.drain(..) {
                    release(pool, &claim);
                }
            });
        }
    }
}

/// Gives back what a write took: by now the store shows it, or nobody has it.
pub(super) fn give_back(cx: &Context, object: &Object, old: Option<&Object>) {
    if cx.is_dry_run {
        return;
    }
    let before = old.map(claims).unwrap_or_default();
    let now = claims(object);
    with(cx, |pool| {
        for claim in now.difference(&before) {
            release(pool, claim);
        }
    });
}

/// The claim of a cluster IP.
pub(super) fn ip_claim(address: std::net::IpAddr) -> String {
    format!("ip:{address}")
}

/// The claim of a port on every node.
pub(super) fn port_claim(port: i64) -> String {
    format!("port:{port}")
}

/// Everything a service has.
fn claims(object: &Object) -> BTreeSet<String> {
    let spec = object.at("spec");
    let ips = spec.texts("clusterIPs").filter_map(ip::parse).map(ip_claim);
    let ports = spec
        .list("ports")
        .iter()
        .filter_map(|port| port.integer("nodePort"));
    let health = spec.integer("healthCheckNodePort");
    let ports = ports
        .chain(health)
        .filter(|port| *port != 0)
        .map(port_claim);
    ips.chain(ports).collect()
}

fn release(pool: &mut Pool, claim: &str) {
    if let Some(times) = pool.taken.get_mut(claim) {
        *times -= 1;
        if *times == 0 {
            pool.taken.remove(claim);
        }
    }
}

/// Works on the pool as the log has it now.
fn with<T>(cx: &Context, work: impl FnOnce(&mut Pool) -> T) -> T {
    cx.pools.with(NAME, |pool| {
        follow(pool, cx.reader);
        work(pool)
    })
}

/// Reads what the log has beyond what was read; everything anew where it no longer reaches back,
/// or was rewound.
fn follow(pool: &mut Pool, reader: &dyn Reader) {
    let resource = GroupResource::new("", "services");
    let now = reader.revision();
    if pool.seen == now {
        return;
    }
    let scope = Scope {
        resource: resource.clone(),
        namespace: None,
        name: None,
    };
    let is_behind = pool.seen > Revision(0) && pool.seen < now;
    let changes = is_behind.then(|| {
        let mut watch = reader.watch(&scope, pool.seen)?;
        let changes = watch.poll_now()?;
        Ok::<_, crate::storage::Error>((changes, watch.revision()))
    });
    let Some(Ok((changes, seen))) = changes else {
        pool.taken.clear();
        let Ok(snapshot) = reader.snapshot(&resource, None) else {
            return;
        };
        pool.seen = snapshot.revision;
        for stored in snapshot.objects.values() {
            for claim in claims(&stored.object()) {
                *pool.taken.entry(claim).or_default() += 1;
            }
        }
        return;
    };
    for change in changes {
        let previous = change
            .previous
            .as_ref()
            .map(|stored| claims(&stored.object()));
        for claim in previous.unwrap_or_default() {
            release(pool, &claim);
        }
        if change.kind != ChangeKind::Deleted {
            for claim in claims(&change.object.object()) {
                *pool.taken.entry(claim).or_default() += 1;
            }
        }
    }
    pool.seen = pool.seen.max(seen);
}
