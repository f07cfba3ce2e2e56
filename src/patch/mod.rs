//! How an object changes: JSON patch, merge patch, strategic merge patch.
//!
//! *Invariant:* pure; knows no storage and no users.
//! *Upstream:* `apiserver/pkg/endpoints/handlers/patch.go`.

pub mod apply;
mod convert;
mod go_print;
mod json;
mod merge;
mod order;
mod strategic;

pub use convert::{converter_words, merged, restore};
pub use go_print::{print as go_print, syntax as go_syntax};
use serde_json::{Map, Value};

use crate::object::Object;
use crate::object::meta::MANAGED_FIELDS;
use crate::schema::Schema;

/// Most operations in one JSON patch.
const OPERATIONS_MAX: usize = 10_000;

/// A patch, parsed.
#[derive(Clone, Debug)]
pub enum Patch {
    /// RFC 6902: a list of operations.
    Json(Vec<Value>),
    /// RFC 7386: what is to be there; null removes.
    Merge(Map<String, Value>),
    /// A merge patch whose lists merge by the schema's keys, with directives.
    Strategic(Map<String, Value>),
}

/// Why a patch does not apply. What the client reads of each stands in `registry/verbs/patch.rs`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The patch itself is malformed.
    #[error("{0}")]
    Malformed(String),
    /// The patch is larger than the server takes.
    #[error("{0}")]
    TooLarge(String),
    /// The patch does not fit the object.
    #[error("{0}")]
    Unfit(String),
    /// The patch fails in a way that upstream has no reason for.
    #[error("{0}")]
    Failed(String),
}

impl Patch {
    /// A JSON patch from its parsed body.
    pub fn json(body: Value) -> Result<Self, Error> {
        let operations = match body {
            Value::Array(operations) => operations,
            Value::Null => Vec::new(),
            other => {
                return Err(Error::Malformed(format!(
                    "error decoding patch: json: cannot unmarshal {} into Go value of type \
                     []handlers.jsonPatchOp",
                    crate::object::json::go_name(&other)
                )));
            }
        };
        if operations.len() > OPERATIONS_MAX {
            return Err(Error::TooLarge(format!(
                "The allowed maximum operations in a JSON patch is {OPERATIONS_MAX}, got {}",
                operations.len()
            )));
        }
        let is_wrong = |operation: &Value| !operation.is_object() && !operation.is_null();
        if let Some(wrong) = operations.iter().find(|operation| is_wrong(operation)) {
            return Err(Error::Malformed(format!(
                "error decoding patch: json: cannot unmarshal {} into Go value of type \
                 handlers.jsonPatchOp",
                crate::object::json::go_name(wrong)
            )));
        }
        Ok(Self::Json(operations))
    }

    /// A merge patch from its parsed body.
    pub fn merge(body: Value) -> Result<Self, Error> {
        match body {
            Value::Object(map) => Ok(Self::Merge(map)),
            Value::Null => Err(Error::Malformed("Invalid JSON Patch".to_owned())),
            other => Err(not_a_map(&other, "error decoding patch: ")),
        }
    }

    /// A strategic merge patch from its parsed body.
    pub fn strategic(body: Value) -> Result<Self, Error> {
        match body {
            Value::Object(map) => Ok(Self::Strategic(map)),
            Value::Null => Ok(Self::Strategic(Map::new())),
            other => Err(not_a_map(&other, "")),
        }
    }

    /// Whether it says which version of the object it is meant for.
    pub fn names_version(&self) -> bool {
        match self {
            Self::Json(operations) => operations.iter().any(|operation| {
                operation.get("path").and_then(Value::as_str) == Some("/metadata/resourceVersion")
            }),
            Self::Merge(patch) | Self::Strategic(patch) => patch
                .get("metadata")
                .and_then(|metadata| metadata.get("resourceVersion"))
                .is_some(),
        }
    }

    /// Whether what it makes of an object may depend on `metadata.managedFields`, or change them.
    pub fn may_see_managed_fields(&self) -> bool {
        match self {
            Self::Json(operations) => operations.iter().any(|operation| {
                let leads_there = |name: &str| {
                    let path = operation.get(name).and_then(Value::as_str).unwrap_or("");
                    let field = path.strip_prefix("/metadata").map(|rest| rest.get(1..));
                    // The object, its metadata, or somewhere in the entries.
                    path.is_empty() && operation.get(name).is_some()
                        || field.is_some_and(|field| {
                            field.is_none_or(|field| field.starts_with(MANAGED_FIELDS))
                        })
                };
                leads_there("path") || leads_there("from")
            }),
            Self::Merge(patch) | Self::Strategic(patch) => {
                let sees = |key: &String| key.starts_with('$') || key == MANAGED_FIELDS;
                patch.keys().any(sees)
                    || patch.get("metadata").is_some_and(|metadata| {
                        let map = metadata.as_object();
                        map.is_none_or(|map| map.keys().any(sees))
                    })
            }
        }
    }

    /// What it makes of an object.
    pub fn apply(&self, current: Object, schema: &Schema) -> Result<Value, Error> {
        let mut document = current.into_value();
        match self {
            Self::Json(operations) => json::apply(&mut document, operations)?,
            Self::Merge(patch) => merge::apply(&mut document, patch),
            Self::Strategic(patch) => {
                return strategic::apply(document, patch.clone(), schema);
            }
        }
        Ok(document)
    }
}

fn not_a_map(body: &Value, before: &str) -> Error {
    Error::Malformed(format!(
        "{before}json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
        crate::object::json::go_name(body)
    ))
}
