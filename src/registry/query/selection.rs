//! The objects that a request's path and selectors mean.
//!
//! *Upstream:* `apiserver/pkg/storage/selection_predicate.go`.

use crate::error::ApiError;
use crate::object::Key;
use crate::object::selector::{FieldSelector, LabelSelector};
use crate::registry::Strategy;
use crate::registry::meta::storage_path;
use crate::schema::Resource;
use crate::storage::{Scope, Stored};

use super::ListOptions;

/// See the module.
#[derive(Clone, Debug)]
pub struct Selection {
    /// The one namespace meant; empty for all of them, and where the resource has none.
    pub namespace: String,
    labels: LabelSelector,
    fields: FieldSelector,
    single: Option<Key>,
}

impl Selection {
    /// The selection of a request: the namespace and name of its path, and its selectors, whose
    /// field labels must be ones the resource knows.
    pub fn of(
        resource: &Resource,
        strategy: &dyn Strategy,
        path: (&str, &str),
        options: &ListOptions,
    ) -> Result<Self, ApiError> {
        let (namespace, name) = path;
        storage_path::check_namespace(resource, namespace, "")?;
        let mut fields = options.fields.try_map_fields(|field| {
            strategy
                .field_label(resource, field)
                .map_err(ApiError::bad_request)
        })?;
        if !name.is_empty() {
            match fields.exact("metadata.name") {
                Some(selected) if selected == name => {}
                None if fields.is_empty() => {
                    fields = FieldSelector::equals("metadata.name", name);
                }
                _ => {
                    return Err(ApiError::bad_request(
                        "fieldSelector metadata.name doesn't match requested name",
                    ));
                }
            }
        }
        let namespace = match fields.exact("metadata.namespace") {
            Some(selected) if namespace.is_empty() && resource.is_namespaced => selected,
            _ => namespace,
        };
        let has_place = !resource.is_namespaced || !namespace.is_empty();
        let single = fields
            .exact("metadata.name")
            .filter(|name| has_place && !name.is_empty())
            .map(|name| Key::new(namespace, name));
        Ok(Self {
            namespace: namespace.to_owned(),
            labels: options.labels.clone(),
            single,
            fields,
        })
    }

    /// Whether there are no selectors.
    pub fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// The one object that can be meant, where the selectors say so.
    pub fn single(&self) -> Option<&Key> {
        self.single.as_ref()
    }

    /// Whether an object is meant, its namespace aside.
    pub fn contains(&self, object: &Stored) -> bool {
        self.labels.matches(|key| object.label(key))
            && self
                .fields
                .matches(|field| object.field(field).unwrap_or(""))
    }

    /// The same, with the values of fields beyond name and namespace from elsewhere.
    pub fn contains_with(&self, object: &Stored, field: impl Fn(&str) -> String) -> bool {
        self.labels.matches(|key| object.label(key))
            && self.fields.matches(|name| {
                if is_of_metadata(name) {
                    object.field(name).unwrap_or("").to_owned()
                } else {
                    field(name)
                }
            })
    }

    /// Whether it selects by fields beyond name and namespace.
    pub fn has_own_fields(&self) -> bool {
        let mut terms = self.fields.terms().iter();
        terms.any(|term| !is_of_metadata(&term.field))
    }

    /// The part of the log in which everything meant is found.
    pub fn scope(&self, resource: &Resource) -> Scope {
        Scope {
            resource: resource.storage.clone(),
            namespace: Some(self.namespace.clone()).filter(|text| !text.is_empty()),
            name: self.fields.exact("metadata.name").map(str::to_owned),
        }
    }
}

/// Whether the store knows a field of every object.
fn is_of_metadata(field: &str) -> bool {
    matches!(field, "metadata.name" | "metadata.namespace")
}
