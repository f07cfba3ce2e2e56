//! Tokens that somebody far away knows, who reads `TokenReview`s.
//!
//! *Upstream:* `apiserver/plugin/pkg/authenticator/token/webhook/webhook.go`.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::remote::Remote;
use super::{Identity, User};

/// Who a token stands for, for one of the audiences; `None` where it is not known there. `own` is
/// where tokens count of whose audiences nothing is said.
pub(super) async fn identify(
    remote: &Remote,
    token: &str,
    audiences: &[String],
    own: &[String],
) -> Result<Option<Identity>, String> {
    let review = json!({
        "kind": "TokenReview",
        "apiVersion": format!("authentication.k8s.io/{}", remote.version()),
        "metadata": {},
        "spec": {"token": token, "audiences": audiences},
        "status": {"user": {}},
    });
    // The token itself is not kept.
    let key = Some(format!("{:x} {audiences:?}", Sha256::digest(token)));
    let is_known = |status: &Value| status["authenticated"] == true;
    let status = remote
        .ask(key, &review, is_known)
        .await
        .map_err(|failure| failure.message)?;
    let said = texts(&status["audiences"]);
    let said = if said.is_empty() { own } else { &said };
    let shared: Vec<String> = audiences
        .iter()
        .filter(|name| said.contains(name))
        .cloned()
        .collect();
    if shared.is_empty() {
        return Ok(None);
    }
    if !is_known(&status) {
        return match status["error"].as_str().filter(|error| !error.is_empty()) {
            Some(error) => Err(error.to_owned()),
            None => Ok(None),
        };
    }
    let user = &status["user"];
    let text = |field: &str| user[field].as_str().unwrap_or("").to_owned();
    let extra = user["extra"].as_object().into_iter().flatten();
    Ok(Some(Identity {
        user: User {
            name: text("username"),
            uid: text("uid"),
            groups: texts(&user["groups"]),
            extra: extra
                .map(|(key, values)| (key.clone(), texts(values)))
                .collect(),
        },
        audiences: shared,
    }))
}

fn texts(value: &Value) -> Vec<String> {
    let list = value.as_array().into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}
