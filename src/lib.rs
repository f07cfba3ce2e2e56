//! A Kubernetes API emulator to embed.
//!
//! The order of the modules below is the architecture: a module uses those above it, never those
//! below. `tests/tidy.rs` holds it; `ARCHITECTURE.md` explains it.

#[doc(hidden)]
pub mod object;

#[doc(hidden)]
pub mod error;

#[doc(hidden)]
pub mod sim;

#[doc(hidden)]
pub mod shell;

#[doc(hidden)]
pub mod schema;

#[doc(hidden)]
pub mod cel;

#[doc(hidden)]
pub mod patch;

#[doc(hidden)]
pub mod storage;

#[doc(hidden)]
pub mod webhook;

#[doc(hidden)]
pub mod auth;

#[doc(hidden)]
pub mod audit;

#[doc(hidden)]
pub mod admission;

#[doc(hidden)]
pub mod registry;

#[doc(hidden)]
pub mod resources;

#[doc(hidden)]
pub mod client;

#[doc(hidden)]
pub mod usage;

#[doc(hidden)]
pub mod runtime;

#[doc(hidden)]
pub mod aggregate;

#[doc(hidden)]
pub mod runner;

#[doc(hidden)]
pub mod controllers;

#[doc(hidden)]
pub mod nodes;

#[doc(hidden)]
pub mod server;

#[doc(hidden)]
pub mod cluster;

#[doc(hidden)]
pub mod cli;

pub use client::Client;
pub use cluster::{Builder, Cluster};
