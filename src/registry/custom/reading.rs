//! Custom resources between the store and a request: stored in one version, handled in the version
//! of the request, pruned and defaulted by the schemas of now, whenever they were stored.
//!
//! *Upstream:* `crdConversionRESTOptionsGetter` and `unstructuredSchemaCoercer` in
//! `apiextensions-apiserver/pkg/apiserver/customresource_handler.go`,
//! `apiextensions-apiserver/pkg/apiserver/conversion/{converter,nop_converter}.go`.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};

use serde_json::{Map, Value};

use super::conversion::Webhook;
use super::unreadable::Unreadable;
use crate::error::{ApiError, Reason};
use crate::object::quote::quoted;
use crate::object::{GroupVersion, Object};
use crate::registry::view::View;
use crate::schema::catalog::{Custom, ReadVersion};
use crate::schema::{Resource, default, prune};
use crate::storage::{Stored, version_tag};

/// How many objects of a list are converted at a time.
const CALLS_AT_ONCE_MAX: usize = 8;

/// The tag of an object that was stored in the version of a resource, under its schema of now:
/// such an object is read as it is.
pub(crate) fn tag(resource: &Resource, custom: &Custom) -> u64 {
    let group_version = &resource.group_version;
    let version = custom.reading.versions.get(&*group_version.version);
    let mark = version.map_or(0, |version| version.mark);
    version_tag(&format!("{group_version} {mark}"))
}

/// An object of a request as it is stored.
pub(crate) async fn storable<'a>(
    resource: &Resource,
    custom: &Custom,
    object: &'a Object,
) -> Result<Cow<'a, Object>, ApiError> {
    if resource.group_version == resource.storage_version {
        return Ok(Cow::Borrowed(object));
    }
    let mut stored = object.clone();
    // The store itself gives the version.
    stored.metadata_mut().remove("resourceVersion");
    let stored = convert(resource, custom, stored, &resource.storage_version).await;
    stored.map(Cow::Owned).map_err(failed)
}

/// An object of any version in the version of a resource.
pub(crate) async fn in_version(
    resource: &Resource,
    custom: &Custom,
    object: Object,
) -> Result<Object, ApiError> {
    let converted = convert(resource, custom, object, &resource.group_version).await;
    converted.map_err(failed)
}

/// What a request would read of an object that it would have stored.
pub(crate) async fn round_trip(
    resource: &Resource,
    custom: &Custom,
    object: Object,
) -> Result<Object, ApiError> {
    if resource.group_version == resource.storage_version {
        return Ok(object);
    }
    let version = object.resource_version().to_owned();
    let stored = storable(resource, custom, &object).await?.into_owned();
    let mut read = settle(resource, custom, stored).await.map_err(failed)?;
    if !version.is_empty() {
        read.set(&["metadata", "resourceVersion"], version);
    }
    Ok(read)
}

/// A stored object as requests to a resource see it.
pub(crate) async fn read(
    resource: &Resource,
    custom: &Custom,
    stored: &Stored,
) -> Result<Object, Unreadable> {
    let mut object = stored.object();
    object.metadata_mut().remove("resourceVersion");
    let read = settle(resource, custom, object).await;
    let mut read = read.map_err(|why| Unreadable::one(stored, why))?;
    let version = stored.revision.0.to_string();
    read.set(&["metadata", "resourceVersion"], version);
    Ok(read)
}

/// Prunes and defaults an object by the schema of the version it was stored in, and brings it in
/// the version of the resource.
async fn settle(
    resource: &Resource,
    custom: &Custom,
    mut object: Object,
) -> Result<Object, String> {
    let version = version(resource, custom, &object)?;
    prune::apply(object.as_map_mut(), &version.schema);
    default::apply(object.as_map_mut(), &version.schema);
    if object.generation() == 0 {
        object.set(&["metadata", "generation"], 1);
    }
    convert(resource, custom, object, &resource.group_version).await
}

/// An object in another version, or as it is where it is in that already.
async fn convert(
    resource: &Resource,
    custom: &Custom,
    mut object: Object,
    into: &GroupVersion,
) -> Result<Object, String> {
    let wanted = into.to_string();
    if object.api_version() == wanted {
        return Ok(object);
    }
    let Some(target) = custom.reading.versions.get(&*into.version) else {
        return Err(format!(
            "request to convert CR to an invalid group/version: {into}"
        ));
    };
    match webhook(resource) {
        Some(webhook) => object = webhook.convert(&object, into).await?,
        None => object.set_type(&wanted, &resource.kind),
    }
    prune::apply(object.as_map_mut(), &target.schema);
    Ok(object)
}

/// The version a custom resource is to be converted into, in upstream's words where it cannot be.
pub(crate) fn target(
    resource: &Resource,
    object: &Map<String, Value>,
    into: &str,
) -> Result<String, String> {
    let group = &resource.group_version.group;
    let Some(wanted) = GroupVersion::parse(into) else {
        return Err(format!("unexpected GroupVersion string: {into}"));
    };
    let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or("");
    if wanted.group != *group {
        return Err(format!(
            "{}, Kind={} is unstructured and is not suitable for converting to {}",
            text("apiVersion"),
            text("kind"),
            quoted(into)
        ));
    }
    let custom = resource.custom.as_ref();
    if custom.is_some_and(|custom| custom.reading.versions.contains_key(&*wanted.version)) {
        return Ok(wanted.to_string());
    }
    Err(format!(
        "request to convert CR to an invalid group/version: {wanted}"
    ))
}

fn webhook(resource: &Resource) -> Option<&Webhook> {
    let webhook = resource.custom.as_ref()?.reading.webhook.as_ref()?;
    webhook.downcast_ref()
}

/// Whether a webhook converts the objects of a resource.
pub(crate) fn has_webhook(resource: &Resource) -> bool {
    webhook(resource).is_some()
}

/// An object in another version, as the webhook has it.
pub(crate) async fn ask(
    resource: &Resource,
    object: &Object,
    into: &str,
) -> Result<Object, String> {
    match (webhook(resource), GroupVersion::parse(into)) {
        (Some(webhook), Some(into)) => webhook.convert(object, &into).await,
        _ => Err("no webhook converts".to_owned()),
    }
}

/// The version an object is in, which its definition must still have.
fn version<'a>(
    resource: &Resource,
    custom: &'a Custom,
    object: &Object,
) -> Result<&'a ReadVersion, String> {
    let named = object.api_version();
    let of_group = GroupVersion::parse(named).filter(|of| of.group == resource.group_version.group);
    of_group
        .and_then(|of| custom.reading.versions.get(&*of.version))
        .ok_or_else(|| format!("request to convert CR from an invalid group/version: {named}"))
}

/// The error of an object that cannot be converted, which has no reason.
fn failed(why: String) -> ApiError {
    ApiError::new(Reason::Unknown, why)
}

impl View {
    /// Gets objects ready to be shown: custom resources that were stored in another version, or
    /// under another schema, are read as they are now and kept for this view. What was read once
    /// is kept with them, as upstream keeps it in its watch cache.
    pub(crate) async fn prepare<'a>(
        &mut self,
        objects: impl IntoIterator<Item = &'a Stored> + Send,
    ) -> Result<(), Unreadable> {
        self.make_ready(objects, true).await
    }

    /// The same of one object, past the cache: whoever converts it is asked whenever it is read.
    pub(crate) async fn prepare_anew(&mut self, stored: &Stored) -> Result<(), Unreadable> {
        let keeps = !has_webhook(&self.resource);
        self.make_ready([stored], keeps).await
    }

    async fn make_ready<'a>(
        &mut self,
        objects: impl IntoIterator<Item = &'a Stored> + Send,
        keeps: bool,
    ) -> Result<(), Unreadable> {
        let Some(custom) = self.resource.custom.clone() else {
            return Ok(());
        };
        let mut missing: Vec<&Stored> = Vec::new();
        for stored in objects {
            if self.is_served_version(stored) || self.prepared.contains_key(&stored.revision) {
                continue;
            }
            match stored.known_form(&self.form_name).filter(|_| keeps) {
                Some(known) => {
                    self.prepared.insert(stored.revision, known);
                }
                None => missing.push(stored),
            }
        }
        let resource = Arc::clone(&self.resource);
        let read: Vec<BoxFuture<'_, Result<Object, Unreadable>>> = missing
            .iter()
            .map(|stored| read(&resource, &custom, stored).boxed())
            .collect();
        let read: Vec<_> = stream::iter(read)
            .buffered(CALLS_AT_ONCE_MAX)
            .collect()
            .await;
        let mut unreadable = Unreadable::default();
        for (stored, read) in missing.into_iter().zip(read) {
            match read {
                Ok(object) => {
                    let mut bytes = Bytes::from(object.to_json());
                    if keeps {
                        bytes = stored.form(&self.form_name, || bytes);
                    }
                    self.prepared.insert(stored.revision, bytes);
                }
                Err(error) => unreadable.extend(error),
            }
        }
        if unreadable.is_empty() {
            Ok(())
        } else {
            Err(unreadable)
        }
    }
}
