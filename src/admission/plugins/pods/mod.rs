//! Plugins that look at pods.

mod always_pull_images;
mod default_toleration_seconds;
mod extended_resources;
mod hard_anti_affinity;
mod limit_ranger;
mod node_selector;
mod pod_security;
mod priority;
mod resize;
mod runtime_class;
mod service_account;
mod toleration_restriction;
mod topology_labels;

pub(super) use self::always_pull_images::AlwaysPullImages;
pub(super) use self::default_toleration_seconds::DefaultTolerationSeconds;
pub(super) use self::extended_resources::ExtendedResourceToleration;
pub(super) use self::hard_anti_affinity::LimitPodHardAntiAffinityTopology;
pub(super) use self::limit_ranger::LimitRanger;
pub(super) use self::node_selector::PodNodeSelector;
pub(super) use self::pod_security::PodSecurity;
pub(super) use self::priority::Priority;
pub(super) use self::resize::PodResizeValidator;
pub(super) use self::runtime_class::RuntimeClass;
pub(super) use self::service_account::ServiceAccount;
pub(super) use self::toleration_restriction::PodTolerationRestriction;
pub(super) use self::topology_labels::PodTopologyLabels;
use super::{forbidden, is_of_pods};
use crate::admission::Attributes;
use crate::error::{ApiError, Reason};
use crate::object::{GroupResource, Key, Object};

/// An error that is none of the API's: there Go's own words are the answer.
fn plain(why: impl Into<String>) -> ApiError {
    ApiError::new(Reason::Unknown, why)
}

/// The namespace of a write.
fn namespace_of(write: &Attributes) -> Result<std::sync::Arc<Object>, ApiError> {
    let namespaces = GroupResource::new("", "namespaces");
    let found = write
        .reader
        .get(&namespaces, &Key::new("", write.namespace));
    let found = found.map(|stored| stored.parsed());
    found.ok_or_else(|| ApiError::not_found(&namespaces, write.namespace))
}
