//! What is asked for, as far as rights decide it.
//!
//! *Upstream:* `apiserver/pkg/authorization/authorizer/interfaces.go`.

use crate::object::selector::field::FieldTerm;
use crate::object::selector::{FieldSelector, LabelSelector, Requirement};

/// What is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Attributes<'a> {
    /// `get`, `list`, …; the lower-case method where no resource is named.
    pub verb: &'a str,
    /// Whether a resource is named.
    pub is_resource: bool,
    /// The path, where none is.
    pub path: &'a str,
    /// The group.
    pub group: &'a str,
    /// The version; `*` for any.
    pub version: &'a str,
    /// The namespace; empty for all and for none.
    pub namespace: &'a str,
    /// The plural.
    pub resource: &'a str,
    /// The subresource.
    pub subresource: &'a str,
    /// The object's name; empty for a collection.
    pub name: &'a str,
    /// To which objects of a collection the request restricts itself.
    pub selectors: Selectors<'a>,
}

/// To which objects a request restricts itself: as sent, or taken apart already. Parsed only where
/// somebody wants to know.
#[derive(Clone, Copy, Debug, Default)]
pub struct Selectors<'a> {
    /// The field selector as sent; empty where there is none.
    pub field_text: &'a str,
    /// The label selector as sent; empty where there is none.
    pub label_text: &'a str,
    /// Conditions on fields that were sent apart.
    pub fields: &'a [FieldTerm],
    /// Conditions on labels that were sent apart.
    pub labels: &'a [Requirement],
}

impl Selectors<'_> {
    /// The conditions on fields; none where they are not understood.
    pub fn field_terms(&self) -> Vec<FieldTerm> {
        if !self.fields.is_empty() {
            return self.fields.to_vec();
        }
        FieldSelector::parse(self.field_text)
            .map(|selector| selector.terms().to_vec())
            .unwrap_or_default()
    }

    /// The conditions on labels; none where they are not understood.
    pub fn label_requirements(&self) -> Vec<Requirement> {
        if !self.labels.is_empty() {
            return self.labels.to_vec();
        }
        LabelSelector::parse(self.label_text)
            .map(|selector| selector.requirements().to_vec())
            .unwrap_or_default()
    }

    /// Whether a field must have just this value.
    pub fn has_exactly(&self, field: &str, value: &str) -> bool {
        self.field_terms()
            .iter()
            .any(|term| term.is_equal && term.field == field && term.value == value)
    }
}
