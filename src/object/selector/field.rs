//! Field selectors in the query's syntax: `metadata.name=a,spec.nodeName!=b`.
//!
//! *Upstream:* `apimachinery/pkg/fields/selector.go`.

/// A parsed field selector; the default matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSelector {}
