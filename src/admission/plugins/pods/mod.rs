//! Plugins that look at pods.

mod default_toleration_seconds;
mod limit_ranger;
mod pod_security;
mod priority;
mod resize;
mod runtime_class;
mod service_account;
mod topology_labels;

pub(super) use self::default_toleration_seconds::DefaultTolerationSeconds;
pub(super) use self::limit_ranger::LimitRanger;
pub(super) use self::pod_security::PodSecurity;
pub(super) use self::priority::Priority;
pub(super) use self::resize::PodResizeValidator;
pub(super) use self::runtime_class::RuntimeClass;
pub(super) use self::service_account::ServiceAccount;
pub(super) use self::topology_labels::PodTopologyLabels;
use super::{forbidden, is_of_pods};
