//! Tokens that secrets hold, by which nodes join.

use base64::Engine;
use mockernetes::auth::Mode;
use mockernetes::cluster::Cluster;
use serde_json::{Value, json};

use super::create;
use crate::support::{Fixture, start};

const SECRETS: &str = "/api/v1/namespaces/kube-system/secrets";

async fn with_secret(change: impl FnOnce(&mut Value)) -> Fixture {
    let clock = mockernetes::sim::Clock::virtual_at("2026-01-01T00:00:00Z".parse().unwrap());
    let builder = Cluster::builder().auth(Mode::Rbac).bootstrap_tokens(true);
    let fixture = start(builder.clock(clock)).await;
    let mut secret = json!({
        "metadata": {"name": "bootstrap-token-abcdef"},
        "type": "bootstrap.kubernetes.io/token",
        "data": {
            "token-id": "abcdef",
            "token-secret": "0123456789abcdef",
            "usage-bootstrap-authentication": "true",
            "auth-extra-groups": "system:bootstrappers:workers",
            "expiration": "2026-01-02T00:00:00Z",
        },
    });
    change(&mut secret);
    for value in secret["data"].as_object_mut().unwrap().values_mut() {
        let text = value.as_str().unwrap();
        *value = base64::engine::general_purpose::STANDARD
            .encode(text)
            .into();
    }
    create(&fixture, SECRETS, &secret).await;
    fixture
}

/// Who a token is taken for; nothing where it is taken for nobody's.
async fn who(fixture: &Fixture, token: &str) -> Value {
    let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let token = format!("Bearer {token}");
    let headers = [
        ("authorization", token.as_str()),
        ("content-type", "application/json"),
    ];
    let client = fixture.cluster.anonymous_client();
    let reply = client.request("POST", path, &headers, "{}").await;
    match reply.code {
        201 => reply.into_json().await.unwrap()["status"]["userInfo"].clone(),
        _ => Value::Null,
    }
}

const TOKEN: &str = "abcdef.0123456789abcdef";

#[tokio::test]
async fn a_token_in_a_secret_lets_a_node_in() {
    let fixture = with_secret(|_| ()).await;
    let groups = [
        "system:bootstrappers",
        "system:bootstrappers:workers",
        "system:authenticated",
    ];
    let expected = json!({"username": "system:bootstrap:abcdef", "groups": groups});
    assert_eq!(who(&fixture, TOKEN).await, expected);
    for other in [
        "abcdef.0123456789abcdee",
        "abcdeg.0123456789abcdef",
        "abcdef.0123456789abcde",
    ] {
        assert_eq!(who(&fixture, other).await, Value::Null, "{other}");
    }
}

#[tokio::test]
async fn a_token_counts_only_as_long_and_for_what_its_secret_says() {
    let changes: [fn(&mut Value); 5] = [
        |secret| secret["data"]["expiration"] = "2025-12-31T00:00:00Z".into(),
        |secret| secret["data"]["expiration"] = "soon".into(),
        |secret| secret["data"]["usage-bootstrap-authentication"] = "yes".into(),
        |secret| secret["data"]["auth-extra-groups"] = "system:masters".into(),
        |secret| secret["type"] = "Opaque".into(),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let fixture = with_secret(change).await;
        assert_eq!(who(&fixture, TOKEN).await, Value::Null, "{index}");
    }
}
