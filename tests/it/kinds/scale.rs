//! The scale face: who owns the replicas.

use serde_json::{Value, json};

use crate::support::{Fixture, cluster};

const WEB: &str = "/apis/apps/v1/namespaces/default/deployments/web";
const APPLY: [(&str, &str); 1] = [("content-type", "application/apply-patch+yaml")];

/// Applies to a path as a manager; the code and the answer.
async fn apply(fixture: &Fixture, path: &str, query: &str, object: &Value) -> (u16, Value) {
    let target = format!("{path}?fieldManager={query}");
    let client = &fixture.client;
    let reply = client
        .request("PATCH", &target, &APPLY, object.to_string())
        .await;
    let code = reply.code;
    (
        code,
        serde_json::from_slice(&reply.into_bytes().await).unwrap(),
    )
}

/// The managers of the replicas: name, subresource, and whether a time stands there.
async fn owners(fixture: &Fixture) -> Vec<(String, String, bool)> {
    let web = fixture.client.json("GET", WEB, None).await.unwrap();
    let entries = web["metadata"]["managedFields"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    entries
        .iter()
        .filter(|entry| !entry["fieldsV1"]["f:spec"]["f:replicas"].is_null())
        .map(|entry| {
            let has_time = !entry["time"].is_null();
            (
                text(&entry["manager"]),
                text(&entry["subresource"]),
                has_time,
            )
        })
        .collect()
}

fn scale(replicas: i64) -> Value {
    json!({
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {"name": "web"},
        "spec": {"replicas": replicas},
    })
}

#[tokio::test]
async fn an_applied_scale_takes_the_replicas_from_their_owner_only_by_force() {
    let fixture = cluster().await;
    let web = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "web"}]},
            },
        },
    });
    assert_eq!(apply(&fixture, WEB, "owner", &web).await.0, 201);
    let face = format!("{WEB}/scale");
    let (code, refused) = apply(&fixture, &face, "hpa", &scale(5)).await;
    assert_eq!(code, 409);
    let why = "Apply failed with 1 conflict: conflict with \"owner\": .spec.replicas";
    assert_eq!(refused["message"], why);
    let (code, scaled) = apply(&fixture, &face, "hpa&force=true", &scale(5)).await;
    assert_eq!((code, &scaled["spec"]["replicas"]), (200, &json!(5)));
    assert!(
        scaled["metadata"]["managedFields"].is_null(),
        "a scale shows no managers"
    );
    let hpa = ("hpa".to_owned(), "scale".to_owned(), false);
    assert_eq!(owners(&fixture).await, std::slice::from_ref(&hpa));
    // Who applies the same shares it; who applies it no more leaves it to the others.
    let (code, _) = apply(&fixture, &face, "other", &scale(5)).await;
    let other = ("other".to_owned(), "scale".to_owned(), false);
    assert_eq!(
        (code, owners(&fixture).await),
        (200, vec![hpa.clone(), other])
    );
    let mut without = scale(0);
    without.as_object_mut().unwrap().remove("spec");
    let (_, left) = apply(&fixture, &face, "other", &without).await;
    assert_eq!(left["spec"]["replicas"], 5);
    assert_eq!(owners(&fixture).await, [hpa]);
}

#[tokio::test]
async fn what_is_applied_to_a_scale_is_a_scale() {
    let fixture = cluster().await;
    let face = format!("{WEB}/scale");
    let (code, _) = apply(&fixture, &face, "hpa", &scale(5)).await;
    assert_eq!(code, 404);
    let claim = json!({
        "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "web"}]},
            },
        },
    });
    let deployments = fixture
        .client
        .api("apps/v1", "deployments")
        .namespace("default");
    deployments.create(&claim).await.unwrap();
    let mut other = scale(1);
    other["kind"] = "Deployment".into();
    let (code, refused) = apply(&fixture, &face, "hpa", &other).await;
    assert_eq!(code, 400);
    assert_eq!(
        refused["message"],
        "invalid object type: autoscaling/v1, Kind=Deployment"
    );
}
