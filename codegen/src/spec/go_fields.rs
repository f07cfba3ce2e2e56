//! `go-fields.json`.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Schema name → Go facts.
pub type GoFields = BTreeMap<String, GoType>;

/// One Go type.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoType {
    /// `v1.PodSpec`.
    pub go: String,
    /// JSON name → `*int32,omitempty`.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// `itself` for types with JSON methods of their own.
    #[serde(default)]
    pub encodes: String,
}
