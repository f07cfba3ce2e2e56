//! The status of policies.

use serde_json::json;

use super::living_cluster;

#[tokio::test]
async fn a_policy_is_told_what_is_wrong_with_its_expressions() {
    let cluster = living_cluster().await;
    let client = cluster.client();
    let rule = json!({
        "apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"],
        "resources": ["deployments"],
    });
    let policy = json!({"metadata": {"name": "p"}, "spec": {
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": "object.spec.foo <= 5"}],
    }});
    let path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
    client.json("POST", path, Some(&policy)).await.unwrap();
    cluster.settle().await;
    let own = format!("{path}/p");
    let mut policy = client.json("GET", &own, None).await.unwrap();
    let warning = "apps/v1, Kind=Deployment: ERROR: <input>:1:12: undefined field 'foo'\n | \
                   object.spec.foo <= 5\n | ...........^\n";
    assert_eq!(
        policy["status"],
        json!({
            "observedGeneration": 1,
            "typeChecking": {"expressionWarnings": [
                {"fieldRef": "spec.validations[0].expression", "warning": warning},
            ]},
        })
    );
    let manager = policy["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter();
    let managers: Vec<_> = manager
        .map(|entry| entry["manager"].as_str().unwrap())
        .collect();
    assert!(
        managers.contains(&"validatingadmissionpolicy-status"),
        "{managers:?}"
    );
    policy["spec"]["validations"][0]["expression"] = "object.spec.replicas <= 5".into();
    client.json("PUT", &own, Some(&policy)).await.unwrap();
    cluster.settle().await;
    let policy = client.json("GET", &own, None).await.unwrap();
    // The warnings that are applied no more go, and what held them with them.
    assert_eq!(policy["status"], json!({"observedGeneration": 2}));
}
