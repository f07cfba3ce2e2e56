//! Signs what is approved, as the cluster's authority.
//!
//! *Upstream:* `pkg/controller/certificates/signer/signer.go`.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{
    KUBELET_CLIENT, SIGNING, check_client, check_kubelet_client, check_kubelet_serving, identity,
    react, request, usages, watches,
};
use crate::auth::authority::{Authority, Terms};
use crate::auth::certificate_request::Request;
use crate::controllers::shared::conditions;
use crate::object::{Object, time};
use crate::runner::kinds::CERTIFICATE_SIGNING_REQUESTS;
use crate::runner::{Controller, Identity, Item, Items, Plan, Seen, Step, Watches, World};

/// How long certificates hold at most; `--cluster-signing-duration`.
const LONGEST: Duration = Duration::from_hours(8760);

/// How long they hold at least.
const SHORTEST: Duration = Duration::from_mins(10);

/// Certificates hold from a little before, for clocks that are late,
const BACKDATE: Duration = Duration::from_mins(5);

/// and less long for it, but for those that hold for so short a time.
const SHORT: Duration = Duration::from_hours(8);

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Signing {
    authority: Option<Arc<Authority>>,
}

impl Signing {
    /// Signs as an authority, if there is one.
    pub(crate) fn new(authority: Option<Arc<Authority>>) -> Self {
        Self { authority }
    }
}

impl Controller for Signing {
    fn name(&self) -> &'static str {
        SIGNING
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
        let (Some(object), Some(authority)) = (world.object(item), &self.authority) else {
            return Plan::nothing();
        };
        let known = object.items(&["status", "conditions"]);
        let is_wanted = conditions::find(known, "Approved").is_some()
            && conditions::find(known, "Denied").is_none()
            && !conditions::is_true(known, "Failed")
            && object.text(&["status", "certificate"]).is_empty();
        if !is_wanted {
            return Plan::nothing();
        }
        let Some(request) = request(&object) else {
            return Plan::nothing();
        };
        let Some(checked) = check(&object, &request) else {
            return Plan::nothing();
        };
        let mut changed = Object::clone(&object);
        match checked {
            Ok(()) => {
                let Some(certificate) = authority.sign(&request, &terms(&object, world)) else {
                    return Plan::nothing();
                };
                changed.set(&["status", "certificate"], STANDARD.encode(certificate));
            }
            Err(why) => {
                let mut conditions = known.to_vec();
                conditions.push(json!({
                    "type": "Failed",
                    "status": "True",
                    "reason": "SignerValidationFailure",
                    "message": why,
                    "lastUpdateTime": time::seconds(world.now),
                }));
                changed.set(&["status", "conditions"], conditions);
            }
        }
        Plan::of(Step::update_status(&CERTIFICATE_SIGNING_REQUESTS, changed))
    }
}

/// What the signer that is asked says; `None` where it is somebody else's.
fn check(object: &Object, request: &Request) -> Option<Result<(), String>> {
    let usages = usages(object);
    match object.text(&["spec", "signerName"]) {
        "kubernetes.io/kubelet-serving" => Some(check_kubelet_serving(request, &usages)),
        KUBELET_CLIENT => Some(check_kubelet_client(request, &usages)),
        "kubernetes.io/kube-apiserver-client" => Some(check_client(&usages)),
        "kubernetes.io/legacy-unknown" => Some(Ok(())),
        _ => None,
    }
}

/// From when to when the certificate holds, and what for.
fn terms<'a>(object: &'a Object, world: &World) -> Terms<'a> {
    let asked = object.integer(&["spec", "expirationSeconds"]);
    let asked = asked.map(|seconds| Duration::from_secs(seconds.max(0).unsigned_abs()));
    let holds = asked.map_or(LONGEST, |asked| asked.clamp(SHORTEST, LONGEST));
    let until = if holds < SHORT {
        holds
    } else {
        holds.saturating_sub(BACKDATE)
    };
    let digest = Sha256::digest(object.uid());
    let serial = digest[..16].iter();
    Terms {
        not_before: world.now.checked_sub(BACKDATE).unwrap_or(world.now),
        not_after: world.now.checked_add(until).unwrap_or(world.now),
        usages: usages(object),
        serial: serial.fold(0, |sum, byte| sum << 8 | u128::from(*byte)),
    }
}
