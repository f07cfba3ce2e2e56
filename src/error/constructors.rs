//! One constructor a reason, worded as apimachinery words them, since clients match the words.
//!
//! *Upstream:* `apimachinery/pkg/api/errors/errors.go`.

use super::{ApiError, Cause, Details, FieldErrors, Reason};
use crate::object::quote::quoted;
use crate::object::{GroupResource, GroupVersionKind};

/// Details that name an object of a resource.
fn about(resource: &GroupResource, name: &str) -> Details {
    Details {
        name: name.to_owned(),
        group: resource.group.to_string(),
        kind: resource.resource.to_string(),
        ..Details::default()
    }
}

impl ApiError {
    /// No object of that name.
    pub fn not_found(resource: &GroupResource, name: &str) -> Self {
        let message = format!("{resource} {} not found", quoted(name));
        Self::new(Reason::NotFound, message).with_details(about(resource, name))
    }

    /// An object of that name is there already.
    pub fn already_exists(resource: &GroupResource, name: &str) -> Self {
        Self::new(
            Reason::AlreadyExists,
            format!("{resource} {} already exists", quoted(name)),
        )
        .with_details(about(resource, name))
    }

    /// A generated name was taken, however often another was tried.
    pub fn generate_name_conflict(resource: &GroupResource, name: &str) -> Self {
        Self::new(
            Reason::AlreadyExists,
            format!(
                "{resource} {} already exists, the server was not able to generate a unique name \
                 for the object",
                quoted(name)
            ),
        )
        .with_details(Details {
            retry_after_seconds: 1,
            ..about(resource, name)
        })
    }

    /// The object changed meanwhile, or a precondition does not hold.
    pub fn conflict(resource: &GroupResource, name: &str, why: &str) -> Self {
        Self::new(
            Reason::Conflict,
            format!(
                "Operation cannot be fulfilled on {resource} {}: {why}",
                quoted(name)
            ),
        )
        .with_details(about(resource, name))
    }

    /// Not allowed.
    pub fn forbidden(resource: &GroupResource, name: &str, why: &str) -> Self {
        let message = if resource.resource.is_empty() {
            format!("forbidden: {why}")
        } else if name.is_empty() {
            format!("{resource} is forbidden: {why}")
        } else {
            format!("{resource} {} is forbidden: {why}", quoted(name))
        };
        Self::new(Reason::Forbidden, message).with_details(about(resource, name))
    }

    /// The object is invalid, with every cause.
    pub fn invalid(kind: &GroupVersionKind, name: &str, errors: &FieldErrors) -> Self {
        let mut causes = Vec::new();
        let mut lines: Vec<String> = Vec::new();
        for error in errors.iter() {
            let body = error.body();
            let line = format!("{}: {body}", error.field);
            causes.push(Cause {
                reason: error.kind.reason().to_owned(),
                message: body,
                field: error.field.clone(),
            });
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        let list = match lines.len() {
            0 => "<nil>".to_owned(),
            1 => lines.remove(0),
            _ => format!("[{}]", lines.join(", ")),
        };
        let group = &kind.group_version.group;
        let qualified = if group.is_empty() {
            kind.kind.to_string()
        } else {
            format!("{}.{group}", kind.kind)
        };
        Self::new(
            Reason::Invalid,
            format!("{qualified} {} is invalid: {list}", quoted(name)),
        )
        .with_details(Details {
            name: name.to_owned(),
            group: group.to_string(),
            kind: kind.kind.to_string(),
            causes,
            ..Details::default()
        })
    }

    /// The request itself is malformed.
    pub fn bad_request(why: impl Into<String>) -> Self {
        Self::new(Reason::BadRequest, why)
    }

    /// The verb is not served there.
    pub fn method_not_allowed(resource: &GroupResource, verb: &str) -> Self {
        Self::new(
            Reason::MethodNotAllowed,
            format!("{verb} is not supported on resources of kind \"{resource}\""),
        )
        .with_details(about(resource, ""))
    }

    /// Neither path nor resource is known.
    pub fn path_not_found() -> Self {
        Self::new(
            Reason::NotFound,
            "the server could not find the requested resource",
        )
        .with_details(Details::default())
    }

    /// The version asked for is compacted, or a watch fell behind.
    pub fn expired(why: impl Into<String>) -> Self {
        Self::new(Reason::Expired, why)
    }

    /// Kubernetes serves it, this emulator does not.
    pub fn not_implemented(feature: &str) -> Self {
        Self::new(
            Reason::NotImplemented,
            format!("mockernetes does not serve {feature}"),
        )
    }

    /// The body's encoding is not read.
    pub fn unsupported_media_type(why: impl Into<String>) -> Self {
        Self::new(Reason::UnsupportedMediaType, why)
    }

    /// None of the accepted encodings is served.
    pub fn not_acceptable(why: impl Into<String>) -> Self {
        Self::new(Reason::NotAcceptable, why)
    }

    /// The body is larger than `limit` bytes.
    pub fn too_large(limit: usize) -> Self {
        Self::new(
            Reason::RequestEntityTooLarge,
            format!("Request entity too large: limit is {limit}"),
        )
    }

    /// Slow down.
    pub fn too_many_requests(why: impl Into<String>, retry_after_seconds: u32) -> Self {
        Self::new(Reason::TooManyRequests, why).with_details(Details {
            retry_after_seconds,
            ..Details::default()
        })
    }

    /// Could not be completed in time.
    pub fn timeout(why: impl Into<String>, retry_after_seconds: u32) -> Self {
        Self::new(Reason::Timeout, format!("Timeout: {}", why.into())).with_details(Details {
            retry_after_seconds,
            ..Details::default()
        })
    }

    /// Whoever would have to answer cannot be reached now.
    pub fn service_unavailable(why: impl Into<String>) -> Self {
        Self::new(Reason::ServiceUnavailable, why)
    }

    /// Our own fault, or a request the real server fails on with a 500.
    pub fn internal(why: impl Into<String>) -> Self {
        let why = why.into();
        Self::new(
            Reason::InternalError,
            format!("Internal error occurred: {why}"),
        )
        .with_details(Details {
            causes: vec![Cause {
                message: why,
                ..Cause::default()
            }],
            ..Details::default()
        })
    }

    /// Not authenticated.
    pub fn unauthorized() -> Self {
        Self::new(Reason::Unauthorized, "Unauthorized")
    }
}
