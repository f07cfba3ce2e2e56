//! The tokens that a kubelet may ask for: those of the pods on its node.
//!
//! *Upstream:* `plugin/pkg/admission/noderestriction/admission.go` (`admitServiceAccount`).

use serde_json::Value;

use super::Restricted;
use crate::admission::Operation;
use crate::error::ApiError;
use crate::object::quote::quoted;
use crate::object::{GroupResource, Key, Object};

pub(super) fn check(of: &Restricted<'_>) -> Result<(), ApiError> {
    let write = of.write;
    let is_token = write.operation == Operation::Create && write.subresource == "token";
    let Some(request) = of.object.filter(|_| is_token) else {
        return Ok(());
    };
    let bound = |name: &str| request.text(&["spec", "boundObjectRef", name]);
    if bound("apiVersion") != "v1" || bound("kind") != "Pod" || bound("name").is_empty() {
        return of.refuse("node requested token not bound to a pod");
    }
    let uid = bound("uid");
    if uid.is_empty() {
        return of.refuse("node requested token with a pod binding without a uid");
    }
    let pods = GroupResource::new("", "pods");
    let pod = write
        .reader
        .get(&pods, &Key::new(write.namespace, bound("name")));
    let Some(pod) = pod.map(|stored| stored.object()) else {
        return Err(ApiError::not_found(&pods, bound("name")));
    };
    if uid != pod.uid() {
        return of.refuse(&format!(
            "the UID in the bound object reference ({uid}) does not match the UID in record. The \
             object might have been deleted and then recreated"
        ));
    }
    if pod.text(&["spec", "nodeName"]) != of.node {
        return of.refuse("node requested token bound to a pod scheduled on a different node");
    }
    check_audience(of, request, &pod)
}

/// An audience that the pod's volumes ask for, or that the node has a right to.
fn check_audience(of: &Restricted<'_>, request: &Object, pod: &Object) -> Result<(), ApiError> {
    let audience = match request.items(&["spec", "audiences"]) {
        [] => "",
        [one] => one.as_str().unwrap_or(""),
        _ => return of.refuse("node may only request 0 or 1 audiences"),
    };
    let volumes = pod.items(&["spec", "volumes"]);
    if volumes
        .iter()
        .any(|volume| asks_for(of, pod, volume, audience))
    {
        return Ok(());
    }
    let verb = "request-serviceaccounts-token-audience";
    let place = (of.write.namespace, "", of.write.name);
    if of.write.may(verb, "", audience, place).is_allowed {
        return Ok(());
    }
    of.refuse(&format!(
        "{} is not authorized to request tokens for audience {}",
        of.write.user.name,
        quoted(audience)
    ))
}

/// Whether a volume of a pod needs a token for an audience.
fn asks_for(of: &Restricted<'_>, pod: &Object, volume: &Value, audience: &str) -> bool {
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let mut sources = volume["projected"]["sources"]
        .as_array()
        .into_iter()
        .flatten();
    let is_projected = sources.any(|source| {
        let token = &source["serviceAccountToken"];
        token.is_object() && text(&token["audience"]) == audience
    });
    if is_projected {
        return true;
    }
    let driver = if volume["csi"].is_object() {
        text(&volume["csi"]["driver"])
    } else if volume["ephemeral"].is_object() {
        let name = format!("{}-{}", pod.name(), text(&volume["name"]));
        driver_of_claim(of, &name)
    } else {
        driver_of_claim(of, &text(&volume["persistentVolumeClaim"]["claimName"]))
    };
    let drivers = GroupResource::new("storage.k8s.io", "csidrivers");
    let driver = of.write.reader.get(&drivers, &Key::new("", &driver));
    driver.is_some_and(|driver| {
        let driver = driver.object();
        let mut requests = driver.items(&["spec", "tokenRequests"]).iter();
        requests.any(|request| text(&request["audience"]) == audience)
    })
}

/// The driver of the volume that a claim is bound to; empty where there is none.
fn driver_of_claim(of: &Restricted<'_>, name: &str) -> String {
    let reader = of.write.reader;
    let claims = GroupResource::new("", "persistentvolumeclaims");
    let Some(claim) = reader.get(&claims, &Key::new(of.write.namespace, name)) else {
        return String::new();
    };
    let volume = claim.object().text(&["spec", "volumeName"]).to_owned();
    let volumes = GroupResource::new("", "persistentvolumes");
    let volume = reader.get(&volumes, &Key::new("", &volume));
    let driver = volume.map(|volume| volume.object().text(&["spec", "csi", "driver"]).to_owned());
    driver.unwrap_or_default()
}
