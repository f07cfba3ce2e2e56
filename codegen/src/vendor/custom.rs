//! The texts that the server puts into the OpenAPI of every custom resource.
//!
//! *Invariant:* only texts that the server composes for kinds it does not know itself; they are on
//! the wire, and clients compare them. Built-in kinds go without.

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use super::modules::Modules;
use super::print;
use super::source::Output;

/// A document whose operations take the parameters that custom resources take.
const DOCUMENT: &str = "k8s.io/kubernetes/api/openapi-spec/v3/api__v1_openapi.json";
const PATH: &str = "/api/v1/namespaces/{namespace}/configmaps";
/// Composes the documents of custom resources.
const BUILDER: &str = "k8s.io/apiextensions-apiserver/pkg/controller/openapi/builder/builder.go";

/// Section → name → text.
pub(super) fn read(modules: &Modules, output: &mut Output) -> Result<String> {
    let text = output.read(modules, DOCUMENT)?;
    let document: Value = serde_json::from_str(&text).context(DOCUMENT)?;
    let list = &document["paths"][PATH];
    let one = &document["paths"][format!("{PATH}/{{name}}")];
    let builder = output.read(modules, BUILDER)?;
    let schemas = &document["components"]["schemas"];
    let property = |kind: &str, name: &str| {
        let schema = &schemas[format!("io.k8s.api.core.v1.{kind}")];
        let text = &schema["properties"][name]["description"];
        text.as_str()
            .map(str::to_owned)
            .with_context(|| format!("{kind}.{name}"))
    };
    let texts = json!({
        "delete": parameters(&one["delete"]["parameters"])?,
        "list": parameters(&list["get"]["parameters"])?,
        "patch": parameters(&one["patch"]["parameters"])?,
        "path": parameters(&one["parameters"])?,
        "write": parameters(&list["post"]["parameters"])?,
        "schema": {
            "apiVersion": property("Binding", "apiVersion")?,
            "kind": property("Binding", "kind")?,
            "metadata": property("Binding", "metadata")?,
            "list metadata": property("ComponentStatusList", "metadata")?,
            "list items": literal(&builder, "List of %s.")?,
            "embedded apiVersion": literal(&builder, "apiVersion defines")?,
            "embedded kind": literal(&builder, "kind is a string")?,
        },
    });
    Ok(print::open(&texts, 2))
}

fn parameters(value: &Value) -> Result<Value> {
    let mut found = Map::new();
    for parameter in value.as_array().context("no parameters")? {
        let (Some(name), Some(text)) = (
            parameter["name"].as_str(),
            parameter["description"].as_str(),
        ) else {
            anyhow::bail!("cannot read {parameter}");
        };
        found.insert(name.to_owned(), Value::from(text));
    }
    Ok(Value::Object(found))
}

/// The one string literal that begins so.
fn literal(source: &str, start: &str) -> Result<String> {
    let after = source.split_once(&format!("\"{start}"));
    let (_, rest) = after.with_context(|| format!("{BUILDER} has no text `{start}`"))?;
    let (rest, _) = rest.split_once('"').context("an open string")?;
    Ok(format!("{start}{rest}"))
}
