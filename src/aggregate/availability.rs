//! Whether a registered API server can be reached, as the condition of its `APIService` says.
//!
//! *Upstream:* `kube-aggregator/pkg/controllers/status/remote/remote_available_controller.go`.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use super::registered;
use crate::auth::{MASTERS, User};
use crate::object::{GroupResource, GroupVersion, Key, Object};
use crate::storage::Reader;
use crate::webhook::{Caller, Place, Target};

/// How long they may take to answer.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

/// Whether it can be reached, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) is_available: bool,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

impl Verdict {
    fn no(reason: &'static str, message: String) -> Self {
        Self {
            is_available: false,
            reason,
            message,
        }
    }

    /// The conditions of an `APIService` with this one among them; `None` where it stands there.
    pub(super) fn into_conditions(self, service: &Object, now: &str) -> Option<Vec<Value>> {
        let mut conditions = service.items(&["status", "conditions"]).to_vec();
        let status = if self.is_available { "True" } else { "False" };
        let mut new = json!({
            "type": "Available",
            "status": status,
            "reason": self.reason,
            "message": self.message,
            "lastTransitionTime": now,
        });
        let old = conditions.iter_mut().find(|one| one["type"] == "Available");
        let Some(old) = old else {
            conditions.push(new);
            return Some(conditions);
        };
        if old["status"] == new["status"] {
            new["lastTransitionTime"] = old["lastTransitionTime"].clone();
        }
        if *old == new {
            return None;
        }
        *old = new;
        Some(conditions)
    }
}

/// Asks whether a registered server can be reached.
pub(super) async fn look(
    reader: &dyn Reader,
    caller: &Caller,
    version: &GroupVersion,
    target: &Target,
) -> Verdict {
    if let Err(verdict) = find(reader, caller, target) {
        return verdict;
    }
    let path = path(version);
    match get(caller, target, &path, "").await {
        Ok((200..=299, _)) => Verdict {
            is_available: true,
            reason: "Passed",
            message: "all checks passed".to_owned(),
        },
        Ok((code, _)) => {
            let url = format!("{}{path}", address(reader, target));
            let why =
                format!("failing or missing response from {url}: bad status from {url}: {code}");
            Verdict::no("FailedDiscoveryCheck", why)
        }
        Err(error) => {
            let url = format!("{}{path}", address(reader, target));
            let why = format!("failing or missing response from {url}: Get \"{url}\": {error}");
            Verdict::no("FailedDiscoveryCheck", why)
        }
    }
}

/// The path under which a group version says what it has.
pub(super) fn path(version: &GroupVersion) -> String {
    if version.group.is_empty() {
        format!("/api/{}", version.version)
    } else {
        format!("/apis/{version}")
    }
}

/// Reads a document of a registered server, as this server itself.
pub(super) async fn get(
    caller: &Caller,
    target: &Target,
    path: &str,
    accept: &str,
) -> Result<(u16, Bytes), String> {
    use http_body_util::BodyExt;
    let mut request = Request::get(format!("https://{}{path}", target.server_name))
        .header("User-Agent", "kube-apiserver")
        .body(Bytes::new())
        .map_err(|error| error.to_string())?;
    let accept = if accept.is_empty() { "*/*" } else { accept };
    if let Ok(accept) = accept.parse() {
        request.headers_mut().insert(http::header::ACCEPT, accept);
    }
    let own = User {
        name: "system:kube-aggregator".to_owned(),
        groups: vec![MASTERS.to_owned()],
        ..User::default()
    };
    registered::identify(request.headers_mut(), &own);
    let exchange = async {
        let response = caller.forward(target, request).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| error.to_string())?;
        Ok((head.status.as_u16(), body.to_bytes()))
    };
    // The one who answers is outside, and so is the time it takes.
    #[allow(clippy::disallowed_methods)]
    let answered = tokio::time::timeout(PATIENCE, exchange).await;
    answered.unwrap_or_else(|_| Err("context deadline exceeded".to_owned()))
}

/// Where the service says that it is, as it is told.
fn address(reader: &dyn Reader, target: &Target) -> String {
    let Place::Service {
        namespace,
        name,
        port,
        ..
    } = &target.place
    else {
        return String::new();
    };
    let services = GroupResource::new("", "services");
    let service = reader.get(&services, &Key::new(namespace, name));
    let service = service.map(|service| service.parsed());
    let host = service
        .as_ref()
        .map_or("", |service| match service.text(&["spec", "type"]) {
            "ExternalName" => service.text(&["spec", "externalName"]),
            _ => service.text(&["spec", "clusterIP"]),
        });
    format!("https://{host}:{port}")
}

/// Looks for the service, its port and somebody behind it.
fn find(reader: &dyn Reader, caller: &Caller, target: &Target) -> Result<(), Verdict> {
    let Place::Service {
        namespace,
        name,
        port,
        ..
    } = &target.place
    else {
        return Ok(());
    };
    let services = GroupResource::new("", "services");
    let Some(service) = reader.get(&services, &Key::new(namespace, name)) else {
        let why = format!("service/{name} in \"{namespace}\" is not present");
        return Err(Verdict::no("ServiceNotFound", why));
    };
    let service = service.parsed();
    if service.text(&["spec", "type"]) != "ClusterIP" {
        return Ok(());
    }
    let ports = service.items(&["spec", "ports"]);
    let Some(found) = ports.iter().find(|one| one["port"] == *port) else {
        let why = format!("service/{name} in \"{namespace}\" is not listening on port {port}");
        return Err(Verdict::no("ServicePortError", why));
    };
    // Differs: where a service is was said by whoever runs it; nobody makes endpoints for that.
    if caller.knows(namespace, name, *port) {
        return Ok(());
    }
    let port_name = found["name"].as_str().unwrap_or("");
    let slices = slices(reader, namespace, name);
    if slices.is_empty() {
        let why = format!("cannot find endpointslices for service/{name} in \"{namespace}\"");
        return Err(Verdict::no("EndpointsNotFound", why));
    }
    if !slices.iter().any(|slice| has_endpoint(slice, port_name)) {
        let why = format!(
            "endpointslices for service/{name} in \"{namespace}\" have no addresses with port \
             name \"{port_name}\""
        );
        return Err(Verdict::no("MissingEndpoints", why));
    }
    Ok(())
}

fn slices(reader: &dyn Reader, namespace: &str, name: &str) -> Vec<std::sync::Arc<Object>> {
    let slices = GroupResource::new("discovery.k8s.io", "endpointslices");
    let Ok(snapshot) = reader.snapshot(&slices, None) else {
        return Vec::new();
    };
    let of_service = snapshot
        .objects(Some(namespace), None)
        .filter(|slice| slice.label("kubernetes.io/service-name") == Some(name));
    of_service.map(|slice| slice.parsed()).collect()
}

fn has_endpoint(slice: &Object, port_name: &str) -> bool {
    let is_ready = |endpoint: &Value| endpoint["conditions"]["ready"] != false;
    let is_port =
        |port: &Value| port["name"].as_str() == Some(port_name) && port["port"].is_number();
    slice.items(&["endpoints"]).iter().any(is_ready) && slice.items(&["ports"]).iter().any(is_port)
}
