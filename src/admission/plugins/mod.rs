//! The table of plugins; its order is kube-apiserver's and has meaning.
//!
//! *Upstream:* `kubernetes/pkg/kubeapiserver/options/plugins.go` (`AllOrderedPlugins`).

mod certificates;
mod cluster;
mod nodes;
mod pods;
mod storage;
mod usage;

pub(crate) use self::cluster::QuotaCount;

use std::collections::BTreeMap;

use serde_json::Value;

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
    make: Make,
}

/// How a plugin is made.
#[derive(Clone, Copy)]
enum Make {
    /// It does not exist here, and why.
    Not(&'static str),
    /// It is always the same.
    Plain(fn() -> Box<dyn Plugin>),
    /// As a configuration says; null where there is none.
    Configured(fn(&Value) -> Result<Box<dyn Plugin>, String>),
}

impl Row {
    /// Why it cannot be switched on, if so.
    pub fn missing(&self) -> Option<&'static str> {
        match self.make {
            Make::Not(why) => Some(why),
            _ => None,
        }
    }

    fn plugin(&self, settings: Option<&Value>) -> Result<Box<dyn Plugin>, String> {
        match (self.make, settings) {
            (Make::Plain(make), None) => Ok(make()),
            (Make::Configured(make), settings) => make(settings.unwrap_or(&Value::Null)),
            (Make::Not(why), _) => Err(why.to_owned()),
            (Make::Plain(_), Some(_)) => Err("takes no configuration here".to_owned()),
        }
    }
}

const fn on(name: &'static str, make: fn() -> Box<dyn Plugin>) -> Row {
    row(name, true, Make::Plain(make))
}

const fn off(name: &'static str, make: fn() -> Box<dyn Plugin>) -> Row {
    row(name, false, Make::Plain(make))
}

const fn absent(name: &'static str, why: &'static str) -> Row {
    row(name, false, Make::Not(why))
}

const fn row(name: &'static str, is_default: bool, make: Make) -> Row {
    Row {
        name,
        is_default,
        make,
    }
}

/// Every plugin, in order.
pub const TABLE: &[Row] = &[
    off("AlwaysAdmit", || Box::new(cluster::AlwaysAdmit)),
    off("NamespaceAutoProvision", || {
        Box::new(cluster::NamespaceAutoProvision)
    }),
    on("NamespaceLifecycle", || {
        Box::new(cluster::NamespaceLifecycle)
    }),
    off("NamespaceExists", || Box::new(cluster::NamespaceExists)),
    off("LimitPodHardAntiAffinityTopology", || {
        Box::new(pods::LimitPodHardAntiAffinityTopology)
    }),
    on("LimitRanger", || Box::new(pods::LimitRanger)),
    // Differs: off unless switched on, as long as nobody makes the accounts that it wants.
    off("ServiceAccount", || Box::new(pods::ServiceAccount)),
    off("NodeRestriction", || Box::new(nodes::NodeRestriction)),
    on("TaintNodesByCondition", || {
        Box::new(nodes::TaintNodesByCondition)
    }),
    off("AlwaysPullImages", || Box::new(pods::AlwaysPullImages)),
    absent(
        "ImagePolicyWebhook",
        "images are not shown to a policy server; a validating webhook can look at them",
    ),
    row(
        "PodSecurity",
        true,
        Make::Configured(|settings| Ok(Box::new(pods::PodSecurity::configured(settings)?))),
    ),
    row(
        "PodNodeSelector",
        false,
        Make::Configured(|settings| Ok(Box::new(pods::PodNodeSelector::configured(settings)?))),
    ),
    on("Priority", || Box::new(pods::Priority)),
    row(
        "DefaultTolerationSeconds",
        true,
        Make::Configured(|settings| {
            Ok(Box::new(pods::DefaultTolerationSeconds::configured(
                settings,
            )))
        }),
    ),
    row(
        "PodTolerationRestriction",
        false,
        Make::Configured(|settings| {
            Ok(Box::new(pods::PodTolerationRestriction::configured(
                settings,
            )?))
        }),
    ),
    row(
        "EventRateLimit",
        false,
        Make::Configured(|settings| Ok(Box::new(cluster::EventRateLimit::configured(settings)?))),
    ),
    off("ExtendedResourceToleration", || {
        Box::new(pods::ExtendedResourceToleration)
    }),
    on("DefaultStorageClass", || {
        Box::new(storage::DefaultStorageClass)
    }),
    on("StorageObjectInUseProtection", || {
        Box::new(storage::StorageObjectInUseProtection)
    }),
    absent(
        "PodGroupProtection",
        "its kind is served only where a feature is on that is off by default",
    ),
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
    off("DenyServiceExternalIPs", || {
        Box::new(cluster::DenyServiceExternalIPs)
    }),
    on("PodTopologyLabels", || Box::new(pods::PodTopologyLabels)),
    on("NodeDeclaredFeatureValidator", || {
        Box::new(nodes::NodeDeclaredFeatureValidator)
    }),
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
    off("AlwaysDeny", || Box::new(cluster::AlwaysDeny)),
];

/// Configurations of plugins, by their names.
pub type Settings = BTreeMap<String, Value>;

/// The plugins that are on by default, in order, with those named in `enabled` and without those
/// named in `disabled`. The error names the plugin.
pub fn chain(
    enabled: &[String],
    disabled: &[String],
    settings: &Settings,
) -> Result<super::Chain, String> {
    let is_named = |names: &[String], row: &Row| names.iter().any(|name| name == row.name);
    let rows = TABLE
        .iter()
        .filter(|row| is_named(enabled, row) || (row.is_default && !is_named(disabled, row)));
    let plugins = rows.map(|row| {
        let plugin = row.plugin(settings.get(row.name));
        plugin.map_err(|why| format!("admission plugin {}: {why}", row.name))
    });
    Ok(super::Chain::new(plugins.collect::<Result<_, _>>()?))
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
