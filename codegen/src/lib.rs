//! Facts to tables: reads `openapi/`, fixes what upstream got wrong, lowers it to a model, emits
//! rows.

#![allow(
    clippy::disallowed_methods,
    reason = "a tool of the developer: reads facts, writes tables"
)]

pub mod bootstrap;
pub mod check;
pub mod documents;
pub mod emit;
pub mod fixups;
pub mod lower;
pub mod messages;
pub mod model;
pub mod report;
pub mod scaffold;
pub mod schemas;
pub mod spec;
pub mod vendor;
pub mod version;

use std::path::Path;

use anyhow::{Context, Result};

/// The model of one version: read, fix, lower.
pub fn model(openapi: &Path, version: &str) -> Result<model::Model> {
    let mut facts = spec::read(openapi, version)?;
    fixups::apply(version, &mut facts)?;
    lower::lower(&facts).with_context(|| format!("the facts of {version}"))
}

/// The tables of one version as Rust source.
pub fn generate(openapi: &Path, version: &str) -> Result<String> {
    emit::emit(&model(openapi, version)?)
}
