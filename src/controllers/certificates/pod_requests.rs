//! Removes requests of pods for certificates a quarter of an hour after they were made.
//!
//! *Upstream:* `pkg/controller/certificates/cleaner/pcrcleaner.go`.

use std::sync::LazyLock;
use std::time::Duration;

use crate::object::time;
use crate::runner::kinds::POD_CERTIFICATE_REQUESTS;
use crate::runner::{
    Again, Controller, Identity, Item, Items, Kind, Plan, Seen, Step, Watches, World,
};

/// How long a request stays.
const THRESHOLD: Duration = Duration::from_mins(15);

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PodRequests;

impl Controller for PodRequests {
    fn name(&self) -> &'static str {
        "podcertificaterequest-cleaner-controller"
    }

    fn identity(&self) -> Identity {
        Identity::ServiceAccount("podcertificaterequestcleaner")
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 1]> = LazyLock::new(|| [&POD_CERTIFICATE_REQUESTS]);
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, _: &World, seen: &Seen, items: &mut Items) {
        super::react(seen, items);
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let Some(request) = world.object(item) else {
            return Plan::nothing();
        };
        let made = time::time_at(&request, &["metadata", "creationTimestamp"]);
        let end = made.and_then(|made| made.checked_add(THRESHOLD).ok());
        let left = end.map(|end| end.duration_since(world.now));
        match left.and_then(|left| Duration::try_from(left).ok()) {
            // Differs: upstream looks every five minutes, here it goes when its time has come.
            Some(left) if !left.is_zero() => Plan::nothing().and_again(Again::After(left)),
            _ => Plan::of(Step::delete(&POD_CERTIFICATE_REQUESTS, &request).or_go_on()),
        }
    }
}
