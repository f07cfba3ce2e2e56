//! OpenAPI of custom resources: components and paths, as the extension server publishes them.
//!
//! *Upstream:* `apiextensions-apiserver/pkg/controller/openapi/builder/builder.go`,
//! `apiextensions-apiserver/pkg/apiserver/schema/{kubeopenapi,unfold}.go`.

use serde_json::{Map, Value, json};

use super::documents::BuiltIn;
use super::operations;
use crate::object::GroupVersion;
use crate::schema::catalog::{Custom, Resource, State};
use crate::schema::tables;

/// Which specification the schemas are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// OpenAPI v2, whose readers know less.
    V2,
    /// OpenAPI v3.
    V3,
}

impl Form {
    fn reference(self, component: &str) -> Value {
        match self {
            Self::V2 => json!({ "$ref": format!("#/definitions/{component}") }),
            Self::V3 => json!({ "$ref": format!("#/components/schemas/{component}") }),
        }
    }

    /// A reference with a description beside it.
    fn property(self, component: &str, text: &str) -> Value {
        let mut property = match self {
            Self::V2 => self.reference(component),
            Self::V3 => json!({ "allOf": [self.reference(component)] }),
        };
        property["description"] = tables::custom_text("schema", text).into();
        property
    }
}

/// Text with the description of this name.
fn described(text: &str) -> Value {
    json!({ "type": "string", "description": tables::custom_text("schema", text) })
}

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1";

/// Keywords that a structural schema keeps when it is published, beside those that nest.
const KEPT: [&str; 27] = [
    "default",
    "description",
    "enum",
    "example",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "externalDocs",
    "format",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "nullable",
    "pattern",
    "required",
    "title",
    "type",
    "uniqueItems",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-validations",
];
const FLAGS: [&str; 3] = [
    "x-kubernetes-embedded-resource",
    "x-kubernetes-int-or-string",
    "x-kubernetes-preserve-unknown-fields",
];

/// The custom resources of a group version with what their definitions say.
pub(super) fn resources<'a>(
    state: &'a State,
    group_version: &GroupVersion,
) -> impl Iterator<Item = (&'a Resource, &'a Custom)> {
    let version = state.versions.get(group_version);
    version
        .into_iter()
        .flat_map(|version| version.values())
        .filter_map(|resource| {
            let custom = resource.custom.as_deref()?;
            Some((resource.as_ref(), custom))
        })
}

/// The v3 document of a group version; `None` where it has no custom resources.
pub(super) fn document(state: &State, group_version: &GroupVersion) -> Option<Value> {
    let mut schemas = Map::new();
    let mut paths = Map::new();
    for (resource, custom) in resources(state, group_version) {
        add_components(resource, custom, Form::V3, &mut schemas);
        operations::add_paths(resource, &mut paths);
    }
    if paths.is_empty() {
        return None;
    }
    let paths = Value::Object(paths);
    complete(&mut schemas, &paths);
    Some(json!({
        "openapi": "3.0.0",
        "info": { "title": "Kubernetes CRD Swagger", "version": "v0.1.0" },
        "paths": paths,
        "components": { "schemas": schemas },
    }))
}

/// Adds the components of a resource and of its list.
pub(super) fn add_components(
    resource: &Resource,
    custom: &Custom,
    form: Form,
    into: &mut Map<String, Value>,
) {
    let schema = custom.open_api_schema.as_deref();
    let schema = schema.map(crate::object::json::read);
    let schema = match &schema {
        // Readers of v2 take an object with properties to allow no others.
        Some(schema) if form == Form::V2 && is_true(schema, FLAGS[2]) => {
            json!({ "type": "object" })
        }
        Some(schema) => native(published(schema, form), form),
        None => json!({ "type": "object" }),
    };
    let name = component_name(resource, &resource.kind);
    into.insert(
        name.clone(),
        with_kind(schema, resource, custom, &resource.kind),
    );
    let items_text = tables::custom_text("schema", "list items");
    let list = json!({
        "description": format!("{} is a list of {}", resource.list_kind, resource.kind),
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": described("apiVersion"),
            "kind": described("kind"),
            "metadata": form.property(&format!("{META}.ListMeta"), "list metadata"),
            "items": {
                "type": "array",
                "items": form.reference(&name),
                "description": items_text.replace("%s", &resource.plural),
            },
        },
    });
    let name = component_name(resource, &resource.list_kind);
    into.insert(name, with_kind(list, resource, custom, &resource.list_kind));
}

/// `stable.example.com`, `v1`, `Thing` → `com.example.stable.v1.Thing`.
pub(super) fn component_name(resource: &Resource, kind: &str) -> String {
    let group = &resource.group_version.group;
    let mut parts: Vec<&str> = group.split('.').rev().collect();
    parts.push(&resource.group_version.version);
    parts.push(kind);
    parts.join(".")
}

fn with_kind(mut schema: Value, resource: &Resource, custom: &Custom, kind: &str) -> Value {
    let GroupVersion { group, version } = &resource.group_version;
    schema["x-kubernetes-group-version-kind"] =
        json!([{ "group": &**group, "version": &**version, "kind": kind }]);
    if !custom.selectable_fields.is_empty() {
        let fields = custom.selectable_fields.iter();
        let entry = |path: &String| json!({ "fieldPath": path.trim_start_matches('.') });
        schema["x-kubernetes-selectable-fields"] = fields.map(entry).collect();
    }
    schema
}

/// The root of an object: Kubernetes' own metadata instead of what the schema says of it.
fn native(mut schema: Value, form: Form) -> Value {
    schema["properties"]["metadata"] = form.property(&format!("{META}.ObjectMeta"), "metadata");
    schema["properties"]["apiVersion"] = described("apiVersion");
    schema["properties"]["kind"] = described("kind");
    schema
}

/// A structural schema as OpenAPI.
fn published(schema: &Value, form: Form) -> Value {
    let mut out = Map::new();
    for key in KEPT {
        // A default may be nothing to Go, and is a default all the same.
        let is_left_out = |value: &Value| match key {
            "default" | "example" => value.is_null(),
            _ => is_void(value),
        };
        if let Some(value) = schema.get(key).filter(|value| !is_left_out(value)) {
            out.insert(key.to_owned(), value.clone());
        }
    }
    for flag in FLAGS.into_iter().filter(|flag| is_true(schema, flag)) {
        out.insert(flag.to_owned(), Value::Bool(true));
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        let entries = properties.iter();
        let entries = entries.map(|(name, property)| (name.clone(), published(property, form)));
        let properties: Map<String, Value> = entries.collect();
        if !properties.is_empty() {
            out.insert("properties".to_owned(), Value::Object(properties));
        }
    }
    if let Some(items) = schema.get("items").filter(|items| items.is_object()) {
        out.insert("items".to_owned(), published(items, form));
    }
    match schema.get("additionalProperties") {
        Some(Value::Object(_)) => {
            let values = published(&schema["additionalProperties"], form);
            out.insert("additionalProperties".to_owned(), values);
        }
        Some(Value::Bool(allowed)) => {
            out.insert("additionalProperties".to_owned(), Value::Bool(*allowed));
        }
        _ => {}
    }
    for key in ["allOf", "anyOf", "oneOf", "not"] {
        if let Some(value) = schema.get(key).filter(|value| !is_void(value)) {
            out.insert(key.to_owned(), value.clone());
        }
    }
    unfold(&mut out);
    if form == Form::V2 {
        reduce(schema, &mut out);
    }
    if is_true(schema, FLAGS[0]) && !(form == Form::V2 && is_true(schema, FLAGS[2])) {
        embed(&mut out, form);
    }
    Value::Object(out)
}

/// Says in plain OpenAPI what `x-kubernetes-int-or-string` means.
fn unfold(out: &mut Map<String, Value>) {
    if !out.contains_key(FLAGS[1]) {
        return;
    }
    let either = json!([{ "type": "integer" }, { "type": "string" }]);
    let first = out
        .get("allOf")
        .and_then(|all_of| all_of.pointer("/0/anyOf"));
    if out.get("anyOf") == Some(&either) || first == Some(&either) {
        return;
    }
    if !out.contains_key("anyOf") {
        out.insert("anyOf".to_owned(), either);
        return;
    }
    let mut all_of = vec![json!({ "anyOf": either })];
    if let Some(Value::Array(rest)) = out.remove("allOf") {
        all_of.extend(rest);
    }
    out.insert("allOf".to_owned(), Value::Array(all_of));
}

/// Drops what v2 cannot say, and what its readers misread.
///
/// *Upstream:* `apiextensions-apiserver/pkg/controller/openapi/v2/conversion.go`.
fn reduce(schema: &Value, out: &mut Map<String, Value>) {
    let is_nullable = is_true(schema, "nullable");
    let preserves = is_true(schema, FLAGS[2]);
    let mut dropped = vec!["allOf", "anyOf", "oneOf", "not", "default", "nullable"];
    if is_nullable || preserves {
        dropped.extend(["items", "properties"]);
    }
    for key in dropped {
        out.remove(key);
    }
    let is = |out: &Map<String, Value>, kind| out.get("type").is_some_and(|found| found == kind);
    let is_list_of_nothing = is(out, "array") && !out.contains_key("items");
    if is_nullable || is_list_of_nothing || (preserves && is(out, "object")) {
        out.remove("type");
    }
    let nullable = |name: &Value| {
        let property = &schema["properties"][name.as_str().unwrap_or_default()];
        out.contains_key("properties") && is_true(property, "nullable")
    };
    let values_nullable = is_true(&schema["additionalProperties"], "nullable");
    if let Some(Value::Array(required)) = out.get("required") {
        let kept = required
            .iter()
            .filter(|name| !values_nullable && !nullable(name))
            .cloned();
        let kept: Vec<Value> = kept.collect();
        if kept.is_empty() {
            out.remove("required");
        } else {
            out.insert("required".to_owned(), Value::Array(kept));
        }
    }
}

/// An object inside the object has a kind and metadata of its own.
fn embed(out: &mut Map<String, Value>, form: Form) {
    let properties = out.entry("properties").or_insert_with(|| json!({}));
    properties["apiVersion"] = described("embedded apiVersion");
    properties["kind"] = described("embedded kind");
    properties["metadata"] = form.property(&format!("{META}.ObjectMeta"), "metadata");
    let required = out.entry("required").or_insert_with(|| json!([]));
    if let Value::Array(required) = required {
        for name in ["kind", "apiVersion"] {
            if !required.iter().any(|found| found == name) {
                required.push(name.into());
            }
        }
    }
}

/// Brings in every built-in component that is referred to.
fn complete(schemas: &mut Map<String, Value>, paths: &Value) {
    let Some(core) = BuiltIn::find("api/v1") else {
        return;
    };
    let mut core = core.value();
    let mut wanted = Vec::new();
    collect_references(paths, &mut wanted);
    schemas
        .values()
        .for_each(|schema| collect_references(schema, &mut wanted));
    while let Some(name) = wanted.pop() {
        if schemas.contains_key(&name) {
            continue;
        }
        let mut schema = core["components"]["schemas"][&name].take();
        if schema.is_null() {
            continue;
        }
        if name.ends_with(".DeleteOptions") {
            schema["x-kubernetes-group-version-kind"] = option_kinds(&name, Form::V3);
        }
        collect_references(&schema, &mut wanted);
        schemas.insert(name, schema);
    }
}

/// Groups that the client scheme, which publishes custom resources, does not register.
const SERVER_ONLY: [&str; 4] = [
    "admission.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "imagepolicy.k8s.io",
];

/// The kinds that `DeleteOptions` and `WatchEvent` stand for: one in every group version there is.
pub(super) fn option_kinds(component: &str, form: Form) -> Value {
    let kind = component.rsplit('.').next().unwrap_or(component);
    let versions = tables::registered()
        .filter(|group_version| form == Form::V2 || !SERVER_ONLY.contains(&&*group_version.group));
    let entry = |of: GroupVersion| {
        let GroupVersion { group, version } = of;
        json!({ "group": &*group, "version": &*version, "kind": kind })
    };
    versions.map(entry).collect()
}

fn collect_references(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get("$ref") {
                let name = reference.rsplit('/').next().unwrap_or(reference);
                into.push(name.to_owned());
            }
            map.values()
                .for_each(|value| collect_references(value, into));
        }
        Value::Array(entries) => entries
            .iter()
            .for_each(|entry| collect_references(entry, into)),
        _ => {}
    }
}

fn is_true(schema: &Value, key: &str) -> bool {
    schema.get(key).and_then(Value::as_bool).unwrap_or(false)
}

/// What Go leaves out when it prints a schema.
fn is_void(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(entries) => entries.is_empty(),
        _ => false,
    }
}
