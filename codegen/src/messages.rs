//! Protobuf messages as the decoder reads them: full names, JSON names, one word for a type.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use crate::model::{Message, MessageField, Schema};
use crate::spec::protobuf::Protobuf;

/// Lowers every message. A field that JSON does not have by its name is a message written into
/// its parent (`Probe.handler`), or has a name that protobuf spells otherwise (`$ref`).
pub fn lower(facts: &Protobuf, schemas: &[Schema]) -> Result<Vec<Message>> {
    let schemas: BTreeMap<&str, &Schema> = schemas
        .iter()
        .map(|schema| (schema.name.as_str(), schema))
        .collect();
    let mut messages = Vec::new();
    for (package, declared) in facts {
        for (name, fields) in declared {
            let full = format!("{package}.{name}");
            let component = full.replacen("k8s.io.", "io.k8s.", 1).replace('_', "-");
            let schema = schemas.get(component.as_str()).copied();
            let fields = fields
                .iter()
                .map(|(name, fact)| field(package, name, fact, schema))
                .collect::<Result<Vec<_>>>()
                .with_context(|| full.clone())?;
            messages.push(Message { name: full, fields });
        }
    }
    messages.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(messages)
}

fn field(package: &str, name: &str, fact: &str, schema: Option<&Schema>) -> Result<MessageField> {
    let (number, kind) = fact.split_once(' ').context("no type")?;
    let (mark, kind) = if let Some(items) = kind.strip_prefix("repeated ") {
        ("*", items)
    } else if let Some(values) = kind.strip_prefix("map<string, ") {
        ("%", values.strip_suffix('>').context("an open map")?)
    } else {
        ("", kind)
    };
    let is_message = kind.starts_with(|first: char| first == '.' || first.is_uppercase());
    let kind = match kind.strip_prefix('.') {
        Some(full) => full.to_owned(),
        None if is_message => format!("{package}.{kind}"),
        None => kind.to_owned(),
    };
    let json = match schema {
        Some(schema) if !schema.fields.is_empty() => json_name(name, schema, is_message),
        _ => name.to_owned(),
    };
    Ok(MessageField {
        number: number.parse()?,
        name: json,
        kind: format!("{mark}{kind}"),
    })
}

/// Empty for a message that is written into its parent. Protobuf spells some names in its own way:
/// `Webhooks`, `ref`, `xKubernetesListType`.
fn json_name(name: &str, schema: &Schema, is_message: bool) -> String {
    let plain = |name: &str| name.replace(['$', '-'], "").to_lowercase();
    let mut fields = schema.fields.iter().map(|field| &field.name);
    match fields.find(|field| plain(field) == plain(name)) {
        Some(field) => field.clone(),
        None if is_message => String::new(),
        None => name.to_owned(),
    }
}
