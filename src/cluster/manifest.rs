//! Manifests: objects to be there, in any number of documents.

use serde_json::Value;

use super::Error;
use crate::client::{Client, Failure};
use crate::object::yaml;
use crate::registry::Registry;

/// Creates the objects of a manifest, or brings those that are there to what it says.
pub(super) async fn apply(registry: &Registry, client: &Client, text: &str) -> Result<(), Error> {
    let documents = documents(text)?;
    let mut objects = Vec::new();
    for document in documents {
        flatten(document, &mut objects);
    }
    // What others need comes first, whatever the order in the file.
    objects.sort_by_key(|object| match object["kind"].as_str() {
        Some("CustomResourceDefinition") => 0,
        Some("Namespace") => 1,
        _ => 2,
    });
    for object in objects {
        apply_one(registry, client, &object).await?;
    }
    Ok(())
}

/// The objects in a document: itself, or the items of a list.
fn flatten(document: Value, objects: &mut Vec<Value>) {
    let is_list = document["kind"]
        .as_str()
        .is_some_and(|kind| kind.ends_with("List"));
    match document {
        Value::Null => {}
        Value::Object(mut map) if is_list && map.contains_key("items") => {
            if let Some(Value::Array(items)) = map.remove("items") {
                for item in items {
                    flatten(item, objects);
                }
            }
        }
        other => objects.push(other),
    }
}

async fn apply_one(registry: &Registry, client: &Client, object: &Value) -> Result<(), Error> {
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let (api_version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
    let name = text(&object["metadata"]["name"]);
    let what = format!("{kind} {name:?}");
    let (plural, is_namespaced) = find(registry, &api_version, &kind)
        .ok_or_else(|| Error::Manifest(format!("{what}: {api_version} {kind} is not served")))?;
    let mut api = client.api(&api_version, &plural);
    if is_namespaced {
        let namespace = text(&object["metadata"]["namespace"]);
        let default = namespace.is_empty().then_some("default");
        api = api.namespace(default.unwrap_or(&namespace));
    }
    let refused = |failure: Failure| Error::Refused {
        what: what.clone(),
        failure,
    };
    match api.create(object).await {
        Ok(_) => Ok(()),
        Err(failure) if failure.reason() == "AlreadyExists" => api
            .patch(&name, crate::client::PatchKind::Merge, object)
            .await
            .map(|_| ())
            .map_err(refused),
        Err(failure) => Err(refused(failure)),
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
fn documents(text: &str) -> Result<Vec<Value>, Error> {
    let documents =
        yaml::documents(text.as_bytes()).map_err(|error| Error::Manifest(error.to_string()))?;
    Ok(documents
        .into_iter()
        .map(|document| document.value)
        .collect())
}
