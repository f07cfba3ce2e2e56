//! Health, version, metrics, discovery, OpenAPI: the routes and their headers.

use serde_json::{Value, json};

use crate::support::{Fixture, cluster};

async fn text(client: &mockernetes::client::Client, target: &str) -> (u16, String) {
    let reply = client.request("GET", target, &[], "").await;
    let code = reply.code;
    (
        code,
        String::from_utf8(reply.into_bytes().await.to_vec()).unwrap(),
    )
}

#[tokio::test]
async fn health_is_answered_as_a_whole_by_check_and_in_words() {
    let Fixture { client, .. } = &cluster().await;
    for path in [
        "/healthz",
        "/livez",
        "/readyz",
        "/livez/ping",
        "/readyz/poststarthook/rbac/bootstrap-roles",
    ] {
        assert_eq!(text(client, path).await, (200, "ok".to_owned()), "{path}");
    }
    assert_eq!(text(client, "/livez/nope").await.0, 404);
    let (_, words) = text(client, "/readyz?verbose&exclude=etcd&exclude=nope").await;
    assert!(
        words.starts_with("[+]ping ok\n[+]log ok\n[+]etcd excluded: ok\n"),
        "{words}"
    );
    assert!(
        words.ends_with("no matches for \"nope\"\nreadyz check passed\n"),
        "{words}"
    );
}

#[tokio::test]
async fn the_emulated_version_is_told() {
    let Fixture { client, .. } = &cluster().await;
    for path in ["/version", "/version/"] {
        let version = client.json("GET", path, None).await.unwrap();
        assert_eq!(version["gitVersion"], "v1.37.0");
    }
}

#[tokio::test]
async fn requests_are_counted_under_the_names_of_kube_apiserver() {
    let Fixture { client, .. } = &cluster().await;
    let _ = client.json("GET", "/api/v1/nodes/a", None).await;
    let (_, metrics) = text(client, "/metrics").await;
    let line = "apiserver_request_total{code=\"404\",component=\"apiserver\",dry_run=\"\",group=\"\",\
                resource=\"nodes\",scope=\"resource\",subresource=\"\",verb=\"GET\",version=\"v1\"} 1";
    assert!(metrics.contains(line), "{metrics}");
    assert!(metrics.contains("apiserver_request_duration_seconds_bucket{"));
    assert!(metrics.contains("apiserver_current_inflight_requests{request_kind=\"readOnly\"} 1"));
    assert!(metrics.contains("process_resident_memory_bytes "));
}

#[tokio::test]
async fn documents_are_not_sent_again_to_who_has_them() {
    let Fixture { client, .. } = &cluster().await;
    let aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    for (path, accept, cached) in [
        ("/apis", aggregated, "public"),
        ("/openapi/v2", "application/json", "no-cache, private"),
        (
            "/openapi/v3/apis/apps/v1",
            "application/json",
            "no-cache, private",
        ),
    ] {
        let first = client.request("GET", path, &[("accept", accept)], "").await;
        assert_eq!(
            (first.code, first.header("cache-control")),
            (200, cached),
            "{path}"
        );
        let etag = first.header("etag").to_owned();
        let headers = [("accept", accept), ("if-none-match", etag.as_str())];
        let second = client.request("GET", path, &headers, "").await;
        assert_eq!(
            (second.code, second.header("etag")),
            (304, etag.as_str()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_document_asked_for_by_hash_may_be_kept_for_good() {
    let Fixture { client, .. } = &cluster().await;
    let index = client.json("GET", "/openapi/v3", None).await.unwrap();
    let url = index["paths"]["apis/apps/v1"]["serverRelativeURL"]
        .as_str()
        .unwrap();
    let reply = client.request("GET", url, &[], "").await;
    assert_eq!(
        (reply.code, reply.header("cache-control")),
        (200, "public, immutable")
    );
    let old = client
        .request("GET", "/openapi/v3/apis/apps/v1?hash=OLD", &[], "")
        .await;
    assert_eq!((old.code, old.header("location")), (301, url));
}

#[tokio::test]
async fn the_openapi_documents_say_since_when_they_are_as_they_are() {
    let Fixture { client, .. } = &cluster().await;
    for path in ["/openapi/v2", "/openapi/v3", "/openapi/v3/api/v1"] {
        for method in ["GET", "HEAD", "POST", "OPTIONS"] {
            let reply = client.request(method, path, &[], "").await;
            assert_eq!(reply.code, 200, "{method} {path}");
            assert_eq!(reply.header("accept-ranges"), "bytes");
            let since = reply.header("last-modified").to_owned();
            assert!(since.ends_with(" GMT"), "{since}");
        }
        let later = [("if-modified-since", "Sat, 21 Nov 2099 14:15:20 GMT")];
        assert_eq!(client.request("GET", path, &later, "").await.code, 304);
        let before = [("if-modified-since", "Sat, 21 Nov 1999 14:15:20 GMT")];
        assert_eq!(client.request("GET", path, &before, "").await.code, 200);
    }
    let gzip = [("accept-encoding", "gzip")];
    let reply = client.request("GET", "/openapi/v2", &gzip, "").await;
    assert_eq!(reply.header("content-encoding"), "gzip");
    let reply = client.request("GET", "/openapi/v3/", &[], "").await;
    assert_eq!((reply.code, reply.header("content-type")), (404, ""));
}

#[tokio::test]
async fn the_index_is_indented_and_given_to_any_method() {
    let Fixture { client, .. } = &cluster().await;
    for method in ["GET", "POST", "OPTIONS", "DELETE"] {
        let reply = client.request(method, "/", &[], "").await;
        assert_eq!(reply.header("content-type"), "application/json");
        assert!(reply.into_bytes().await.starts_with(b"{\n  \"paths\": ["));
    }
}

#[tokio::test]
async fn deleting_the_metrics_begins_counting_anew() {
    let Fixture { client, .. } = &cluster().await;
    let counted = "apiserver_request_total{code=\"404\"";
    text(client, "/nope").await;
    assert!(text(client, "/metrics").await.1.contains(counted));
    let reply = client.request("DELETE", "/metrics", &[], "").await;
    assert_eq!(&*reply.into_bytes().await, b"metrics reset\n");
    assert!(!text(client, "/metrics").await.1.contains(counted));
}

#[tokio::test]
async fn checks_of_health_are_metrics_too() {
    let Fixture { client, .. } = &cluster().await;
    let (code, metrics) = text(client, "/metrics/slis").await;
    assert_eq!(code, 200);
    let check = "kubernetes_healthcheck{name=\"etcd\",type=\"livez\"} 1";
    assert!(metrics.contains(check), "{metrics}");
}

#[tokio::test]
async fn parts_of_the_control_plane_are_well_whenever_somebody_looks() {
    let Fixture { client, .. } = &cluster().await;
    let parts = "/api/v1/componentstatuses";
    let list = client.json("GET", parts, None).await.unwrap();
    assert_eq!(list["kind"], "ComponentStatusList");
    assert_eq!(list["metadata"], json!({}));
    let names = |list: &Value| -> Vec<Value> {
        let items = list["items"].as_array().unwrap().iter();
        items.map(|item| item["metadata"]["name"].clone()).collect()
    };
    assert_eq!(names(&list), ["scheduler", "controller-manager", "etcd-0"]);
    let one = format!("{parts}?fieldSelector=metadata.name%3Detcd-0");
    let one = client.json("GET", &one, None).await.unwrap();
    assert_eq!(names(&one), ["etcd-0"]);
    let part = client.json("GET", "/api/v1/componentstatuses/scheduler", None);
    let well = json!([{"type": "Healthy", "status": "True", "message": "ok"}]);
    assert_eq!(part.await.unwrap()["conditions"], well);
}
