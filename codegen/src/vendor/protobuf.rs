//! Message and field numbers of `generated.proto`, one text per field: `4 repeated Volume`.
//!
//! A type is the last part of a message's full name when it stands in the same package, the full
//! name otherwise, exactly as the file writes it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

use super::go_types::without_comments;
use super::modules::Modules;
use super::print;
use super::source::Output;

/// Reads the `.proto` file of every package a schema stands in.
pub(super) fn read(
    modules: &Modules,
    schemas: &BTreeSet<String>,
    output: &mut Output,
) -> Result<String> {
    let mut packages: BTreeMap<String, Value> = BTreeMap::new();
    for schema in schemas {
        let folder = schema
            .trim_start_matches("io.k8s.")
            .rsplit_once('.')
            .unwrap_or_default()
            .0;
        let path = format!("k8s.io/{}/generated.proto", folder.replace('.', "/"));
        if packages.contains_key(&path) || !modules.locate(&path)?.is_file() {
            continue;
        }
        let text = output.read(modules, &path)?;
        let (package, messages) = parse(&text).with_context(|| path.clone())?;
        packages.insert(path, serde_json::json!({ package: messages }));
    }
    let mut all = Map::new();
    for package in packages.into_values() {
        let Value::Object(package) = package else {
            continue;
        };
        all.extend(package);
    }
    Ok(print::open(&Value::Object(all), 2))
}

fn parse(text: &str) -> Result<(String, Map<String, Value>)> {
    let mut package = String::new();
    let mut messages = Map::new();
    let mut open: Option<(String, Map<String, Value>)> = None;
    for line in without_comments(text).lines().map(str::trim) {
        if line.is_empty() || line.starts_with("import ") {
            continue;
        }
        if let Some(name) = line.strip_prefix("package ") {
            name.trim_end_matches(';').clone_into(&mut package);
        } else if let Some(name) = line.strip_prefix("message ") {
            ensure!(open.is_none(), "a message inside a message: {line}");
            open = Some((name.trim_end_matches('{').trim().to_owned(), Map::new()));
        } else if line == "}" {
            let (name, fields) = open.take().context("a brace without a message")?;
            messages.insert(name, Value::Object(fields));
        } else if let Some((_, fields)) = &mut open {
            let (name, fact) = field(line)?;
            fields.insert(name, Value::from(fact));
        } else if !line.starts_with("syntax ") && !line.starts_with("option ") {
            bail!("cannot read `{line}`");
        }
    }
    Ok((package, messages))
}

/// `repeated Volume volumes = 1;` → (`volumes`, `1 repeated Volume`).
fn field(line: &str) -> Result<(String, String)> {
    let (declaration, number) = line.rsplit_once('=').with_context(|| line.to_owned())?;
    let number: u32 = number
        .trim()
        .trim_end_matches(';')
        .parse()
        .with_context(|| line.to_owned())?;
    let (kind, name) = declaration
        .trim()
        .rsplit_once(' ')
        .with_context(|| line.to_owned())?;
    let kind = kind.trim().trim_start_matches("optional ");
    Ok((name.to_owned(), format!("{number} {kind}")))
}
