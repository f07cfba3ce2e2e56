//! An object in the version it is handled in, and in the version it is asked for.
//!
//! Built-in kinds are handled in the version they are stored in. A custom resource is handled in
//! the version of the request, and converted between that and the store.
//!
//! *Upstream:* `apimachinery/pkg/runtime/converter.go`, by way of a hub; here the hub is the
//! version that is stored.

use std::borrow::Cow;
use std::sync::Arc;

use super::custom::reading;
use super::custom::strategy::CustomResource;
use super::custom::unreadable::Unreadable;
use super::meta::managers;
use super::{Context, Registry, Strategy};
use crate::error::ApiError;
use crate::object::{GroupVersion, Object};
use crate::schema::Resource;
use crate::storage::Stored;

/// Whether a resource is served in the version it is handled in.
pub(super) fn is_hub(resource: &Resource) -> bool {
    resource.custom.is_some() || resource.group_version == resource.storage_version
}

/// Whether a stored object is read as it is.
pub(super) fn is_read_as_stored(resource: &Resource, stored: &Stored) -> bool {
    let custom = resource.custom.as_ref();
    custom.is_none_or(|custom| stored.version_tag() == reading::tag(resource, custom))
}

impl Registry {
    /// A stored object, in the version it is handled in.
    pub(super) async fn read(
        &self,
        resource: &Resource,
        stored: &Stored,
    ) -> Result<Arc<Object>, Unreadable> {
        match &resource.custom {
            Some(custom) if !is_read_as_stored(resource, stored) => {
                reading::read(resource, custom, stored).await.map(Arc::new)
            }
            _ => Ok(stored.parsed()),
        }
    }

    /// An object of a served version, in the version it is handled in.
    pub fn to_hub(&self, resource: &Resource, object: Object) -> Object {
        if is_hub(resource) {
            return object;
        }
        let hub = self.hub(resource);
        self.strategy(resource)
            .convert(object, &resource.group_version, &hub)
    }

    /// An object in the version it is handled in, in the version a resource is served in.
    pub fn to_served(&self, resource: &Resource, object: Object) -> Object {
        let from = GroupVersion::parse(object.api_version());
        match from {
            Some(from) if from != resource.group_version => {
                self.strategy(resource).convert(object, &from, resource)
            }
            _ => object,
        }
    }

    /// The same of an object that stays.
    pub fn as_served<'a>(&self, resource: &Resource, object: &'a Object) -> Cow<'a, Object> {
        if object.api_version() == resource.empty().api_version() {
            return Cow::Borrowed(object);
        }
        Cow::Owned(self.to_served(resource, object.clone()))
    }

    /// The resource as it is served in the version it is handled in.
    pub(super) fn hub<'a>(&self, resource: &'a Resource) -> Cow<'a, Resource> {
        let version = &resource.storage_version;
        if is_hub(resource) {
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

    /// Enters who writes which fields of a stored object's new state, by their names in the version
    /// the request is made in.
    pub(super) async fn track(
        &self,
        cx: &Context<'_>,
        old: Option<&Object>,
        new: &mut Object,
    ) -> Result<(), ApiError> {
        let resource = cx.resource;
        let old = match old {
            Some(old) => self.as_served(resource, old),
            None => Cow::Borrowed(resource.empty()),
        };
        // Custom resources are handled in the version that is asked for.
        if is_hub(resource) {
            let track = &mut || managers::track(self, cx, &old, new);
            return self.when_converted(cx, track).await;
        }
        let mut served = self.to_served(resource, new.clone());
        let track = &mut || managers::track(self, cx, &old, &mut served);
        self.when_converted(cx, track).await?;
        new.set_managed_fields(served.managed_fields().cloned());
        Ok(())
    }

    /// What is special of a resource's kind.
    pub fn strategy(&self, resource: &Resource) -> &dyn Strategy {
        if resource.custom.is_some() {
            return &CustomResource;
        }
        self.kinds.strategy(&resource.storage)
    }
}
