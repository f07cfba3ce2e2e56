//! What talks to the processes of a pod: refused, since none runs behind an emulated one.
//!
//! *Upstream:* `pkg/registry/core/pod/strategy.go` (`streamLocation`, `validateContainer`).

use futures_util::future::BoxFuture;

use crate::error::ApiError;
use crate::object::quote::quoted;
use crate::object::{GroupResource, Key, Object};
use crate::registry::{Connect, Context, Registry, Request, Response};
use crate::resources::shared::look::Look;

/// `pods/exec`, `pods/attach`, `pods/portforward` and `pods/proxy`.
pub(super) struct Streams;

impl Connect for Streams {
    fn call<'a>(
        &'a self,
        _registry: &'a Registry,
        cx: &'a Context<'a>,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<Response, ApiError>> {
        Box::pin(async move {
            let feature = format!(
                "pods/{}: no process runs behind an emulated pod yet",
                cx.subresource
            );
            let pod = if cx.subresource == "proxy" {
                proxied(cx)?
            } else {
                pod(cx)?
            };
            if cx.subresource == "proxy" {
                return Err(match pod.at("status").text("podIP") {
                    "" => ApiError::bad_request("address not allowed"),
                    _ => ApiError::not_implemented(&feature),
                });
            }
            if cx.subresource != "portforward" {
                container(&pod, request.parameter("container").unwrap_or(""))?;
            }
            let node = pod.at("spec").text("nodeName");
            if node.is_empty() {
                let name = pod.name();
                return Err(ApiError::bad_request(format!(
                    "pod {name} does not have a host assigned"
                )));
            }
            check_node(cx, node)?;
            Err(ApiError::not_implemented(&feature))
        })
    }
}

/// A pod's node must be there to be asked; upstream looks for it as if it were a pod.
pub(super) fn check_node(cx: &Context, name: &str) -> Result<(), ApiError> {
    let nodes = GroupResource::new("", "nodes");
    match cx.reader.get(&nodes, &Key::new("", name)) {
        Some(_) => Ok(()),
        None => Err(ApiError::not_found(&GroupResource::new("", "pods"), name)),
    }
}

/// The pod that a request for a proxy means: `NAME`, `NAME:PORT` or `SCHEME:NAME:PORT`.
fn proxied(cx: &Context) -> Result<Object, ApiError> {
    let parts: Vec<&str> = cx.name.split(':').collect();
    let ([name] | [name, _] | ["" | "http" | "https", name, _]) = parts[..] else {
        let asked = quoted(cx.name);
        return Err(ApiError::bad_request(format!(
            "invalid pod request {asked}"
        )));
    };
    let key = Key::new(cx.namespace, name);
    let stored = cx.reader.get(&cx.resource.storage, &key);
    let missing = || ApiError::not_found(&GroupResource::new("", "pods"), name);
    Ok(stored.ok_or_else(missing)?.object())
}

/// The pod of a request.
pub(super) fn pod(cx: &Context) -> Result<Object, ApiError> {
    let key = cx.key()?;
    let stored = cx.reader.get(&cx.resource.storage, &key);
    let missing = || ApiError::not_found(&GroupResource::new("", "pods"), cx.name);
    Ok(stored.ok_or_else(missing)?.object())
}

/// The container that is meant: the one named, or the only one.
pub(super) fn container<'a>(pod: &'a Object, asked: &'a str) -> Result<&'a str, ApiError> {
    let spec = pod.at("spec");
    let name = pod.name();
    let all: Vec<&str> = ["initContainers", "containers", "ephemeralContainers"]
        .iter()
        .flat_map(|list| spec.list(list))
        .map(|container| container.text("name"))
        .collect();
    if !asked.is_empty() {
        return if all.contains(&asked) {
            Ok(asked)
        } else {
            Err(ApiError::bad_request(format!(
                "container {asked} is not valid for pod {name}"
            )))
        };
    }
    match spec.list("containers") {
        [only] => Ok(only.text("name")),
        _ => Err(ApiError::bad_request(format!(
            "a container name must be specified for pod {name}, choose one of: [{}]",
            all.join(" ")
        ))),
    }
}
