//! Plugins that look at what belongs to no node and no pod.

mod default_ingress_class;
mod namespace_lifecycle;
mod owner_references;
mod resource_quota;

pub(super) use self::default_ingress_class::DefaultIngressClass;
pub(super) use self::namespace_lifecycle::NamespaceLifecycle;
pub(super) use self::owner_references::OwnerReferencesPermissionEnforcement;
pub(super) use self::resource_quota::ResourceQuota;
use super::{forbidden, newest_default};
