//! How the objects of a kind print: the columns of a Table and the cells of a row.
//!
//! *Upstream:* `pkg/printers/internalversion/printers.go`.

use jiff::Timestamp;
use serde_json::Value;

use crate::object::Object;
pub use crate::schema::Column;

/// How the objects of a built-in kind print. It reads objects in the version they are stored in.
#[derive(Clone, Copy, Debug)]
pub struct Printer {
    /// The kind in Go, `core.Pod`: names its columns in the generated tables.
    pub kind: &'static str,
    /// The cells of one object. Ages are counted to the given time.
    pub cells: fn(&Object, Timestamp) -> Vec<Value>,
    /// What a row says beside its cells: `conditions`.
    pub conditions: Option<fn(&Object) -> Option<Value>>,
    /// The rows of a list, for kinds whose rows depend on each other or come in an order of their
    /// own.
    pub list: Option<ListRule>,
    /// Whether a Table without rows says `null`, as the default printer's does.
    pub is_null_when_empty: bool,
}

/// Orders the objects of a list and prints them.
pub type ListRule = fn(Vec<Object>, Timestamp) -> Vec<(Object, Vec<Value>)>;

impl Printer {
    /// A printer with nothing special but its cells.
    pub const fn new(kind: &'static str, cells: fn(&Object, Timestamp) -> Vec<Value>) -> Self {
        Self {
            kind,
            cells,
            conditions: None,
            list: None,
            is_null_when_empty: false,
        }
    }

    /// The columns.
    pub fn columns(&self) -> &'static [Column<'static>] {
        crate::schema::tables::columns(self.kind)
    }
}
