//! Names of signers of certificates: `example.com/serving`.
//!
//! *Upstream:* `pkg/apis/core/validation/names.go`.

use super::names::{check_label, check_subdomain};
use crate::error::FieldErrors;
use crate::object::FieldPath;

/// Reports the first label of a segment that is wrong, with everything wrong with it.
fn labels(errors: &mut FieldErrors, path: &FieldPath, text: &str, check: fn(&str) -> Vec<String>) {
    let first = text
        .split('.')
        .map(|label| (label, check(label)))
        .find(|(_, wrong)| !wrong.is_empty());
    if let Some((label, wrong)) = first {
        for wrong in wrong {
            let detail = format!("validating label {label:?}: {wrong}");
            errors.invalid(path, &text.into(), detail);
        }
    }
}

/// Reports everything that is wrong with the name of a signer.
pub fn signer_name(errors: &mut FieldErrors, path: &FieldPath, name: &str) {
    if name.is_empty() {
        errors.required(path, "");
        return;
    }
    let Some((domain, rest)) = name.split_once('/').filter(|(_, rest)| !rest.contains('/')) else {
        errors.invalid(
            path,
            &name.into(),
            "must be a fully qualified domain and path of the form 'example.com/signer-name'",
        );
        return;
    };
    if domain.len() > 253 {
        errors.too_long(path, 253);
    }
    labels(errors, path, domain, check_label);
    if !domain.contains('.') {
        errors.invalid(
            path,
            &domain.into(),
            "should be a domain with at least two segments separated by dots",
        );
    }
    labels(errors, path, rest, check_subdomain);
    if name.len() > 571 {
        errors.too_long(path, 571);
    }
}

/// Whether a signer's name is one of Kubernetes' own.
pub fn is_own(name: &str) -> bool {
    let domain = name.split('/').next().unwrap_or("");
    domain == "kubernetes.io" || domain.ends_with(".kubernetes.io")
}
