//! `columns.json`: the columns of a kind's Tables, by the kind's name in Go.

use std::collections::BTreeMap;

use serde::Deserialize;

/// `core.Pod` → columns in order; the default columns stand under the empty name.
pub type Columns = BTreeMap<String, Vec<Column>>;

/// One column.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// The header.
    pub name: String,
    /// `string`, `integer`, `boolean`, `date`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `name` for the column that names the object.
    #[serde(default)]
    pub format: String,
    /// What it shows.
    #[serde(default)]
    pub description: String,
    /// 0: always shown; 1: with `-o wide`.
    #[serde(default)]
    pub priority: i32,
}
