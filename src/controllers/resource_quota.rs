//! `ResourceQuota`: what is used of it, counted anew whenever something ends or becomes less.
//!
//! *Upstream:* `pkg/controller/resourcequota/resource_quota_{controller,monitor}.go`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::admission::plugins::QuotaCount;
use crate::object::Object;
use crate::object::quantity::Quantity;
use crate::runner::kinds::{EVENTS, RESOURCE_QUOTAS};
use crate::runner::{Again, Controller, Item, Items, Plan, Seen, Step, Watches, World};

/// How often a quota is counted though nothing was told.
const RESYNC: Duration = Duration::from_mins(5);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct ResourceQuotas {
    /// How many quotas a namespace has: what happens in all others is passed over.
    counts: BTreeMap<String, usize>,
}

impl Controller for ResourceQuotas {
    fn name(&self) -> &'static str {
        "resourcequota-controller"
    }

    fn watches(&self) -> Watches<'_> {
        Watches::Everything
    }

    fn react(&mut self, world: &World, seen: &Seen, items: &mut Items) {
        let key = &seen.object.key;
        if seen.resource == RESOURCE_QUOTAS.resource {
            self.count(seen);
            let limits = |quota: &Object| quota.get(&["spec", "hard"]).cloned();
            let before = seen.parsed_previous().map(|quota| limits(&quota));
            if before != Some(limits(&seen.parsed())) {
                items.add(&seen.resource, key);
            }
        }
        let namespace = key.namespace();
        if !self.counts.contains_key(namespace) || seen.resource == EVENTS.resource {
            return;
        }
        // What is made is charged on its way in, but who charges does not know what becomes of it.
        let Some(quotas) = world.snapshot(&RESOURCE_QUOTAS.resource) else {
            return;
        };
        let after = seen.parsed();
        let before = seen.parsed_previous().filter(|_| !seen.is_gone());
        let pair = (before.as_deref().unwrap_or(&after), &*after);
        for quota in quotas.objects(Some(namespace), None) {
            let count = QuotaCount::of(&world.parsed(quota));
            if count.concerns(&seen.resource, pair, before.is_some(), world.now) {
                items.add(&RESOURCE_QUOTAS.resource, &quota.key);
            }
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let Some(quota) = world.object(item) else {
            return Plan::nothing();
        };
        let mut count = QuotaCount::of(&quota);
        for kind in world.kinds().iter().filter(|kind| kind.is_namespaced) {
            count.add(&kind.resource, world.now, || {
                world.list(kind, quota.namespace())
            });
        }
        let status = count.status(&quota);
        let known = quota.get(&["status"]).unwrap_or(&Value::Null);
        let is_same = ["hard", "used"]
            .iter()
            .all(|field| are_equal(&known[*field], &status[*field]));
        let again = Again::LazilyAfter(RESYNC);
        if is_same {
            return Plan::nothing().and_again(again);
        }
        let mut object = Object::clone(&quota);
        object.set(&["status"], status);
        Plan::of(Step::update_status(&RESOURCE_QUOTAS, object)).and_again(again)
    }

    fn forget(&mut self) {
        self.counts.clear();
    }
}

impl ResourceQuotas {
    /// Keeps the number of quotas in each namespace.
    fn count(&mut self, seen: &Seen) {
        let namespace = seen.object.key.namespace();
        if seen.is_gone() {
            if let Some(count) = self.counts.get_mut(namespace) {
                *count = count.saturating_sub(1);
            }
            self.counts.retain(|_, count| *count > 0);
        } else if seen.previous.is_none() {
            *self.counts.entry(namespace.to_owned()).or_default() += 1;
        }
    }
}

/// Whether two maps have the same amounts.
fn are_equal(known: &Value, counted: &Value) -> bool {
    let (Some(known), Some(counted)) = (known.as_object(), counted.as_object()) else {
        return false;
    };
    let is_same = |(name, amount): (&String, &Value)| {
        let before = known.get(name).and_then(Quantity::from_json);
        before.is_some() && before == Quantity::from_json(amount)
    };
    known.len() == counted.len() && counted.iter().all(is_same)
}
