//! What an object may be: one `Schema` type for built-in kinds and custom resources.
//!
//! A schema is an arena of nodes and the id of its root; nodes name each other by id, so that
//! recursive schemas (`JSONSchemaProps`) need no special form. The generated tables are one arena
//! shared by all built-in kinds; each version of a CustomResourceDefinition has an arena of its
//! own.
//!
//! *Invariant:* knows no particular kind, no storage and no HTTP.
//! *Upstream:* `apiextensions-apiserver/pkg/apiserver/schema`, `structured-merge-diff/schema`.

pub mod catalog;
pub mod default;
pub mod emptied;
pub mod formats;
pub mod go_struct;
pub mod list_type;
mod lookup;
pub mod node;
pub mod normalise;
pub mod protobuf;
pub mod prune;
pub mod publish;
pub mod ratchet;
pub mod structural;
pub mod tables;
pub mod validate;
mod zero;

pub use catalog::{Catalog, Resource, Subresource};
pub(crate) use lookup::Cursor;
pub use node::{
    Checks, Encoding, Field, Format, ListKind, MapKind, MergeRule, Node, NodeId, Origin, Pattern,
    Rule, Schema, SchemaSet, Shape, Text,
};
pub use tables::Column;
