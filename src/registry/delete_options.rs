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
    /// `orphanDependents: false`, the older way to say `Background`.
    pub collects_dependents: bool,
    /// `dryRun`.
    pub is_dry_run: bool,
    /// `ignoreStoreReadErrorWithClusterBreakingPotential`: the object goes unseen, but only where
    /// it cannot be read.
    pub ignores_unreadable: bool,
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

    /// The options of a deletion of many, which must see what it deletes.
    pub fn of_many(request: &Request) -> Result<Self, ApiError> {
        let options = Self::of(request)?;
        if !options.ignores_unreadable {
            return Ok(options);
        }
        let mut errors = FieldErrors::new();
        let detail = "is not allowed with DELETECOLLECTION, try again after removing the option";
        errors.invalid(&FieldPath::new(IGNORE), &true.into(), detail);
        let kind = GroupVersionKind::new("meta.k8s.io", "v1", "DeleteOptions");
        Err(ApiError::invalid(&kind, "", &errors))
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
            ignores_unreadable: bool_parameter(request, IGNORE)?.unwrap_or(false),
            ..Raw::default()
        }
        .checked()
    }

    fn from_body(request: &Request) -> Result<Self, ApiError> {
        let body = super::decode::delete_options(request)?;
        let text = |path: &[&str]| Some(body.get(path)?.as_str()?.to_owned());
        let flag = |name: &str| body.get(&[name]).and_then(Value::as_bool);
        let dry_run = body.get(&["dryRun"]).and_then(Value::as_array);
        let dry_run = dry_run.into_iter().flatten();
        Raw {
            grace_seconds: body.integer(&["gracePeriodSeconds"]),
            orphan: flag("orphanDependents"),
            policy: text(&["propagationPolicy"]),
            dry_run: dry_run
                .map(|item| item.as_str().unwrap_or("").to_owned())
                .collect(),
            has_preconditions: body.get(&["preconditions"]).is_some_and(|it| !it.is_null()),
            uid: text(&["preconditions", "uid"]),
            resource_version: text(&["preconditions", "resourceVersion"]),
            ignores_unreadable: flag(IGNORE).unwrap_or(false),
        }
        .checked()
    }
}

/// The option to delete what cannot be read.
const IGNORE: &str = "ignoreStoreReadErrorWithClusterBreakingPotential";

/// The options as written.
#[derive(Default)]
struct Raw {
    grace_seconds: Option<i64>,
    orphan: Option<bool>,
    policy: Option<String>,
    dry_run: Vec<String>,
    has_preconditions: bool,
    uid: Option<String>,
    resource_version: Option<String>,
    ignores_unreadable: bool,
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
        if self.ignores_unreadable {
            let others = [
                (self.policy.is_some(), "propagationPolicy"),
                (self.orphan.is_some(), "orphanDependents"),
                (self.grace_seconds.is_some(), "gracePeriodSeconds"),
                (self.has_preconditions, "preconditions"),
            ];
            for (_, other) in others.iter().filter(|(is_set, _)| *is_set) {
                let detail = format!("cannot be set together with .{other}");
                errors.invalid(&FieldPath::new(IGNORE), &true.into(), detail);
            }
        }
        if !errors.is_empty() {
            let kind = GroupVersionKind::new("meta.k8s.io", "v1", "DeleteOptions");
            return Err(ApiError::invalid(&kind, "", &errors));
        }
        Ok(DeleteOptions {
            grace_seconds: self.grace_seconds,
            uid: self.uid,
            resource_version: self.resource_version,
            propagation,
            collects_dependents: self.orphan == Some(false),
            is_dry_run,
            ignores_unreadable: self.ignores_unreadable,
        })
    }
}
