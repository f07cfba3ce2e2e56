//! Policies in CEL: what they refuse, warn of and change.

use serde_json::{Value, json};

use super::{CONFIG_MAPS, registration, rule};
use crate::support::{Fixture, cluster};

/// Puts a policy in force; `spec` and `binding` go on top of what every one must say.
async fn policy(cluster: &Fixture, kind: &str, spec: Value, binding: Value) {
    let mut policy = json!({
        "metadata": {"name": "p"},
        "spec": {"matchConstraints": {"resourceRules": [rule(&["CREATE", "UPDATE"])]}},
    });
    let mut bound = json!({"metadata": {"name": "b"}, "spec": {"policyName": "p"}});
    for (target, more) in [(&mut policy, spec), (&mut bound, binding)] {
        for (key, value) in more.as_object().unwrap() {
            target["spec"][key] = value.clone();
        }
    }
    let path = registration(&format!("{kind}admissionpolicies"));
    cluster.post(&path, &policy).await.unwrap();
    let path = registration(&format!("{kind}admissionpolicybindings"));
    cluster.post(&path, &bound).await.unwrap();
}

fn validations(expression: &str, more: &Value) -> Value {
    let mut validation = json!({"expression": expression});
    for (key, value) in more.as_object().unwrap() {
        validation[key] = value.clone();
    }
    json!({"validations": [validation]})
}

fn deny() -> Value {
    json!({"validationActions": ["Deny"]})
}

#[tokio::test]
async fn a_policy_refuses_with_its_reason() {
    let cluster = cluster().await;
    let more = json!({"message": "no bad keys", "reason": "Forbidden"});
    let spec = validations("!('bad' in object.data)", &more);
    policy(&cluster, "validating", spec, deny()).await;
    cluster.config("good", json!({"x": "1"})).await.unwrap();
    let failure = cluster.config("a", json!({"bad": "1"})).await.unwrap_err();
    assert_eq!((failure.code, failure.reason()), (403, "Forbidden"));
    assert_eq!(
        failure.message(),
        "configmaps \"a\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied \
         request: no bad keys"
    );
}

#[tokio::test]
async fn an_optional_policy_lets_pass_what_it_cannot_judge() {
    let cluster = cluster().await;
    let mut spec = validations("object.data.missing == 'x'", &json!({}));
    spec["failurePolicy"] = "Ignore".into();
    policy(&cluster, "validating", spec, deny()).await;
    cluster.config("a", json!({"x": "1"})).await.unwrap();
    cluster
        .config("b", json!({"missing": "y"}))
        .await
        .unwrap_err();
}

#[tokio::test]
async fn a_binding_may_warn_where_it_does_not_refuse() {
    let cluster = cluster().await;
    let spec = validations("false", &json!({"message": "odd"}));
    let binding = json!({"validationActions": ["Warn"]});
    policy(&cluster, "validating", spec, binding).await;
    let object = json!({"metadata": {"name": "a"}}).to_string();
    let response = cluster
        .client
        .request("POST", CONFIG_MAPS, &[], object)
        .await;
    assert_eq!(
        response.header("warning"),
        "299 - \"Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': odd\""
    );
}

#[tokio::test]
async fn parameters_are_chosen_by_their_labels() {
    let cluster = cluster().await;
    for (name, max) in [("low", "2"), ("high", "9")] {
        let params = json!({
            "metadata": {"name": name, "labels": {"limits": name}},
            "data": {"max": max},
        });
        cluster.post(CONFIG_MAPS, &params).await.unwrap();
    }
    let mut spec = validations("size(object.data) <= int(params.data.max)", &json!({}));
    spec["paramKind"] = json!({"apiVersion": "v1", "kind": "ConfigMap"});
    let mut binding = deny();
    binding["paramRef"] = json!({
        "selector": {"matchLabels": {"limits": "low"}},
        "parameterNotFoundAction": "Deny",
    });
    policy(&cluster, "validating", spec, binding).await;
    cluster
        .config("two", json!({"a": "", "b": ""}))
        .await
        .unwrap();
    let three = json!({"a": "", "b": "", "c": ""});
    cluster.config("three", three).await.unwrap_err();
}

#[tokio::test]
async fn a_mutation_adds_to_an_object() {
    let cluster = cluster().await;
    let expression = "Object{data: {'added': variables.name}}";
    let spec = json!({
        "reinvocationPolicy": "Never",
        "variables": [{"name": "name", "expression": "object.metadata.name"}],
        "mutations": [{
            "patchType": "ApplyConfiguration",
            "applyConfiguration": {"expression": expression},
        }],
    });
    policy(&cluster, "mutating", spec, json!({})).await;
    let made = cluster.config("a", json!({"x": "1"})).await.unwrap();
    assert_eq!(made["data"], json!({"x": "1", "added": "a"}));
}

#[tokio::test]
async fn a_mutation_that_would_replace_a_whole_list_is_refused() {
    let cluster = cluster().await;
    let expression = "Object{spec: Object.spec{accessModes: ['ReadOnlyMany']}}";
    let spec = json!({
        "reinvocationPolicy": "Never",
        "matchConstraints": {"resourceRules": [{
            "apiGroups": [""],
            "apiVersions": ["v1"],
            "operations": ["CREATE"],
            "resources": ["persistentvolumeclaims"],
        }]},
        "mutations": [{
            "patchType": "ApplyConfiguration",
            "applyConfiguration": {"expression": expression},
        }],
    });
    policy(&cluster, "mutating", spec, json!({})).await;
    let claim = json!({
        "metadata": {"name": "a"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    });
    let path = "/api/v1/namespaces/default/persistentvolumeclaims";
    let failure = cluster.post(path, &claim).await.unwrap_err();
    assert_eq!(
        failure.message(),
        "policy 'p' with binding 'b' denied request: error applying patch: invalid \
         ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.accessModes"
    );
}

#[tokio::test]
async fn no_policy_sees_policies() {
    let cluster = cluster().await;
    let everything = json!({
        "apiGroups": ["*"],
        "apiVersions": ["*"],
        "operations": ["*"],
        "resources": ["*/*"],
    });
    let mut spec = validations("false", &json!({}));
    spec["matchConstraints"] = json!({"resourceRules": [everything]});
    policy(&cluster, "validating", spec, deny()).await;
    cluster.config("a", json!({})).await.unwrap_err();
    let path = format!("{}/b", registration("validatingadmissionpolicybindings"));
    cluster.ask("DELETE", &path, &json!({})).await.unwrap();
    cluster.config("a", json!({})).await.unwrap();
}
