//! What one validation found, and how much it found in order: the measure by which the best of
//! several alternatives is chosen.
//!
//! *Upstream:* `kube-openapi/pkg/validation/validate/result.go`,
//! `kubeOpenAPIResultToFieldErrors` in `apiextensions-apiserver/pkg/apiserver/validation`.

use serde_json::Value;

use crate::error::FieldErrors;
use crate::error::field::{FieldError, FieldErrorKind};
use crate::object::FieldPath;

/// The findings of a part of the walk.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    errors: Vec<Finding>,
    /// Checks passed, as upstream counts them.
    pub(super) matches: usize,
}

/// An error, and the text by which upstream tells errors apart.
#[derive(Debug)]
struct Finding {
    identity: String,
    error: FieldError,
}

impl Outcome {
    /// Nothing found in this many checks.
    pub(super) fn passed(matches: usize) -> Self {
        Self {
            errors: Vec::new(),
            matches,
        }
    }

    pub(super) fn is_valid(&self) -> bool {
        self.errors.is_empty()
    }

    /// Takes over errors and count.
    pub(super) fn merge(&mut self, other: Self) {
        self.matches += other.matches;
        for finding in other.errors {
            self.add(finding);
        }
    }

    /// Drops the errors, keeps the count: nothing changed here since it was stored.
    pub(super) fn forgive(&mut self) {
        self.errors.clear();
    }

    fn add(&mut self, finding: Finding) {
        let is_known = self
            .errors
            .iter()
            .any(|known| known.identity == finding.identity);
        if !is_known {
            self.errors.push(finding);
        }
    }

    /// An error of which the message is the detail.
    pub(super) fn fail(
        &mut self,
        kind: FieldErrorKind,
        path: &FieldPath,
        value: &Value,
        message: impl Into<String>,
    ) {
        let message = message.into();
        let mut errors = FieldErrors::new();
        match kind {
            FieldErrorKind::TypeInvalid => errors.type_invalid(path, value, message.as_str()),
            _ => errors.invalid(path, value, message.as_str()),
        }
        self.take(&message, errors);
    }

    /// An error about nowhere in particular; the message names the place.
    pub(super) fn fail_somewhere(&mut self, message: String) {
        self.fail(
            FieldErrorKind::Invalid,
            &FieldPath::ROOT,
            &Value::String(String::new()),
            message,
        );
    }

    /// A field that must be there is not.
    pub(super) fn missing(&mut self, path: &FieldPath) {
        let mut errors = FieldErrors::new();
        errors.required(path, "");
        self.take(&format!("{path} in body is required"), errors);
    }

    /// An error built by its own constructor.
    pub(super) fn with(
        &mut self,
        path: &FieldPath,
        what: &str,
        build: impl FnOnce(&mut FieldErrors),
    ) {
        let mut errors = FieldErrors::new();
        build(&mut errors);
        self.take(&format!("{path} in body {what}"), errors);
    }

    fn take(&mut self, identity: &str, errors: FieldErrors) {
        for error in errors {
            self.add(Finding {
                identity: identity.to_owned(),
                error,
            });
        }
    }

    /// The errors, in the order found.
    pub(super) fn into_errors(self) -> FieldErrors {
        let mut errors = FieldErrors::new();
        for finding in self.errors {
            errors.push(finding.error);
        }
        errors
    }
}
