//! A definition without its prose.

use serde_json::{Map, Value, json};

/// Keywords of a schema that say nothing to a machine.
const PROSE: [&str; 4] = ["description", "example", "externalDocs", "title"];
/// The annotation that says who approved an API of the community; its value is an answer.
const APPROVED: &str = "api-approved.kubernetes.io";

/// The facts of a definition.
pub(super) fn definition(definition: &Value) -> Value {
    let mut metadata = json!({ "name": definition["metadata"]["name"] });
    if let Some(approved) = definition["metadata"]["annotations"].get(APPROVED) {
        metadata["annotations"] = json!({ APPROVED: approved });
    }
    let mut spec = definition["spec"].clone();
    let versions = spec.get_mut("versions").and_then(Value::as_array_mut);
    for version in versions.into_iter().flatten() {
        let columns = version.get_mut("additionalPrinterColumns");
        let columns = columns.and_then(Value::as_array_mut).into_iter().flatten();
        for column in columns.filter_map(Value::as_object_mut) {
            column.remove("description");
        }
        if let Some(document) = version.pointer_mut("/schema/openAPIV3Schema") {
            schema(document);
        }
    }
    // An installer fills in who converts; without one, nobody does.
    let service = spec.pointer("/conversion/webhook/clientConfig/service");
    if service.is_some_and(|service| service["name"].is_null())
        && let Some(spec) = spec.as_object_mut()
    {
        spec.remove("conversion");
    }
    json!({
        "apiVersion": definition["apiVersion"],
        "kind": definition["kind"],
        "metadata": metadata,
        "spec": spec,
    })
}

fn schema(value: &mut Value) {
    let Value::Object(map) = value else {
        return;
    };
    for keyword in PROSE {
        map.remove(keyword);
    }
    for (keyword, value) in map.iter_mut() {
        match keyword.as_str() {
            "items" | "additionalProperties" | "not" => schema(value),
            "properties" => named(value),
            "allOf" | "anyOf" | "oneOf" => {
                let branches = value.as_array_mut().into_iter().flatten();
                branches.for_each(schema);
            }
            _ => {}
        }
    }
}

/// Schemas by name: a name is never a keyword.
fn named(value: &mut Value) {
    let properties: Option<&mut Map<String, Value>> = value.as_object_mut();
    properties
        .into_iter()
        .flat_map(Map::values_mut)
        .for_each(schema);
}
