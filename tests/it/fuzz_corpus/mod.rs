//! Ten thousand requests, each a good one gone wrong somewhere: the cluster answers every one, with
//! nothing worse than the real server does, and touches nothing it was not asked about.

mod mutate;

use mockernetes::client::ReplyBody;
use mockernetes::sim::Entropy;
use serde_json::{Value, json};

use crate::support::{self, Fixture};

/// How many requests are sent.
const REQUESTS: usize = 10_000;
/// Where the draws begin; any other number is another test.
const SEED: u64 = 1_370;

/// A request that is in order.
struct Seed {
    method: &'static str,
    target: &'static str,
    content_type: &'static str,
    body: Value,
}

fn seed(
    method: &'static str,
    target: &'static str,
    content_type: &'static str,
    body: Value,
) -> Seed {
    Seed {
        method,
        target,
        content_type,
        body,
    }
}

/// What is mutated: each verb, each kind of patch, built-in and custom kinds, subresources.
#[allow(clippy::too_many_lines, reason = "a table of requests")]
fn corpus() -> Vec<Seed> {
    const JSON: &str = "application/json";
    const MERGE: &str = "application/merge-patch+json";
    let pod = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "p", "labels": {"a": "b"}, "finalizers": ["x.io/y"]},
        "spec": {"containers": [{"name": "c", "image": "i",
            "ports": [{"containerPort": 80}], "env": [{"name": "A", "value": "b"}],
            "resources": {"requests": {"cpu": "100m", "memory": "1Gi"}}}]}});
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "d"}, "spec": {"replicas": 2,
            "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": pod["spec"]}}});
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"},
        "spec": {"selector": {"a": "b"}, "ports": [{"port": 80, "targetPort": "http"}]}});
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"},
        "data": {"a": "b"}, "binaryData": {"c": "aGk="}});
    let widget = json!({"apiVersion": "fuzz.example.com/v1", "kind": "Widget",
        "metadata": {"name": "w"}, "spec": {"size": 3, "parts": [{"name": "a"}], "tag": "x"}});
    vec![
        seed("POST", "/api/v1/namespaces/fuzz/pods", JSON, pod.clone()),
        seed(
            "POST",
            "/api/v1/namespaces/fuzz/configmaps?dryRun=All",
            JSON,
            map.clone(),
        ),
        seed("POST", "/api/v1/namespaces/fuzz/services", JSON, service),
        seed(
            "POST",
            "/apis/apps/v1/namespaces/fuzz/deployments",
            JSON,
            deployment.clone(),
        ),
        seed(
            "POST",
            "/apis/fuzz.example.com/v1/namespaces/fuzz/widgets",
            JSON,
            widget.clone(),
        ),
        seed(
            "PUT",
            "/api/v1/namespaces/fuzz/configmaps/m",
            JSON,
            map.clone(),
        ),
        seed("PUT", "/api/v1/namespaces/fuzz/pods/p/status", JSON, pod),
        seed(
            "PUT",
            "/apis/apps/v1/namespaces/fuzz/deployments/d/scale",
            JSON,
            json!({"kind": "Scale", "apiVersion": "autoscaling/v1",
                "metadata": {"name": "d"}, "spec": {"replicas": 3}}),
        ),
        seed(
            "PATCH",
            "/api/v1/namespaces/fuzz/pods/p",
            "application/strategic-merge-patch+json",
            json!({"spec": {"$setElementOrder/containers": [{"name": "c"}],
                "containers": [{"name": "c", "image": "j"}, {"$patch": "delete", "name": "e"}]},
                "metadata": {"$deleteFromPrimitiveList/finalizers": ["x.io/y"]}}),
        ),
        seed(
            "PATCH",
            "/apis/apps/v1/namespaces/fuzz/deployments/d",
            MERGE,
            json!({"spec": {"replicas": 4, "paused": null}}),
        ),
        seed(
            "PATCH",
            "/api/v1/namespaces/fuzz/configmaps/m",
            "application/json-patch+json",
            json!([{"op": "add", "path": "/data/x", "value": "y"},
                {"op": "test", "path": "/data/x", "value": "y"},
                {"op": "move", "from": "/data/x", "path": "/data/z"}]),
        ),
        seed(
            "PATCH",
            "/api/v1/namespaces/fuzz/configmaps/m?fieldManager=f&force=true",
            "application/apply-patch+yaml",
            map,
        ),
        seed(
            "PATCH",
            "/apis/apps/v1/namespaces/fuzz/deployments/d?fieldManager=f",
            "application/apply-patch+yaml",
            deployment,
        ),
        seed(
            "PATCH",
            "/apis/fuzz.example.com/v1/namespaces/fuzz/widgets/w?fieldManager=f",
            "application/apply-patch+yaml",
            widget,
        ),
        seed(
            "GET",
            "/api/v1/namespaces/fuzz/pods?labelSelector=a+in+(b,c)&limit=2",
            JSON,
            Value::Null,
        ),
        seed(
            "GET",
            "/api/v1/pods?fieldSelector=metadata.name%3Dp&resourceVersion=1",
            JSON,
            Value::Null,
        ),
        seed(
            "GET",
            "/apis/apps/v1/namespaces/fuzz/deployments/d/scale",
            JSON,
            Value::Null,
        ),
        seed(
            "GET",
            "/api/v1/namespaces/fuzz/configmaps?watch=1&timeoutSeconds=1",
            JSON,
            Value::Null,
        ),
        seed(
            "DELETE",
            "/api/v1/namespaces/fuzz/pods/p",
            JSON,
            json!({"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0}),
        ),
        seed(
            "DELETE",
            "/api/v1/namespaces/fuzz/configmaps?labelSelector=a",
            JSON,
            Value::Null,
        ),
        seed(
            "POST",
            "/api/v1/namespaces/fuzz/pods/p/eviction",
            JSON,
            json!({"kind": "Eviction", "apiVersion": "policy/v1", "metadata": {"name": "p"}}),
        ),
        seed(
            "POST",
            "/api/v1/namespaces/fuzz/pods/p/binding",
            JSON,
            json!({"kind": "Binding", "apiVersion": "v1", "metadata": {"name": "p"},
                "target": {"kind": "Node", "name": "n"}}),
        ),
        seed("GET", "/openapi/v3", JSON, Value::Null),
        seed("GET", "/apis", JSON, Value::Null),
    ]
}

/// What the real server answers with a 500 (or 501, where this emulator says what it lacks).
const KNOWN_FAILURES: &[&str] = &[
    // Namespaces that are no part of a path: upstream fails on their keys.
    "invalid key: ",
    "invalid resource name ",
    // Plain errors of the patch libraries and of server-side apply.
    "failed to create typed patch object",
    "failed to convert new typed object",
    "failed to convert new object",
    "list element types are not identical",
    "cannot merge lists without merge key",
    "does not contain declared merge key",
    "merging lists cannot yet be specified in the patch",
    "unknown patch type",
    "The order in patch list",
    "expected a map[string]interface {}",
    // A binding is checked by a plain error.
    "target.name: ",
    "target.kind: ",
    // Versions that are no numbers.
    "strconv.ParseUint",
    "resourceVersion should not be set on objects to be created",
    // What Kubernetes serves and this emulator does not.
    "mockernetes does not serve",
];

async fn prepared() -> Fixture {
    let world = support::cluster().await;
    let widgets = json!({"apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition", "metadata": {"name": "widgets.fuzz.example.com"},
        "spec": {"group": "fuzz.example.com", "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "properties": {
                        "size": {"type": "integer", "minimum": 1},
                        "tag": {"type": "string", "pattern": "^[a-z]+$"},
                        "parts": {"type": "array", "x-kubernetes-list-type": "map",
                            "x-kubernetes-list-map-keys": ["name"],
                            "items": {"type": "object", "required": ["name"],
                                "properties": {"name": {"type": "string"}}}}}}}}}}]}});
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    world
        .client
        .json("POST", definitions, Some(&widgets))
        .await
        .unwrap();
    for namespace in ["fuzz", "canary"] {
        let namespace = json!({"metadata": {"name": namespace}});
        // A cluster may have made it already.
        let _ = world
            .client
            .json("POST", "/api/v1/namespaces", Some(&namespace))
            .await;
    }
    world
}

/// Objects that no request is about.
async fn canaries(world: &Fixture) -> Vec<Value> {
    let mut found = Vec::new();
    for path in [
        "/api/v1/namespaces/canary/configmaps",
        "/api/v1/namespaces/canary/pods",
        "/apis/apps/v1/namespaces/canary/deployments",
        "/apis/fuzz.example.com/v1/namespaces/canary/widgets",
    ] {
        let list = world.client.json("GET", path, None).await.unwrap();
        found.push(list["items"].clone());
    }
    found
}

#[tokio::test]
async fn ten_thousand_mutated_requests_break_nothing() {
    let world = prepared().await;
    let corpus = corpus();
    for seed in corpus.iter().filter(|seed| seed.method == "POST") {
        // Seeds of subresources have nothing to act on there.
        let target = seed
            .target
            .replace("/fuzz/", "/canary/")
            .replace("?dryRun=All", "");
        let _ = world.client.json("POST", &target, Some(&seed.body)).await;
    }
    let before = canaries(&world).await;
    assert!(before.iter().all(|items| items != &json!([])), "{before:?}");
    let entropy = Entropy::seeded(SEED);
    let mut codes = std::collections::BTreeMap::new();
    let mut failures = Vec::new();
    for number in 0..REQUESTS {
        let request = mutate::request(&corpus, &entropy);
        let headers = [
            ("content-type", request.content_type.as_str()),
            ("accept", request.accept.as_str()),
        ];
        let reply = world
            .client
            .request(
                &request.method,
                &request.target,
                &headers,
                request.body.clone(),
            )
            .await;
        *codes.entry(reply.code / 100).or_insert(0) += 1;
        if reply.code >= 500 {
            let code = reply.code;
            let text = match reply.body {
                ReplyBody::Whole(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                ReplyBody::Events(_) => String::new(),
            };
            if !KNOWN_FAILURES.iter().any(|known| text.contains(known)) {
                let body = String::from_utf8_lossy(&request.body).into_owned();
                let sent = format!("{} {} {body}", request.method, request.target);
                failures.push(format!("request {number}: {code} {text}\n{sent}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(canaries(&world).await, before);
    // Requests that fail one and all would test nothing.
    assert!(
        codes.get(&2).is_some_and(|count| *count > REQUESTS / 50),
        "{codes:?}"
    );
}
