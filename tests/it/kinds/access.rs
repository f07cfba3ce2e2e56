//! Tokens and reviews, which are answered and not kept.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::{self, Fixture};

/// Posts to a subresource or a kind that is only answered.
async fn post(fixture: &Fixture, version: &str, plural: &str, body: &Value) -> Value {
    fixture
        .client
        .api(version, plural)
        .create(body)
        .await
        .unwrap()
}

async fn token(fixture: &Fixture, body: &Value) -> Value {
    let accounts = fixture
        .client
        .api("v1", "serviceaccounts")
        .namespace("default");
    accounts
        .create(&json!({"metadata": {"name": "worker"}}))
        .await
        .unwrap();
    let path = format!("{}/token", accounts.path("worker"));
    fixture
        .client
        .json("POST", &path, Some(body))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_token_says_whose_it_is_and_how_long() {
    let fixture = support::cluster().await;
    let answer = token(
        &fixture,
        &json!({"spec": {"audiences": ["a"], "expirationSeconds": 900}}),
    )
    .await;
    let text = answer["status"]["token"].as_str().unwrap();
    let claims = URL_SAFE_NO_PAD
        .decode(text.split('.').nth(1).unwrap())
        .unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["sub"], "system:serviceaccount:default:worker");
    assert_eq!(claims["aud"], json!(["a"]));
    let lasts = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert_eq!(lasts, 900);
}

#[tokio::test]
async fn a_token_is_known_until_its_account_is_gone() {
    let fixture = support::cluster().await;
    let answer = token(&fixture, &json!({})).await;
    let review = json!({"spec": {"token": answer["status"]["token"]}});
    let version = "authentication.k8s.io/v1";
    let known = post(&fixture, version, "tokenreviews", &review).await;
    assert_eq!(known["status"]["authenticated"], true);
    let user = &known["status"]["user"];
    assert_eq!(user["username"], "system:serviceaccount:default:worker");
    let accounts = fixture
        .client
        .api("v1", "serviceaccounts")
        .namespace("default");
    accounts.delete("worker").await.unwrap();
    let unknown = post(&fixture, version, "tokenreviews", &review).await;
    assert!(
        unknown["status"].get("authenticated").is_none(),
        "{unknown}"
    );
}

#[tokio::test]
async fn everybody_may_do_everything_where_nobody_is_asked_who_they_are() {
    let fixture = support::cluster().await;
    let spec = json!({"resourceAttributes": {"verb": "delete", "resource": "nodes"}});
    let review = json!({"spec": spec});
    let version = "authorization.k8s.io/v1";
    let answer = post(&fixture, version, "selfsubjectaccessreviews", &review).await;
    assert_eq!(answer["status"], json!({"allowed": true}));
    assert_eq!(answer["spec"], spec);
}
