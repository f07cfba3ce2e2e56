//! How Go holds a pod template: every struct in it, as `reflect` sees it.
//!
//! Controllers name what they make after a hash of the template's fields, printed with their Go
//! names and types. One text per field, `Volumes []v1.Volume volumes`: the field's name, its type
//! and what it is called in objects; `.` where it is embedded. A type that is no struct stands as
//! what it is made of, `=string`.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

use super::go_fields::{self, resolve};
use super::go_types::{self, Declaration, Imports, Package};
use super::modules::Modules;
use super::print;
use super::source::Output;

/// Where it begins.
const ROOT: (&str, &str) = ("k8s.io/api/core/v1", "PodTemplateSpec");

/// Types that are no plain structs of fields: who prints them knows what they hold.
const KNOWN: [&str; 5] = [
    "resource.Quantity",
    "intstr.IntOrString",
    "v1.Time",
    "v1.FieldsV1",
    "types.UID",
];

/// Reads every type a pod template is made of.
pub(super) fn read(modules: &Modules, output: &mut Output) -> Result<String> {
    let mut reader = Reader {
        modules,
        output,
        packages: BTreeMap::new(),
        pending: vec![(ROOT.0.to_owned(), ROOT.1.to_owned())],
        homes: BTreeMap::new(),
        facts: Map::new(),
    };
    while let Some((path, name)) = reader.pending.pop() {
        reader
            .add(&path, &name)
            .with_context(|| format!("{path}.{name}"))?;
    }
    Ok(print::open(&Value::Object(reader.facts), 1))
}

struct Reader<'a> {
    modules: &'a Modules,
    output: &'a mut Output,
    packages: BTreeMap<String, Package>,
    pending: Vec<(String, String)>,
    /// Which package a printed type is of: two must not print alike.
    homes: BTreeMap<String, String>,
    facts: Map<String, Value>,
}

impl Reader<'_> {
    fn add(&mut self, path: &str, name: &str) -> Result<()> {
        let last = path.rsplit('/').next().unwrap_or(path);
        let key = format!("{last}.{name}");
        if KNOWN.contains(&key.as_str()) {
            return Ok(());
        }
        if let Some(home) = self.homes.insert(key.clone(), path.to_owned()) {
            ensure!(home == path, "{home} and {path} both have {key}");
            return Ok(());
        }
        if !self.packages.contains_key(path) {
            let package = go_fields::package(self.modules, self.output, path)?;
            self.packages.insert(path.to_owned(), package);
        }
        let package = &self.packages[path];
        let mut found = Vec::new();
        let mut types = Vec::new();
        match package.types.get(name) {
            Some(Declaration::Struct(lines, imports)) => {
                for field in go_types::fields(lines)? {
                    let kind = go_types::reflect(&field.text, &package.name, imports)?;
                    let at = field.json.split(',').next().unwrap_or_default();
                    let (name, at) = match &field.name {
                        Some(name) => (name.as_str(), at),
                        None => (go_name(&field.text), if at.is_empty() { "." } else { at }),
                    };
                    ensure!(!at.is_empty(), "{name} has no name in objects");
                    found.push(format!("{name} {kind} {at}"));
                    types.push((field.text.clone(), imports.clone()));
                }
            }
            Some(Declaration::Other(text, imports)) => {
                ensure!(!text.starts_with("= "), "an alias");
                found.push(format!(
                    "={}",
                    go_types::reflect(text, &package.name, imports)?
                ));
                types.push((text.clone(), imports.clone()));
            }
            None => bail!("no such type"),
        }
        for (text, imports) in types {
            self.follow(path, &text, &imports)?;
        }
        self.facts.insert(key, Value::from(found));
        Ok(())
    }

    /// Notes the named types that a type is written with.
    fn follow(&mut self, path: &str, text: &str, imports: &Imports) -> Result<()> {
        let names = text
            .split(['*', '[', ']'])
            .map(|word| word.strip_prefix("map").unwrap_or(word));
        for name in names.filter(|name| name.contains(char::is_uppercase)) {
            self.pending.push(resolve(path, name, imports)?);
        }
        Ok(())
    }
}

/// What an embedded field is called: as its type.
fn go_name(text: &str) -> &str {
    text.rsplit('.').next().unwrap_or(text)
}
