//! Which objects a list, a watch or a deletion of many means: options, selectors, where to start.
//!
//! *Upstream:* `apimachinery/pkg/apis/meta/internalversion`,
//! `apiserver/pkg/storage/selection_predicate.go`.

pub mod continuation;
pub mod list_options;
pub mod selection;

pub use continuation::Continuation;
pub(crate) use list_options::parse_revision;
pub use list_options::{ListOptions, VersionMatch};
pub use selection::Selection;
