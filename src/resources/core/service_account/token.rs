//! Tokens on request.
//!
//! *Upstream:* `pkg/registry/core/serviceaccount/storage/token.go`,
//! `pkg/serviceaccount/claims.go`.

use futures_util::future::BoxFuture;
use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use crate::admission::Operation;
use crate::error::{ApiError, FieldErrors};
use crate::object::{FieldPath, GroupResource, GroupVersionKind, Key, Object, time};
use crate::registry::handle::method_not_allowed;
use crate::registry::meta::managers;
use crate::registry::{Connect, Context, Registry, Request, Response, Verb, decode};
use crate::resources::shared::look::Look;
use crate::schema::tables;

const HOUR: i64 = 3600;
const TEN_MINUTES: i64 = 600;
/// A pod's token for this long is quietly made to last, until its client renews it.
const RENEWED: i64 = 3607;
const YEAR: i64 = 365 * 24 * HOUR;

/// `serviceaccounts/token`.
pub(super) struct Token;

impl Connect for Token {
    fn call<'a>(
        &'a self,
        registry: &'a Registry,
        cx: &'a Context<'a>,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<Response, ApiError>> {
        Box::pin(async move {
            if request.verb != Verb::Create {
                return Err(method_not_allowed());
            }
            let mut body = decode::object(cx, request)?;
            registry.admit(cx, Operation::Create, &mut body).await?;
            enter_writer(registry, cx, &mut body);
            let answer = issue(cx, body)?;
            Ok(Response::json(201, answer.into_value().to_string()))
        })
    }
}

/// Says who asked for which fields, as if the request were kept.
fn enter_writer(registry: &Registry, cx: &Context, body: &mut Object) {
    if !body.at("spec").has("expirationSeconds") {
        body.set(&["spec", "expirationSeconds"], HOUR);
    }
    let kind = kind();
    let version = &kind.group_version;
    if let Some(schema) = tables::kind(&version.group, &version.version, &kind.kind) {
        managers::enter(registry, cx, body, (&schema, &version.to_string()));
    }
}

fn kind() -> GroupVersionKind {
    GroupVersionKind::new("authentication.k8s.io", "v1", "TokenRequest")
}

/// Makes the answer of a request.
fn issue(cx: &Context, mut body: Object) -> Result<Object, ApiError> {
    check_name(cx, &body)?;
    let accounts = GroupResource::new("", "serviceaccounts");
    let account = find(cx, &accounts, cx.namespace, cx.name)?;
    let uid = body.uid();
    if !uid.is_empty() && uid != account.uid() {
        let resource = GroupResource::new("authentication.k8s.io", "TokenRequest");
        let why = format!(
            "the UID in the token request ({uid}) does not match the UID of the service account \
             ({})",
            account.uid()
        );
        return Err(ApiError::conflict(&resource, cx.name, &why));
    }
    complete(cx, &mut body, &account);
    validate(&body)?;
    let bound = bound_object(cx, &body)?;
    let seconds = shortened(cx, &mut body);
    let claims = claims(cx, &body, &account, &bound, seconds);
    let token = cx
        .access
        .authenticator
        .service_accounts
        .sign(&claims)
        .ok_or_else(|| ApiError::internal("failed to generate token: no signing key"))?;
    let ends = cx.now + SignedDuration::from_secs(seconds);
    let status = json!({"token": token, "expirationTimestamp": time::seconds(ends)});
    body.set(&["status"], status);
    Ok(body)
}

/// For how long the token is, which may be shorter than was asked for.
fn shortened(cx: &Context, body: &mut Object) -> i64 {
    let asked = body.at("spec").integer("expirationSeconds").unwrap_or(HOUR);
    let most = cx.access.authenticator.service_accounts.seconds_max;
    if most <= 0 || asked <= most {
        return asked;
    }
    let warning = format!("requested expiration of {asked} seconds shortened to {most} seconds");
    cx.warnings.lock().push(warning);
    body.set(&["spec", "expirationSeconds"], most);
    most
}

fn check_name(cx: &Context, body: &Object) -> Result<(), ApiError> {
    let name = body.name();
    if !body.namespace().is_empty() && body.namespace() != cx.namespace {
        let why = "the namespace of the provided object does not match the namespace sent on the \
                   request";
        return Err(ApiError::bad_request(why));
    }
    if name.is_empty() || name == cx.name {
        return Ok(());
    }
    let mut errors = FieldErrors::new();
    let path = FieldPath::new("metadata");
    let detail = "must match the service account name if specified";
    errors.invalid(&path.child("name"), &name.into(), detail);
    Err(ApiError::invalid(&kind(), cx.name, &errors))
}

fn find(
    cx: &Context,
    resource: &GroupResource,
    namespace: &str,
    name: &str,
) -> Result<Object, ApiError> {
    match cx.reader.get(resource, &Key::new(namespace, name)) {
        Some(stored) => Ok(stored.object()),
        None => Err(ApiError::not_found(resource, name)),
    }
}

fn complete(cx: &Context, body: &mut Object, account: &Object) {
    let now = time::seconds(cx.now);
    for (field, value) in [
        ("name", account.name()),
        ("namespace", account.namespace()),
        ("uid", account.uid()),
        ("creationTimestamp", now.as_str()),
    ] {
        body.set(&["metadata", field], value);
    }
    let spec = body.at("spec");
    let (lacks_audiences, lacks_time, lacks_object) = (
        spec.list("audiences").is_empty(),
        !spec.has("expirationSeconds"),
        !spec.has("boundObjectRef"),
    );
    if lacks_audiences {
        let audiences = json!(cx.access.authenticator.service_accounts.audiences());
        body.set(&["spec", "audiences"], audiences);
    }
    if lacks_time {
        body.set(&["spec", "expirationSeconds"], HOUR);
    }
    if lacks_object {
        body.set(&["spec", "boundObjectRef"], Value::Null);
    }
}

fn validate(body: &Object) -> Result<(), ApiError> {
    let mut errors = FieldErrors::new();
    let path = FieldPath::new("spec");
    let path = path.child("expirationSeconds");
    let seconds = body.at("spec").number("expirationSeconds");
    if seconds < TEN_MINUTES {
        let detail = "may not specify a duration less than 10 minutes";
        errors.invalid(&path, &seconds.into(), detail);
    }
    if seconds > 1 << 32 {
        let detail = "may not specify a duration larger than 2^32 seconds";
        errors.invalid(&path, &seconds.into(), detail);
    }
    if errors.is_empty() {
        return Ok(());
    }
    Err(ApiError::invalid(&kind(), "", &errors))
}

/// What a token is bound to: claims of it, and of the node it is on.
fn bound_object(cx: &Context, body: &Object) -> Result<Map<String, Value>, ApiError> {
    let mut claims = Map::new();
    let Some(reference) = body.at("spec").maybe("boundObjectRef") else {
        return Ok(claims);
    };
    let version = reference.text("apiVersion");
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let kind = reference.text("kind");
    let (plural, field, namespace) = match (group, kind) {
        ("", "Pod") => ("pods", "pod", cx.namespace),
        ("", "Secret") => ("secrets", "secret", cx.namespace),
        ("", "Node") => ("nodes", "node", ""),
        _ => {
            let why = format!("cannot bind token to object of type {group}/{version}, Kind={kind}");
            return Err(ApiError::bad_request(why));
        }
    };
    let name = reference.text("name");
    let object = find(cx, &GroupResource::new("", plural), namespace, name)?;
    let spec = object.at("spec");
    if kind == "Pod" {
        if spec.text("serviceAccountName") != cx.name {
            return Err(ApiError::bad_request(format!(
                "cannot bind token for serviceaccount {:?} to pod running with different \
                 serviceaccount name.",
                cx.name
            )));
        }
        let node = spec.text("nodeName");
        if !node.is_empty() {
            let found = find(cx, &GroupResource::new("", "nodes"), "", node).ok();
            let mut claim = json!({"name": node});
            if let Some(found) = found {
                claim["uid"] = found.uid().into();
            }
            claims.insert("node".to_owned(), claim);
        }
    }
    let uid = reference.text("uid");
    if !uid.is_empty() && uid != object.uid() {
        let why = format!(
            "the UID in the bound object reference ({uid}) does not match the UID in record. The \
             object might have been deleted and then recreated"
        );
        return Err(ApiError::conflict(
            &GroupResource::new(group, kind),
            name,
            &why,
        ));
    }
    claims.insert(field.to_owned(), json!({"name": name, "uid": object.uid()}));
    Ok(claims)
}

fn claims(
    cx: &Context,
    body: &Object,
    account: &Object,
    bound: &Map<String, Value>,
    seconds: i64,
) -> Value {
    let now = cx.now.as_second();
    let audiences = body.at("spec").at("audiences");
    let mut private = bound.clone();
    private.insert("namespace".to_owned(), account.namespace().into());
    let own = json!({"name": account.name(), "uid": account.uid()});
    private.insert("serviceaccount".to_owned(), own);
    let accounts = &cx.access.authenticator.service_accounts;
    let issuer = accounts.issuer();
    let mut lasts = seconds;
    let is_own = |name: &Value| accounts.audiences().iter().any(|own| name == own);
    let names = body.at("spec").list("audiences");
    if seconds == RENEWED && bound.contains_key("pod") && names.iter().all(is_own) {
        private.insert("warnafter".to_owned(), (now + seconds).into());
        lasts = YEAR;
    }
    let id = cx.entropy.uid();
    let issued = "authentication.kubernetes.io/issued-credential-id";
    let mut annotations = cx.annotations.lock();
    annotations.insert(issued.to_owned(), format!("JTI={id}"));
    json!({
        "aud": audiences,
        "exp": now + lasts,
        "iat": now,
        "iss": issuer,
        "jti": id,
        "kubernetes.io": private,
        "nbf": now,
        "sub": format!("system:serviceaccount:{}:{}", account.namespace(), account.name()),
    })
}
