//! Who asks, and may they: rights by roles, identities, impersonation, the audit.

mod abac;
mod attempts;
mod audit;
mod certificates;
mod escalation;
mod impersonation;
mod joining;
mod node;
mod policy;
mod rbac;
mod reviews;
mod security;
mod tokens;
mod webhooks;

use mockernetes::auth::{Mode, User};
use mockernetes::client::{Client, Failure};
use mockernetes::cluster::Cluster;
use serde_json::{Value, json};

use crate::support::{Fixture, start};

/// A cluster in which roles decide.
pub(crate) async fn guarded() -> Fixture {
    start(Cluster::builder().auth(Mode::Rbac)).await
}

/// A user who is known, and nothing else.
pub(crate) fn known(name: &str) -> User {
    User {
        name: name.to_owned(),
        groups: vec!["system:authenticated".to_owned()],
        ..User::default()
    }
}

/// Posts an object where the administrator may.
pub(crate) async fn create(fixture: &Fixture, path: &str, object: &Value) -> Value {
    let created = fixture.client.json("POST", path, Some(object)).await;
    created.unwrap_or_else(|failure| panic!("{path}: {failure}"))
}

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

/// Gives a user rules in a namespace, by a role of that name.
pub(crate) async fn grant(fixture: &Fixture, namespace: &str, user: &str, rules: Value) {
    let role = json!({"metadata": {"name": user}, "rules": rules});
    create(
        fixture,
        &format!("{RBAC}/namespaces/{namespace}/roles"),
        &role,
    )
    .await;
    let binding = json!({
        "metadata": {"name": user},
        "roleRef": {"kind": "Role", "name": user},
        "subjects": [{"kind": "User", "name": user}],
    });
    let path = format!("{RBAC}/namespaces/{namespace}/rolebindings");
    create(fixture, &path, &binding).await;
}

/// Gives a user rules everywhere.
pub(crate) async fn grant_everywhere(fixture: &Fixture, user: &str, rules: Value) {
    let role = json!({"metadata": {"name": user}, "rules": rules});
    create(fixture, &format!("{RBAC}/clusterroles"), &role).await;
    let binding = json!({
        "metadata": {"name": user},
        "roleRef": {"kind": "ClusterRole", "name": user},
        "subjects": [{"kind": "User", "name": user}],
    });
    create(fixture, &format!("{RBAC}/clusterrolebindings"), &binding).await;
}

/// What a request comes to: its code, and the message where it was refused.
pub(crate) async fn outcome(client: &Client, method: &str, path: &str) -> (u16, String) {
    asked(client, method, path, &[], "").await
}

/// The same with headers and a body.
pub(crate) async fn asked(
    client: &Client,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (u16, String) {
    let mut headers = headers.to_vec();
    if !body.is_empty() && !headers.iter().any(|(name, _)| *name == "content-type") {
        headers.push(("content-type", "application/json"));
    }
    let reply = client
        .request(method, path, &headers, body.to_owned())
        .await;
    let code = reply.code;
    let message = reply.into_json().await.err();
    (
        code,
        message.map_or_else(String::new, |failure: Failure| failure.message().to_owned()),
    )
}
