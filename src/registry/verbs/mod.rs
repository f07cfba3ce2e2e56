//! One file per verb; each reads as the list of its steps.
//!
//! *Upstream:* `apiserver/pkg/endpoints/handlers`.

pub mod apply;
pub mod create;
pub mod delete;
pub mod delete_collection;
pub mod get;
pub mod list;
pub mod patch;
pub mod update;
pub mod watch;
