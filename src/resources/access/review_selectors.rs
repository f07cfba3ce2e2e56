//! The selectors by which a review may restrict what it asks about.
//!
//! *Upstream:* `pkg/registry/authorization/util/helpers.go`,
//! `pkg/apis/authorization/validation/validation.go`.

use serde_json::Value;

use crate::error::FieldErrors;
use crate::object::FieldPath;
use crate::object::selector::field::FieldTerm;
use crate::object::selector::{FieldSelector, LabelSelector, Operator, Requirement};
use crate::resources::shared::label_selector;
use crate::resources::shared::look::Look;

/// Reports what is wrong with the selectors of a review.
pub(super) fn check(errors: &mut FieldErrors, attributes: &Value) {
    for field in ["fieldSelector", "labelSelector"] {
        let Some(selector) = attributes.maybe(field) else {
            continue;
        };
        let path = FieldPath::new("spec.resourceAttributes");
        let path = path.child(field);
        let (raw, requirements) = (selector.text("rawSelector"), selector.list("requirements"));
        if !raw.is_empty() && !requirements.is_empty() {
            let detail = "may not specified at the same time as requirements";
            errors.invalid(&path.child("rawSelector"), &raw.into(), detail);
        }
        if raw.is_empty() && requirements.is_empty() {
            let detail =
                format!("when {path} is specified, requirements or rawSelector is required");
            errors.required(&path.child("requirements"), detail);
        }
        for (index, requirement) in requirements.iter().enumerate() {
            let path = path.child("requirements");
            let path = path.index(index);
            if field == "labelSelector" {
                label_selector::requirement(errors, &path, requirement, true);
            } else {
                check_field(errors, &path, requirement);
            }
        }
    }
}

fn check_field(errors: &mut FieldErrors, path: &FieldPath, requirement: &Value) {
    if requirement.text("key").is_empty() {
        errors.required(&path.child("key"), "must be specified");
    }
    let is_empty = requirement.list("values").is_empty();
    let values = path.child("values");
    match requirement.text("operator") {
        "In" | "NotIn" if is_empty => {
            let detail = "must be specified when `operator` is 'In' or 'NotIn'";
            errors.required(&values, detail);
        }
        "Exists" | "DoesNotExist" if !is_empty => {
            let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
            errors.forbidden(&values, detail);
        }
        _ => {}
    }
}

/// The selectors taken apart.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) fields: Vec<FieldTerm>,
    pub(super) labels: Vec<Requirement>,
    /// What was left out, and why.
    pub(super) faults: Vec<String>,
}

impl Parts {
    /// Those of a review's `resourceAttributes`.
    pub(super) fn of(attributes: &Value) -> Self {
        let mut parts = Self::default();
        parts.take_fields(attributes.at("fieldSelector"));
        parts.take_labels(attributes.at("labelSelector"));
        parts
    }

    fn take_fields(&mut self, selector: &Value) {
        let requirements = selector.list("requirements");
        if requirements.is_empty() {
            match FieldSelector::parse(selector.text("rawSelector")) {
                Ok(parsed) => self.fields = parsed.terms().to_vec(),
                Err(_) => self.fault("fieldSelector", true),
            }
            return;
        }
        let terms: Vec<FieldTerm> = requirements.iter().filter_map(term).collect();
        if terms.len() < requirements.len() {
            self.fault("fieldSelector", terms.is_empty());
        }
        self.fields = terms;
    }

    fn take_labels(&mut self, selector: &Value) {
        let requirements = selector.list("requirements");
        if requirements.is_empty() {
            match LabelSelector::parse(selector.text("rawSelector")) {
                Ok(parsed) => self.labels = parsed.requirements().to_vec(),
                Err(_) => self.fault("labelSelector", true),
            }
            return;
        }
        let labels: Vec<Requirement> = requirements.iter().filter_map(label).collect();
        if labels.len() < requirements.len() {
            self.fault("labelSelector", labels.is_empty());
        }
        self.labels = labels;
    }

    fn fault(&mut self, field: &str, is_all: bool) {
        let partially = if is_all { "" } else { "partially " };
        self.faults.push(format!(
            "spec.resourceAttributes.{field} {partially}ignored due to parse error"
        ));
    }
}

/// A condition on a field; only those on one value can be said.
fn term(requirement: &Value) -> Option<FieldTerm> {
    let is_equal = match requirement.text("operator") {
        "In" => true,
        "NotIn" => false,
        _ => return None,
    };
    let [value] = requirement.list("values") else {
        return None;
    };
    Some(FieldTerm {
        field: requirement.text("key").to_owned(),
        is_equal,
        value: value.as_str().unwrap_or("").to_owned(),
    })
}

fn label(requirement: &Value) -> Option<Requirement> {
    let operator = match requirement.text("operator") {
        "In" => Operator::In,
        "NotIn" => Operator::NotIn,
        "Exists" => Operator::Exists,
        "DoesNotExist" => Operator::DoesNotExist,
        _ => return None,
    };
    let values = requirement.texts("values").map(str::to_owned).collect();
    Requirement::new(requirement.text("key"), operator, values).ok()
}
