//! `services/proxy`: a port of one of the pods behind a service.
//!
//! *Upstream:* `pkg/registry/core/service/storage/storage.go` (`ResourceLocation`),
//! `pkg/registry/core/service/proxy` (`RandomEndpoint`).

use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::error::ApiError;
use crate::object::quote::quoted;
use crate::object::{GroupResource, Key, Object};
use crate::registry::{Connect, Context, Registry, Request, Response};
use crate::resources::shared::look::Look;
use crate::resources::shared::proxied::Proxied;

/// See the module.
pub(super) struct Proxy;

impl Connect for Proxy {
    fn call<'a>(
        &'a self,
        _registry: &'a Registry,
        cx: &'a Context<'a>,
        _request: &'a Request,
    ) -> BoxFuture<'a, Result<Response, ApiError>> {
        Box::pin(async move {
            let asked = Proxied::read(cx.name, "service")?;
            let port = port_name(cx, asked)?;
            let (pod, port) = endpoint(cx, asked.name, &port)?;
            Ok(asked.lead(pod, port))
        })
    }
}

/// The name of the port that is asked for by name or by number.
fn port_name(cx: &Context, asked: Proxied) -> Result<String, ApiError> {
    let Ok(number) = asked.port.parse::<i64>() else {
        return Ok(asked.port.to_owned());
    };
    let key = Key::new(cx.namespace, asked.name);
    let stored = cx.reader.get(&cx.resource.storage, &key);
    let services = GroupResource::new("", "services");
    let stored = stored.ok_or_else(|| ApiError::not_found(&services, asked.name))?;
    let service = stored.object();
    let mut ports = service.at("spec").list("ports").iter();
    let port = ports.find(|port| port.number("port") == number);
    let port = port.ok_or_else(|| {
        let name = quoted(asked.name);
        let why = format!("no service port {number} found for service {name}");
        ApiError::service_unavailable(why)
    })?;
    Ok(port.text("name").to_owned())
}

/// A pod that is ready, and which of its ports a port of the service is.
///
/// Differs: the first of several, not any of them.
fn endpoint(cx: &Context, service: &str, port: &str) -> Result<(Object, u16), ApiError> {
    let slices = GroupResource::new("discovery.k8s.io", "endpointslices");
    let snapshot = cx.reader.snapshot(&slices, None);
    let snapshot = snapshot.map_err(|error| ApiError::internal(error.to_string()))?;
    for slice in snapshot.objects(Some(cx.namespace), None) {
        let slice = slice.object();
        let labels = slice.at("metadata").at("labels");
        if labels.text("kubernetes.io/service-name") != service {
            continue;
        }
        let mut ports = slice.list("ports").iter();
        let port = ports.find(|one| one.text("name") == port && one.has("port"));
        let port = port.and_then(|port| u16::try_from(port.number("port")).ok());
        let Some(port) = port else { continue };
        let mut pods = slice
            .list("endpoints")
            .iter()
            .filter_map(|one| pod(cx, one));
        if let Some(pod) = pods.next() {
            return Ok((pod, port));
        }
    }
    let service = quoted(service);
    let why = format!("no endpoints available for service {service}");
    Err(ApiError::service_unavailable(why))
}

/// The pod of an endpoint, where it is ready and is one.
fn pod(cx: &Context, endpoint: &Value) -> Option<Object> {
    if endpoint.at("conditions").flag("ready") == Some(false) {
        return None;
    }
    let target = endpoint.at("targetRef");
    if target.text("namespace") != cx.namespace {
        return None;
    }
    let key = Key::new(cx.namespace, target.text("name"));
    let pod = cx
        .reader
        .get(&GroupResource::new("", "pods"), &key)?
        .object();
    let address = endpoint.list("addresses").first()?;
    let mut own = pod.at("status").list("podIPs").iter();
    own.any(|one| one["ip"] == *address).then_some(pod)
}
