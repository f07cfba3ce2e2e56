//! Webhooks: what they are asked, and what becomes of their answers.

use serde_json::{Value, json};

use super::{CONFIG_MAPS, registration, rule};
use crate::support::{Fixture, Hook, cluster};

/// A patch as a webhook answers it.
fn patch(operations: &Value) -> Value {
    use base64::Engine;
    let patch = base64::engine::general_purpose::STANDARD.encode(operations.to_string());
    json!({"allowed": true, "patchType": "JSONPatch", "patch": patch})
}

/// Configures a webhook; `more` goes on top of what every one must say.
async fn configure(cluster: &Fixture, kind: &str, name: &str, hook: &Hook, more: Value) {
    let mut webhook = json!({
        "name": format!("{name}.example.com"),
        "clientConfig": hook.client_config(),
        "rules": [rule(&["CREATE", "UPDATE", "DELETE"])],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    });
    for (key, value) in more.as_object().unwrap() {
        webhook[key] = value.clone();
    }
    let configuration = json!({"metadata": {"name": name}, "webhooks": [webhook]});
    let path = registration(kind);
    cluster.post(&path, &configuration).await.unwrap();
}

async fn validating(cluster: &Fixture, name: &str, hook: &Hook, more: Value) {
    configure(cluster, "validatingwebhookconfigurations", name, hook, more).await;
}

async fn mutating(cluster: &Fixture, name: &str, hook: &Hook, more: Value) {
    configure(cluster, "mutatingwebhookconfigurations", name, hook, more).await;
}

async fn saying(answer: Value) -> Hook {
    Hook::admission(move |_| answer.clone()).await
}

#[tokio::test]
async fn a_webhook_is_sent_the_whole_request() {
    let cluster = cluster().await;
    let hook = saying(json!({"allowed": true})).await;
    validating(&cluster, "look", &hook, json!({})).await;
    cluster.config("a", json!({"x": "1"})).await.unwrap();
    let heard = hook.heard().remove(0);
    assert_eq!(heard.path, "/admit?timeout=10s");
    assert_eq!(heard.agent, "kube-apiserver-admission");
    assert_eq!(heard.body["apiVersion"], "admission.k8s.io/v1");
    let request = &heard.body["request"];
    let kind = json!({"group": "", "version": "v1", "kind": "ConfigMap"});
    assert_eq!(request["kind"], kind);
    assert_eq!(request["requestKind"], kind);
    assert_eq!(request["resource"]["resource"], "configmaps");
    assert_eq!(request["operation"], "CREATE");
    assert_eq!(request["name"], "a");
    assert_eq!(request["namespace"], "default");
    assert_eq!(request["userInfo"]["username"], "kubernetes-admin");
    assert_eq!(request["object"]["data"], json!({"x": "1"}));
    assert_eq!(request["object"]["kind"], "ConfigMap");
    assert_eq!(request["oldObject"], Value::Null);
    assert_eq!(request["dryRun"], false);
    assert_eq!(request["options"]["kind"], "CreateOptions");
    let path = format!("{CONFIG_MAPS}/a?dryRun=All");
    cluster.ask("DELETE", &path, &json!({})).await.unwrap();
    let request = &hook.heard()[1].body["request"];
    assert_eq!(request["operation"], "DELETE");
    assert_eq!(request["object"], Value::Null);
    assert_eq!(request["oldObject"]["data"], json!({"x": "1"}));
    assert_eq!(request["options"]["kind"], "DeleteOptions");
}

#[tokio::test]
async fn a_refusal_keeps_the_code_and_the_reason_of_the_webhook() {
    let cluster = cluster().await;
    let status = json!({"code": 409, "reason": "Odd", "message": "not today"});
    let hook = saying(json!({"allowed": false, "status": status})).await;
    validating(&cluster, "no", &hook, json!({})).await;
    let failure = cluster.config("a", json!({})).await.unwrap_err();
    assert_eq!(failure.code, 409);
    assert_eq!(failure.reason(), "Odd");
    let message = "admission webhook \"no.example.com\" denied the request: not today";
    assert_eq!(failure.message(), message);
}

#[tokio::test]
async fn a_refusal_without_a_word_is_a_400() {
    let cluster = cluster().await;
    let hook = saying(json!({"allowed": false})).await;
    validating(&cluster, "no", &hook, json!({})).await;
    let failure = cluster.config("a", json!({})).await.unwrap_err();
    assert_eq!(failure.code, 400);
    let message = "admission webhook \"no.example.com\" denied the request without explanation";
    assert_eq!(failure.message(), message);
}

#[tokio::test]
async fn a_patch_changes_the_object_before_it_is_stored() {
    let cluster = cluster().await;
    let add = json!([{"op": "add", "path": "/data/added", "value": "1"}]);
    let hook = saying(patch(&add)).await;
    mutating(&cluster, "add", &hook, json!({})).await;
    let made = cluster.config("a", json!({"x": "1"})).await.unwrap();
    assert_eq!(made["data"], json!({"x": "1", "added": "1"}));
    // Before the server names and dates the object.
    let sent = &hook.heard()[0].body["request"]["object"]["metadata"];
    assert_eq!(sent.get("uid"), None);
}

#[tokio::test]
async fn a_webhook_that_wants_it_sees_what_a_later_one_changed() {
    let cluster = cluster().await;
    let first = Hook::admission(|request| {
        let seen = request["object"]["data"]["late"].is_string();
        let path = if seen { "/data/saw" } else { "/data/first" };
        patch(&json!([{"op": "add", "path": path, "value": "1"}]))
    })
    .await;
    let add = json!([{"op": "add", "path": "/data/late", "value": "1"}]);
    let second = saying(patch(&add)).await;
    let again = json!({"reinvocationPolicy": "IfNeeded"});
    mutating(&cluster, "a-first", &first, again).await;
    mutating(&cluster, "b-second", &second, json!({})).await;
    let made = cluster.config("a", json!({"x": "1"})).await.unwrap();
    let expected = json!({"x": "1", "first": "1", "late": "1", "saw": "1"});
    assert_eq!(made["data"], expected);
    assert_eq!(first.heard().len(), 2);
    assert_eq!(second.heard().len(), 1);
}

#[tokio::test]
async fn a_webhook_that_cannot_be_reached_refuses_unless_it_is_optional() {
    let cluster = cluster().await;
    let hook = saying(json!({"allowed": true})).await;
    let nowhere = json!({"clientConfig": {"url": "https://127.0.0.1:1/x"}});
    validating(&cluster, "gone", &hook, nowhere).await;
    let failure = cluster.config("a", json!({})).await.unwrap_err();
    assert_eq!(failure.code, 500);
    assert_eq!(
        failure.message(),
        "Internal error occurred: failed calling webhook \"gone.example.com\": failed to call \
         webhook: Post \"https://127.0.0.1:1/x?timeout=10s\": dial tcp 127.0.0.1:1: connect: \
         connection refused"
    );
    let path = format!("{}/gone", registration("validatingwebhookconfigurations"));
    cluster.ask("DELETE", &path, &json!({})).await.unwrap();
    let optional = json!({
        "clientConfig": {"url": "https://127.0.0.1:1/x"},
        "failurePolicy": "Ignore",
    });
    validating(&cluster, "maybe", &hook, optional).await;
    cluster.config("a", json!({})).await.unwrap();
}

#[tokio::test]
async fn an_answer_to_another_question_is_a_failure() {
    let cluster = cluster().await;
    let hook = saying(json!({"allowed": true, "uid": "other"})).await;
    validating(&cluster, "odd", &hook, json!({})).await;
    let failure = cluster.config("a", json!({})).await.unwrap_err();
    let message = failure.message();
    assert!(message.contains("received invalid webhook response: expected response.uid="));
    assert!(message.ends_with(", got \"other\""), "{message}");
}

#[tokio::test]
async fn an_answer_that_names_no_version_is_a_failure() {
    let cluster = cluster().await;
    let hook = Hook::raw(|asked| {
        let response = json!({"allowed": true, "uid": asked["request"]["uid"]});
        let review = json!({"kind": "AdmissionReview", "response": response});
        (200, review.to_string())
    })
    .await;
    validating(&cluster, "odd", &hook, json!({})).await;
    let failure = cluster.config("a", json!({})).await.unwrap_err();
    let message = failure.message();
    assert!(
        message.ends_with(
            "expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got /, \
             Kind=AdmissionReview"
        ),
        "{message}"
    );
}

#[tokio::test]
async fn managers_that_a_webhook_broke_are_as_they_were() {
    let cluster = cluster().await;
    let odd = json!([{"manager": "m", "operation": "Odd"}]);
    let add = json!([{"op": "add", "path": "/metadata/managedFields", "value": odd}]);
    let hook = saying(patch(&add)).await;
    mutating(&cluster, "odd", &hook, json!({})).await;
    let made = cluster.config("a", json!({"x": "1"})).await.unwrap();
    let managers = made["metadata"]["managedFields"].as_array().unwrap();
    assert_eq!(managers.len(), 1);
    assert_eq!(managers[0]["operation"], "Update");
}

#[tokio::test]
async fn an_answer_of_wrong_types_is_a_failure() {
    let cases = [
        (
            json!({"allowed": "yes"}),
            "json: cannot unmarshal string into Go struct field AdmissionResponse.response.allowed \
             of type bool",
        ),
        (
            json!({"allowed": true, "warnings": [1]}),
            "json: cannot unmarshal number into Go struct field AdmissionResponse.response.warnings \
             of type string",
        ),
    ];
    let cluster = cluster().await;
    for (answer, why) in cases {
        let hook = saying(answer).await;
        validating(&cluster, "odd", &hook, json!({})).await;
        let failure = cluster.config("a", json!({})).await.unwrap_err();
        let message = format!(
            "Internal error occurred: failed calling webhook \"odd.example.com\": failed to call \
             webhook: {why}"
        );
        assert_eq!(failure.message(), message);
        let path = format!("{}/odd", registration("validatingwebhookconfigurations"));
        cluster.ask("DELETE", &path, &json!({})).await.unwrap();
    }
}

#[tokio::test]
async fn selectors_and_conditions_choose_what_a_webhook_sees() {
    let cluster = cluster().await;
    let hook = saying(json!({"allowed": false})).await;
    let choice = json!({
        "objectSelector": {"matchLabels": {"seen": "yes"}},
        "matchConditions": [{"name": "named", "expression": "object.metadata.name == 'a'"}],
    });
    validating(&cluster, "some", &hook, choice).await;
    cluster.config("a", json!({})).await.unwrap();
    let labelled = |name: &str| json!({"metadata": {"name": name, "labels": {"seen": "yes"}}});
    cluster.post(CONFIG_MAPS, &labelled("b")).await.unwrap();
    let path = format!("{CONFIG_MAPS}/a");
    cluster.ask("PUT", &path, &labelled("a")).await.unwrap_err();
    assert_eq!(hook.heard().len(), 1);
}

#[tokio::test]
async fn a_dry_run_asks_no_webhook_with_side_effects() {
    let cluster = cluster().await;
    let hook = saying(json!({"allowed": true, "warnings": ["mind the gap"]})).await;
    let effects = json!({"sideEffects": "NoneOnDryRun"});
    validating(&cluster, "some", &hook, effects).await;
    let object = json!({"metadata": {"name": "a"}});
    let path = format!("{CONFIG_MAPS}?dryRun=All");
    cluster.post(&path, &object).await.unwrap();
    assert_eq!(hook.heard()[0].body["request"]["dryRun"], true);
}

#[tokio::test]
async fn a_webhook_gets_the_version_that_its_rule_names() {
    let cluster = cluster().await;
    let hook = saying(json!({"allowed": true})).await;
    let rules = json!({"rules": [{
        "apiGroups": ["autoscaling"],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["horizontalpodautoscalers"],
    }]});
    validating(&cluster, "old", &hook, rules).await;
    let scaler = json!({
        "metadata": {"name": "a"},
        "spec": {
            "maxReplicas": 3,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"},
        },
    });
    let path = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers";
    cluster.post(path, &scaler).await.unwrap();
    let request = &hook.heard()[0].body["request"];
    assert_eq!(request["kind"]["version"], "v1");
    assert_eq!(request["requestKind"]["version"], "v2");
    assert_eq!(request["object"]["apiVersion"], "autoscaling/v1");
}

#[tokio::test]
async fn a_webhook_that_points_elsewhere_is_followed_there() {
    let cluster = cluster().await;
    let is_second = std::sync::atomic::AtomicBool::new(false);
    let hook = Hook::raw(move |review: &Value| {
        if !is_second.swap(true, std::sync::atomic::Ordering::Relaxed) {
            return (307, "/elsewhere?a=1".to_owned());
        }
        let uid = &review["request"]["uid"];
        let status = json!({"message": "from elsewhere"});
        let response = json!({"uid": uid, "allowed": false, "status": status});
        let review = json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response,
        });
        (200, review.to_string())
    })
    .await;
    validating(&cluster, "moved", &hook, json!({})).await;
    let failure = cluster.config("a", json!({"x": "1"})).await.unwrap_err();
    let denied = "admission webhook \"moved.example.com\" denied the request: from elsewhere";
    assert_eq!(failure.message(), denied);
    let paths: Vec<String> = hook.heard().into_iter().map(|heard| heard.path).collect();
    assert_eq!(paths, ["/admit?timeout=10s", "/elsewhere?a=1"]);
    let bodies: Vec<Value> = hook.heard().into_iter().map(|heard| heard.body).collect();
    assert_eq!(bodies[0], bodies[1]);
}
