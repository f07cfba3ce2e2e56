//! Reviews of who somebody is: by a token, or whoever asks.
//!
//! *Upstream:* `pkg/registry/authentication/{tokenreview/storage.go,selfsubjectreview/rest.go}`.

use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};

use crate::auth::{Evidence, Times, User};
use crate::error::ApiError;
use crate::object::time;
use crate::registry::{Connect, Context, Registry, Request, Response, Strategy, shape};
use crate::resources::shared::look::Look;

/// By what somebody is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    /// By a token.
    Token,
    /// By the request itself.
    Request,
}

impl Strategy for Identity {
    fn acts(&self) -> Option<&dyn Connect> {
        Some(self)
    }
}

impl Connect for Identity {
    fn call<'a>(
        &'a self,
        registry: &'a Registry,
        cx: &'a Context<'a>,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<Response, ApiError>> {
        Box::pin(async move {
            let mut body = shape::received(registry, cx, request)?;
            let status = match self {
                Self::Token => {
                    let found = by_token(cx, body.at("spec")).await?;
                    over_sent(body.at("status"), found)
                }
                Self::Request => {
                    // Nothing of what was sent is answered.
                    let now = time::seconds(cx.now);
                    body.set_managed_fields(None);
                    body.set(&["metadata"], json!({"creationTimestamp": now}));
                    json!({"userInfo": info(cx.user)})
                }
            };
            body.set(&["status"], status);
            if body.metadata().is_none() {
                body.set(&["metadata"], json!({}));
            }
            Ok(Response::json(201, body.into_value().to_string()))
        })
    }
}

/// Whose a token is, and whether it may be used where it was sent: asked as a request would be
/// that brings nothing but the token.
async fn by_token(cx: &Context<'_>, spec: &Value) -> Result<Value, ApiError> {
    let token = spec.text("token");
    if token.is_empty() {
        let why = "token is required for TokenReview in authentication";
        return Err(ApiError::bad_request(why));
    }
    let authenticator = &cx.access.authenticator;
    let asked: Vec<String> = spec.texts("audiences").map(str::to_owned).collect();
    let asked = if asked.is_empty() {
        authenticator.service_accounts.audiences().to_vec()
    } else {
        asked
    };
    let header = format!("Bearer {token}");
    let evidence = Evidence {
        authorization: Some(&header),
        certificate: None,
        path: "",
        headers: &[],
    };
    let times = Times {
        cluster: cx.now,
        world: cx.now,
    };
    // Where everybody is let in, a token nobody knows is still nobody's.
    let mut authenticator = authenticator.clone();
    authenticator.is_open = false;
    Ok(
        match authenticator
            .authenticate(cx.reader, times, evidence, &asked)
            .await
        {
            Ok(Some(identity)) => json!({
                "authenticated": true,
                "user": info(&identity.user),
                "audiences": audiences(&asked, &identity.audiences),
            }),
            Ok(None) => json!({}),
            Err(error) => json!({"error": error}),
        },
    )
}

/// What was found out of a token over the status that was sent, which says the rest.
fn over_sent(sent: &Value, found: Value) -> Value {
    let mut status = sent.as_object().cloned().unwrap_or_default();
    status.remove("authenticated");
    if let Value::Object(found) = found {
        status.extend(found);
    }
    status.entry("user").or_insert_with(|| json!({}));
    Value::Object(status)
}

/// The audiences that were asked for and are the token's, as often as they were asked for.
fn audiences(asked: &[String], of_token: &[String]) -> Vec<String> {
    let both = asked.iter().filter(|audience| of_token.contains(audience));
    both.cloned().collect()
}

/// A user as the API writes one.
fn info(user: &User) -> Value {
    let mut out = Map::new();
    for (field, text) in [("username", &user.name), ("uid", &user.uid)] {
        if !text.is_empty() {
            out.insert(field.to_owned(), text.as_str().into());
        }
    }
    if !user.groups.is_empty() {
        out.insert("groups".to_owned(), json!(user.groups));
    }
    let extra: Map<String, Value> = user
        .extra
        .iter()
        .map(|(key, values)| (key.clone(), json!(values)))
        .collect();
    if !extra.is_empty() {
        out.insert("extra".to_owned(), Value::Object(extra));
    }
    Value::Object(out)
}
