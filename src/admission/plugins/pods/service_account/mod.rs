//! A pod has a service account, and its token where it wants it.
//!
//! *Upstream:* `plugin/pkg/admission/serviceaccount/admission.go`.

mod secrets;

use serde_json::{Value, json};

use super::forbidden;
use crate::admission::{Attributes, Operation, Plugin};
use crate::error::ApiError;
use crate::object::{GroupResource, Key, Object};

/// Where tokens are mounted.
const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const VOLUME_PREFIX: &str = "kube-api-access-";
const MIRROR: &str = "kubernetes.io/config.mirror";

/// How long the token is asked to be good for.
const TOKEN_SECONDS: i64 = 3607;

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub(in crate::admission::plugins) struct ServiceAccount;

impl Plugin for ServiceAccount {
    fn name(&self) -> &'static str {
        "ServiceAccount"
    }

    fn mutate(&self, write: &Attributes, object: &mut Object) -> Result<(), ApiError> {
        if write.operation != Operation::Create || !write.is_of("", "pods", "") {
            return Ok(());
        }
        if is_mirror(object) {
            return check_mirror(write, object);
        }
        if object.text(&["spec", "serviceAccountName"]).is_empty() {
            object.set(&["spec", "serviceAccountName"], "default");
            object.set(&["spec", "serviceAccount"], "default");
        }
        let account = account(write, object)?;
        let wish = |of: &Object, path: &[&str]| of.get(path).and_then(Value::as_bool);
        let automount = "automountServiceAccountToken";
        let is_mounted = wish(object, &["spec", automount])
            .or_else(|| wish(&account, &[automount]))
            .unwrap_or(true);
        if is_mounted {
            mount(write, object);
        }
        let secrets = account.items(&["imagePullSecrets"]);
        if object.items(&["spec", "imagePullSecrets"]).is_empty() && !secrets.is_empty() {
            object.set(&["spec", "imagePullSecrets"], secrets.to_vec());
        }
        check(write, object)
    }

    fn validate(&self, write: &Attributes, object: Option<&Object>) -> Result<(), ApiError> {
        let Some(object) = object else {
            return Ok(());
        };
        let is_update = write.operation == Operation::Update;
        if is_update && write.is_of("", "pods", "ephemeralcontainers") {
            let account = account(write, object)?;
            return secrets::check_ephemeral(write, object, &account);
        }
        if write.operation != Operation::Create || !write.is_of("", "pods", "") {
            return Ok(());
        }
        if is_mirror(object) {
            return check_mirror(write, object);
        }
        check(write, object)
    }
}

fn is_mirror(pod: &Object) -> bool {
    pod.get(&["metadata", "annotations", MIRROR]).is_some()
}

/// The account of a pod, which must be there.
fn account(write: &Attributes, pod: &Object) -> Result<Object, ApiError> {
    let name = pod.text(&["spec", "serviceAccountName"]);
    let namespace = write.namespace;
    if name.is_empty() {
        let why = format!(
            "no service account specified for pod {namespace}/{}",
            pod.name()
        );
        return Err(forbidden(write, pod, &why));
    }
    let accounts = GroupResource::new("", "serviceaccounts");
    let found = write.reader.get(&accounts, &Key::new(namespace, name));
    found.map(|stored| stored.object()).ok_or_else(|| {
        let why = format!(
            "error looking up service account {namespace}/{name}: serviceaccount \"{name}\" not \
             found"
        );
        forbidden(write, pod, &why)
    })
}

fn check(write: &Attributes, pod: &Object) -> Result<(), ApiError> {
    let account = account(write, pod)?;
    secrets::check(write, pod, &account)
}

/// A mirror of what a kubelet runs by itself refers to nothing.
fn check_mirror(write: &Attributes, pod: &Object) -> Result<(), ApiError> {
    let why = if !pod.text(&["spec", "serviceAccountName"]).is_empty() {
        "a mirror pod may not reference service accounts"
    } else if secrets::any(pod) {
        "a mirror pod may not reference secrets"
    } else if has_token_projection(pod) {
        "a mirror pod may not use ServiceAccountToken volume projections"
    } else {
        return Ok(());
    };
    Err(forbidden(write, pod, why))
}

fn has_token_projection(pod: &Object) -> bool {
    pod.items(&["spec", "volumes"]).iter().any(|volume| {
        let sources = volume["projected"]["sources"]
            .as_array()
            .into_iter()
            .flatten();
        let mut tokens = sources.filter(|source| source["serviceAccountToken"].is_object());
        tokens.next().is_some()
    })
}

/// Mounts the token into every container that has nothing at its place.
fn mount(write: &Attributes, pod: &mut Object) {
    let volumes = pod.items(&["spec", "volumes"]).iter();
    let known = volumes
        .filter_map(|volume| volume["name"].as_str())
        .find(|name| name.starts_with(VOLUME_PREFIX))
        .map(str::to_owned);
    let name = known
        .clone()
        .unwrap_or_else(|| format!("{VOLUME_PREFIX}{}", write.entropy.suffix(5)));
    let mut is_needed = false;
    for list in ["initContainers", "containers"] {
        let containers = pod.get_mut(&["spec", list]).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            let mounts = container["volumeMounts"].as_array();
            let has_own = mounts
                .is_some_and(|mounts| mounts.iter().any(|mount| mount["mountPath"] == TOKEN_PATH));
            if has_own {
                continue;
            }
            let mut mounts = mounts.cloned().unwrap_or_default();
            mounts.push(json!({"name": name, "readOnly": true, "mountPath": TOKEN_PATH}));
            container["volumeMounts"] = mounts.into();
            is_needed = true;
        }
    }
    if is_needed && known.is_none() {
        let mut volumes = pod.items(&["spec", "volumes"]).to_vec();
        volumes.push(volume(&name));
        pod.set(&["spec", "volumes"], volumes);
    }
}

/// The volume with the token, the authority of the server, and the namespace.
fn volume(name: &str) -> Value {
    let namespace = json!({"apiVersion": "v1", "fieldPath": "metadata.namespace"});
    json!({
        "name": name,
        "projected": {
            "sources": [
                {"serviceAccountToken": {"expirationSeconds": TOKEN_SECONDS, "path": "token"}},
                {"configMap": {
                    "items": [{"key": "ca.crt", "path": "ca.crt"}],
                    "name": "kube-root-ca.crt",
                }},
                {"downwardAPI": {"items": [{"fieldRef": namespace, "path": "namespace"}]}},
            ],
            "defaultMode": 420,
        },
    })
}
