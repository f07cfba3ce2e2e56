//! Paths of custom resources, which the real server reads by other rules than those of built-in
//! kinds.

use futures_util::StreamExt;
use serde_json::json;

use crate::support::{Fixture, cluster};

const FOOS: &str = "/apis/example.com/v1/namespaces/default/foos";

async fn foos() -> Fixture {
    let fixture = cluster().await;
    let schema = json!({"openAPIV3Schema": {
        "type": "object", "x-kubernetes-preserve-unknown-fields": true,
    }});
    let scale =
        json!({"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"});
    let definition = json!({
        "metadata": {"name": "foos.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "foos", "kind": "Foo"},
            "versions": [
                {
                    "name": "v1", "served": true, "storage": true, "schema": schema,
                    "subresources": {"status": {}, "scale": scale},
                },
                {"name": "v2", "served": true, "storage": false, "schema": schema},
            ],
        },
    });
    let definitions = "apiextensions.k8s.io/v1";
    let definitions = fixture.client.api(definitions, "customresourcedefinitions");
    definitions.create(&definition).await.unwrap();
    fixture
}

#[tokio::test]
async fn a_face_that_a_version_does_not_have_is_an_object_not_found() {
    let fixture = foos().await;
    let v2 = FOOS.replace("v1", "v2");
    for (method, path) in [
        ("GET", format!("{v2}/a/scale")),
        ("PUT", format!("{v2}/a/status")),
        ("GET", format!("{FOOS}/a/nope")),
        ("POST", format!("{FOOS}/a/nope")),
    ] {
        let reply = fixture.client.request(method, &path, &[], "{}").await;
        let failure = reply.into_json().await.unwrap_err();
        assert_eq!(
            (failure.code, failure.message()),
            (404, "foos.example.com \"a\" not found"),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn a_verb_that_a_face_does_not_have_is_not_supported() {
    let fixture = foos().await;
    for (method, path, verb) in [
        ("DELETE", format!("{FOOS}/a/status"), "delete"),
        ("GET", format!("{FOOS}//status"), "list"),
        ("OPTIONS", FOOS.to_owned(), ""),
    ] {
        let reply = fixture.client.request(method, &path, &[], "").await;
        let failure = reply.into_json().await.unwrap_err();
        let message = format!("{verb} is not supported on resources of kind \"foos.example.com\"");
        assert_eq!((failure.code, failure.message()), (405, &*message));
    }
}

#[tokio::test]
async fn the_name_stands_where_it_is_needed() {
    let fixture = foos().await;
    let object = json!({
        "apiVersion": "example.com/v1", "kind": "Foo", "metadata": {"name": "a"},
    });
    // Of what is created it is in the body, whatever the path says.
    let path = format!("{FOOS}/other");
    let body = object.to_string();
    let reply = fixture.client.request("POST", &path, &[], body).await;
    assert_eq!(reply.into_json().await.unwrap()["metadata"]["name"], "a");
    for method in ["PUT", "PATCH"] {
        let kind = [("content-type", "application/merge-patch+json")];
        let reply = fixture.client.request(method, FOOS, &kind, "{}").await;
        let failure = reply.into_json().await.unwrap_err();
        assert_eq!(
            (failure.code, failure.message()),
            (400, "name must be provided")
        );
    }
    for path in [
        format!("{FOOS}/a/status/more"),
        FOOS.to_owned(),
        FOOS.replace("default", ""),
    ] {
        for method in ["GET", "HEAD"] {
            let reply = fixture.client.request(method, &path, &[], "").await;
            assert_eq!(reply.code, 200, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn replicas_that_are_no_number_are_named_as_go_prints_them() {
    let fixture = foos().await;
    let api = fixture.client.api("example.com/v1", "foos");
    let api = api.namespace("default");
    for (spec, why) in [
        (
            json!({"replicas": "x"}),
            "x is of the type string, expected int64",
        ),
        (
            json!({"replicas": {"a": [1, "b c"]}}),
            "map[a:[1 b c]] is of the type map[string]interface {}, expected int64",
        ),
        (
            json!({"replicas": null}),
            "<nil> is of the type <nil>, expected int64",
        ),
        (
            json!({"replicas": 2.0}),
            "2 is of the type float64, expected int64",
        ),
        (
            json!({"replicas": 2.5}),
            "2.5 is of the type float64, expected int64",
        ),
        (
            json!("x"),
            "x is of the type string, expected map[string]interface{}",
        ),
    ] {
        let object = json!({
            "apiVersion": "example.com/v1", "kind": "Foo", "metadata": {"name": "a"}, "spec": spec,
        });
        let failure = api.create(&object).await.unwrap_err();
        assert_eq!(
            failure.message(),
            format!(
                "Foo.example.com \"a\" is invalid: .spec.replicas: Invalid value: 0: \
                 .spec.replicas accessor error: {why}"
            )
        );
    }
}

#[tokio::test]
async fn a_watch_ends_with_the_definition_of_what_it_watches() {
    let fixture = foos().await;
    let api = fixture.client.api("example.com/v1", "foos");
    let object = json!({
        "apiVersion": "example.com/v1", "kind": "Foo", "metadata": {"name": "a"},
    });
    let watch = api.watch("").await.unwrap();
    api.namespace("default").create(&object).await.unwrap();
    let definitions = "apiextensions.k8s.io/v1";
    let definitions = fixture.client.api(definitions, "customresourcedefinitions");
    definitions.delete("foos.example.com").await.unwrap();
    let events: Vec<String> = watch
        .map(|event| event["type"].as_str().unwrap().to_owned())
        .collect()
        .await;
    assert_eq!(events, ["ADDED", "DELETED"]);
}

#[tokio::test]
async fn a_watch_ends_when_the_definition_of_what_it_watches_says_something_else() {
    let fixture = foos().await;
    let api = fixture.client.api("example.com/v1", "foos");
    let definitions = "apiextensions.k8s.io/v1";
    let definitions = fixture.client.api(definitions, "customresourcedefinitions");
    let patch = |body: &'static str| {
        let path = definitions.path("foos.example.com");
        let client = &fixture.client;
        async move {
            let headers = [("content-type", "application/merge-patch+json")];
            let reply = client.request("PATCH", &path, &headers, body).await;
            assert_eq!(reply.code, 200);
        }
    };
    let mut watch = api.watch("").await.unwrap();
    patch(r#"{"metadata": {"labels": {"a": "b"}}}"#).await;
    let object = json!({
        "apiVersion": "example.com/v1", "kind": "Foo", "metadata": {"name": "a"},
    });
    api.namespace("default").create(&object).await.unwrap();
    let event = watch.next().await.unwrap();
    assert_eq!(event["type"], "ADDED", "labels are nothing it says of foos");
    patch(r#"{"spec": {"names": {"shortNames": ["fo"]}}}"#).await;
    assert_eq!(watch.next().await, None);
    let mut anew = api.watch("").await.unwrap();
    assert_eq!(anew.next().await.unwrap()["type"], "ADDED");
}

#[tokio::test]
async fn a_whole_number_written_as_a_float_is_one_but_for_replicas() {
    let fixture = foos().await;
    let api = fixture.client.api("example.com/v1", "foos");
    let api = api.namespace("default");
    let object = json!({
        "apiVersion": "example.com/v1", "kind": "Foo", "metadata": {"name": "a"},
        "spec": {"replicas": 1, "size": 2.0, "list": [3.0, 3.5]},
    });
    let created = api.create(&object).await.unwrap();
    let settled = json!({"replicas": 1, "size": 2, "list": [3, 3.5]});
    assert_eq!(created["spec"], settled);
    for (kind, patch) in [
        ("merge-patch", r#"{"spec": {"replicas": 2.0}}"#),
        (
            "json-patch",
            r#"[{"op": "replace", "path": "/spec/replicas", "value": 2.0}]"#,
        ),
    ] {
        let media = format!("application/{kind}+json");
        let headers = [("content-type", media.as_str())];
        let path = api.path("a");
        let reply = fixture
            .client
            .request("PATCH", &path, &headers, patch)
            .await;
        assert_eq!(reply.code, 422, "{kind}");
    }
}

#[tokio::test]
async fn a_patch_of_another_media_type_is_told_what_custom_resources_take() {
    let fixture = foos().await;
    let path = format!("{FOOS}/a");
    for media in [
        "text/plain",
        "application/json",
        "application/strategic-merge-patch+json",
    ] {
        let headers = [("content-type", media)];
        let reply = fixture.client.request("PATCH", &path, &headers, "{}").await;
        let failure = reply.into_json().await.unwrap_err();
        let message = "the body of the request was in an unknown format - accepted media types \
                       include: application/json-patch+json, application/merge-patch+json, \
                       application/apply-patch+yaml";
        assert_eq!((failure.code, failure.message()), (415, message), "{media}");
    }
}

#[tokio::test]
async fn whoever_uses_a_deprecated_version_is_told_so_whatever_comes_of_it() {
    let fixture = foos().await;
    let api = fixture
        .client
        .api("apiextensions.k8s.io/v1", "customresourcedefinitions");
    let mut definition = api.get("foos.example.com").await.unwrap();
    definition["spec"]["versions"][1]["deprecated"] = true.into();
    api.update(&definition).await.unwrap();
    let v2 = FOOS.replace("v1", "v2");
    for (method, path) in [
        ("GET", format!("{v2}/a")),
        ("GET", format!("{v2}/a/scale")),
        ("POST", format!("{v2}/a/nope")),
        ("PUT", v2.clone()),
    ] {
        let reply = fixture.client.request(method, &path, &[], "{}").await;
        let warnings: Vec<_> = reply.headers.get_all("warning").iter().collect();
        let warning = "299 - \"example.com/v2 Foo is deprecated\"";
        assert_eq!(warnings, [warning], "{method} {path}");
    }
}
