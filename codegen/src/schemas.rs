//! Components to model schemas: what the documents say joined with what Go's encoder does.

use anyhow::{Context, Result, bail, ensure};
use openapiv3::{
    AdditionalProperties, IntegerFormat, ReferenceOr, SchemaData, SchemaKind, StringFormat, Type,
    VariantOrUnknownOrEmpty as Format,
};
use serde_json::Value;

use crate::model::{Field, Schema, Shape};
use crate::spec::Facts;
use crate::spec::go_fields::GoType;
use crate::spec::openapi;

/// Lowers every component, sorted by name.
pub fn lower(facts: &Facts) -> Result<Vec<Schema>> {
    let mut schemas = Vec::new();
    for (name, schema) in &facts.openapi.schemas {
        let go = facts
            .go
            .get(name)
            .with_context(|| format!("go-fields.json lacks {name}"))?;
        schemas.push(component(name, schema, go).with_context(|| name.clone())?);
    }
    for name in facts.go.keys() {
        ensure!(
            facts.openapi.schemas.contains_key(name),
            "go-fields.json knows {name} alone"
        );
    }
    Ok(schemas)
}

fn component(name: &str, schema: &openapiv3::Schema, go: &GoType) -> Result<Schema> {
    let map = text(&schema.schema_data, "x-kubernetes-map-type");
    let mut lowered = Schema {
        name: name.to_owned(),
        go: go.go.clone(),
        kinds: openapi::kinds(schema),
        shape: Shape::Struct,
        is_atomic: map == "atomic",
        fields: Vec::new(),
    };
    if go.encodes == "itself" {
        lowered.shape = leaf(schema)?;
        return Ok(lowered);
    }
    let SchemaKind::Type(Type::Object(object)) = &schema.schema_kind else {
        bail!("a Go struct whose component is no object");
    };
    ensure!(
        object.additional_properties.is_none(),
        "a Go struct with additionalProperties"
    );
    for (name, property) in &object.properties {
        let go = go
            .fields
            .get(name)
            .with_context(|| format!("Go has no field {name}"))?;
        let required = object.required.contains(name);
        let field = field(name, property, go, required).with_context(|| name.clone())?;
        lowered.fields.push(field);
    }
    ensure!(
        lowered.fields.len() == go.fields.len(),
        "Go has fields the document lacks"
    );
    lowered.fields.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(lowered)
}

/// Types that encode themselves.
fn leaf(schema: &openapiv3::Schema) -> Result<Shape> {
    Ok(match &schema.schema_kind {
        SchemaKind::Any(any) if any.format.as_deref() == Some("int-or-string") => {
            Shape::IntOrString
        }
        SchemaKind::OneOf { one_of } => match one_of.as_slice() {
            [ReferenceOr::Item(first), ReferenceOr::Item(_)] => match &first.schema_kind {
                SchemaKind::Type(Type::Integer(_)) => Shape::IntOrString,
                SchemaKind::Type(Type::String(_)) => Shape::Quantity,
                other => bail!("oneOf {other:?}"),
            },
            other => bail!("oneOf {other:?}"),
        },
        SchemaKind::Any(_) => Shape::Any,
        SchemaKind::Type(Type::Object(_)) => Shape::Object,
        SchemaKind::Type(kind) => scalar(kind)?,
        other => bail!("{other:?}"),
    })
}

fn field(
    name: &str,
    property: &ReferenceOr<Box<openapiv3::Schema>>,
    go: &str,
    is_required: bool,
) -> Result<Field> {
    let mut field = Field {
        name: name.to_owned(),
        go: go.to_owned(),
        is_required,
        ..Field::default()
    };
    let schema = match property {
        ReferenceOr::Reference { reference } => {
            field.shape = Shape::Ref(openapi::component(reference).to_owned());
            return Ok(field);
        }
        ReferenceOr::Item(schema) => schema,
    };
    field.shape = shape(schema, &mut field.values)?;
    let data = &schema.schema_data;
    field.default = data
        .default
        .clone()
        .filter(|default| !is_redundant(default, go));
    field.list = text(data, "x-kubernetes-list-type");
    field.list_keys = texts(data, "x-kubernetes-list-map-keys");
    field.map = text(data, "x-kubernetes-map-type");
    let patch = text(data, "x-kubernetes-patch-strategy");
    field.patch = patch
        .split(',')
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect();
    field.patch_key = text(data, "x-kubernetes-patch-merge-key");
    for strategy in &field.patch {
        let known = ["merge", "replace", "retainKeys"].contains(&strategy.as_str());
        ensure!(known, "unknown patch strategy {strategy}");
    }
    Ok(field)
}

/// A zero value written by the generator for a field that Go prints anyway.
fn is_redundant(default: &Value, go: &str) -> bool {
    let zero = match default {
        Value::String(text) => text.is_empty(),
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Bool(value) => !value,
        Value::Object(map) => map.is_empty(),
        Value::Array(_) | Value::Null => false,
    };
    zero && !go.starts_with('*') && (default.is_object() || !go.contains(",omit"))
}

fn shape(schema: &openapiv3::Schema, values: &mut Vec<String>) -> Result<Shape> {
    Ok(match &schema.schema_kind {
        SchemaKind::AllOf { all_of } => match all_of.as_slice() {
            [ReferenceOr::Reference { reference }] => {
                Shape::Ref(openapi::component(reference).to_owned())
            }
            other => bail!("allOf {other:?}"),
        },
        SchemaKind::Type(Type::Array(array)) => {
            let items = array.items.as_ref().context("an array without items")?;
            Shape::List(Box::new(boxed(items, values)?))
        }
        SchemaKind::Type(Type::Object(object)) => {
            ensure!(object.properties.is_empty(), "properties inside a property");
            match &object.additional_properties {
                None => Shape::Object,
                Some(AdditionalProperties::Schema(inner)) => {
                    let inner = match inner.as_ref() {
                        ReferenceOr::Reference { reference } => {
                            Shape::Ref(openapi::component(reference).to_owned())
                        }
                        ReferenceOr::Item(inner) => shape(inner, values)?,
                    };
                    Shape::Map(Box::new(inner))
                }
                Some(AdditionalProperties::Any(_)) => bail!("additionalProperties of any kind"),
            }
        }
        SchemaKind::Type(kind) => {
            if let Type::String(string) = kind {
                values.extend(string.enumeration.iter().flatten().cloned());
            }
            scalar(kind)?
        }
        SchemaKind::Any(_) => Shape::Any,
        other => bail!("{other:?}"),
    })
}

fn boxed(schema: &ReferenceOr<Box<openapiv3::Schema>>, values: &mut Vec<String>) -> Result<Shape> {
    match schema {
        ReferenceOr::Reference { reference } => {
            Ok(Shape::Ref(openapi::component(reference).to_owned()))
        }
        ReferenceOr::Item(schema) => shape(schema, values),
    }
}

fn scalar(kind: &Type) -> Result<Shape> {
    Ok(match kind {
        Type::Boolean(_) => Shape::Boolean,
        Type::Number(_) => Shape::Number,
        Type::Integer(integer) => match &integer.format {
            Format::Item(IntegerFormat::Int32) => Shape::Int32,
            Format::Item(IntegerFormat::Int64) => Shape::Int64,
            other => bail!("integer format {other:?}"),
        },
        Type::String(string) => match &string.format {
            Format::Empty => Shape::String,
            Format::Item(StringFormat::Byte) => Shape::Byte,
            Format::Item(StringFormat::DateTime) => Shape::DateTime,
            Format::Unknown(format) if format == "micro-time" => Shape::MicroTime,
            other => bail!("string format {other:?}"),
        },
        other => bail!("{other:?}"),
    })
}

fn text(data: &SchemaData, key: &str) -> String {
    data.extensions
        .get(key)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn texts(data: &SchemaData, key: &str) -> Vec<String> {
    let entries = data.extensions.get(key).and_then(Value::as_array);
    entries
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}
