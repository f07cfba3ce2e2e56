//! The tokens that a kubelet may ask for: those of the pods on its node.
//!
//! *Upstream:* `plugin/pkg/admission/noderestriction/admission.go` (`admitServiceAccount`).

use serde_json::Value;

use super::Restricted;
use crate::admission::Operation;
use crate::auth::authorize::aggregate;
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
    let mut errors: Vec<String> = Vec::new();
    for volume in pod.items(&["spec", "volumes"]) {
        match asks_for(of, pod, volume, audience) {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(missing) => errors.push(missing),
        }
    }
    if !errors.is_empty() {
        let (audience, errors) = (quoted(audience), aggregate(&errors));
        return of.refuse(&format!("error validating audience {audience}: {errors}"));
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

/// Whether a volume of a pod needs a token for an audience; the error is what is not there.
fn asks_for(
    of: &Restricted<'_>,
    pod: &Object,
    volume: &Value,
    audience: &str,
) -> Result<bool, String> {
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
        return Ok(true);
    }
    let driver = if volume["ephemeral"].is_object() {
        let name = format!("{}-{}", pod.name(), text(&volume["name"]));
        driver_of_claim(of, &name)?
    } else if volume["persistentVolumeClaim"].is_object() {
        driver_of_claim(of, &text(&volume["persistentVolumeClaim"]["claimName"]))?
    } else {
        text(&volume["csi"]["driver"])
    };
    if driver.is_empty() {
        return Ok(false);
    }
    let driver = find(
        of,
        ("storage.k8s.io", "csidrivers", "csidriver"),
        "",
        &driver,
    )?;
    let mut requests = driver.items(&["spec", "tokenRequests"]).iter();
    Ok(requests.any(|request| text(&request["audience"]) == audience))
}

/// The driver of the volume that a claim is bound to; empty where it has none.
fn driver_of_claim(of: &Restricted<'_>, name: &str) -> Result<String, String> {
    let claims = ("", "persistentvolumeclaims", "persistentvolumeclaim");
    let claim = find(of, claims, of.write.namespace, name)?;
    let volumes = ("", "persistentvolumes", "persistentvolume");
    let volume = find(of, volumes, "", claim.text(&["spec", "volumeName"]))?;
    Ok(volume.text(&["spec", "csi", "driver"]).to_owned())
}

/// An object by its group, its plural and what it is called where it is not there.
fn find(
    of: &Restricted<'_>,
    (group, plural, singular): (&str, &str, &str),
    namespace: &str,
    name: &str,
) -> Result<Object, String> {
    let resource = GroupResource::new(group, plural);
    let found = of.write.reader.get(&resource, &Key::new(namespace, name));
    let dot = if group.is_empty() { "" } else { "." };
    let missing = || format!("{singular}{dot}{group} {} not found", quoted(name));
    found.map(|stored| stored.object()).ok_or_else(missing)
}
