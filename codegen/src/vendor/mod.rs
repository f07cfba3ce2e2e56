//! Brings the facts of a Kubernetes release into `openapi/`: what is served, and in which shape.
//!
//! *Invariant:* only facts leave this folder. Every prose description is dropped on the way, but for
//! those of Table columns and those the server composes for custom resources: they are answers.
//! *Upstream:* the Go modules `k8s.io/kubernetes` and its published siblings.

mod columns;
pub mod crds;
mod custom;
mod discovery;
mod enums;
mod go_dumps;
mod go_fields;
mod go_structs;
mod go_types;
mod lifecycle;
mod modules;
mod openapi;
mod print;
mod protobuf;
mod source;

use std::path::Path;

use anyhow::{Context, Result};

pub(crate) use self::source::checksum;
use crate::version::Version;

/// Downloads the release's Go modules and writes every fact file of it below `openapi/`.
pub fn vendor(version: &Version, openapi: &Path) -> Result<()> {
    let modules = modules::download(version)?;
    let mut output = source::Output::new(openapi.join(version.folder));
    let documents = openapi::read(&modules, version, &mut output)?;
    for (name, text) in &documents.files {
        output.write(&format!("openapi-v3/{name}"), text)?;
    }
    let found = discovery::read(&modules, &mut output).context("discovery")?;
    output.write("discovery.json", &found)?;
    let fields = go_fields::read(&modules, &documents.schemas, &mut output).context("Go fields")?;
    output.write("go-fields.json", &fields)?;
    let structs = go_structs::read(&modules, &mut output).context("Go structs")?;
    output.write("go-structs.json", &structs)?;
    let dumps = go_dumps::read(&modules, &mut output).context("Go dumps")?;
    output.write("go-dumps.json", &dumps)?;
    let messages = protobuf::read(&modules, &documents.schemas, &mut output).context("protobuf")?;
    output.write("protobuf.json", &messages)?;
    let columns = columns::read(&modules, &mut output).context("columns")?;
    output.write("columns.json", &columns)?;
    let texts = custom::read(&modules, &mut output).context("custom resources")?;
    output.write("custom-resources.json", &texts)?;
    output.finish(version, &modules)
}
