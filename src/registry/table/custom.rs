//! The columns that a CustomResourceDefinition gives its resources, and their cells.
//!
//! *Upstream:* `apiextensions-apiserver/pkg/registry/customresource/tableconvertor`,
//! `apiextensions-apiserver/pkg/apiserver/helpers.go`.

use std::borrow::Cow;

use jiff::Timestamp;
use serde_json::{Number, Value};

use crate::object::json_path::JsonPath;
use crate::object::{Object, time};
use crate::schema::catalog::Custom;
use crate::schema::{Column, tables};

/// A column of a definition; `path` is empty for the name.
pub(super) struct Own<'a> {
    name: &'a str,
    kind: &'a str,
    format: &'a str,
    description: Cow<'a, str>,
    priority: i32,
    path: &'a str,
}

impl Own<'_> {
    /// As it stands in a Table.
    pub(super) fn column(&self) -> Column<'_> {
        Column {
            name: self.name,
            kind: self.kind,
            format: self.format,
            description: &self.description,
            priority: self.priority,
        }
    }
}

/// The name, then the columns of the definition up to the first whose path is none; the age where
/// it has no columns.
pub(super) fn columns(custom: &Custom) -> Vec<Own<'_>> {
    let mut columns = vec![name()];
    let is_sound = |column: &&Value| {
        let path = column["jsonPath"].as_str().unwrap_or("");
        JsonPath::parse(path).is_some()
    };
    let own = custom.printer_columns.iter().take_while(is_sound);
    columns.extend(own.map(|column| {
        let text = |field: &str| column[field].as_str().unwrap_or("");
        let path = text("jsonPath");
        Own {
            name: text("name"),
            kind: text("type"),
            format: text("format"),
            description: match text("description") {
                "" => {
                    let what = "Custom resource definition column (in JSONPath format)";
                    format!("{what}: {path}").into()
                }
                description => description.into(),
            },
            priority: column["priority"].as_i64().unwrap_or(0) as i32,
            path,
        }
    }));
    if custom.printer_columns.is_empty() {
        columns.push(age_column());
    }
    columns
}

/// The columns of the scale face: name, replicas wanted and there, age.
pub(super) fn scale_columns(custom: &Custom) -> Vec<Own<'_>> {
    let replicas = |field: &str, name, description: &'static str, path| {
        let scale = custom.scale.as_ref()?;
        scale[field].as_str().filter(|path| !path.is_empty())?;
        Some(Own {
            name,
            kind: "integer",
            format: "",
            description: description.into(),
            priority: 0,
            path,
        })
    };
    let wanted = "Number of desired replicas";
    let there = "Number of actual replicas";
    let mut columns = vec![name()];
    columns.extend(replicas(
        "specReplicasPath",
        "Desired",
        wanted,
        ".spec.replicas",
    ));
    columns.extend(replicas(
        "statusReplicasPath",
        "Available",
        there,
        ".status.replicas",
    ));
    columns.push(age_column());
    columns
}

fn name() -> Own<'static> {
    let column = tables::columns("")[0];
    Own {
        name: column.name,
        kind: column.kind,
        format: column.format,
        description: column.description.into(),
        priority: column.priority,
        path: "",
    }
}

fn age_column() -> Own<'static> {
    Own {
        name: "Age",
        kind: "date",
        format: "",
        description: tables::columns("")[1].description.into(),
        priority: 0,
        path: ".metadata.creationTimestamp",
    }
}

/// The cells of one object; `null` where a path finds nothing or something of another type.
pub(super) fn cells(columns: &[Own<'_>], object: &Object, now: Timestamp) -> Vec<Value> {
    let value = object.clone().into_value();
    let cell = |column: &Own<'_>| {
        if column.path.is_empty() {
            return object.name().into();
        }
        let Some(path) = JsonPath::parse(column.path) else {
            return Value::Null;
        };
        match path.find(&value) {
            Ok(found) if !found.is_empty() => shown(column.kind, found[0], now),
            _ => Value::Null,
        }
    };
    columns.iter().map(cell).collect()
}

fn shown(kind: &str, value: &Value, now: Timestamp) -> Value {
    match (kind, value) {
        ("string", value) => text(value).into(),
        ("boolean", Value::Bool(_)) => value.clone(),
        ("integer", Value::Number(number)) => {
            let truncated = number.as_f64().map(go_integer);
            number
                .as_i64()
                .or(truncated)
                .map_or(Value::Null, Value::from)
        }
        ("number", Value::Number(number)) => as_go_float(number),
        ("date", Value::String(text)) if text.is_empty() || text == "null" => "<unknown>".into(),
        ("date", Value::String(text)) => match time::parse(text) {
            Some(_) => time::age(Some(value), now).into(),
            None => "<invalid>".into(),
        },
        _ => Value::Null,
    }
}

/// Lists and objects as JSON, the rest as Go prints it.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "<no value>".to_owned(),
        Value::Number(number) if number.is_f64() => go_float(number.as_f64().unwrap_or(0.0)),
        other => other.to_string(),
    }
}

/// A float as an integer; Go makes the least there is of one that is too large.
fn go_integer(number: f64) -> i64 {
    const END: f64 = 9_223_372_036_854_775_808.0;
    if (-END..END).contains(&number) {
        number as i64
    } else {
        i64::MIN
    }
}

/// A float as Go's `%v` prints it: an exponent of two digits where it is large or small.
fn go_float(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-4..1e21).contains(&size) {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    number.to_string()
}

/// A number as Go encodes a float: without a fraction where it has none.
fn as_go_float(number: &Number) -> Value {
    match number.as_f64() {
        Some(float) if float.fract() == 0.0 && float.abs() < 1e15 => (float as i64).into(),
        _ => number.clone().into(),
    }
}
