//! The options of a deletion: from the body or, where there is none, from the query.
//!
//! *Upstream:* `apimachinery/pkg/apis/meta/v1/types.go` (`DeleteOptions`),
//! `…/v1/validation/validation.go`.

use serde_json::Value;

use super::Request;
use super::options::{bool_parameter, integer_parameter, validate_dry_run};
use crate::error::{ApiError, FieldErrors};
use crate::object::{FieldPath, GroupVersionKind};

/// What becomes of an object's dependents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// They are collected after the object is gone.
    Background,
    /// They go first; the finalizer `foregroundDeletion` holds the object until then.
    Foreground,
    /// They stay; the finalizer `orphan` holds the object until they are released.
    Orphan,
    /// The kind has no dependents to speak of; a policy in the request is ignored.
    Unsupported,
}

/// The options of a deletion, checked.
#[derive(Clone, Debug, Default)]
pub struct DeleteOptions {
    /// `gracePeriodSeconds`.
    pub grace_seconds: Option<i64>,
    /// `preconditions.uid`.
    pub uid: Option<String>,
    /// `preconditions.resourceVersion`.
    pub resource_version: Option<String>,
    /// `propagationPolicy`, or what `orphanDependents` says.
    pub propagation: Option<Propagation>,
    /// `dryRun`.
    pub is_dry_run: bool,
}

impl DeleteOptions {
    /// The options of a request: of its body where it has one.
    pub fn of(request: &Request) -> Result<Self, ApiError> {
        if request.body.is_empty() {
            Self::from_query(request)
        } else {
            Self::from_body(request)
        }
    }

    fn from_query(request: &Request) -> Result<Self, ApiError> {
        let dry_run: Vec<&str> = request
            .query
            .iter()
            .filter(|(name, _)| name == "dryRun")
            .map(|(_, value)| value.as_str())
            .collect();
        Raw {
            grace_seconds: integer_parameter(request, "gracePeriodSeconds")?,
            orphan: bool_parameter(request, "orphanDependents")?,
            policy: request.parameter("propagationPolicy").map(str::to_owned),
            dry_run: dry_run.iter().map(|value| (*value).to_owned()).collect(),
            ..Raw::default()
        }
        .checked()
    }

    fn from_body(request: &Request) -> Result<Self, ApiError> {
        let body = super::decode::to_value(&request.content_type, &request.body)?;
        let Value::Object(body) = &body else {
            return Err(ApiError::bad_request(
                "the DeleteOptions in the body must be an object",
            ));
        };
        let kind = body
            .get("kind")
            .and_then(Value::as_str)
            .unwrap_or("DeleteOptions");
        if kind != "DeleteOptions" {
            let version = body
                .get("apiVersion")
                .and_then(Value::as_str)
                .unwrap_or("v1");
            return Err(ApiError::bad_request(format!(
                "no kind \"{kind}\" is registered for version \"{version}\" in scheme \
                 \"pkg/runtime/scheme.go:111\""
            )));
        }
        let text = |name: &str, go_type: &str| match body.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(mismatch(other, &format!("DeleteOptions.{name}"), go_type)),
        };
        let grace_seconds = match body.get("gracePeriodSeconds") {
            None | Some(Value::Null) => None,
            Some(value) => Some(
                value
                    .as_i64()
                    .ok_or_else(|| mismatch(value, "DeleteOptions.gracePeriodSeconds", "int64"))?,
            ),
        };
        let orphan = match body.get("orphanDependents") {
            None | Some(Value::Null) => None,
            Some(Value::Bool(orphan)) => Some(*orphan),
            Some(other) => return Err(mismatch(other, "DeleteOptions.orphanDependents", "bool")),
        };
        let dry_run = match body.get("dryRun") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| item.as_str().unwrap_or("").to_owned())
                .collect(),
            Some(other) => return Err(mismatch(other, "DeleteOptions.dryRun", "[]string")),
        };
        let precondition = |name: &str| {
            body.get("preconditions")
                .and_then(|preconditions| preconditions.get(name))
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        Raw {
            grace_seconds,
            orphan,
            policy: text("propagationPolicy", "v1.DeletionPropagation")?,
            dry_run,
            uid: precondition("uid"),
            resource_version: precondition("resourceVersion"),
        }
        .checked()
    }
}

/// The options as written.
#[derive(Default)]
struct Raw {
    grace_seconds: Option<i64>,
    orphan: Option<bool>,
    policy: Option<String>,
    dry_run: Vec<String>,
    uid: Option<String>,
    resource_version: Option<String>,
}

impl Raw {
    fn checked(self) -> Result<DeleteOptions, ApiError> {
        let mut errors = FieldErrors::new();
        let propagation = match (self.policy.as_deref(), self.orphan) {
            (Some(policy), Some(_)) => {
                errors.invalid(
                    &FieldPath::new("propagationPolicy"),
                    &policy.into(),
                    "orphanDependents and deletionPropagation cannot be both set",
                );
                None
            }
            (None, Some(true)) => Some(Propagation::Orphan),
            (None, Some(false)) => Some(Propagation::Background),
            (Some("Background"), None) => Some(Propagation::Background),
            (Some("Foreground"), None) => Some(Propagation::Foreground),
            (Some("Orphan"), None) => Some(Propagation::Orphan),
            (None, None) => None,
            (Some(other), None) => {
                errors.push(crate::error::FieldError {
                    kind: crate::error::field::FieldErrorKind::NotSupported,
                    field: "propagationPolicy".to_owned(),
                    value: format!("{other:?}"),
                    // In upstream's order, which is not the alphabet's.
                    detail: "supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\""
                        .to_owned(),
                });
                None
            }
        };
        let is_dry_run = validate_dry_run(&self.dry_run, &mut errors);
        if !errors.is_empty() {
            let kind = GroupVersionKind::new("meta.k8s.io", "v1", "DeleteOptions");
            return Err(ApiError::invalid(&kind, "", &errors));
        }
        Ok(DeleteOptions {
            grace_seconds: self.grace_seconds,
            uid: self.uid,
            resource_version: self.resource_version,
            propagation,
            is_dry_run,
        })
    }
}

/// The error of Go's decoder for a value of the wrong type.
fn mismatch(value: &Value, field: &str, go_type: &str) -> ApiError {
    let found = crate::object::json::go_name(value);
    ApiError::bad_request(format!(
        "json: cannot unmarshal {found} into Go struct field {field} of type {go_type}"
    ))
}
