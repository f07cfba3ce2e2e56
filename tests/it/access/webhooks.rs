//! Somebody far away who knows tokens or decides about rights.

use jiff::SignedDuration;
use mockernetes::auth::{Mode, authorize, remote};
use mockernetes::cluster::Cluster;
use mockernetes::webhook::{Place, Target};
use serde_json::{Value, json};

use super::{asked, known, outcome};
use crate::support::{Hook, start};

fn settings(hook: &Hook, version: &str) -> remote::Settings {
    remote::Settings {
        target: Target {
            place: Place::Url(hook.url("/ask")),
            ca_bundle: hook.ca_pem.clone().into_bytes(),
            ..Target::default()
        },
        version: version.to_owned(),
        yes_for: SignedDuration::from_mins(5),
        no_for: SignedDuration::ZERO,
    }
}

#[tokio::test]
async fn a_token_that_nobody_here_knows_is_asked_about_once() {
    let hook = Hook::raw(|review: &Value| {
        let is_known = review["spec"]["token"] == "theirs";
        let user = json!({"username": "carol", "groups": ["devs"], "extra": {"a": ["b"]}});
        let status = if is_known {
            json!({"authenticated": true, "user": user})
        } else {
            json!({"authenticated": false, "error": "never heard of"})
        };
        let answer = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status,
        });
        (201, answer.to_string())
    })
    .await;
    let builder = Cluster::builder()
        .auth(Mode::Rbac)
        .token_webhook(settings(&hook, "v1"));
    let fixture = start(builder).await;
    let nobody = fixture.cluster.anonymous_client();
    let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let headers = [
        ("authorization", "Bearer theirs"),
        ("content-type", "application/json"),
    ];
    for _ in 0..2 {
        let review = nobody.request("POST", path, &headers, "{}").await;
        let user = review.into_json().await.unwrap()["status"]["userInfo"].clone();
        let groups = ["devs", "system:authenticated"];
        let expected = json!({"username": "carol", "groups": groups, "extra": {"a": ["b"]}});
        assert_eq!(user, expected);
    }
    assert_eq!(hook.heard().len(), 1);
    let headers = [("authorization", "Bearer other")];
    assert_eq!(nobody.request("GET", "/api", &headers, "").await.code, 401);
}

#[tokio::test]
async fn rights_are_asked_about_with_selectors_and_all() {
    let hook = Hook::raw(|review: &Value| {
        let attributes = &review["spec"]["resourceAttributes"];
        let status = match attributes["resource"].as_str() {
            Some("pods") => json!({"allowed": true}),
            Some("secrets") => json!({"allowed": false, "denied": true, "reason": "never"}),
            _ => json!({"allowed": false, "reason": "who knows"}),
        };
        let answer = json!({
            "apiVersion": "authorization.k8s.io/v1beta1", "kind": "SubjectAccessReview",
            "status": status,
        });
        (201, answer.to_string())
    })
    .await;
    let modes = vec![authorize::Mode::Webhook, authorize::Mode::Rbac];
    let builder = Cluster::builder()
        .authorization(modes)
        .authorization_webhook(settings(&hook, "v1beta1"));
    let fixture = start(builder).await;
    let bob = fixture.cluster.client_as(known("bob"));
    let pods = "/api/v1/namespaces/default/pods?fieldSelector=spec.nodeName%3Dn1";
    assert_eq!(outcome(&bob, "GET", pods).await.0, 200);
    let spec = hook.heard()[0].body["spec"].clone();
    assert_eq!(spec["group"], json!(["system:authenticated"]));
    assert_eq!(
        spec["resourceAttributes"]["fieldSelector"],
        json!({"requirements": [{"key": "spec.nodeName", "operator": "In", "values": ["n1"]}]})
    );
    assert_eq!(
        outcome(&bob, "GET", "/api/v1/secrets").await.1,
        "secrets is forbidden: User \"bob\" cannot list resource \"secrets\" in API group \"\" at \
         the cluster scope: never"
    );
    // Those after it are asked where it has no opinion.
    assert_eq!(outcome(&bob, "GET", "/api").await.0, 200);
    assert_eq!(
        outcome(&bob, "GET", "/api/v1/nodes").await.1,
        "nodes is forbidden: User \"bob\" cannot list resource \"nodes\" in API group \"\" at the \
         cluster scope: default: who knows"
    );
}

#[tokio::test]
async fn a_question_that_comes_to_nothing_is_no_yes() {
    let hook = Hook::raw(|_: &Value| (500, "out of order".to_owned())).await;
    let builder = Cluster::builder()
        .authorization(vec![authorize::Mode::Webhook])
        .authorization_webhook(settings(&hook, "v1"));
    let fixture = start(builder).await;
    let bob = fixture.cluster.client_as(known("bob"));
    let (code, message) = asked(&bob, "GET", "/api/v1/nodes", &[], "").await;
    assert_eq!(code, 500);
    assert!(
        message.starts_with("Internal Server Error: \"/api/v1/nodes\": "),
        "{message}"
    );
}
