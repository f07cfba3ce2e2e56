//! A definition as resources of the catalog: one for each version that is served.
//!
//! *Upstream:* `apiextensions-apiserver/pkg/apiserver/customresource_handler.go`,
//! `…/customresource_discovery_controller.go`.

use std::sync::{Arc, OnceLock};

use base64::Engine;
use bytes::Bytes;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::conversion::Webhook;
use super::establish;
use super::version_order;
use crate::cel::rules::Rules;
use crate::object::{GroupResource, GroupVersion, GroupVersionKind, Object};
use crate::registry::Registry;
use crate::schema::catalog::{Custom, ReadVersion, Reading, Resource, Subresource};
use crate::schema::node::Text;
use crate::schema::structural::json::{is_true, list, object, text};
use crate::schema::{Schema, structural, tables};

/// The component of every object's metadata.
const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
/// The verbs of a custom resource, as discovery lists them.
const VERBS: [&str; 8] = [
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "create",
    "update",
    "watch",
];
/// The verbs of its subresources.
const FACE_VERBS: [&str; 3] = ["get", "patch", "update"];

/// Brings the catalog in line with a definition, whose status (and metadata) are those of `now`.
pub(super) fn serve(registry: &Registry, definition: &Object, now: &Object) {
    let names = now.get(&["status", "acceptedNames"]);
    let plural = names
        .and_then(|names| names["plural"].as_str())
        .unwrap_or("");
    let group = definition.text(&["spec", "group"]);
    let resource = GroupResource::new(group, plural);
    let catalog = &registry.catalog;
    if plural.is_empty() || !establish::is_true(now, "Established") {
        if catalog.custom_state(&resource).is_some() {
            // Whoever may write the status may say that it is no longer.
            catalog.remove_custom(&resource);
        }
        return;
    }
    let state = State::of(now);
    if catalog.custom_state(&resource).as_deref() == Some(state.0.as_str()) {
        return;
    }
    let Some(meta) = tables::component(META) else {
        return;
    };
    let (reading, documents) = reading(registry, definition, &meta);
    let reading = Arc::new(reading);
    let resources = versions(definition)
        .zip(documents)
        .filter(|(version, _)| is_true(version, "served"))
        .filter_map(|(version, document)| {
            let names = now.get(&["status", "acceptedNames"])?.as_object()?;
            build(definition, names, version, document, &reading, &state)
        })
        .collect();
    catalog.replace_custom(&resource, resources);
}

fn versions(definition: &Object) -> impl Iterator<Item = &Map<String, Value>> {
    let versions = definition.items(&["spec", "versions"]);
    versions.iter().filter_map(Value::as_object)
}

/// The schemas of all versions, compiled once, and what they were compiled from.
fn reading(
    registry: &Registry,
    definition: &Object,
    meta: &Schema,
) -> (Reading, Vec<Option<Bytes>>) {
    let webhook = Webhook::of(registry, definition);
    let mut reading = Reading {
        webhook: webhook.map(|webhook| Arc::new(webhook) as _),
        ..Reading::default()
    };
    let mut documents = Vec::new();
    let mut seen: Vec<(Bytes, Schema)> = Vec::new();
    let empty = Map::new();
    for version in versions(definition) {
        let document = document(version);
        let written = serde_json::to_vec(document.unwrap_or(&empty)).unwrap_or_default();
        // Versions often differ in nothing but their names.
        let same = seen.iter().find(|(known, _)| *known == written);
        let (written, schema) = same.cloned().unwrap_or_else(|| {
            let written = Bytes::from(written);
            let schema = structural::compile_later(written.clone(), meta);
            (written, schema)
        });
        let mark = mark(definition, version, &written);
        documents.push(document.map(|_| written.clone()));
        seen.push((written, schema.clone()));
        let scale = scale(version).cloned();
        let read = ReadVersion {
            schema,
            scale,
            mark,
        };
        let name = text(version, "name").to_owned();
        reading.versions.insert(name, read);
    }
    (reading, documents)
}

/// Tells what was stored under one schema from what was stored under another.
fn mark(definition: &Object, version: &Map<String, Value>, document: &[u8]) -> u64 {
    let mut digest = Sha256::new();
    digest.update(definition.uid());
    digest.update(serde_json::to_vec(list(version, "selectableFields")).unwrap_or_default());
    digest.update(document);
    let digest = digest.finalize();
    digest[..8]
        .iter()
        .fold(0, |mark, byte| (mark << 8) | u64::from(*byte))
}

fn scale(version: &Map<String, Value>) -> Option<&Value> {
    object(version, "subresources")?.get("scale")
}

fn document(version: &Map<String, Value>) -> Option<&Map<String, Value>> {
    object(object(version, "schema")?, "openAPIV3Schema")
}

/// The resource of a definition in the version its objects are stored in, served or not. Nothing
/// follows from what is written through it.
pub(super) fn in_storage_version(registry: &Registry, definition: &Object) -> Option<Resource> {
    let meta = tables::component(META)?;
    let version = versions(definition).find(|version| is_true(version, "storage"))?;
    let (reading, _) = reading(registry, definition, &meta);
    let state = State::of(definition);
    let names = definition.get(&["status", "acceptedNames"])?.as_object()?;
    let reading = Arc::new(reading);
    let mut resource = build(definition, names, version, None, &reading, &state)?;
    let mut custom = Custom::clone(resource.custom.as_deref()?);
    custom.definition = String::new();
    resource.custom = Some(Arc::new(custom));
    Some(resource)
}

/// What of a definition decides how it is served.
struct State(String);

impl State {
    fn of(definition: &Object) -> Self {
        let names = definition.get(&["status", "acceptedNames"]);
        Self(format!(
            "{} {} {} {}",
            definition.uid(),
            definition.generation(),
            definition.is_being_deleted(),
            names.unwrap_or(&Value::Null)
        ))
    }
}

fn build(
    definition: &Object,
    names: &Map<String, Value>,
    version: &Map<String, Value>,
    document: Option<Bytes>,
    reading: &Arc<Reading>,
    state: &State,
) -> Option<Resource> {
    let group = definition.text(&["spec", "group"]);
    let stored = stored_version(definition);
    let name = text(version, "name");
    let schema = reading.versions.get(name)?.schema.clone();
    let owned = |field: &str| -> Text { text(names, field).to_owned().into() };
    let mut singular = owned("singular");
    if singular.is_empty() {
        singular = text(names, "kind").to_lowercase().into();
    }
    let custom = Custom {
        definition: definition.name().to_owned(),
        state: state.0.clone(),
        generation: definition.generation(),
        is_terminating: definition.is_being_deleted(),
        reading: Arc::clone(reading),
        printer_columns: list(version, "additionalPrinterColumns").to_vec(),
        selectable_fields: list(version, "selectableFields")
            .iter()
            .filter_map(|field| Some(field["jsonPath"].as_str()?.to_owned()))
            .collect(),
        scale: scale(version).cloned(),
        rules: Some(Arc::new(OnceLock::<Rules>::new())),
        open_api_schema: document,
    };
    let group_version = GroupVersion::new(group, name);
    Some(Resource {
        subresources: faces(version, &group_version, text(names, "kind"), &schema),
        group_version,
        plural: owned("plural"),
        singular,
        kind: owned("kind"),
        list_kind: owned("listKind"),
        is_namespaced: definition.text(&["spec", "scope"]) == "Namespaced",
        short_names: structural::json::texts(names, "shortNames"),
        categories: structural::json::texts(names, "categories"),
        verbs: VERBS.iter().map(|verb| Text::Borrowed(verb)).collect(),
        schema,
        storage: GroupResource::new(group, text(names, "plural")),
        storage_version: GroupVersion::new(group, stored),
        storage_version_hash: hash(group, stored, text(names, "kind")).into(),
        deprecation: deprecation(definition, version).into(),
        custom: Some(Arc::new(custom)),
        empty: OnceLock::new(),
    })
}

fn stored_version(definition: &Object) -> &str {
    let mut versions = definition.items(&["spec", "versions"]).iter();
    versions
        .find(|version| version["storage"] == true)
        .and_then(|version| version["name"].as_str())
        .unwrap_or("")
}

fn faces(
    version: &Map<String, Value>,
    group_version: &GroupVersion,
    kind: &str,
    schema: &Schema,
) -> Vec<Subresource> {
    let Some(said) = object(version, "subresources") else {
        return Vec::new();
    };
    let verbs = || FACE_VERBS.iter().map(|verb| Text::Borrowed(verb)).collect();
    let mut faces = Vec::new();
    if said.contains_key("status") {
        faces.push(Subresource {
            name: "status".into(),
            kind: GroupVersionKind {
                group_version: group_version.clone(),
                kind: kind.into(),
            },
            verbs: verbs(),
            schema: Some(schema.clone()),
        });
    }
    if said.contains_key("scale") {
        faces.push(Subresource {
            name: "scale".into(),
            kind: GroupVersionKind::new("autoscaling", "v1", "Scale"),
            verbs: verbs(),
            schema: tables::kind("autoscaling", "v1", "Scale"),
        });
    }
    faces
}

/// `storageVersionHash` of discovery.
fn hash(group: &str, version: &str, kind: &str) -> String {
    let digest = Sha256::digest(format!("{group}/{version}/{kind}"));
    base64::engine::general_purpose::STANDARD.encode(&digest[..8])
}

/// The warning for each use of a deprecated version; empty where it is current.
fn deprecation(definition: &Object, version: &Map<String, Value>) -> String {
    if !is_true(version, "deprecated") {
        return String::new();
    }
    let said = text(version, "deprecationWarning");
    if !said.is_empty() {
        return said.to_owned();
    }
    let group = definition.text(&["spec", "group"]);
    let kind = definition.text(&["spec", "names", "kind"]);
    let name = text(version, "name");
    let mut newer: Vec<&str> = definition
        .items(&["spec", "versions"])
        .iter()
        .filter_map(Value::as_object)
        .filter(|other| is_true(other, "served") && !is_true(other, "deprecated"))
        .map(|other| text(other, "name"))
        .filter(|other| version_order::compare(name, other).is_lt())
        .collect();
    newer.sort_by(|a, b| version_order::compare(b, a));
    match newer.first() {
        None => format!("{group}/{name} {kind} is deprecated"),
        Some(newer) => {
            format!("{group}/{name} {kind} is deprecated; use {group}/{newer} {kind}")
        }
    }
}
