//! An object of a kind with every field there is.

use mockernetes::schema::node::Format;
use mockernetes::schema::{Node, Resource, Schema, Shape};
use serde_json::{Map, Value, json};

/// Schemas that hold themselves are followed so deep.
const DEPTH_MAX: usize = 9;

/// The full object of a resource's kind.
pub(crate) fn object(resource: &Resource) -> Value {
    let mut object = value(&resource.schema, resource.schema.root(), 0);
    object["apiVersion"] = resource.group_version.to_string().into();
    object["kind"] = resource.kind.as_ref().into();
    object
}

fn value(schema: &Schema, node: &Node, depth: usize) -> Value {
    if let Some(value) = special(node) {
        return value;
    }
    match &node.shape {
        Shape::Any => json!({"any": ["thing", 1, null]}),
        Shape::Boolean => true.into(),
        Shape::Integer(_) => 7.into(),
        Shape::Number => 1.5.into(),
        Shape::String(format) => text(format).into(),
        Shape::IntOrString => "80%".into(),
        Shape::Struct(fields) => {
            let is_shallow = depth < DEPTH_MAX;
            // An object within an object is of a known kind: its type goes without saying.
            let is_inner = depth > 0 && fields.iter().any(|field| field.name == "metadata");
            let is_said = |name: &str| !is_inner || !matches!(name, "apiVersion" | "kind");
            let said = fields
                .iter()
                .filter(|field| is_shallow && is_said(&field.name));
            let known = said.map(|field| {
                let value = value(schema, schema.node(field.node), depth + 1);
                (field.name.to_string(), value)
            });
            Value::Object(known.collect::<Map<_, _>>())
        }
        Shape::Map(values) => json!({"key": value(schema, schema.node(*values), depth + 1)}),
        Shape::List(items) => json!([value(schema, schema.node(*items), depth + 1)]),
    }
}

/// Components whose one schema stands for several forms.
fn special(node: &Node) -> Option<Value> {
    let name = node.component.as_deref()?.rsplit('.').next()?;
    Some(match name {
        "JSONSchemaPropsOrBool" => true.into(),
        "JSONSchemaPropsOrArray" => json!([{"type": "string"}]),
        "JSONSchemaPropsOrStringArray" => json!(["key"]),
        _ => return None,
    })
}

fn text(format: &Format) -> &'static str {
    match format {
        Format::Plain | Format::Named(_) => "text",
        Format::Byte => "AAEC",
        Format::DateTime => "2026-01-02T03:04:05Z",
        Format::MicroTime => "2026-01-02T03:04:05.123456Z",
        Format::Quantity => "1500m",
        Format::Duration => "1h0m0s",
    }
}
