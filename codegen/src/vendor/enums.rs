//! The enumerations of `zz_generated.openapi.go`, which the published documents leave out.
//!
//! The file is generated and regular: a function per schema, a tab-indented line per property. The
//! reader relies on that layout and stops when a line breaks it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::modules::Modules;
use super::source::Output;

const SOURCES: [&str; 3] = [
    "k8s.io/kubernetes/pkg/generated/openapi/zz_generated.openapi.go",
    "k8s.io/apiextensions-apiserver/pkg/generated/openapi/zz_generated.openapi.go",
    "k8s.io/kube-aggregator/pkg/generated/openapi/zz_generated.openapi.go",
];
/// Properties stand at this depth inside a schema function.
const PROPERTY_INDENT: &str = "\t\t\t\t\t";

/// Where below a property an enumeration stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Property,
    Items,
    Values,
}

/// Schema function → (property, place) → values.
pub(super) struct Enums {
    found: BTreeMap<String, BTreeMap<(String, Place), Vec<String>>>,
    applied: BTreeSet<String>,
}

impl Enums {
    /// Reads the generated sources.
    pub(super) fn read(modules: &Modules, output: &mut Output) -> Result<Self> {
        let mut found = BTreeMap::new();
        for path in SOURCES {
            scan(&output.read(modules, path)?, &mut found).with_context(|| path.to_owned())?;
        }
        Ok(Self {
            found,
            applied: BTreeSet::new(),
        })
    }

    /// Writes the enumerations of one schema into its document form.
    pub(super) fn apply(&mut self, schema: &str, value: &mut Value) -> Result<()> {
        let Some(function) = function(schema) else {
            return Ok(());
        };
        let Some(entries) = self.found.get(&function) else {
            return Ok(());
        };
        for ((property, place), values) in entries {
            let target = match place {
                Place::Property => format!("/properties/{property}"),
                Place::Items => format!("/properties/{property}/items"),
                Place::Values => format!("/properties/{property}/additionalProperties"),
            };
            let target = value
                .pointer_mut(&target)
                .and_then(Value::as_object_mut)
                .with_context(|| format!("{target} is not in the document"))?;
            let values = values.iter().cloned().map(Value::from).collect();
            target.insert("enum".to_owned(), Value::Array(values));
        }
        self.applied.insert(function);
        Ok(())
    }

    /// Complains when an enumeration of a published schema was never used.
    pub(super) fn all_applied(&self, schemas: &BTreeSet<String>) -> Result<()> {
        ensure!(
            !self.applied.is_empty(),
            "no enumeration was found: did the layout change?"
        );
        for schema in schemas {
            if let Some(function) = function(schema)
                && self.found.contains_key(&function)
                && !self.applied.contains(&function)
            {
                bail!("the enumerations of {schema} were not used");
            }
        }
        Ok(())
    }
}

/// `io.k8s.api.core.v1.Pod` → `schema_k8sio_api_core_v1_Pod`.
fn function(schema: &str) -> Option<String> {
    let rest = schema.strip_prefix("io.k8s.")?;
    if rest.starts_with("api.") {
        return Some(format!("schema_k8sio_{}", rest.replace('.', "_")));
    }
    let (_, rest) = rest.split_once(".pkg.")?;
    Some(format!("schema_pkg_{}", rest.replace('.', "_")))
}

fn scan(
    text: &str,
    found: &mut BTreeMap<String, BTreeMap<(String, Place), Vec<String>>>,
) -> Result<()> {
    let (mut schema, mut property, mut place) = (String::new(), String::new(), Place::Property);
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("func schema_") {
            let name = rest
                .split_once('(')
                .context("a schema function without arguments")?
                .0;
            schema = format!("schema_{name}");
            property.clear();
            continue;
        }
        if let Some(rest) = line.strip_prefix(PROPERTY_INDENT)
            && let Some(rest) = rest.strip_prefix('"')
            && let Some(name) = rest.strip_suffix("\": {")
        {
            (property, place) = (name.to_owned(), Place::Property);
            continue;
        }
        let line = line.trim_start();
        if line.starts_with("Items:") {
            place = Place::Items;
        } else if line.starts_with("AdditionalProperties:") {
            place = Place::Values;
        } else if let Some(rest) = line.strip_prefix("Enum:") {
            let list = rest
                .trim()
                .strip_prefix("[]interface{}{")
                .and_then(|rest| rest.strip_suffix("},"))
                .with_context(|| format!("{schema}.{property}: {line}"))?;
            let values = serde_json::from_str(&format!("[{list}]"))
                .with_context(|| format!("{schema}.{property}: {list}"))?;
            found
                .entry(schema.clone())
                .or_default()
                .insert((property.clone(), place), values);
        }
    }
    Ok(())
}
