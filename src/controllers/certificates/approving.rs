//! Approves kubelets' requests for client certificates, where who asks may have them.
//!
//! *Upstream:* `pkg/controller/certificates/approver/sarapprove.go`.

use std::time::Duration;

use serde_json::{Value, json};

use super::{KUBELET_CLIENT, check_kubelet_client, has, identity, react, request, usages, watches};
use crate::object::Object;
use crate::runner::kinds::{CERTIFICATE_SIGNING_REQUESTS, SUBJECT_ACCESS_REVIEWS};
use crate::runner::{
    Again, Controller, Identity, Item, Items, Outcomes, Plan, Seen, Step, Watches, World,
};

const SELF: (&str, &str) = (
    "selfnodeclient",
    "Auto approving self kubelet client certificate after SubjectAccessReview.",
);
const ANY: (&str, &str) = (
    "nodeclient",
    "Auto approving kubelet client certificate after SubjectAccessReview.",
);

/// When who had no right is looked at again.
const RETRY: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Approving;

impl Controller for Approving {
    fn name(&self) -> &'static str {
        "certificatesigningrequest-approving-controller"
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
        let is_decided = has(&object, "Approved") || has(&object, "Denied");
        let is_issued = !object.text(&["status", "certificate"]).is_empty();
        if is_decided || is_issued || object.text(&["spec", "signerName"]) != KUBELET_CLIENT {
            return Plan::nothing();
        }
        let Some(request) = request(&object) else {
            return Plan::nothing();
        };
        if check_kubelet_client(&request, &usages(&object)).is_err() {
            return Plan::nothing();
        }
        let is_own = object.text(&["spec", "username"]) == request.common_name;
        let ways = if is_own { vec![SELF, ANY] } else { vec![ANY] };
        try_ways(Object::clone(&object), ways)
    }
}

/// Asks whether there is the right to one way after the other.
fn try_ways(object: Object, mut ways: Vec<(&'static str, &'static str)>) -> Plan {
    if ways.is_empty() {
        // Rights change without a word to whoever asks for them.
        return Plan::nothing().and_again(Again::LazilyAfter(RETRY));
    }
    let (subresource, message) = ways.remove(0);
    let mut plan = Plan::of(Step::create(
        &SUBJECT_ACCESS_REVIEWS,
        review(&object, subresource),
    ));
    plan = plan.then(move |outcomes: &Outcomes| {
        let answer = outcomes.all.last().map(crate::runner::Outcome::object);
        let Some(answer) = answer.filter(|_| !outcomes.is_cut_short) else {
            return Plan::nothing();
        };
        if !answer.is_true(&["status", "allowed"]) {
            return try_ways(object, ways);
        }
        let mut approved = object;
        let mut conditions = approved.items(&["status", "conditions"]).to_vec();
        conditions.push(json!({
            "type": "Approved",
            "status": "True",
            "reason": "AutoApproved",
            "message": message,
        }));
        approved.set(&["status", "conditions"], conditions);
        let step = Step::update(&CERTIFICATE_SIGNING_REQUESTS, approved);
        Plan::of(step.subresource("approval"))
    });
    plan
}

fn review(object: &Object, subresource: &str) -> Object {
    let mut spec = json!({
        "user": object.text(&["spec", "username"]),
        "resourceAttributes": {
            "group": "certificates.k8s.io",
            "resource": "certificatesigningrequests",
            "verb": "create",
            "subresource": subresource,
            "version": "*",
        },
    });
    for field in ["uid", "groups", "extra"] {
        if let Some(value) = object
            .get(&["spec", field])
            .filter(|value| **value != Value::Null)
        {
            spec[field] = value.clone();
        }
    }
    let review = json!({
        "apiVersion": SUBJECT_ACCESS_REVIEWS.api_version(),
        "kind": "SubjectAccessReview",
        "spec": spec,
    });
    Object::from_value(review).unwrap_or_default()
}
