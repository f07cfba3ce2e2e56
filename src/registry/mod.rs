//! What the API does: one corridor for every request, whoever makes it.
//!
//! *Invariant:* knows no HTTP, no particular kind and no controller. Only `write.rs` holds the
//! store's writing end.
//! *Upstream:* `apiserver/pkg/registry`, `apiserver/pkg/endpoints/handlers`.

mod answer;
pub mod context;
pub mod custom;
pub mod decode;
pub mod delete_options;
pub mod destination;
pub mod handle;
pub mod interpret;
pub mod meta;
pub mod options;
pub mod printer;
pub mod query;
pub mod request;
pub mod response;
pub mod shape;
pub mod strategy;
pub mod subresources;
pub mod table;
pub mod verbs;
pub mod versions;
pub(crate) mod view;
pub mod write;

pub use context::{Context, Settings};
pub use delete_options::{DeleteOptions, Propagation};
pub use destination::{Destination, Way};
pub use handle::{Kinds, Registry};
pub use printer::{Column, Printer};
pub use request::{Form, Options, Request, Target, Verb, Wire};
pub use response::{Batch, Body, Chunk, Response};
pub use strategy::{Connect, Follower, Guard, NameRule, Strategy};
