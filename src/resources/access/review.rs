//! Reviews that answer and are not kept: may somebody do something, and what.
//!
//! *Upstream:* `pkg/registry/authorization/*/rest.go`,
//! `pkg/apis/authorization/validation/validation.go`.

use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};

use crate::auth::{Attributes, Mode, User, authorize};
use crate::error::{ApiError, FieldErrors};
use crate::object::{FieldPath, GroupVersionKind, Object};
use crate::registry::{Connect, Context, Registry, Request, Response, Strategy, decode};
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
        _registry: &'a Registry,
        cx: &'a Context<'a>,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<Response, ApiError>> {
        Box::pin(async move {
            let mut body = decode::object(cx, request)?;
            if *self == Self::SelfRules {
                rules(cx, &mut body)?;
            } else {
                self.check(cx, &mut body)?;
                let is_allowed = self.is_allowed(cx, &body);
                body.set(&["status"], json!({"allowed": is_allowed}));
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
            let value = spec.at("nonResourceAttributes");
            let detail = "exactly one of nonResourceAttributes or resourceAttributes must be \
                          specified";
            errors.declared(|errors| errors.invalid(&SPEC, value, detail));
        }
        if self != Self::SelfAccess && is_empty(spec.at("user")) && is_empty(spec.at("groups")) {
            let detail = "at least one of user or group must be specified";
            errors.invalid(&SPEC.child("user"), &"".into(), detail);
        }
        let mut metadata = body.metadata().cloned().unwrap_or_default();
        metadata.remove("managedFields");
        let mut except = "";
        if self == Self::LocalAccess {
            metadata.remove("namespace");
            except = " except for namespace";
        }
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

    fn is_allowed(self, cx: &Context, body: &Object) -> bool {
        if cx.settings.mode() == Mode::None {
            return true;
        }
        let spec = body.at("spec");
        let user = match self {
            Self::SelfAccess => cx.user.clone(),
            _ => User {
                name: spec.text("user").to_owned(),
                uid: spec.text("uid").to_owned(),
                groups: spec.texts("groups").map(str::to_owned).collect(),
                extra: Vec::new(),
            },
        };
        let resource = spec.at("resourceAttributes");
        let other = spec.at("nonResourceAttributes");
        let is_resource = !resource.is_null();
        let attributes = Attributes {
            verb: if is_resource {
                resource.text("verb")
            } else {
                other.text("verb")
            },
            is_resource,
            path: other.text("path"),
            group: resource.text("group"),
            namespace: resource.text("namespace"),
            resource: resource.text("resource"),
            subresource: resource.text("subresource"),
            name: resource.text("name"),
        };
        authorize::authorize(&user, &attributes).is_ok()
    }
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
        errors.invalid(&path, other, "disallowed on this kind of request");
    }
}

/// What the bootstrap roles give to everybody, and to those who may do everything the rest.
fn rules(cx: &Context, body: &mut Object) -> Result<(), ApiError> {
    if body.at("spec").text("namespace").is_empty() {
        return Err(ApiError::bad_request("no namespace on request"));
    }
    let reviews = ["selfsubjectaccessreviews", "selfsubjectrulesreviews"];
    let mut resources = vec![
        rule(&["create"], &["authorization.k8s.io"], &reviews),
        rule(
            &["create"],
            &["authentication.k8s.io"],
            &["selfsubjectreviews"],
        ),
    ];
    let health = ["/healthz", "/livez", "/readyz", "/version", "/version/"];
    let discovery = [
        "/api",
        "/api/*",
        "/apis",
        "/apis/*",
        "/openapi",
        "/openapi/*",
    ];
    let mut all: Vec<&str> = health.iter().chain(&discovery).copied().collect();
    all.sort_unstable();
    let mut others = vec![
        json!({"verbs": ["get"], "nonResourceURLs": health}),
        json!({"verbs": ["get"], "nonResourceURLs": all}),
    ];
    if cx.settings.mode() == Mode::None || cx.user.is_in(crate::auth::MASTERS) {
        resources.push(rule(&["*"], &["*"], &["*"]));
        others.push(json!({"verbs": ["*"], "nonResourceURLs": ["*"]}));
    }
    body.set(&["spec"], json!({}));
    let status = json!({
        "resourceRules": resources,
        "nonResourceRules": others,
        "incomplete": false,
    });
    body.set(&["status"], status);
    Ok(())
}

fn rule(verbs: &[&str], groups: &[&str], resources: &[&str]) -> Value {
    let mut rule = Map::new();
    rule.insert("verbs".to_owned(), json!(verbs));
    rule.insert("apiGroups".to_owned(), json!(groups));
    rule.insert("resources".to_owned(), json!(resources));
    Value::Object(rule)
}
