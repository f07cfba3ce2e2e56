//! Reviews that answer and are not kept: may somebody do something, and what.
//!
//! *Upstream:* `pkg/registry/authorization/*/rest.go`,
//! `pkg/apis/authorization/validation/validation.go`.

use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};

use super::review_selectors::Parts;
use crate::auth::authorize::{Decision, Selectors, Verdict};
use crate::auth::{Attributes, User};
use crate::error::{ApiError, FieldErrors};
use crate::object::{FieldPath, GroupVersionKind, Object};
use crate::registry::{Connect, Context, Registry, Request, Response, Strategy, shape};
use crate::resources::shared::look::{Look, is_empty};

const SPEC: FieldPath = FieldPath::new("spec");

/// Of whom is asked, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Review {
    /// Whoever asks.
    SelfAccess,
    /// Anybody.
    Access,
    /// Anybody, in the namespace of the path.
    LocalAccess,
    /// Whoever asks: all that they may do.
    SelfRules,
}

impl Strategy for Review {
    fn acts(&self) -> Option<&dyn Connect> {
        Some(self)
    }
}

impl Connect for Review {
    fn call<'a>(
        &'a self,
        registry: &'a Registry,
        cx: &'a Context<'a>,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<Response, ApiError>> {
        Box::pin(async move {
            let mut body = shape::received(registry, cx, request)?;
            if *self == Self::SelfRules {
                rules(cx, &mut body)?;
                body.set_managed_fields(None);
            } else {
                self.check(cx, &mut body)?;
                let status = self.status(cx, &body).await;
                body.set(&["status"], status);
            }
            if body.metadata().is_none() {
                body.set(&["metadata"], json!({}));
            }
            Ok(Response::json(201, body.into_value().to_string()))
        })
    }
}

impl Review {
    fn check(self, cx: &Context, body: &mut Object) -> Result<(), ApiError> {
        if self == Self::LocalAccess && body.namespace().is_empty() {
            body.set(&["metadata", "namespace"], cx.namespace);
        }
        let mut errors = FieldErrors::new();
        let spec = body.at("spec");
        if spec.has("resourceAttributes") == spec.has("nonResourceAttributes") {
            let value = printed(spec.at("nonResourceAttributes"));
            let detail = "exactly one of nonResourceAttributes or resourceAttributes must be \
                          specified";
            errors.invalid_text(&SPEC, value, detail);
        }
        if self != Self::SelfAccess && is_empty(spec.at("user")) && is_empty(spec.at("groups")) {
            let detail = "at least one of user or group must be specified";
            errors.invalid(&SPEC.child("user"), &"".into(), detail);
        }
        super::review_selectors::check(&mut errors, spec.at("resourceAttributes"));
        let mut except = "";
        if self == Self::LocalAccess {
            except = " except for namespace";
        } else {
            // What has no namespace is given none.
            body.remove(&["metadata", "namespace"]);
        }
        let mut metadata = body.metadata().cloned().unwrap_or_default();
        metadata.remove("namespace");
        if !metadata.values().all(is_empty) {
            let value = Value::Object(body.metadata().cloned().unwrap_or_default());
            errors.invalid(
                &FieldPath::new("metadata"),
                &value,
                format!("must be empty{except}"),
            );
        }
        if self == Self::LocalAccess {
            check_local(&mut errors, body);
        }
        if errors.is_empty() {
            return Ok(());
        }
        // Upstream names the group and no kind.
        let kind = GroupVersionKind::new("authorization.k8s.io", "v1", "");
        Err(ApiError::invalid(&kind, "", &errors))
    }

    async fn status(self, cx: &Context<'_>, body: &Object) -> Value {
        let spec = body.at("spec");
        let user = match self {
            Self::SelfAccess => cx.user.clone(),
            _ => subject(spec),
        };
        let resource = spec.at("resourceAttributes");
        let other = spec.at("nonResourceAttributes");
        let is_resource = !resource.is_null();
        let parts = Parts::of(resource);
        let attributes = Attributes {
            verb: if is_resource {
                resource.text("verb")
            } else {
                other.text("verb")
            },
            is_resource,
            path: other.text("path"),
            group: resource.text("group"),
            version: match resource.text("version") {
                "" => "*",
                version => version,
            },
            namespace: resource.text("namespace"),
            resource: resource.text("resource"),
            subresource: resource.text("subresource"),
            name: resource.text("name"),
            selectors: Selectors {
                fields: &parts.fields,
                labels: &parts.labels,
                ..Selectors::default()
            },
        };
        let authorizer = &cx.access.authorizer;
        let mut decision = authorizer.decide(cx.reader, &user, &attributes).await;
        let errors: Vec<String> = decision
            .error
            .take()
            .into_iter()
            .chain(parts.faults)
            .collect();
        answer(&decision, &errors.join("; "))
    }
}

/// Of whom a review asks.
fn subject(spec: &Value) -> User {
    let extra = spec.entries("extra").map(|(key, values)| {
        let values = values.as_array().into_iter().flatten();
        let values = values.filter_map(Value::as_str).map(str::to_owned);
        (key.to_owned(), values.collect())
    });
    User {
        name: spec.text("user").to_owned(),
        uid: spec.text("uid").to_owned(),
        groups: spec.texts("groups").map(str::to_owned).collect(),
        extra: extra.collect(),
    }
}

/// A decision as a status; what is empty is left out.
fn answer(decision: &Decision, error: &str) -> Value {
    let mut status = json!({"allowed": decision.is_allowed()});
    if decision.verdict == Verdict::Deny {
        status["denied"] = true.into();
    }
    for (field, text) in [
        ("reason", decision.reason.as_str()),
        ("evaluationError", error),
    ] {
        if !text.is_empty() {
            status[field] = text.into();
        }
    }
    status
}

/// A path and a verb as Go prints what it has inside.
fn printed(attributes: &Value) -> String {
    if attributes.is_null() {
        return "null".to_owned();
    }
    let text = |field: &str| Value::from(attributes.text(field));
    format!("{{\"Path\":{},\"Verb\":{}}}", text("path"), text("verb"))
}

fn check_local(errors: &mut FieldErrors, body: &Object) {
    let spec = body.at("spec");
    if let Some(resource) = spec.maybe("resourceAttributes")
        && resource.text("namespace") != body.namespace()
    {
        let path = FieldPath::new("spec.resourceAttributes.namespace");
        let value = resource.text("namespace").into();
        errors.invalid(&path, &value, "must match metadata.namespace");
    }
    if let Some(other) = spec.maybe("nonResourceAttributes") {
        let path = FieldPath::new("spec.nonResourceAttributes");
        let value = printed(other);
        errors.invalid_text(&path, value, "disallowed on this kind of request");
    }
}

/// All that whoever asks may do, as far as it can be listed.
fn rules(cx: &Context, body: &mut Object) -> Result<(), ApiError> {
    let namespace = body.at("spec").text("namespace").to_owned();
    if namespace.is_empty() {
        return Err(ApiError::bad_request("no namespace on request"));
    }
    let found = cx.access.authorizer.rules(cx.reader, cx.user, &namespace);
    let (mut resources, mut others) = (Vec::new(), Vec::new());
    for rule in &found.rules {
        if !rule.resources.is_empty() {
            resources.push(listed(&[
                ("verbs", &rule.verbs),
                ("apiGroups", &rule.groups),
                ("resources", &rule.resources),
                ("resourceNames", &rule.names),
            ]));
        }
        if !rule.urls.is_empty() {
            others.push(listed(&[
                ("verbs", &rule.verbs),
                ("nonResourceURLs", &rule.urls),
            ]));
        }
    }
    body.set(&["spec"], json!({}));
    body.remove(&["metadata"]);
    let mut status = json!({
        "resourceRules": resources,
        "nonResourceRules": others,
        "incomplete": found.is_incomplete,
    });
    if !found.error.is_empty() {
        status["evaluationError"] = found.error.into();
    }
    body.set(&["status"], status);
    Ok(())
}

/// A rule of which empty lists are left out, but for the verbs.
fn listed(fields: &[(&str, &[Box<str>])]) -> Value {
    let texts = |texts: &[Box<str>]| -> Value {
        let texts = texts.iter().map(|text| Value::from(&**text));
        texts.collect()
    };
    let entries = fields
        .iter()
        .filter(|(field, list)| *field == "verbs" || !list.is_empty())
        .map(|(field, list)| ((*field).to_owned(), texts(list)));
    Value::Object(entries.collect::<Map<_, _>>())
}
