//! What leads into a pod: its commands and its ports.
//!
//! *Upstream:* `pkg/registry/core/pod/rest/subresources.go`, `pkg/registry/core/pod/strategy.go`
//! (`streamLocation`, `validateContainer`, `ResourceLocation`).

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::error::ApiError;
use crate::object::{GroupResource, Key, Object};
use crate::registry::{Connect, Context, Destination, Registry, Request, Response, Way};
use crate::resources::shared::look::Look;
use crate::resources::shared::proxied::{self, Proxied};

/// `pods/exec`, `pods/attach` and `pods/portforward`.
pub(super) struct Streams(pub(super) Way);

impl Connect for Streams {
    fn call<'a>(
        &'a self,
        registry: &'a Registry,
        cx: &'a Context<'a>,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<Response, ApiError>> {
        Box::pin(async move {
            // To run something takes the right to create, even for browsers, which can only GET.
            registry.check_may_create(cx).await?;
            let pod = pod(cx)?;
            let container = if self.0 == Way::Forward {
                ""
            } else {
                container(&pod, request.parameter("container").unwrap_or(""))?
            };
            let node = pod.at("spec").text("nodeName");
            if node.is_empty() {
                let name = pod.name();
                return Err(ApiError::bad_request(format!(
                    "pod {name} does not have a host assigned"
                )));
            }
            check_node(cx, node)?;
            let container = container.to_owned();
            Ok(Response::pod(Destination {
                way: self.0.clone(),
                pod: Arc::new(pod),
                container,
            }))
        })
    }
}

/// `pods/proxy`.
pub(super) struct Proxy;

impl Connect for Proxy {
    fn call<'a>(
        &'a self,
        _registry: &'a Registry,
        cx: &'a Context<'a>,
        _request: &'a Request,
    ) -> BoxFuture<'a, Result<Response, ApiError>> {
        Box::pin(async move {
            let asked = Proxied::read(cx.name, "pod")?;
            let key = Key::new(cx.namespace, asked.name);
            let stored = cx.reader.get(&cx.resource.storage, &key);
            let pods = GroupResource::new("", "pods");
            let pod = stored.ok_or_else(|| ApiError::not_found(&pods, asked.name))?;
            let pod = pod.object();
            if pod.at("status").text("podIP").is_empty() {
                return Err(ApiError::bad_request("address not allowed"));
            }
            let first = || {
                let containers = pod.at("spec").list("containers").iter();
                let mut ports = containers.filter_map(|one| one.list("ports").first());
                ports.next().map(|port| port.number("containerPort"))
            };
            let port = match asked.port {
                "" => first().unwrap_or(asked.usual_port()).try_into().ok(),
                text => text.parse().ok(),
            };
            let port = port.ok_or_else(|| proxied::unreachable_port(&pod, asked.port))?;
            Ok(asked.lead(pod, port))
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
