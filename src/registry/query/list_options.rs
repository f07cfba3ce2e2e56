//! The query's parameters of a list or a watch, checked.
//!
//! *Upstream:* `apimachinery/pkg/apis/meta/internalversion/{defaults,validation/validation}.go`.

use crate::error::field::FieldErrorKind;
use crate::error::{ApiError, FieldError, FieldErrors, Reason};
use crate::object::quote::quoted;
use crate::object::selector::{FieldSelector, LabelSelector};
use crate::object::{FieldPath, GroupVersionKind};
use crate::registry::options::{bool_parameter, integer_parameter};
use crate::registry::{Request, Verb};
use crate::storage::Revision;

/// `resourceVersionMatch`, where it is one of those that exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionMatch {
    /// The state at exactly that version.
    Exact,
    /// A state at that version or later.
    NotOlderThan,
}

/// The options of a list, a watch or a deletion of many.
#[derive(Clone, Debug, Default)]
pub struct ListOptions {
    /// `labelSelector`.
    pub labels: LabelSelector,
    /// `fieldSelector`, as written.
    pub fields: FieldSelector,
    /// `allowWatchBookmarks`.
    pub allows_bookmarks: bool,
    /// `resourceVersion`; empty where not said.
    pub resource_version: String,
    /// `resourceVersionMatch`.
    pub version_match: Option<VersionMatch>,
    /// `timeoutSeconds`; 0 where not said.
    pub timeout_seconds: i64,
    /// `limit`; 0 or less where there is none.
    pub limit: i64,
    /// `continue`; empty where not said.
    pub continuation: String,
    /// `sendInitialEvents`.
    pub sends_initial_events: Option<bool>,
}

impl ListOptions {
    /// The options of a request; what a watch may say differs from what a list may.
    ///
    /// Errors: 400 where a parameter does not parse, 422 where parameters contradict each other.
    pub fn of(request: &Request) -> Result<Self, ApiError> {
        let is_watch = request.verb == Verb::Watch;
        let text = |name| request.parameter(name).unwrap_or("");
        let allows_bookmarks = bool_parameter(request, "allowWatchBookmarks")?.unwrap_or(false);
        let timeout_seconds = integer_parameter(request, "timeoutSeconds")?.unwrap_or(0);
        let limit = integer_parameter(request, "limit")?.unwrap_or(0);
        let mut sends_initial_events = bool_parameter(request, "sendInitialEvents")?;
        let refused =
            |error: crate::object::selector::SelectorError| ApiError::bad_request(error.0);
        let labels = LabelSelector::parse(text("labelSelector")).map_err(refused)?;
        let fields = FieldSelector::parse(text("fieldSelector")).map_err(refused)?;
        let resource_version = text("resourceVersion");
        let mut version_match = text("resourceVersionMatch");
        let starts_anywhere = matches!(resource_version, "" | "0");
        if is_watch && starts_anywhere && sends_initial_events.is_none() && version_match.is_empty()
        {
            // A watch from anywhere has always begun with what exists.
            sends_initial_events = Some(true);
            version_match = "NotOlderThan";
        }
        let continuation = text("continue");
        let mut errors = FieldErrors::new();
        if is_watch {
            let has_initial = sends_initial_events.is_some();
            check_watch(&mut errors, version_match, continuation, has_initial);
        } else {
            check_list(&mut errors, version_match, resource_version, continuation);
            if sends_initial_events.is_some() {
                let path = FieldPath::new("sendInitialEvents");
                errors.forbidden(&path, "sendInitialEvents is forbidden for list");
            }
        }
        if !errors.is_empty() {
            let kind = GroupVersionKind::new("meta.k8s.io", "v1", "ListOptions");
            return Err(ApiError::invalid(&kind, "", &errors));
        }
        Ok(Self {
            labels,
            fields,
            allows_bookmarks,
            resource_version: resource_version.to_owned(),
            version_match: match version_match {
                "Exact" => Some(VersionMatch::Exact),
                "NotOlderThan" => Some(VersionMatch::NotOlderThan),
                _ => None,
            },
            timeout_seconds,
            limit,
            continuation: continuation.to_owned(),
            sends_initial_events,
        })
    }

    /// The version to start a watch from; 0 where not said.
    ///
    /// Errors: a 500 without a reason, as upstream fails on it in the store.
    pub fn watched_revision(&self) -> Result<Revision, ApiError> {
        parse_revision(&self.resource_version)
            .map_err(|message| ApiError::new(Reason::Unknown, message))
    }

    /// The version to list at; 0 where not said.
    pub fn listed_revision(&self) -> Result<Revision, ApiError> {
        parse_revision(&self.resource_version).map_err(|message| {
            ApiError::bad_request(format!("invalid resource version: {message}"))
        })
    }
}

/// A resource version as a number, 0 where there is none; or what Go says of it.
pub(crate) fn parse_revision(text: &str) -> Result<Revision, String> {
    if text.is_empty() {
        return Ok(Revision(0));
    }
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(number) if is_number => Ok(Revision(number)),
        _ => {
            let quoted = quoted(text);
            let why = if is_number {
                "value out of range"
            } else {
                "invalid syntax"
            };
            Err(format!(
                "resourceVersion: Invalid value: {quoted}: strconv.ParseUint: parsing {quoted}: \
                 {why}"
            ))
        }
    }
}

const MATCH: FieldPath<'static> = FieldPath::new("resourceVersionMatch");

fn check_list(errors: &mut FieldErrors, version_match: &str, version: &str, continuation: &str) {
    if version_match.is_empty() {
        return;
    }
    if version.is_empty() {
        errors.forbidden(
            &MATCH,
            "resourceVersionMatch is forbidden unless resourceVersion is provided",
        );
    }
    if !continuation.is_empty() {
        errors.forbidden(
            &MATCH,
            "resourceVersionMatch is forbidden when continue is provided",
        );
    }
    if !matches!(version_match, "Exact" | "NotOlderThan") {
        unsupported(errors, version_match, r#""Exact", "NotOlderThan", """#);
    }
    if version_match == "Exact" && version == "0" {
        errors.forbidden(
            &MATCH,
            r#"resourceVersionMatch "exact" is forbidden for resourceVersion "0""#,
        );
    }
}

fn check_watch(
    errors: &mut FieldErrors,
    version_match: &str,
    continuation: &str,
    has_initial_events: bool,
) {
    if has_initial_events && version_match != "NotOlderThan" {
        errors.forbidden(
            &MATCH,
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        );
    }
    if version_match.is_empty() {
        return;
    }
    if !has_initial_events {
        errors.forbidden(
            &MATCH,
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        );
    }
    if version_match != "NotOlderThan" {
        unsupported(errors, version_match, r#""NotOlderThan""#);
    }
    if !continuation.is_empty() {
        errors.forbidden(
            &MATCH,
            "resourceVersionMatch is forbidden when continue is provided",
        );
    }
}

/// Upstream lists these values in an order of its own.
fn unsupported(errors: &mut FieldErrors, value: &str, supported: &str) {
    errors.push(FieldError {
        kind: FieldErrorKind::NotSupported,
        field: MATCH.to_string(),
        value: quoted(value),
        detail: format!("supported values: {supported}"),
    });
}
