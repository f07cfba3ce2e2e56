//! Plugins that look at what belongs to no node and no pod.

mod always;
mod default_ingress_class;
mod deny_external_ips;
mod event_rate_limit;
mod namespace_lifecycle;
mod namespace_presence;
mod owner_references;
mod resource_quota;

pub(super) use self::always::{AlwaysAdmit, AlwaysDeny};
pub(super) use self::default_ingress_class::DefaultIngressClass;
pub(super) use self::deny_external_ips::DenyServiceExternalIPs;
pub(super) use self::event_rate_limit::EventRateLimit;
pub(super) use self::namespace_lifecycle::NamespaceLifecycle;
pub(super) use self::namespace_presence::{NamespaceAutoProvision, NamespaceExists};
pub(super) use self::owner_references::OwnerReferencesPermissionEnforcement;
pub(crate) use self::resource_quota::Count as QuotaCount;
pub(super) use self::resource_quota::ResourceQuota;
use super::{forbidden, newest_default};
