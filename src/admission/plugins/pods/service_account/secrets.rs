//! The secrets of a pod: an account may say that it lets only its own be used.
//!
//! *Upstream:* `plugin/pkg/admission/serviceaccount/admission.go` (`limitSecretReferences`).

use serde_json::Value;

use super::forbidden;
use crate::admission::Attributes;
use crate::error::ApiError;
use crate::object::Object;

const ENFORCED: &str = "kubernetes.io/enforce-mountable-secrets";

/// Whether the account lets only its own secrets be used.
fn is_enforced(account: &Object) -> bool {
    let value = account.text(&["metadata", "annotations", ENFORCED]);
    matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True")
}

fn names<'a>(account: &'a Object, list: &str) -> Vec<&'a str> {
    let items = account.items(&[list]).iter();
    items.filter_map(|item| item["name"].as_str()).collect()
}

/// Whether a pod refers to any secret.
pub(super) fn any(pod: &Object) -> bool {
    let lists = ["initContainers", "containers", "ephemeralContainers"];
    let mut containers = lists.iter().flat_map(|list| pod.items(&["spec", list]));
    let in_volumes = pod.items(&["spec", "volumes"]).iter().any(|volume| {
        let sources = volume["projected"]["sources"]
            .as_array()
            .into_iter()
            .flatten();
        let mut projected = sources.filter(|source| source["secret"].is_object());
        volume["secret"].is_object() || projected.next().is_some()
    });
    !pod.items(&["spec", "imagePullSecrets"]).is_empty()
        || in_volumes
        || containers.any(|container| !references(container).is_empty())
}

/// The secrets of a container, each with how it is referred to.
fn references(container: &Value) -> Vec<(String, &str)> {
    let mut all = Vec::new();
    for variable in container["env"].as_array().into_iter().flatten() {
        if let Some(name) = variable["valueFrom"]["secretKeyRef"]["name"].as_str() {
            let variable = variable["name"].as_str().unwrap_or("");
            all.push((format!("envVar {variable}"), name));
        }
    }
    for source in container["envFrom"].as_array().into_iter().flatten() {
        if let Some(name) = source["secretRef"]["name"].as_str() {
            all.push(("envFrom".to_owned(), name));
        }
    }
    all
}

fn check_containers(pod: &Object, account: &Object, list: &str, what: &str) -> Result<(), String> {
    let known = names(account, "secrets");
    for container in pod.items(&["spec", list]) {
        let own = container["name"].as_str().unwrap_or("");
        for (how, name) in references(container) {
            if !known.contains(&name) {
                return Err(format!(
                    "{what} {own} with {how} referencing secret.secretName=\"{name}\" is not \
                     allowed because service account {} does not reference that secret",
                    account.name()
                ));
            }
        }
    }
    Ok(())
}

/// Refuses a pod that uses secrets which its account does not name.
pub(super) fn check(write: &Attributes, pod: &Object, account: &Object) -> Result<(), ApiError> {
    if !is_enforced(account) {
        return Ok(());
    }
    check_all(pod, account).map_err(|why| forbidden(write, pod, &why))
}

fn check_all(pod: &Object, account: &Object) -> Result<(), String> {
    let known = names(account, "secrets");
    for volume in pod.items(&["spec", "volumes"]) {
        if let Some(name) = volume["secret"]["secretName"].as_str()
            && !known.contains(&name)
        {
            return Err(format!(
                "volume with secret.secretName=\"{name}\" is not allowed because service account \
                 {} does not reference that secret",
                account.name()
            ));
        }
    }
    check_containers(pod, account, "initContainers", "init container")?;
    check_containers(pod, account, "containers", "container")?;
    let known = names(account, "imagePullSecrets");
    for (index, secret) in pod.items(&["spec", "imagePullSecrets"]).iter().enumerate() {
        let name = secret["name"].as_str().unwrap_or("");
        if !known.contains(&name) {
            return Err(format!(
                "imagePullSecrets[{index}].name=\"{name}\" is not allowed because service account \
                 {} does not reference that imagePullSecret",
                account.name()
            ));
        }
    }
    Ok(())
}

/// The same for containers that come later.
pub(super) fn check_ephemeral(
    write: &Attributes,
    pod: &Object,
    account: &Object,
) -> Result<(), ApiError> {
    if !is_enforced(account) {
        return Ok(());
    }
    check_containers(pod, account, "ephemeralContainers", "ephemeral container")
        .map_err(|why| forbidden(write, pod, &why))
}
