//! Manifests: objects to be there, in any number of documents.

use serde_json::Value;

use super::Error;
use crate::client::{Client, Failure};
use crate::object::yaml;
use crate::registry::Registry;

/// Creates the objects of a manifest, or brings those that are there to what it says. `origin` is
/// where the manifest comes from, for messages.
pub(super) async fn apply(
    registry: &Registry,
    client: &Client,
    origin: &str,
    text: &str,
) -> Result<(), Error> {
    let mut entries = Vec::new();
    for (index, document) in documents(origin, text)?.into_iter().enumerate() {
        let place = match origin {
            "" => format!("manifest: document {}", index + 1),
            origin => format!("{origin}: document {}", index + 1),
        };
        flatten(place, document, &mut entries);
    }
    let mut objects = Vec::new();
    for (place, object) in entries {
        objects.push(Entry::of(place, object)?);
    }
    // What others need comes first, whatever the order in the file.
    objects.sort_by_key(|entry| match entry.kind.as_str() {
        "CustomResourceDefinition" => 0,
        "Namespace" => 1,
        _ => 2,
    });
    for entry in objects {
        entry.apply(registry, client).await?;
    }
    Ok(())
}

/// The objects in a document: itself, or the items of a list; each with its place.
fn flatten(place: String, document: Value, objects: &mut Vec<(String, Value)>) {
    let is_list = document["kind"]
        .as_str()
        .is_some_and(|kind| kind.ends_with("List"));
    match document {
        Value::Null => {}
        Value::Object(mut map) if is_list && map.contains_key("items") => {
            if let Some(Value::Array(items)) = map.remove("items") {
                for (index, item) in items.into_iter().enumerate() {
                    flatten(format!("{place}: items[{index}]"), item, objects);
                }
            }
        }
        other => objects.push((place, other)),
    }
}

/// An object of a manifest, as far as it must be known to send it.
struct Entry {
    place: String,
    api_version: String,
    kind: String,
    name: String,
    namespace: String,
    object: Value,
}

impl Entry {
    /// Reads what the object is called.
    fn of(place: String, object: Value) -> Result<Self, Error> {
        if !object.is_object() {
            return Err(Error::Manifest(format!(
                "{place}: no object; expected a mapping with apiVersion, kind and metadata"
            )));
        }
        let metadata = &object["metadata"];
        let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
        let entry = Self {
            api_version: text(&object["apiVersion"]),
            kind: text(&object["kind"]),
            name: text(&metadata["name"]),
            namespace: text(&metadata["namespace"]),
            object: Value::Null,
            place,
        };
        let missing = if entry.api_version.is_empty() {
            Some("apiVersion; for example v1 or apps/v1")
        } else if entry.kind.is_empty() {
            Some("kind; for example ConfigMap")
        } else if entry.name.is_empty() && text(&metadata["generateName"]).is_empty() {
            Some("metadata.name; expected a text")
        } else {
            None
        };
        match missing {
            Some(what) => Err(Error::Manifest(format!("{}: no {what}", entry.place))),
            None => Ok(Self { object, ..entry }),
        }
    }

    async fn apply(&self, registry: &Registry, client: &Client) -> Result<(), Error> {
        let Self {
            place,
            api_version,
            kind,
            name,
            ..
        } = self;
        let (plural, is_namespaced) = find(registry, api_version, kind).ok_or_else(|| {
            Error::Manifest(format!(
                "{place}: {kind} {name:?}: {api_version} {kind} is not served; is its \
                 CustomResourceDefinition missing?"
            ))
        })?;
        let mut api = client.api(api_version, &plural);
        if is_namespaced {
            let namespace = match self.namespace.as_str() {
                "" => "default",
                other => other,
            };
            api = api.namespace(namespace);
        }
        let refused = |failure: Failure| Error::Refused {
            what: format!("{place}: {kind} {name:?}"),
            failure,
        };
        match api.create(&self.object).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.reason() == "AlreadyExists" => api
                .patch(name, crate::client::PatchKind::Merge, &self.object)
                .await
                .map(|_| ())
                .map_err(refused),
            Err(failure) => Err(refused(failure)),
        }
    }
}

/// The plural of a kind, and whether it is namespaced.
fn find(registry: &Registry, api_version: &str, kind: &str) -> Option<(String, bool)> {
    let wanted = crate::object::GroupVersion::parse(api_version)?;
    let state = registry.catalog.state();
    let version = state.versions.get(&wanted)?;
    let resource = version.values().find(|resource| resource.kind == kind)?;
    Some((resource.plural.to_string(), resource.is_namespaced))
}

/// The documents of a manifest, YAML or JSON.
fn documents(origin: &str, text: &str) -> Result<Vec<Value>, Error> {
    let documents = yaml::documents(text.as_bytes()).map_err(|error| {
        let origin = if origin.is_empty() {
            "manifest"
        } else {
            origin
        };
        Error::Manifest(format!("{origin}: neither YAML nor JSON: {error}"))
    })?;
    Ok(documents
        .into_iter()
        .map(|document| document.value)
        .collect())
}
