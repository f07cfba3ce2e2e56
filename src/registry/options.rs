//! The query's parameters of a write, checked.
//!
//! *Upstream:* `apimachinery/pkg/apis/meta/v1/validation/validation.go`.

use super::meta::validate;
use super::request::{FieldValidation, Options};
use super::{Request, Verb};
use crate::error::{ApiError, FieldErrors};
use crate::object::quote::quoted;
use crate::object::{FieldPath, GroupVersionKind};

impl Options {
    /// The options of a create, update or patch.
    pub fn of(request: &Request) -> Result<Self, ApiError> {
        let mut errors = FieldErrors::new();
        let dry_run: Vec<String> = request
            .query
            .iter()
            .filter(|(name, _)| name == "dryRun")
            .map(|(_, value)| value.clone())
            .collect();
        let force = bool_parameter(request, "force")?;
        let is_apply = request.verb == Verb::Patch && is_apply(&request.content_type);
        let field_manager = request.parameter("fieldManager").unwrap_or("").to_owned();
        if request.verb == Verb::Patch {
            check_patch_options(is_apply, force, &field_manager, &mut errors);
        }
        let path = FieldPath::new("fieldManager");
        validate::field_manager(&field_manager, &path, &mut errors);
        let is_dry_run = validate_dry_run(&dry_run, &mut errors);
        let field_validation = match request.parameter("fieldValidation") {
            None | Some("" | "Warn") => FieldValidation::Warn,
            Some("Strict") => FieldValidation::Strict,
            Some("Ignore") => FieldValidation::Ignore,
            Some(other) => {
                errors.not_supported(
                    &FieldPath::new("fieldValidation"),
                    &other.into(),
                    &["", "Ignore", "Strict", "Warn"],
                );
                FieldValidation::Warn
            }
        };
        if !errors.is_empty() {
            let kind = match request.verb {
                Verb::Create => "CreateOptions",
                Verb::Update => "UpdateOptions",
                _ => "PatchOptions",
            };
            let kind = GroupVersionKind::new("meta.k8s.io", "v1", kind);
            return Err(ApiError::invalid(&kind, "", &errors));
        }
        Ok(Self {
            is_dry_run,
            field_manager,
            field_validation,
            force,
            is_inner: false,
        })
    }
}

/// Whether a patch's media type is one of server-side apply.
pub fn is_apply(content_type: &str) -> bool {
    matches!(
        content_type,
        "application/apply-patch+yaml" | "application/apply-patch+cbor"
    )
}

fn check_patch_options(
    is_apply: bool,
    force: Option<bool>,
    field_manager: &str,
    errors: &mut FieldErrors,
) {
    if is_apply {
        if field_manager.is_empty() {
            errors.required(
                &FieldPath::new("fieldManager"),
                "is required for apply patch",
            );
        }
    } else if force.is_some() {
        errors.forbidden(
            &FieldPath::new("force"),
            "may not be specified for non-apply patch",
        );
    }
}

/// Whether `dryRun` is asked for; anything but `All` is an error.
pub fn validate_dry_run(values: &[String], errors: &mut FieldErrors) -> bool {
    if values.iter().any(|value| value != "All") {
        let values = serde_json::Value::from(values.to_vec());
        errors.not_supported(&FieldPath::new("dryRun"), &values, &["All"]);
    }
    !values.is_empty()
}

/// A parameter that is true or false; anything else but `false` and `0` counts as true.
///
/// *Upstream:* `apimachinery/pkg/runtime/converter.go` (`Convert_Slice_string_To_bool`).
#[allow(clippy::unnecessary_wraps)]
pub fn bool_parameter(request: &Request, name: &str) -> Result<Option<bool>, ApiError> {
    Ok(request
        .parameter(name)
        .map(|value| !(value == "0" || value.eq_ignore_ascii_case("false"))))
}

/// A parameter that is an integer.
pub fn integer_parameter(request: &Request, name: &str) -> Result<Option<i64>, ApiError> {
    match request.parameter(name) {
        None => Ok(None),
        Some(text) => text
            .parse()
            .map(Some)
            .map_err(|error: std::num::ParseIntError| {
                let why = match error.kind() {
                    std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow => {
                        "value out of range"
                    }
                    _ => "invalid syntax",
                };
                ApiError::bad_request(format!("strconv.ParseInt: parsing {}: {why}", quoted(text)))
            }),
    }
}
