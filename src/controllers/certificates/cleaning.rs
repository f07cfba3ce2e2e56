//! Removes requests that are decided, failed or waiting for long enough.
//!
//! *Upstream:* `pkg/controller/certificates/cleaner/cleaner.go`.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value;

use super::{identity, react, watches};
use crate::auth::certificate;
use crate::object::{Object, time};
use crate::runner::kinds::CERTIFICATE_SIGNING_REQUESTS;
use crate::runner::{Again, Controller, Identity, Item, Items, Plan, Seen, Step, Watches, World};

/// How long a request stays that is decided and dealt with.
const DECIDED: Duration = Duration::from_hours(1);

/// How long a request stays that nobody dealt with.
const WAITING: Duration = Duration::from_hours(24);

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cleaning;

impl Controller for Cleaning {
    fn name(&self) -> &'static str {
        "certificatesigningrequest-cleaner-controller"
    }

    fn identity(&self) -> Identity {
        identity()
    }

    fn watches(&self) -> Watches<'_> {
        watches()
    }

    fn react(&mut self, _: &World, seen: &Seen, items: &mut Items) {
        react(seen, items);
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let Some(object) = world.object(item) else {
            return Plan::nothing();
        };
        let Some(end) = end(&object) else {
            return Plan::nothing();
        };
        if let Ok(left) = Duration::try_from(end.duration_since(world.now)) {
            // Differs: upstream looks once an hour, here it goes in the second after its time.
            return Plan::nothing().and_again(Again::After(left + Duration::from_secs(1)));
        }
        let kind = &CERTIFICATE_SIGNING_REQUESTS;
        Plan::of(Step::delete_named(kind, "", object.name(), Value::Null).or_go_on())
    }
}

/// After when a request goes.
fn end(object: &Object) -> Option<Timestamp> {
    let certificate = object.text(&["status", "certificate"]);
    let conditions = object.items(&["status", "conditions"]);
    let after = |at: Option<Timestamp>, pause: Duration| at?.checked_add(pause).ok();
    if conditions.is_empty() {
        let made = time::time_at(object, &["metadata", "creationTimestamp"]);
        return after(made, WAITING);
    }
    let ends = conditions.iter().filter_map(|condition| {
        let pause = match condition["type"].as_str()? {
            "Denied" | "Failed" => DECIDED,
            "Approved" if certificate.is_empty() => WAITING,
            "Approved" => DECIDED,
            _ => return None,
        };
        let end = after(time::time_of(&condition["lastUpdateTime"]), pause);
        let expiry = if condition["type"] == "Approved" {
            STANDARD
                .decode(certificate)
                .ok()
                .and_then(|pem| certificate::expiry(&pem))
        } else {
            None
        };
        end.into_iter().chain(expiry).min()
    });
    ends.min()
}
