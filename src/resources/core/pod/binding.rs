//! Bindings: a pod is given its node.
//!
//! *Upstream:* `pkg/registry/core/pod/storage/storage.go` (`BindingREST`).

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use crate::admission::Operation;
use crate::error::{ApiError, FieldErrors, Reason};
use crate::object::{FieldPath, GroupResource, Key, Object, time};
use crate::registry::write::Changed;
use crate::registry::{Connect, Context, Options, Registry, Request, Response, Strategy, Target};
use crate::registry::{Verb, decode};
use crate::resources::shared::look::Look;
use crate::resources::shared::names::{check_subdomain, report};

/// `pods/binding`.
pub(super) struct Binding;

/// `bindings`, which say their pod themselves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BindingStrategy;

/// The one strategy of bindings.
pub(crate) static BINDINGS: BindingStrategy = BindingStrategy;

impl Strategy for BindingStrategy {
    fn acts(&self) -> Option<&dyn Connect> {
        Some(&Binding)
    }
}

impl Connect for Binding {
    fn call<'a>(
        &'a self,
        registry: &'a Registry,
        cx: &'a Context<'a>,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<Response, ApiError>> {
        Box::pin(async move {
            let mut binding = body(cx, request)?;
            let name = binding.at("metadata").text("name");
            if cx.name.is_empty() && name.is_empty() {
                return Err(ApiError::bad_request("Name parameter required."));
            }
            if !cx.name.is_empty() && cx.name != name {
                return Err(ApiError::bad_request(
                    "name in URL does not match name in Binding object",
                ));
            }
            admit(registry, cx, &mut binding).await?;
            check(&binding)?;
            let name = binding.at("metadata").text("name");
            bind(registry, cx, request, name, &binding).await?;
            Ok(success())
        })
    }
}

/// Asks admission about a body that is acted upon.
pub(super) async fn admit(
    registry: &Registry,
    cx: &Context<'_>,
    body: &mut Value,
) -> Result<(), ApiError> {
    let mut object = Object::from_value(body.take()).unwrap_or_default();
    let kind = cx
        .resource
        .subresource(cx.subresource)
        .map(|face| &face.kind);
    let own = cx.resource.group_version_kind();
    let kind = kind.unwrap_or(&own);
    object.set_type(&kind.group_version.to_string(), &kind.kind);
    if object.namespace().is_empty() {
        object.set(&["metadata", "namespace"], cx.namespace);
    }
    registry.admit(cx, Operation::Create, &mut object).await?;
    *body = object.into_value();
    Ok(())
}

/// The object in a body, as it is.
pub(super) fn body(cx: &Context<'_>, request: &Request) -> Result<Value, ApiError> {
    Ok(decode::object(cx, request)?.into_value())
}

/// The answer of what acts and has nothing to show.
pub(super) fn success() -> Response {
    let status = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "code": 201,
    });
    Response::json(201, status.to_string())
}

fn check(binding: &Value) -> Result<(), ApiError> {
    let target = binding.at("target");
    let path = FieldPath::new("target");
    let (kind, name) = (target.text("kind"), target.text("name"));
    let mut errors = FieldErrors::new();
    if !matches!(kind, "" | "Node") {
        let all = ["Node", "<empty>"];
        errors.not_supported(&path.child("kind"), &kind.into(), &all);
    }
    if name.is_empty() {
        errors.required(&path.child("name"), "");
    } else if matches!(kind, "" | "Node") {
        report(
            &mut errors,
            &path.child("name"),
            name,
            check_subdomain(name),
        );
    }
    // Upstream answers with the bare list: no reason, so a 500.
    let mut lines: Vec<String> = errors
        .iter()
        .map(|error| format!("{}: {}", error.field, error.body()))
        .collect();
    match lines.len() {
        0 => Ok(()),
        1 => Err(ApiError::new(Reason::Unknown, lines.remove(0))),
        _ => Err(ApiError::new(
            Reason::Unknown,
            format!("[{}]", lines.join(", ")),
        )),
    }
}

/// A request of the server's own, in the name of whoever asked, to a face of another object.
pub(super) fn inner_request(request: &Request, target: Target) -> Request {
    Request {
        verb: Verb::Update,
        target,
        ..request.clone()
    }
}

async fn bind(
    registry: &Registry,
    cx: &Context<'_>,
    request: &Request,
    name: &str,
    binding: &Value,
) -> Result<(), ApiError> {
    let target = Target {
        version: "v1".to_owned(),
        namespace: cx.namespace.to_owned(),
        resource: "pods".to_owned(),
        name: name.to_owned(),
        subresource: "binding".to_owned(),
        ..Target::default()
    };
    let request = inner_request(request, target);
    let pods = registry
        .catalog
        .resource("", "v1", "pods")
        .ok_or_else(ApiError::path_not_found)?;
    let options = Options {
        is_dry_run: cx.is_dry_run,
        is_inner: true,
        ..Options::default()
    };
    let own = registry.context(&request, &pods, &options);
    let metadata = binding.at("metadata");
    let is_exact = !metadata.text("resourceVersion").is_empty();
    let mut change = |old: &Object| {
        preconditions(metadata, old)?;
        let object = bound(&own, old, binding)?;
        Ok(Changed {
            object,
            is_exact,
            // The node is nobody's field: upstream writes it past the managers.
            is_tracked: true,
        })
    };
    let key = Key::new(cx.namespace, name);
    registry.update_object(&own, &key, &mut change).await?;
    Ok(())
}

/// A binding may be meant for just one pod, or one state of it.
fn preconditions(metadata: &Value, old: &Object) -> Result<(), ApiError> {
    let checks = [
        ("UID", metadata.text("uid"), old.uid()),
        (
            "ResourceVersion",
            metadata.text("resourceVersion"),
            old.resource_version(),
        ),
    ];
    for (what, asked, found) in checks {
        if !asked.is_empty() && asked != found {
            let why = format!(
                "StorageError: invalid object, Code: 4, Key: /pods/{}/{}, ResourceVersion: 0, \
                 AdditionalErrorMsg: Precondition failed: {what} in precondition: {asked}, {what} \
                 in object meta: {found}",
                old.namespace(),
                old.name()
            );
            let pods = GroupResource::new("", "pods");
            return Err(ApiError::conflict(&pods, old.name(), &why));
        }
    }
    Ok(())
}

/// The pod with its node, and with the binding's labels and annotations.
fn bound(cx: &Context, old: &Object, binding: &Value) -> Result<Object, ApiError> {
    let (name, spec) = (old.name(), old.at("spec"));
    let node = spec.text("nodeName");
    let why = if old.is_being_deleted() {
        Some(format!(
            "pod {name} is being deleted, cannot be assigned to a host"
        ))
    } else if !node.is_empty() {
        Some(format!("pod {name} is already assigned to node {node:?}"))
    } else if !spec.list("schedulingGates").is_empty() {
        Some(format!("pod {name} has non-empty .spec.schedulingGates"))
    } else {
        None
    };
    if let Some(why) = why {
        let resource = GroupResource::new("", "pods/binding");
        return Err(ApiError::conflict(&resource, name, &why));
    }
    let mut pod = old.clone();
    let node = binding.at("target").text("name");
    pod.set(&["spec", "nodeName"], node);
    pod.remove(&["status", "nominatedNodeName"]);
    for field in ["annotations", "labels"] {
        for (key, value) in binding.at("metadata").entries(field) {
            pod.set(&["metadata", field, key], value.clone());
        }
    }
    set_condition(
        cx,
        &mut pod,
        json!({ "type": "PodScheduled", "status": "True" }),
    );
    Ok(pod)
}

/// Sets a condition of a pod, at the time of the request where its status changes.
pub(super) fn set_condition(cx: &Context, pod: &mut Object, mut condition: Value) {
    let kind = condition.text("type").to_owned();
    let mut conditions = pod.at("status").list("conditions").to_vec();
    let known = conditions
        .iter_mut()
        .find(|other| other.text("type") == kind);
    let since = known
        .as_ref()
        .filter(|other| other.text("status") == condition.text("status"))
        .and_then(|other| other.maybe("lastTransitionTime").cloned());
    condition["lastTransitionTime"] = since.unwrap_or_else(|| time::seconds(cx.now).into());
    condition["lastProbeTime"] = Value::Null;
    match known {
        Some(known) => *known = condition,
        None => conditions.push(condition),
    }
    pod.set(&["status", "conditions"], conditions);
}
