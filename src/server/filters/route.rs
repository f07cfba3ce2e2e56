//! Which verb of which target a path and a method mean, if any: the real server finds it by fixed
//! routes for built-in kinds, and by reading the path for custom resources.
//!
//! *Upstream:* go-restful's `curly.go`; `ServeHTTP` in
//! `apiextensions-apiserver/pkg/apiserver/customresource_handler.go`.

use http::Method;

use super::Asked;
use crate::error::ApiError;
use crate::registry::handle::method_not_allowed;
use crate::registry::{Target, Verb};
use crate::schema::Resource;
use crate::server::Door;

/// What a request is sent through the corridor as.
pub(in crate::server) struct Route {
    /// The verb.
    pub(in crate::server) verb: Verb,
    /// What the verb is for.
    pub(in crate::server) target: Target,
}

impl Door {
    /// Finds the route of a request about a resource.
    pub(in crate::server) fn route(&self, asked: &Asked) -> Result<Route, ApiError> {
        let Some(resource) = self.resource_of(asked) else {
            return Err(ApiError::path_not_found());
        };
        if resource.custom.is_some() {
            custom(asked, &resource).map_err(|error| warned(&resource, error))
        } else {
            built_in(asked, &resource)
        }
    }
}

/// An error of a request about a resource that it did not get to: whoever uses a deprecated version
/// of a custom resource is told so, whatever comes of it.
pub(in crate::server) fn warned(resource: &Resource, error: ApiError) -> ApiError {
    if resource.custom.is_none() || resource.deprecation.is_empty() {
        return error;
    }
    error.with_warnings(vec![resource.deprecation.to_string()])
}

fn built_in(asked: &Asked, resource: &Resource) -> Result<Route, ApiError> {
    let location = &asked.location;
    let target = &location.target;
    if !location.is_routable || location.names_no_namespace && !resource.is_namespaced {
        return Err(ApiError::path_not_found());
    }
    if is_beyond_kind(target, resource) {
        return Err(ApiError::path_not_found());
    }
    // No route of an object leaves out its namespace, or names one too many.
    let has_namespace = !target.namespace.is_empty() || location.names_no_namespace;
    let is_in_place = if has_namespace {
        resource.is_namespaced
    } else {
        !resource.is_namespaced || target.name.is_empty()
    };
    if !is_in_place {
        return Err(ApiError::path_not_found());
    }
    let is_face = !target.subresource.is_empty();
    if is_face && resource.subresource(&target.subresource).is_none() {
        return Err(ApiError::path_not_found());
    }
    if target.name.is_empty() && is_face {
        return Err(without_name(asked, resource));
    }
    let is_served = |verb: &Verb| match verb {
        Verb::Create => target.name.is_empty() || !target.subresource.is_empty(),
        Verb::Update | Verb::Patch => !target.name.is_empty(),
        _ => true,
    };
    let verb = location.verb.filter(is_served);
    let verb = verb.ok_or_else(method_not_allowed)?;
    // Differs: upstream validates an object that is to be created in no namespace, to say that its
    // namespace is required among whatever else is wrong with it.
    if location.names_no_namespace && !matches!(verb, Verb::List | Verb::Watch) {
        return Err(ApiError::bad_request("Namespace parameter required."));
    }
    Ok(Route {
        verb,
        target: target.clone(),
    })
}

/// Whether there is no route of any method: what is only answered, and never kept, has neither
/// names nor lists.
fn is_beyond_kind(target: &Target, resource: &Resource) -> bool {
    let serves_any = |verbs: &[&str]| verbs.iter().any(|verb| resource.serves(verb));
    if !target.subresource.is_empty() {
        return false;
    }
    if !target.name.is_empty() {
        return !serves_any(&["get", "update", "patch", "delete"]);
    }
    let spans_all = resource.is_namespaced && target.namespace.is_empty();
    spans_all && !serves_any(&["list", "watch"])
}

/// The error of a path that leaves out whose subresource it means.
fn without_name(asked: &Asked, resource: &Resource) -> ApiError {
    let Some(subresource) = resource.subresource(&asked.location.target.subresource) else {
        return ApiError::path_not_found();
    };
    let verb = match asked.method {
        Method::GET => "get",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "",
    };
    if subresource.verbs.iter().any(|served| served == verb) {
        ApiError::bad_request("name must be provided")
    } else {
        method_not_allowed()
    }
}

fn custom(asked: &Asked, resource: &Resource) -> Result<Route, ApiError> {
    let location = &asked.location;
    let mut target = location.target.clone();
    // What follows a subresource is not looked at.
    target.rest.clear();
    let served: &[Verb] = match target.subresource.as_str() {
        "" => &[
            Verb::Get,
            Verb::List,
            Verb::Watch,
            Verb::Create,
            Verb::Update,
            Verb::Patch,
            Verb::Delete,
            Verb::DeleteCollection,
        ],
        "status" | "scale" if resource.subresource(&target.subresource).is_some() => {
            &[Verb::Get, Verb::Update, Verb::Patch]
        }
        _ => {
            let resource = resource.group_resource();
            return Err(ApiError::not_found(&resource, &target.name));
        }
    };
    let verb = served.iter().find(|verb| verb.as_str() == location.action);
    let Some(verb) = verb.copied() else {
        let resource = resource.group_resource();
        return Err(ApiError::method_not_allowed(&resource, &location.action));
    };
    match verb {
        Verb::Update | Verb::Patch if target.name.is_empty() => {
            return Err(ApiError::bad_request("name must be provided"));
        }
        // The name of what is created stands in its body.
        Verb::Create => target.name.clear(),
        _ => {}
    }
    Ok(Route { verb, target })
}
