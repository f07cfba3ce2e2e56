//! Reviews: may somebody do something, and what.

use serde_json::{Value, json};

use super::{grant, guarded, known};
use crate::support::Fixture;

async fn review(fixture: &Fixture, user: Option<&str>, path: &str, body: Value) -> Value {
    let client = match user {
        Some(user) => fixture.cluster.client_as(known(user)),
        None => fixture.client.clone(),
    };
    let path = format!("/apis/authorization.k8s.io/v1/{path}");
    client.json("POST", &path, Some(&body)).await.unwrap()
}

#[tokio::test]
async fn a_review_tells_by_which_binding_something_is_allowed() {
    let fixture = guarded().await;
    let rules = json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]);
    grant(&fixture, "default", "bob", rules).await;
    let asked = |verb: &str| {
        let attributes = json!({"verb": verb, "resource": "configmaps", "namespace": "default"});
        json!({"spec": {"user": "bob", "resourceAttributes": attributes}})
    };
    let yes = review(&fixture, None, "subjectaccessreviews", asked("get")).await;
    let reason = "RBAC: allowed by RoleBinding \"bob/default\" of Role \"bob\" to User \"bob\"";
    assert_eq!(yes["status"], json!({"allowed": true, "reason": reason}));
    let no = review(&fixture, None, "subjectaccessreviews", asked("list")).await;
    assert_eq!(no["status"], json!({"allowed": false}));
    let own = json!({"spec": asked("get")["spec"].clone()});
    let own = json!({"spec": {"resourceAttributes": own["spec"]["resourceAttributes"]}});
    let own = review(&fixture, Some("bob"), "selfsubjectaccessreviews", own).await;
    assert_eq!(own["status"]["allowed"], true);
}

#[tokio::test]
async fn a_review_of_rules_lists_those_of_the_namespace_and_of_the_cluster() {
    let fixture = guarded().await;
    let rules = json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]);
    grant(&fixture, "default", "bob", rules.clone()).await;
    let asked = |namespace: &str| json!({"spec": {"namespace": namespace}});
    let path = "selfsubjectrulesreviews";
    let here = review(&fixture, Some("bob"), path, asked("default")).await;
    let listed = here["status"]["resourceRules"].as_array().unwrap();
    assert!(listed.contains(&rules[0]), "{listed:?}");
    assert_eq!(here["status"]["incomplete"], false);
    let elsewhere = review(&fixture, Some("bob"), path, asked("kube-system")).await;
    let listed = elsewhere["status"]["resourceRules"].as_array().unwrap();
    assert!(!listed.contains(&rules[0]), "{listed:?}");
    let paths = elsewhere["status"]["nonResourceRules"].as_array().unwrap();
    assert!(
        paths
            .iter()
            .any(|rule| rule["nonResourceURLs"][0] == "/api")
    );
}

#[tokio::test]
async fn selectors_of_a_review_that_are_not_understood_are_left_out_and_told() {
    let fixture = guarded().await;
    let asked = |selector: Value| {
        let attributes = json!({"verb": "list", "resource": "pods", "fieldSelector": selector});
        json!({"spec": {"user": "bob", "resourceAttributes": attributes}})
    };
    let path = "subjectaccessreviews";
    let raw = json!({"rawSelector": "a"});
    let answer = review(&fixture, None, path, asked(raw)).await;
    assert_eq!(
        answer["status"]["evaluationError"],
        "spec.resourceAttributes.fieldSelector ignored due to parse error"
    );
    let requirements = json!({"requirements": [
        {"key": "a", "operator": "In", "values": ["b"]},
        {"key": "c", "operator": "Exists"},
    ]});
    let answer = review(&fixture, None, path, asked(requirements)).await;
    assert_eq!(
        answer["status"]["evaluationError"],
        "spec.resourceAttributes.fieldSelector partially ignored due to parse error"
    );
}

#[tokio::test]
async fn reviews_have_neither_names_nor_lists() {
    let fixture = guarded().await;
    let version = "/apis/authorization.k8s.io/v1";
    for (method, path, code) in [
        ("GET", "subjectaccessreviews/x", 404),
        ("DELETE", "subjectaccessreviews/x", 404),
        ("GET", "subjectaccessreviews", 405),
        ("POST", "localsubjectaccessreviews", 404),
        ("GET", "namespaces/default/localsubjectaccessreviews", 405),
    ] {
        let path = format!("{version}/{path}");
        let (found, message) = super::outcome(&fixture.client, method, &path).await;
        assert_eq!(found, code, "{method} {path}: {message}");
    }
}
