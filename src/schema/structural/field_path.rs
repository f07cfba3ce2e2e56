//! Paths that name a field of a schema: `.spec.names['a.b']`.
//!
//! *Upstream:* `ValidFieldPath` in
//! `apiextensions-apiserver/pkg/apiserver/schema/cel/validation.go`.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::json::object;

/// What is said of the values of a map that may have any.
static NOTHING_SAID: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

/// A path that names a field.
#[derive(Debug)]
pub struct Found<'a> {
    /// The names on the way.
    pub steps: Vec<String>,
    /// Whether each name is a property's, not a map's key.
    pub is_named: Vec<bool>,
    /// What describes the field.
    pub document: &'a Map<String, Value>,
}

/// Follows a path through a schema, or says why it leads nowhere.
pub fn resolve<'a>(
    path: &str,
    document: &'a Map<String, Value>,
    allows_brackets: bool,
) -> Result<Found<'a>, String> {
    let mut found = Found {
        steps: Vec::new(),
        is_named: Vec::new(),
        document,
    };
    let mut rest = path;
    while !rest.is_empty() {
        let token = next_token(&mut rest);
        match token {
            "[" if !allows_brackets => return Err("array notation is not allowed".to_owned()),
            "[" => {
                let quoted = required_token(&mut rest)?;
                let inner = quoted
                    .strip_prefix('\'')
                    .and_then(|text| text.strip_suffix('\''))
                    .ok_or_else(|| format!("expected single quoted string but got {quoted}"))?;
                step(&mut found, &unescape(inner)?)?;
                let close = required_token(&mut rest)?;
                if close != "]" {
                    return Err(format!("expected ] but got {close}"));
                }
            }
            "." => {
                let name = required_token(&mut rest)?.to_owned();
                step(&mut found, &name)?;
            }
            other => return Err(format!("expected [ or . but got: {other}")),
        }
    }
    Ok(found)
}

fn required_token<'t>(rest: &mut &'t str) -> Result<&'t str, String> {
    if rest.is_empty() {
        return Err("unexpected end of JSON path".to_owned());
    }
    Ok(next_token(rest))
}

/// A delimiter, a quoted text, or everything up to the next delimiter.
fn next_token<'t>(rest: &mut &'t str) -> &'t str {
    let text = *rest;
    let end = if text.starts_with('\'') {
        let bytes = text.as_bytes();
        (1..bytes.len())
            .find(|index| bytes[*index] == b'\'' && bytes[*index - 1] != b'\\')
            .map_or(text.len(), |index| index + 1)
    } else {
        match text.find(['.', '[', ']']) {
            Some(0) => 1,
            Some(end) => end,
            None => text.len(),
        }
    };
    let (token, after) = text.split_at(end);
    *rest = after;
    token
}

fn unescape(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some(c @ ('\'' | '"' | '\\' | '`')) => out.push(c),
            _ => return Err("invalid string literal: invalid syntax".to_owned()),
        }
    }
    Ok(out)
}

fn step(found: &mut Found<'_>, name: &str) -> Result<(), String> {
    const NOWHERE: &str = "does not refer to a valid field";
    let properties = object(found.document, "properties").filter(|map| !map.is_empty());
    let is_named = properties.is_some();
    let next = match properties {
        Some(properties) => object(properties, name),
        None => match found.document.get("additionalProperties") {
            Some(Value::Bool(_)) => Some(&*NOTHING_SAID),
            _ => object(found.document, "additionalProperties"),
        },
    };
    found.document = next.ok_or(NOWHERE)?;
    found.steps.push(name.to_owned());
    found.is_named.push(is_named);
    Ok(())
}
