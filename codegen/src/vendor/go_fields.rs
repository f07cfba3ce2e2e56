//! What Go's JSON encoding does with each field: the struct's name, the field's type, what is left
//! out.
//!
//! One text per field, `*int32,omitempty`: the type as `reflect` prints it and the options of the
//! tag. Embedded structs are flattened as the encoder flattens them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

use super::go_types::{self, Declaration, Imports, Package};
use super::modules::{self, Modules, has_extension};
use super::print;
use super::source::Output;

/// Reads the Go declaration of every schema.
pub(super) fn read(
    modules: &Modules,
    schemas: &BTreeSet<String>,
    output: &mut Output,
) -> Result<String> {
    let mut reader = Reader {
        modules,
        output,
        packages: BTreeMap::new(),
    };
    let mut facts = Map::new();
    for schema in schemas {
        let (path, name) = go_name(schema)?;
        let fact = reader
            .schema(&path, &name)
            .with_context(|| schema.clone())?;
        facts.insert(schema.clone(), fact);
    }
    Ok(print::open(&Value::Object(facts), 1))
}

/// `io.k8s.api.core.v1.Pod` → (`k8s.io/api/core/v1`, `Pod`).
fn go_name(schema: &str) -> Result<(String, String)> {
    let rest = schema
        .strip_prefix("io.k8s.")
        .with_context(|| schema.to_owned())?;
    let (package, name) = rest.rsplit_once('.').with_context(|| schema.to_owned())?;
    Ok((
        format!("k8s.io/{}", package.replace('.', "/")),
        name.to_owned(),
    ))
}

struct Reader<'a> {
    modules: &'a Modules,
    output: &'a mut Output,
    packages: BTreeMap<String, Package>,
}

impl Reader<'_> {
    fn schema(&mut self, path: &str, name: &str) -> Result<Value> {
        self.load(path)?;
        let package = &self.packages[path];
        let go = format!("{}.{name}", package.name);
        if package.custom_json.contains(name) {
            return Ok(json!({ "go": go, "encodes": "itself" }));
        }
        match package.types.get(name) {
            None => bail!("{path} declares no type {name}"),
            Some(Declaration::Other(text, imports)) if text.starts_with("= ") => {
                let (path, name) = resolve(path, &text[2..], imports)?;
                self.schema(&path, &name)
            }
            // A defined type over another package's struct: its fields under its own name.
            Some(Declaration::Other(text, imports)) => {
                let (path, name) = resolve(path, text, imports)?;
                let mut fact = self.schema(&path, &name)?;
                fact["go"] = Value::from(go);
                Ok(fact)
            }
            Some(Declaration::Struct(..)) => {
                let mut fields = Map::new();
                self.flatten(path, name, &mut fields)?;
                Ok(json!({ "go": go, "fields": fields }))
            }
        }
    }

    fn flatten(&mut self, path: &str, name: &str, into: &mut Map<String, Value>) -> Result<()> {
        self.load(path)?;
        let package = &self.packages[path];
        let (fields, imports) = match package.types.get(name) {
            Some(Declaration::Struct(lines, imports)) => (go_types::fields(lines)?, imports),
            Some(Declaration::Other(text, imports)) if text.starts_with("= ") => {
                let (path, name) = resolve(path, &text[2..], imports)?;
                return self.flatten(&path, &name, into);
            }
            _ => bail!("{path}.{name} is embedded and not a struct"),
        };
        let mut embedded = Vec::new();
        for field in &fields {
            let mut parts = field.json.split(',');
            let tagged = parts.next().unwrap_or_default();
            let options: Vec<&str> = parts.collect();
            if tagged == "-" {
                continue;
            }
            let known = ["inline", "omitempty", "omitzero"];
            ensure!(
                options
                    .iter()
                    .all(|option| known.contains(option) || option.is_empty()),
                "unknown JSON options in `{}`",
                field.json
            );
            let name = match (&field.name, tagged) {
                (None, "") => {
                    ensure!(
                        !field.text.starts_with('*'),
                        "an embedded pointer: {}",
                        field.text
                    );
                    embedded.push(resolve(path, &field.text, imports)?);
                    continue;
                }
                (Some(name), "") => name.as_str(),
                (_, tagged) => tagged,
            };
            let mut text = go_types::reflect(&field.text, &package.name, imports)?;
            for option in options.iter().filter(|option| option.starts_with("omit")) {
                text.push(',');
                text.push_str(option);
            }
            let before = into.insert(name.to_owned(), Value::from(text));
            ensure!(before.is_none(), "two fields encode as {name}");
        }
        for (path, name) in embedded {
            self.flatten(&path, &name, into)?;
        }
        Ok(())
    }

    fn load(&mut self, path: &str) -> Result<()> {
        if !self.packages.contains_key(path) {
            let package = package(self.modules, self.output, path)?;
            self.packages.insert(path.to_owned(), package);
        }
        Ok(())
    }
}

/// Reads the declarations of a package that people wrote.
pub(super) fn package(modules: &Modules, output: &mut Output, path: &str) -> Result<Package> {
    let mut package = Package::default();
    let written = |name: &str| {
        let is_aside = ["_test", "_string"]
            .iter()
            .any(|end| stem(name).ends_with(end));
        has_extension(name, "go") && !is_aside && !name.contains("generated")
    };
    for file in modules::files(&modules.locate(path)?, written)? {
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let text = output.read(modules, &format!("{path}/{name}"))?;
        package
            .add(&text)
            .with_context(|| format!("{path}/{name}"))?;
    }
    Ok(package)
}

/// The package and name of a type as a file names it.
pub(super) fn resolve(path: &str, text: &str, imports: &Imports) -> Result<(String, String)> {
    Ok(match text.split_once('.') {
        None => (path.to_owned(), text.to_owned()),
        Some((alias, name)) => {
            let path = imports
                .get(alias)
                .with_context(|| format!("no import {alias}"))?;
            (path.clone(), name.to_owned())
        }
    })
}

fn stem(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}
