//! Somebody far away who knows tokens or decides about rights.

use jiff::SignedDuration;
use mockernetes::auth::{Mode, authorize, remote};
use mockernetes::cluster::{Authorization, Cluster};
use mockernetes::webhook::{Place, Target};
use serde_json::{Value, json};

use super::{asked, create, known, outcome};
use crate::support::{Fixture, Hook, start};

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
        patience: remote::PATIENCE,
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

/// A policy that asks for rights, in force for config maps.
async fn asking_policy(fixture: &Fixture, expression: &str) {
    let root = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic";
    let rule = json!({
        "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
        "resources": ["configmaps"],
    });
    let policy = json!({"metadata": {"name": "p"}, "spec": {
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": expression}],
    }});
    create(fixture, &format!("{root}ies"), &policy).await;
    let binding = json!({"metadata": {"name": "b"}, "spec": {
        "policyName": "p", "validationActions": ["Deny"],
    }});
    create(fixture, &format!("{root}ybindings"), &binding).await;
}

#[tokio::test]
async fn expressions_that_ask_for_rights_reach_those_far_away() {
    let hook = Hook::raw(|review: &Value| {
        let name = review["spec"]["resourceAttributes"]["name"].as_str();
        let resource = &review["spec"]["resourceAttributes"]["resource"];
        let is_yes = resource == "configmaps" || name == Some("mine");
        let answer = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
            "status": {"allowed": is_yes},
        });
        (201, answer.to_string())
    })
    .await;
    let builder = Cluster::builder()
        .authorization(vec![authorize::Mode::Webhook])
        .authorization_webhook(settings(&hook, "v1"));
    let fixture = start(builder).await;
    let expression = "authorizer.group('').resource('secrets').namespace('default')\
                      .name(object.data.of).check('get').allowed()";
    asking_policy(&fixture, expression).await;
    let bob = fixture.cluster.client_as(known("bob"));
    let path = "/api/v1/namespaces/default/configmaps";
    for (name, of, code) in [("a", "mine", 201), ("b", "yours", 422)] {
        let object = json!({"metadata": {"name": name}, "data": {"of": of}});
        let (found, message) = asked(&bob, "POST", path, &[], &object.to_string()).await;
        assert_eq!(found, code, "{message}");
    }
}

#[tokio::test]
async fn a_webhook_is_asked_where_its_conditions_hold_and_may_refuse_in_its_absence() {
    let hook = Hook::raw(|_: &Value| {
        let answer = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
            "status": {"allowed": true},
        });
        (201, answer.to_string())
    })
    .await;
    let one = |name: &str, conditions: &[&str], webhook: remote::Settings| Authorization {
        name: Some(name.to_owned()),
        webhook: Some(webhook),
        conditions: conditions.iter().map(|text| (*text).to_owned()).collect(),
        denies_failed: true,
        ..authorize::Mode::Webhook.into()
    };
    let mut gone = settings(&hook, "v1");
    gone.target.place = Place::Url("https://127.0.0.1:1/ask".to_owned());
    let conditions = [
        "has(request.resourceAttributes)",
        "request.resourceAttributes.resource == 'pods' && request.user == 'bob'",
    ];
    let failing =
        ["has(request.resourceAttributes) && request.resourceAttributes.resource == 'nodes'"];
    let all = vec![
        one("pods.example.com", &conditions, settings(&hook, "v1")),
        one("nodes.example.com", &failing, gone),
    ];
    let fixture = start(Cluster::builder().authorizers(all)).await;
    let bob = fixture.cluster.client_as(known("bob"));
    assert_eq!(outcome(&bob, "GET", "/api/v1/pods").await.0, 200);
    assert_eq!(outcome(&bob, "GET", "/api/v1/secrets").await.0, 403);
    assert_eq!(outcome(&bob, "GET", "/version").await.0, 403);
    assert_eq!(hook.heard().len(), 1);
    assert_eq!(outcome(&bob, "GET", "/api/v1/nodes").await.0, 500);
}

#[tokio::test]
async fn conditions_that_are_none_stop_the_start() {
    let hook = Hook::raw(|_: &Value| (500, String::new())).await;
    let one = Authorization {
        webhook: Some(settings(&hook, "v1")),
        conditions: vec!["request.user ==".to_owned()],
        ..authorize::Mode::Webhook.into()
    };
    let failed = Cluster::builder().authorizers(vec![one]).start().await;
    let failed = failed.err().unwrap().to_string();
    assert!(
        failed.starts_with("authorizer default: matchConditions[0].expression: "),
        "{failed}"
    );
}
