//! How one request sees objects: in which version, in which form. Owned, so that a watch keeps it.
//!
//! *Upstream:* `apiserver/pkg/endpoints/handlers/response.go`.

use std::sync::Arc;

use bytes::Bytes;

use super::{Context, Form, Kinds, Registry, Request, Wire};
use crate::object::{GroupVersion, Object};
use crate::schema::{Resource, protobuf};
use crate::storage::{Stored, version_tag};

/// See the module.
#[derive(Clone)]
pub(crate) struct View {
    /// What is special of the kinds.
    pub(crate) kinds: Arc<dyn Kinds>,
    /// The resource as it is served.
    pub(crate) resource: Arc<Resource>,
    /// The form of the answer.
    pub(crate) form: Form,
    /// How objects are written.
    pub(crate) wire: Wire,
    /// `includeObject` of a Table, as sent.
    pub(crate) include_object: Option<String>,
    version_tag: u64,
}

impl View {
    /// The view of a request.
    pub(crate) fn of(registry: &Registry, cx: &Context<'_>, request: &Request) -> Self {
        Self {
            kinds: Arc::clone(&registry.kinds),
            resource: Arc::clone(cx.resource),
            form: request.form,
            wire: request.wire,
            include_object: request.parameter("includeObject").map(str::to_owned),
            version_tag: version_tag(&cx.resource.group_version.to_string()),
        }
    }

    /// A stored object in the version asked for, parsed.
    pub(crate) fn object(&self, stored: &Stored) -> Object {
        let object = stored.object();
        if self.is_served_version(stored) {
            return object;
        }
        let Some(from) = GroupVersion::parse(object.api_version()) else {
            return object;
        };
        let strategy = self.kinds.strategy(&self.resource.storage);
        strategy.convert(object, &from, &self.resource)
    }

    /// The JSON of a stored object in the version asked for; made once and kept.
    pub(crate) fn bytes(&self, stored: &Stored) -> Bytes {
        if self.is_served_version(stored) {
            return stored.bytes();
        }
        let group_version = &self.resource.group_version;
        stored.form(&group_version.to_string(), || {
            Bytes::from(self.object(stored).into_value().to_string())
        })
    }

    /// The same in protobuf, as a whole body; made once and kept.
    pub(crate) fn protobuf(&self, stored: &Stored) -> Bytes {
        let group_version = &self.resource.group_version;
        stored.form(&format!("{group_version} protobuf"), || {
            let object = self.object(stored).into_value();
            protobuf::from_json(&object).unwrap_or_default().into()
        })
    }

    /// The JSON of an object that is stored in another version, as an item of a list: without its
    /// type and its last brace.
    pub(crate) fn bare_item(&self, stored: &Stored) -> Bytes {
        let group_version = &self.resource.group_version;
        stored.form(&format!("{group_version} item"), || {
            let mut object = self.object(stored);
            object.remove(&["apiVersion"]);
            object.remove(&["kind"]);
            let mut json = object.into_value().to_string().into_bytes();
            json.pop();
            json.into()
        })
    }

    /// Whether an object is stored in the version asked for.
    pub(crate) fn is_served_version(&self, stored: &Stored) -> bool {
        stored.version_tag() == self.version_tag
    }
}
