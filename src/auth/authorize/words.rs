//! A refusal in the real server's words.
//!
//! *Upstream:* `apiserver/pkg/endpoints/handlers/responsewriters/errors.go`,
//! `apiserver/pkg/endpoints/filters/authorization.go`.

use super::{Attributes, Decision};
use crate::auth::User;
use crate::error::{ApiError, Details, Reason};
use crate::object::GroupResource;
use crate::object::quote::quoted;

/// What a decision that is no yes is answered with.
pub(super) fn refusal(user: &User, attributes: &Attributes, decision: &Decision) -> ApiError {
    match &decision.error {
        Some(error) => ApiError::internal(error.clone()),
        None => forbidden(user, attributes, &decision.reason),
    }
}

/// The refusal, with the reason where there is one.
pub(crate) fn forbidden(user: &User, attributes: &Attributes, reason: &str) -> ApiError {
    let mut why = sanitize(&what(user, attributes));
    if !reason.is_empty() {
        why.push_str(": ");
        why.push_str(reason);
    }
    if !attributes.is_resource {
        return ApiError::new(Reason::Forbidden, format!("forbidden: {why}"))
            .with_details(Details::default());
    }
    let resource = GroupResource::new(attributes.group, attributes.resource);
    ApiError::forbidden(&resource, attributes.name, &why)
}

fn what(user: &User, attributes: &Attributes) -> String {
    let name = quoted(&user.name);
    let verb = attributes.verb;
    if !attributes.is_resource {
        return format!("User {name} cannot {verb} path {}", quoted(attributes.path));
    }
    let slash = if attributes.subresource.is_empty() {
        ""
    } else {
        "/"
    };
    let resource = format!("{}{slash}{}", attributes.resource, attributes.subresource);
    let place = match attributes.namespace {
        "" => "at the cluster scope".to_owned(),
        namespace => format!("in the namespace {}", quoted(namespace)),
    };
    format!(
        "User {name} cannot {verb} resource {} in API group {} {place}",
        quoted(&resource),
        quoted(attributes.group)
    )
}

/// Text that no browser takes for HTML.
pub(crate) fn sanitize(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
