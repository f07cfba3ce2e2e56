//! What the server says about itself: discovery, the OpenAPI documents, its version.
//!
//! *Invariant:* values in, JSON out; no HTTP.

pub mod discovery;
