//! How the objects of a kind print: the columns of a Table and the cells of a row.
//!
//! *Upstream:* `pkg/printers/internalversion/printers.go`.

use jiff::Timestamp;
use serde_json::Value;

use crate::object::Object;

/// A column of a Table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// The header.
    pub name: &'static str,
    /// `string`, `integer`, `date`, …
    pub kind: &'static str,
    /// `name` for the first column, else mostly empty.
    pub format: &'static str,
    /// What the column shows.
    pub description: &'static str,
    /// 0: always shown; 1: with `-o wide`.
    pub priority: u8,
}

/// How the objects of a built-in kind print.
#[derive(Clone, Copy, Debug)]
pub struct Printer {
    /// The columns.
    pub columns: &'static [Column],
    /// The cells of one object, one for each column. Ages are counted to the given time.
    pub cells: fn(&Object, Timestamp) -> Vec<Value>,
}
