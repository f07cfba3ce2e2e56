//! How one request sees objects: in which version, in which form. Owned, so that a watch keeps it.
//!
//! *Upstream:* `apiserver/pkg/endpoints/handlers/response.go`.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::custom::reading;
use super::query::Selection;
use super::{Context, Form, Kinds, Registry, Request, Wire};
use crate::object::{GroupVersion, Object, json};
use crate::schema::{Resource, protobuf};
use crate::storage::{Revision, Stored, version_tag};

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
    /// The name under which objects are kept in the version asked for.
    pub(super) form_name: String,
    /// Custom resources in the version asked for, where they were stored otherwise.
    pub(super) prepared: BTreeMap<Revision, Bytes>,
}

impl View {
    /// The view of a request.
    pub(crate) fn of(registry: &Registry, cx: &Context<'_>, request: &Request) -> Self {
        let group_version = cx.resource.group_version.to_string();
        let tag = match &cx.resource.custom {
            Some(custom) => reading::tag(cx.resource, custom),
            None => version_tag(&group_version),
        };
        Self {
            kinds: Arc::clone(&registry.kinds),
            resource: Arc::clone(cx.resource),
            form: request.form,
            wire: request.wire,
            include_object: request.parameter("includeObject").map(str::to_owned),
            version_tag: tag,
            form_name: match &cx.resource.custom {
                Some(custom) => format!("{group_version} {}", custom.state),
                None => group_version,
            },
            prepared: BTreeMap::new(),
        }
    }

    /// A stored object in the version asked for, parsed. Custom resources must have been prepared.
    pub(crate) fn object(&self, stored: &Stored) -> Object {
        if self.is_served_version(stored) {
            return stored.object();
        }
        if self.resource.custom.is_some() {
            let bytes = self.bytes(stored);
            return Object::from_value(json::read(&bytes)).unwrap_or_default();
        }
        let object = stored.object();
        let Some(from) = GroupVersion::parse(object.api_version()) else {
            return object;
        };
        let strategy = self.kinds.strategy(&self.resource.storage);
        strategy.convert(object, &from, &self.resource)
    }

    /// A stored object as printers read it: custom resources in the version asked for, others in
    /// the version they are stored in.
    pub(crate) fn printable(&self, stored: &Stored) -> Object {
        match self.resource.custom {
            Some(_) => self.object(stored),
            None => stored.object(),
        }
    }

    /// The JSON of a stored object in the version asked for; made once and kept.
    pub(crate) fn bytes(&self, stored: &Stored) -> Bytes {
        if self.is_served_version(stored) {
            return stored.bytes();
        }
        if self.resource.custom.is_some() {
            let prepared = self.prepared.get(&stored.revision);
            return prepared.cloned().unwrap_or_else(|| stored.bytes());
        }
        stored.form(&self.form_name, || {
            Bytes::from(self.object(stored).to_json())
        })
    }

    /// The same in protobuf, as a whole body; made once and kept.
    pub(crate) fn protobuf(&self, stored: &Stored) -> Bytes {
        let group_version = &self.resource.group_version;
        stored.form(&format!("{group_version} protobuf"), || {
            let object = self.object(stored);
            protobuf::from_object(&object).unwrap_or_default().into()
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
            let mut json = object.to_json();
            json.pop();
            json.into()
        })
    }

    /// Whether an object is stored as it is shown.
    pub(crate) fn is_served_version(&self, stored: &Stored) -> bool {
        stored.version_tag() == self.version_tag
    }

    /// Whether an object is meant, its namespace aside. Where fields beyond name and namespace are
    /// selected by, custom resources must have been prepared.
    pub(crate) fn selects(&self, selection: &Selection, stored: &Stored) -> bool {
        if !self.selects_by_content(selection) || self.is_served_version(stored) {
            return selection.contains(stored);
        }
        let object = self.object(stored);
        let strategy = self.kinds.strategy(&self.resource.storage);
        selection.contains_with(stored, |field| strategy.field_value(&object, field))
    }

    /// Whether a selection looks into custom resources.
    pub(crate) fn selects_by_content(&self, selection: &Selection) -> bool {
        self.resource.custom.is_some() && selection.has_own_fields()
    }
}
