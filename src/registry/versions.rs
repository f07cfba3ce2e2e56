//! An object in the version it is stored in, and in the version it is asked for.
//!
//! *Upstream:* `apimachinery/pkg/runtime/converter.go`, by way of a hub; here the hub is the
//! version that is stored.

use std::borrow::Cow;

use super::custom::strategy::CustomResource;
use super::{Registry, Strategy};
use crate::object::{GroupVersion, Object};
use crate::schema::Resource;

/// Whether a resource is served in the version it is stored in.
pub fn is_stored_version(resource: &Resource) -> bool {
    resource.group_version == resource.storage_version
}

impl Registry {
    /// An object of a served version, in the version it is stored in.
    pub fn to_storage(&self, resource: &Resource, object: Object) -> Object {
        if is_stored_version(resource) {
            return object;
        }
        let hub = self.hub(resource);
        self.strategy(resource)
            .convert(object, &resource.group_version, &hub)
    }

    /// A stored object, in the version a resource is served in.
    pub fn to_served(&self, resource: &Resource, object: Object) -> Object {
        let from = GroupVersion::parse(object.api_version());
        match from {
            Some(from) if from != resource.group_version => {
                self.strategy(resource).convert(object, &from, resource)
            }
            _ => object,
        }
    }

    /// The resource as it is served in the version it is stored in.
    pub(super) fn hub<'a>(&self, resource: &'a Resource) -> Cow<'a, Resource> {
        let version = &resource.storage_version;
        if is_stored_version(resource) {
            return Cow::Borrowed(resource);
        }
        match self
            .catalog
            .resource(&version.group, &version.version, &resource.plural)
        {
            Some(hub) => Cow::Owned(Resource::clone(&hub)),
            None => Cow::Borrowed(resource),
        }
    }

    /// What is special of a resource's kind.
    pub fn strategy(&self, resource: &Resource) -> &dyn Strategy {
        if resource.custom.is_some() {
            return &CustomResource;
        }
        self.kinds.strategy(&resource.storage)
    }
}
