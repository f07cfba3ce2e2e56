//! May they: members of `system:masters` may do everything, others what discovery and health need.
//!
//! Differs: roles and bindings are not consulted yet; what no bootstrap role gives to everybody is
//! refused, so that nothing is allowed which a real cluster would refuse.
//!
//! *Upstream:* `plugin/pkg/auth/authorizer/rbac/{rbac.go,bootstrappolicy/policy.go}`,
//! `apiserver/pkg/endpoints/handlers/responsewriters/errors.go` for the words.

use super::authenticate::AUTHENTICATED;
use super::{MASTERS, User};
use crate::error::{ApiError, Details, Reason};

/// What is asked for, as far as rights decide it.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a> {
    /// `get`, `list`, …; the lower-case method where no resource is named.
    pub verb: &'a str,
    /// Whether a resource is named.
    pub is_resource: bool,
    /// The path, where none is.
    pub path: &'a str,
    /// The group.
    pub group: &'a str,
    /// The namespace; empty for all and for none.
    pub namespace: &'a str,
    /// The plural.
    pub resource: &'a str,
    /// The subresource.
    pub subresource: &'a str,
    /// The object's name; empty for a collection.
    pub name: &'a str,
}

/// Paths that `system:public-info-viewer` opens to everybody.
const PUBLIC: [&str; 5] = ["/healthz", "/livez", "/readyz", "/version", "/version/"];

/// Paths that `system:discovery` opens to everybody who is authenticated.
const DISCOVERY: [&str; 3] = ["/api", "/apis", "/openapi"];

/// Allows or refuses a request.
pub fn authorize(user: &User, attributes: &Attributes) -> Result<(), ApiError> {
    if user.is_in(MASTERS) || is_given_to_all(user, attributes) {
        return Ok(());
    }
    Err(forbidden(user, attributes))
}

/// Whether a bootstrap role allows it to everybody.
fn is_given_to_all(user: &User, attributes: &Attributes) -> bool {
    let is_known = user.is_in(AUTHENTICATED);
    if attributes.is_resource {
        let is_review = match attributes.group {
            "authorization.k8s.io" => matches!(
                attributes.resource,
                "selfsubjectaccessreviews" | "selfsubjectrulesreviews"
            ),
            "authentication.k8s.io" => attributes.resource == "selfsubjectreviews",
            _ => false,
        };
        return is_known
            && is_review
            && attributes.verb == "create"
            && attributes.subresource.is_empty();
    }
    let path = attributes.path;
    let is_discovery = || {
        DISCOVERY.iter().any(|root| {
            path.strip_prefix(root)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    attributes.verb == "get" && (PUBLIC.contains(&path) || is_known && is_discovery())
}

/// The refusal in the real server's words.
pub(super) fn forbidden(user: &User, attributes: &Attributes) -> ApiError {
    let name = &user.name;
    if !attributes.is_resource {
        let path = attributes.path;
        let why = format!("User {name:?} cannot {} path {path:?}", attributes.verb);
        return ApiError::new(Reason::Forbidden, format!("forbidden: {}", sanitize(&why)))
            .with_details(Details::default());
    }
    let subresource = match attributes.subresource {
        "" => String::new(),
        subresource => format!("/{subresource}"),
    };
    let place = match attributes.namespace {
        "" => "at the cluster scope".to_owned(),
        namespace => format!("in the namespace {namespace:?}"),
    };
    let why = format!(
        "User {name:?} cannot {} resource \"{}{subresource}\" in API group {:?} {place}",
        attributes.verb, attributes.resource, attributes.group
    );
    let resource = crate::object::GroupResource::new(attributes.group, attributes.resource);
    ApiError::forbidden(&resource, attributes.name, &sanitize(&why))
}

/// Text that no browser takes for HTML.
fn sanitize(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
