//! A write as webhooks and expressions see it: objects in the version asked for, and the request
//! around them.
//!
//! *Upstream:* `apiserver/pkg/admission/conversion.go`,
//! `apiserver/pkg/admission/plugin/cel/condition.go` (`CreateAdmissionRequest`).

use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value, json};

use crate::admission::{Attributes, kind_of};
use crate::auth::User;
use crate::error::ApiError;
use crate::object::{GroupVersionKind, Object};
use crate::schema::Resource;

/// The objects of a write in one version.
#[derive(Clone, Debug)]
pub(super) struct Versioned {
    /// The resource in that version.
    pub(super) resource: Arc<Resource>,
    /// The new state; `None` for a deletion.
    pub(super) object: Option<Object>,
    /// The state before.
    pub(super) old: Option<Object>,
    trees: [OnceLock<Map<String, Value>>; 2],
}

impl Versioned {
    /// The objects of a write in the version of a resource.
    pub(super) async fn of(
        write: &Attributes<'_>,
        object: Option<&Object>,
        resource: &Arc<Resource>,
    ) -> Result<Self, ApiError> {
        Ok(Self {
            resource: Arc::clone(resource),
            object: convert(write, object, resource).await?,
            old: convert(write, write.old, resource).await?,
            trees: Default::default(),
        })
    }

    /// Sets the new state.
    pub(super) fn set_object(&mut self, object: Object) {
        self.object = Some(object);
        self.trees[0] = OnceLock::new();
    }

    /// The new state as expressions look at it.
    pub(super) fn object_tree(&self) -> Option<&Map<String, Value>> {
        Some(tree(self.object.as_ref()?, &self.trees[0]))
    }

    /// The state before as expressions look at it.
    pub(super) fn old_tree(&self) -> Option<&Map<String, Value>> {
        Some(tree(self.old.as_ref()?, &self.trees[1]))
    }

    /// Whether the objects are in the version of a resource.
    pub(super) fn is_of(&self, resource: &Resource) -> bool {
        self.resource.group_version == resource.group_version
    }

    /// The new state, in the version that is stored.
    pub(super) async fn to_stored(
        &self,
        write: &Attributes<'_>,
    ) -> Result<Option<Object>, ApiError> {
        let Some(object) = self.object.clone() else {
            return Ok(None);
        };
        if !is_converted(write) {
            return Ok(Some(object));
        }
        write
            .forms
            .to_stored(&self.resource, object)
            .await
            .map(Some)
    }
}

/// Whether the object is one of the resource itself, and not of a face that has its own kind.
fn is_converted(write: &Attributes) -> bool {
    write.subresource.is_empty() || write.kind().kind.as_ref() == write.resource.kind.as_ref()
}

/// An object as a tree, its managed fields among the rest.
fn tree<'t>(object: &'t Object, kept: &'t OnceLock<Map<String, Value>>) -> &'t Map<String, Value> {
    if object.managed_fields().is_none() {
        return object.as_map();
    }
    kept.get_or_init(|| match object.clone().into_value() {
        Value::Object(map) => map,
        _ => Map::new(),
    })
}

async fn convert(
    write: &Attributes<'_>,
    object: Option<&Object>,
    resource: &Arc<Resource>,
) -> Result<Option<Object>, ApiError> {
    let Some(object) = object else {
        return Ok(None);
    };
    if !is_converted(write) {
        let mut object = object.clone();
        let kind = kind_of(resource, write.subresource);
        object.set_type(&kind.group_version.to_string(), &kind.kind);
        return Ok(Some(object));
    }
    write.forms.to_served(resource, object).await.map(Some)
}

fn kind_json(kind: &GroupVersionKind) -> Value {
    json!({
        "group": *kind.group_version.group,
        "version": *kind.group_version.version,
        "kind": *kind.kind,
    })
}

fn resource_json(resource: &Resource) -> Value {
    json!({
        "group": *resource.group_version.group,
        "version": *resource.group_version.version,
        "resource": resource.plural,
    })
}

/// Who asks, as reviews say it.
fn user_json(user: &User) -> Value {
    let mut out = Map::new();
    if !user.name.is_empty() {
        out.insert("username".to_owned(), user.name.as_str().into());
    }
    if !user.uid.is_empty() {
        out.insert("uid".to_owned(), user.uid.as_str().into());
    }
    if !user.groups.is_empty() {
        out.insert("groups".to_owned(), user.groups.clone().into());
    }
    if !user.extra.is_empty() {
        let extra = user.extra.iter();
        let extra = extra.map(|(key, values)| (key.clone(), Value::from(values.clone())));
        out.insert("extra".to_owned(), Value::Object(extra.collect()));
    }
    Value::Object(out)
}

/// The request without its objects: an `AdmissionRequest`, meant as one of a resource.
pub(super) fn request_json(write: &Attributes, meant: &Resource) -> Map<String, Value> {
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| {
        out.insert(name.to_owned(), value);
    };
    put("kind", kind_json(&kind_of(meant, write.subresource)));
    put("resource", resource_json(meant));
    if !write.subresource.is_empty() {
        put("subResource", write.subresource.into());
    }
    put("requestKind", kind_json(&write.kind()));
    put("requestResource", resource_json(write.resource));
    if !write.subresource.is_empty() {
        put("requestSubResource", write.subresource.into());
    }
    if !write.name.is_empty() {
        put("name", write.name.into());
    }
    if !write.namespace.is_empty() {
        put("namespace", write.namespace.into());
    }
    put("operation", write.operation.as_str().into());
    put("userInfo", user_json(write.user));
    put("dryRun", write.is_dry_run.into());
    put("options", write.forms.options());
    out
}
