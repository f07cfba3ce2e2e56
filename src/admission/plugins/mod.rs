//! The table of plugins; its order is kube-apiserver's and has meaning.
//!
//! *Upstream:* `kubernetes/pkg/kubeapiserver/options/plugins.go` (`AllOrderedPlugins`).

mod certificates;
mod cluster;
mod nodes;
mod pods;
mod storage;
mod usage;

use super::dynamic::{
    MutatingAdmissionPolicy, MutatingAdmissionWebhook, ValidatingAdmissionPolicy,
    ValidatingAdmissionWebhook,
};
use super::{Attributes, Plugin};
use crate::error::ApiError;
use crate::object::{GroupResource, Object};

/// A plugin of kube-apiserver.
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// Whether it is on unless somebody switches it off.
    pub is_default: bool,
    /// Makes it; `None` for those that do not exist here.
    make: Option<fn() -> Box<dyn Plugin>>,
}

impl Row {
    /// Whether it exists here.
    pub fn exists(&self) -> bool {
        self.make.is_some()
    }
}

const fn on(name: &'static str, make: fn() -> Box<dyn Plugin>) -> Row {
    Row {
        name,
        is_default: true,
        make: Some(make),
    }
}

const fn off(name: &'static str, make: fn() -> Box<dyn Plugin>) -> Row {
    Row {
        name,
        is_default: false,
        make: Some(make),
    }
}

const fn absent(name: &'static str) -> Row {
    Row {
        name,
        is_default: false,
        make: None,
    }
}

/// Every plugin, in order.
pub const TABLE: &[Row] = &[
    absent("AlwaysAdmit"),
    absent("NamespaceAutoProvision"),
    on("NamespaceLifecycle", || {
        Box::new(cluster::NamespaceLifecycle)
    }),
    absent("NamespaceExists"),
    absent("LimitPodHardAntiAffinityTopology"),
    on("LimitRanger", || Box::new(pods::LimitRanger)),
    // Differs: off unless switched on, as long as nobody makes the accounts that it wants.
    off("ServiceAccount", || Box::new(pods::ServiceAccount)),
    off("NodeRestriction", || Box::new(nodes::NodeRestriction)),
    on("TaintNodesByCondition", || {
        Box::new(nodes::TaintNodesByCondition)
    }),
    absent("AlwaysPullImages"),
    absent("ImagePolicyWebhook"),
    on("PodSecurity", || Box::new(pods::PodSecurity)),
    absent("PodNodeSelector"),
    on("Priority", || Box::new(pods::Priority)),
    on("DefaultTolerationSeconds", || {
        Box::new(pods::DefaultTolerationSeconds)
    }),
    absent("PodTolerationRestriction"),
    absent("EventRateLimit"),
    absent("ExtendedResourceToleration"),
    on("DefaultStorageClass", || {
        Box::new(storage::DefaultStorageClass)
    }),
    on("StorageObjectInUseProtection", || {
        Box::new(storage::StorageObjectInUseProtection)
    }),
    // Its kind is served only where a feature is switched on that is off by default.
    absent("PodGroupProtection"),
    off("OwnerReferencesPermissionEnforcement", || {
        Box::new(cluster::OwnerReferencesPermissionEnforcement)
    }),
    on("PersistentVolumeClaimResize", || {
        Box::new(storage::PersistentVolumeClaimResize)
    }),
    on("RuntimeClass", || Box::new(pods::RuntimeClass)),
    on("CertificateApproval", || {
        Box::new(certificates::CertificateApproval)
    }),
    on("CertificateSigning", || {
        Box::new(certificates::CertificateSigning)
    }),
    on("ClusterTrustBundleAttest", || {
        Box::new(certificates::ClusterTrustBundleAttest)
    }),
    on("CertificateSubjectRestriction", || {
        Box::new(certificates::CertificateSubjectRestriction)
    }),
    on("DefaultIngressClass", || {
        Box::new(cluster::DefaultIngressClass)
    }),
    absent("DenyServiceExternalIPs"),
    on("PodTopologyLabels", || Box::new(pods::PodTopologyLabels)),
    absent("NodeDeclaredFeatureValidator"),
    on("PodResizeValidator", || Box::new(pods::PodResizeValidator)),
    on("MutatingAdmissionPolicy", || {
        Box::<MutatingAdmissionPolicy>::default()
    }),
    on("MutatingAdmissionWebhook", || {
        Box::<MutatingAdmissionWebhook>::default()
    }),
    on("ValidatingAdmissionPolicy", || {
        Box::<ValidatingAdmissionPolicy>::default()
    }),
    on("ValidatingAdmissionWebhook", || {
        Box::<ValidatingAdmissionWebhook>::default()
    }),
    on("ResourceQuota", || Box::new(cluster::ResourceQuota)),
    absent("AlwaysDeny"),
];

/// The plugins that are on by default, in order, with those named in `enabled` and without those
/// named in `disabled`.
pub fn chain(enabled: &[String], disabled: &[String]) -> super::Chain {
    let is_named = |names: &[String], row: &Row| names.iter().any(|name| name == row.name);
    let rows = TABLE
        .iter()
        .filter(|row| is_named(enabled, row) || (row.is_default && !is_named(disabled, row)));
    super::Chain::new(rows.filter_map(|row| Some(row.make?())).collect())
}

/// Whether the write is of a pod itself, not of one of its other faces.
fn is_of_pods(write: &Attributes) -> bool {
    let resource = write.resource.group_resource();
    resource.group.is_empty()
        && resource.resource.as_ref() == "pods"
        && write.subresource.is_empty()
        && write.operation != super::Operation::Delete
}

/// A plugin's refusal of an object.
fn forbidden(write: &Attributes, object: &Object, why: &str) -> ApiError {
    super::forbidden(write, Some(object), why)
}

/// The name of the default object among those of a resource: the newest that one of the
/// annotations marks as such, and of equally new ones the first.
fn newest_default(
    write: &Attributes,
    resource: &GroupResource,
    annotations: &[&str],
) -> Result<Option<String>, ApiError> {
    let all = write.reader.snapshot(resource, None);
    let all = all.map_err(|error| ApiError::internal(error.to_string()))?;
    let marked = all
        .objects(None, None)
        .map(|stored| stored.parsed())
        .filter(|object| {
            annotations
                .iter()
                .any(|key| object.text(&["metadata", "annotations", key]) == "true")
        });
    let created = |object: &Object| object.text(&["metadata", "creationTimestamp"]).to_owned();
    let newest = marked.min_by(|one, other| {
        let by_time = created(other).cmp(&created(one));
        by_time.then_with(|| one.name().cmp(other.name()))
    });
    Ok(newest.map(|object| object.name().to_owned()))
}
