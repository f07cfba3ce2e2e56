//! What the server answers satisfies the schema it publishes, by a validator that is not ours.

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::support;

/// The validator of a component of a published OpenAPI v3 document.
async fn validator(client: &mockernetes::client::Client, document: &str, name: &str) -> Validator {
    let path = format!("/openapi/v3/{document}");
    let mut schema = client.json("GET", &path, None).await.unwrap();
    schema["$ref"] = format!("#/components/schemas/{name}").into();
    schema["$schema"] = "http://json-schema.org/draft-04/schema#".into();
    jsonschema::draft4::options().build(&schema).unwrap()
}

fn pod_spec() -> Value {
    json!({
        "containers": [{
            "name": "app",
            "image": "nginx:1.27",
            "ports": [{"containerPort": 80}],
            "resources": {"requests": {"cpu": "100m"}, "limits": {"memory": "1Gi"}},
            "readinessProbe": {"httpGet": {"path": "/", "port": 80}},
            "env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        }],
        "volumes": [{"name": "data", "emptyDir": {}}],
    })
}

/// An object of a kind: its apiVersion, plural, component and body.
type Case = (&'static str, &'static str, &'static str, Value);

fn cases() -> Vec<Case> {
    let labels = json!({"app": "web"});
    let template = json!({"metadata": {"labels": labels}, "spec": pod_spec()});
    let workload = json!({"selector": {"matchLabels": labels}, "template": template});
    let mut job = template.clone();
    job["spec"]["restartPolicy"] = "Never".into();
    vec![
        (
            "v1",
            "pods",
            "io.k8s.api.core.v1.Pod",
            json!({"spec": pod_spec()}),
        ),
        (
            "v1",
            "configmaps",
            "io.k8s.api.core.v1.ConfigMap",
            json!({"data": {"a": "b"}}),
        ),
        (
            "v1",
            "secrets",
            "io.k8s.api.core.v1.Secret",
            json!({"stringData": {"a": "b"}}),
        ),
        (
            "v1",
            "services",
            "io.k8s.api.core.v1.Service",
            json!({"spec": {"type": "NodePort", "ports": [{"port": 80}], "selector": labels}}),
        ),
        (
            "v1",
            "serviceaccounts",
            "io.k8s.api.core.v1.ServiceAccount",
            json!({}),
        ),
        (
            "apps/v1",
            "deployments",
            "io.k8s.api.apps.v1.Deployment",
            json!({"spec": workload}),
        ),
        (
            "apps/v1",
            "replicasets",
            "io.k8s.api.apps.v1.ReplicaSet",
            json!({"spec": workload}),
        ),
        (
            "batch/v1",
            "jobs",
            "io.k8s.api.batch.v1.Job",
            json!({"spec": {"template": job}}),
        ),
    ]
}

#[tokio::test]
async fn what_a_create_answers_satisfies_the_published_schema() {
    let fixture = support::cluster().await;
    for (api_version, plural, component, mut object) in cases() {
        object["metadata"] = json!({"name": "web"});
        let api = fixture.client.api(api_version, plural).namespace("default");
        let stored = api.create(&object).await.unwrap();
        let document = match api_version.split_once('/') {
            None => format!("api/{api_version}"),
            Some(_) => format!("apis/{api_version}"),
        };
        let validator = validator(&fixture.client, &document, component).await;
        let wrong: Vec<String> = validator
            .iter_errors(&stored)
            .map(|error| format!("{error}"))
            .collect();
        assert!(wrong.is_empty(), "{plural}: {wrong:?}\n{stored:#}");
        let mut broken = stored;
        broken["metadata"]["name"] = 5.into();
        assert!(
            !validator.is_valid(&broken),
            "the schema of {plural} takes a number for a name"
        );
    }
}
