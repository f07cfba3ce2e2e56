//! Whether an object is of concern to a node: through the pods on it.
//!
//! Looked up in the store on demand; kubelets that are watched by this are few.
//!
//! *Upstream:* `plugin/pkg/auth/authorizer/node/graph.go`, which keeps a graph;
//! `pkg/api/v1/{pod,persistentvolume}/util.go`.

use std::sync::Arc;

use serde_json::Value;

use crate::object::{GroupResource, Key, Object};
use crate::storage::{Reader, Stored};

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Attachment,
    CertificateRequest,
    Claim,
    ConfigMap,
    Pod,
    ResourceClaim,
    Secret,
    ServiceAccount,
    Slice,
    Volume,
}

/// A node's relations.
pub(super) struct Relation<'a> {
    pub(super) reader: &'a dyn Reader,
    pub(super) node: &'a str,
}

/// The references of a secret in a volume source that a kubelet sees.
const SECRET_REFERENCES: [&str; 4] = [
    "secretRef",
    "nodePublishSecretRef",
    "nodeStageSecretRef",
    "nodeExpandSecretRef",
];

impl Relation<'_> {
    /// Whether an object is of concern to the node.
    pub(super) fn holds(&self, kind: Kind, namespace: &str, name: &str) -> bool {
        let names_node = |group: &str, plural: &str, namespace: &str| {
            let stored = self.get(group, plural, namespace, name);
            stored.is_some_and(|stored| self.is_on(&stored.parsed()))
        };
        match kind {
            Kind::Pod => names_node("", "pods", namespace),
            Kind::Attachment => names_node("storage.k8s.io", "volumeattachments", ""),
            Kind::Slice => names_node("resource.k8s.io", "resourceslices", ""),
            Kind::CertificateRequest => {
                names_node("certificates.k8s.io", "podcertificaterequests", namespace)
            }
            Kind::Volume => self
                .get("", "persistentvolumes", "", name)
                .is_some_and(|stored| {
                    let volume = stored.parsed();
                    let claim = |field| volume.text(&["spec", "claimRef", field]).to_owned();
                    self.holds(Kind::Claim, &claim("namespace"), &claim("name"))
                }),
            Kind::Secret => {
                self.any_pod(namespace, |pod| refers_to_secret(pod, name))
                    || self.is_secret_of_volume(namespace, name)
            }
            Kind::ConfigMap => self.any_pod(namespace, |pod| refers_to_config_map(pod, name)),
            Kind::Claim => self.any_pod(namespace, |pod| refers_to_claim(pod, name)),
            Kind::ServiceAccount => self.any_pod(namespace, |pod| {
                pod.text(&["spec", "serviceAccountName"]) == name
            }),
            Kind::ResourceClaim => {
                self.any_pod(namespace, |pod| refers_to_resource_claim(pod, name))
            }
        }
    }

    fn get(&self, group: &str, plural: &str, namespace: &str, name: &str) -> Option<Arc<Stored>> {
        let key = Key::new(namespace, name);
        self.reader.get(&GroupResource::new(group, plural), &key)
    }

    fn is_on(&self, object: &Object) -> bool {
        object.text(&["spec", "nodeName"]) == self.node
    }

    /// Whether a pod on the node, other than a mirror of the kubelet's own, is so.
    fn any_pod(&self, namespace: &str, is_so: impl Fn(&Object) -> bool) -> bool {
        let pods = GroupResource::new("", "pods");
        let Ok(snapshot) = self.reader.snapshot(&pods, None) else {
            return false;
        };
        snapshot
            .objects(Some(namespace), None)
            .filter(|stored| stored.key.namespace() == namespace)
            .filter(|stored| stored.field("spec.nodeName") == Some(self.node))
            .any(|stored| {
                let pod = stored.parsed();
                let is_mirror = pod
                    .annotations()
                    .any(|(key, _)| key == "kubernetes.io/config.mirror");
                !is_mirror && is_so(&pod)
            })
    }

    /// Whether a volume that is claimed by a pod on the node needs a secret.
    fn is_secret_of_volume(&self, namespace: &str, name: &str) -> bool {
        let volumes = GroupResource::new("", "persistentvolumes");
        let Ok(snapshot) = self.reader.snapshot(&volumes, None) else {
            return false;
        };
        snapshot.objects(None, None).any(|stored| {
            let volume = stored.parsed();
            let claim = |field| volume.text(&["spec", "claimRef", field]);
            let (place, claimed) = (claim("namespace"), claim("name"));
            let spec = volume.get(&["spec"]).and_then(Value::as_object);
            let mut sources = spec.into_iter().flatten().map(|(_, source)| source);
            !claimed.is_empty()
                && sources.any(|source| volume_secret(source, place, (namespace, name)))
                && self.holds(Kind::Claim, place, claimed)
        })
    }
}

/// Whether the source of a persistent volume names a secret.
fn volume_secret(source: &Value, claimed_in: &str, secret: (&str, &str)) -> bool {
    let or_claim = |value: &Value| value.as_str().unwrap_or(claimed_in).to_owned();
    let is_file =
        source["secretName"] == secret.1 && or_claim(&source["secretNamespace"]) == secret.0;
    is_file
        || SECRET_REFERENCES.iter().any(|field| {
            let reference = &source[*field];
            reference["name"] == secret.1 && or_claim(&reference["namespace"]) == secret.0
        })
}

fn values<'a>(object: &'a Object, list: &str) -> &'a [Value] {
    object.items(&["spec", list])
}

fn items<'a>(value: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    value[list].as_array().into_iter().flatten()
}

/// Whether the environment of any container takes from an object of that name.
fn environment_has(pod: &Object, whole: &str, key: &str, name: &str) -> bool {
    ["containers", "initContainers", "ephemeralContainers"]
        .iter()
        .flat_map(|list| values(pod, list))
        .any(|container| {
            items(container, "envFrom").any(|source| source[whole]["name"] == name)
                || items(container, "env").any(|entry| entry["valueFrom"][key]["name"] == name)
        })
}

fn refers_to_secret(pod: &Object, name: &str) -> bool {
    let in_volume = |volume: &Value| {
        let sources = volume.as_object().into_iter().flatten();
        volume["secret"]["secretName"] == name
            || items(&volume["projected"], "sources").any(|source| source["secret"]["name"] == name)
            || sources.map(|(_, source)| source).any(|source| {
                source["secretName"] == name
                    || source["secretRef"]["name"] == name
                    || source["nodePublishSecretRef"]["name"] == name
            })
    };
    values(pod, "imagePullSecrets")
        .iter()
        .any(|reference| reference["name"] == name)
        || environment_has(pod, "secretRef", "secretKeyRef", name)
        || values(pod, "volumes").iter().any(in_volume)
}

fn refers_to_config_map(pod: &Object, name: &str) -> bool {
    environment_has(pod, "configMapRef", "configMapKeyRef", name)
        || values(pod, "volumes").iter().any(|volume| {
            volume["configMap"]["name"] == name
                || items(&volume["projected"], "sources")
                    .any(|source| source["configMap"]["name"] == name)
        })
}

fn refers_to_claim(pod: &Object, name: &str) -> bool {
    values(pod, "volumes").iter().any(|volume| {
        volume["persistentVolumeClaim"]["claimName"] == name
            || volume["ephemeral"].is_object()
                && format!("{}-{}", pod.name(), volume["name"].as_str().unwrap_or("")) == name
    })
}

fn refers_to_resource_claim(pod: &Object, name: &str) -> bool {
    let statuses = pod.items(&["status", "resourceClaimStatuses"]);
    let extended = ["status", "extendedResourceClaimStatus", "resourceClaimName"];
    pod.text(&extended) == name
        || values(pod, "resourceClaims").iter().any(|claim| {
            claim["resourceClaimName"] == name
                || statuses.iter().any(|status| {
                    status["name"] == claim["name"] && status["resourceClaimName"] == name
                })
        })
}
