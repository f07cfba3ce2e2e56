//! What a kubelet may do to pods: those on its own node.
//!
//! *Upstream:* `plugin/pkg/admission/noderestriction/admission.go` (`admitPod`),
//! `pkg/api/pod/util.go` (`HasAPIObjectReference`).

use serde_json::Value;

use super::Restricted;
use crate::admission::Operation;
use crate::error::ApiError;
use crate::object::quote::quoted;
use crate::object::{GroupResource, Key, Object};

const MIRROR: &str = "kubernetes.io/config.mirror";

/// Faces of a claim's device that only others write.
const STATUSES: [(&str, &str); 3] = [
    (
        "resourceClaimStatuses",
        "cannot update resource claim statues",
    ),
    (
        "extendedResourceClaimStatus",
        "cannot update extended resource claim status",
    ),
    (
        "nodeAllocatableResourceClaimStatuses",
        "cannot update node allocatable resource claim statuses",
    ),
];

pub(super) fn check(of: &Restricted<'_>) -> Result<(), ApiError> {
    let write = of.write;
    let node = quoted(of.node);
    match (write.subresource, write.operation) {
        ("", Operation::Create) => create(of),
        ("", Operation::Delete) => {
            if is_own(of, write.old) {
                return Ok(());
            }
            of.refuse(&format!(
                "node {node} can only delete pods with spec.nodeName set to itself"
            ))
        }
        ("", operation) => of.refuse(&format!(
            "unexpected operation {}, node {node} can only create and delete mirror pods",
            quoted(operation.as_str())
        )),
        ("status", Operation::Update) => status(of),
        ("status", _) => of.unexpected(),
        ("eviction", Operation::Create) => {
            let pods = GroupResource::new("", "pods");
            let pod = write
                .reader
                .get(&pods, &Key::new(write.namespace, write.name));
            let Some(pod) = pod.map(|stored| stored.object()) else {
                return Err(ApiError::not_found(&pods, write.name));
            };
            if is_own(of, Some(&pod)) {
                return Ok(());
            }
            let node = of.node;
            of.refuse(&format!(
                "node {node} can only evict pods with spec.nodeName set to itself"
            ))
        }
        ("eviction", operation) => {
            of.refuse(&format!("unexpected operation {}", operation.as_str()))
        }
        (subresource, _) => of.refuse(&format!(
            "unexpected pod subresource {}, only 'status' and 'eviction' are allowed",
            quoted(subresource)
        )),
    }
}

fn is_own(of: &Restricted<'_>, pod: Option<&Object>) -> bool {
    pod.is_some_and(|pod| pod.text(&["spec", "nodeName"]) == of.node)
}

/// A kubelet makes pods only to show what it runs by itself.
fn create(of: &Restricted<'_>) -> Result<(), ApiError> {
    let Some(pod) = of.object else {
        return of.unexpected();
    };
    let node = quoted(of.node);
    if pod.get(&["metadata", "annotations", MIRROR]).is_none() {
        return of.refuse(&format!(
            "pod does not have \"{MIRROR}\" annotation, node {node} can only create mirror pods"
        ));
    }
    let can = |what: &str| of.refuse(&format!("node {node} can only create pods with {what}"));
    if !is_own(of, Some(pod)) {
        return can("spec.nodeName set to itself");
    }
    let owner = match pod.items(&["metadata", "ownerReferences"]) {
        [owner] => owner,
        [] => return can("an owner reference set to itself"),
        _ => return can("a single owner reference set to itself"),
    };
    let is_node = owner["apiVersion"] == "v1" && owner["kind"] == "Node";
    if !is_node || owner["name"] != of.node {
        return can("an owner reference set to itself");
    }
    if owner["controller"] != true {
        return can("a controller owner reference set to itself");
    }
    if owner["blockOwnerDeletion"] == true {
        return of.refuse(&format!(
            "node {node} must not set blockOwnerDeletion on an owner reference"
        ));
    }
    let nodes = GroupResource::new("", "nodes");
    let Some(known) = of.write.reader.get(&nodes, &Key::new("", of.node)) else {
        return Err(ApiError::not_found(&nodes, of.node));
    };
    let (known, said) = (known.object(), owner["uid"].as_str().unwrap_or(""));
    if said != known.uid() {
        let name = of.node;
        return of.refuse(&format!(
            "node {name} UID mismatch: expected {said} got {}",
            known.uid()
        ));
    }
    match referenced(pod) {
        Some(what) => of.refuse(&format!(
            "node {node} can not create pods that reference {what}"
        )),
        None => Ok(()),
    }
}

/// What of the cluster a pod refers to, if anything.
fn referenced(pod: &Object) -> Option<&'static str> {
    if !pod.text(&["spec", "serviceAccountName"]).is_empty() {
        return Some("serviceaccounts");
    }
    let lists = ["initContainers", "containers", "ephemeralContainers"];
    let containers = || lists.iter().flat_map(|list| pod.items(&["spec", list]));
    let volumes = pod.items(&["spec", "volumes"]);
    let refers = |variable: &str, source: &str, volume: &str| {
        let in_containers = containers().any(|container| {
            let list = |name: &str| container[name].as_array().into_iter().flatten();
            list("env").any(|env| env["valueFrom"][variable].is_object())
                || list("envFrom").any(|from| from[source].is_object())
        });
        let in_volumes = volumes.iter().any(|own| {
            let sources = own["projected"]["sources"].as_array().into_iter().flatten();
            let mut sources = sources.filter(|source| source[volume].is_object());
            own[volume].is_object() || sources.next().is_some()
        });
        in_containers || in_volumes
    };
    let pulls = !pod.items(&["spec", "imagePullSecrets"]).is_empty();
    if pulls || refers("secretKeyRef", "secretRef", "secret") {
        return Some("secrets");
    }
    if refers("configMapKeyRef", "configMapRef", "configMap") {
        return Some("configmaps");
    }
    if !pod.items(&["spec", "resourceClaims"]).is_empty() {
        return Some("resourceclaims");
    }
    volumes.iter().find_map(|volume| {
        let projected = volume["projected"]["sources"]
            .as_array()
            .into_iter()
            .flatten();
        let mut projected = projected.filter_map(|source| named(&PROJECTED, source));
        named(&SOURCES, volume).or_else(|| projected.next())
    })
}

/// Sources of volumes that need the cluster, and what of it.
const SOURCES: [(&str, &str); 5] = [
    ("csi", "csidrivers (via CSI volumes)"),
    ("glusterfs", "endpoints (via glusterFS volumes)"),
    ("persistentVolumeClaim", "persistentvolumeclaims"),
    (
        "ephemeral",
        "persistentvolumeclaims (via ephemeral volumes)",
    ),
    ("azureFile", "secrets (via azureFile volumes)"),
];

/// The same of what is projected into a volume.
const PROJECTED: [(&str, &str); 3] = [
    (
        "serviceAccountToken",
        "serviceaccounts (via projected volumes)",
    ),
    ("clusterTrustBundle", "clustertrustbundles"),
    ("podCertificate", "podcertificates"),
];

fn named(rows: &[(&str, &'static str)], value: &Value) -> Option<&'static str> {
    let mut rows = rows.iter().filter(|(name, _)| value[*name].is_object());
    rows.next().map(|(_, what)| *what)
}

fn status(of: &Restricted<'_>) -> Result<(), ApiError> {
    let (Some(old), Some(new)) = (of.write.old, of.object) else {
        return of.unexpected();
    };
    let node = quoted(of.node);
    if !is_own(of, Some(old)) {
        return of.refuse(&format!(
            "node {node} can only update pod status for pods with spec.nodeName set to itself"
        ));
    }
    if !old.labels().eq(new.labels()) {
        return of.refuse(&format!(
            "node {node} cannot update labels through pod status"
        ));
    }
    for (name, why) in STATUSES {
        let path = ["status", name];
        if old.get(&path) != new.get(&path) {
            return of.refuse(&format!("node {node} {why}"));
        }
    }
    Ok(())
}
