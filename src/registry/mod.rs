//! What the API does: one corridor for every request, whoever makes it.
//!
//! *Invariant:* knows no HTTP, no particular kind and no controller. Only `write.rs` holds the
//! store's writing end.
//! *Upstream:* `apiserver/pkg/registry`, `apiserver/pkg/endpoints/handlers`.

pub mod context;
pub mod printer;
pub mod request;
pub mod response;
pub mod strategy;

pub use context::Context;
pub use printer::{Column, Printer};
pub use request::{Form, Options, Request, Target, Verb};
pub use response::{Body, Response};
pub use strategy::Strategy;

/// The corridor.
pub struct Registry {}
