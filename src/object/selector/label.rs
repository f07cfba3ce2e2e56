//! Label selectors in the query's syntax: `a=b,c!=d,e in (f,g),h,!i`.
//!
//! *Upstream:* `apimachinery/pkg/labels/selector.go`.

/// A parsed label selector; the default matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector {}
