//! A CustomResourceDefinition as upstream validates it: what all versions share stands at the top
//! of the spec, and errors are found there.
//!
//! *Upstream:* `apiextensions-apiserver/pkg/apis/apiextensions/v1/conversion.go`.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::object::Object;
use crate::schema::emptied::Emptied;
use crate::schema::structural::json::{list, object, text};

/// A spec, and which parts its versions share.
#[allow(
    clippy::struct_excessive_bools,
    reason = "each part is shared or not by itself"
)]
pub(super) struct View<'a> {
    pub(super) spec: &'a Map<String, Value>,
    pub(super) versions: Vec<&'a Map<String, Value>>,
    pub(super) shares_schema: bool,
    pub(super) shares_subresources: bool,
    pub(super) shares_columns: bool,
    pub(super) shares_selectable: bool,
    /// The lists and maps that were sent empty.
    pub(super) emptied: &'a [Emptied],
}

impl<'a> View<'a> {
    /// The view of a definition; `None` without a spec.
    pub(super) fn of(definition: &'a Object) -> Option<Self> {
        let spec = definition.as_map().get("spec")?.as_object()?;
        let versions: Vec<_> = list(spec, "versions")
            .iter()
            .filter_map(Value::as_object)
            .collect();
        let shares = |name: &str| {
            // They are long, so the first is not held against itself.
            let (first, others) = versions.split_first()?;
            let own = first.get(name);
            Some(others.iter().all(|version| version.get(name) == own))
        };
        Some(Self {
            shares_schema: shares("schema").unwrap_or(true),
            shares_subresources: shares("subresources").unwrap_or(true),
            shares_columns: shares("additionalPrinterColumns").unwrap_or(true),
            shares_selectable: shares("selectableFields").unwrap_or(true),
            spec,
            versions,
            emptied: &[],
        })
    }

    /// The lists and maps that were sent empty in the schema of a version, by their paths in it.
    pub(super) fn emptied_in(&self, version: usize) -> BTreeSet<&'a str> {
        let start = format!("spec.versions[{version}].schema.");
        let paths = self.emptied.iter();
        paths
            .filter_map(|empty| empty.path.strip_prefix(&start))
            .collect()
    }

    /// Whether any version has a status face.
    pub(super) fn has_any_status(&self) -> bool {
        self.versions.iter().any(|version| has_status(version))
    }

    /// The versions as upstream prints them in an error.
    pub(super) fn printed_versions(&self) -> Value {
        let versions = self.versions.iter().map(|version| {
            let own = |name: &str, is_shared: bool| {
                let value = version.get(name).filter(|_| !is_shared);
                value.cloned().unwrap_or(Value::Null)
            };
            json!({
                "Name": text(version, "name"),
                "Served": version.get("served").unwrap_or(&Value::Bool(false)),
                "Storage": version.get("storage").unwrap_or(&Value::Bool(false)),
                "Deprecated": version.get("deprecated").unwrap_or(&Value::Bool(false)),
                "DeprecationWarning": own("deprecationWarning", false),
                "Schema": own("schema", self.shares_schema),
                "Subresources": own("subresources", self.shares_subresources),
                "AdditionalPrinterColumns": own("additionalPrinterColumns", self.shares_columns),
                "SelectableFields": own("selectableFields", self.shares_selectable),
            })
        });
        match self.spec.get("versions") {
            None | Some(Value::Null) => Value::Null,
            Some(_) => versions.collect(),
        }
    }
}

/// Whether a version has a status face.
pub(super) fn has_status(version: &Map<String, Value>) -> bool {
    object(version, "subresources").is_some_and(|faces| faces.contains_key("status"))
}

/// The document of a version's schema.
pub(super) fn document(version: &Map<String, Value>) -> Option<&Map<String, Value>> {
    object(object(version, "schema")?, "openAPIV3Schema")
}
