//! HTTP to a port of a pod.

use mockernetes::Cluster;
use serde_json::{Value, json};

use super::{pod, with_pod};
use crate::support::Wire;

async fn cluster() -> Cluster {
    let full = json!({"status": 418, "headers": {"x-tea": "green"}, "body": "short"}).to_string();
    let rules = json!({"mockernetes.dev/http.8080": "hello", "mockernetes.dev/http.9090": full});
    let mut pod = pod(&rules);
    pod["metadata"]["labels"] = json!({"app": "web"});
    let cluster = with_pod(&pod).await;
    let services = cluster.client().api("v1", "services").namespace("default");
    for (name, port) in [(
        "named",
        json!({"name": "http", "port": 80, "targetPort": 8080}),
    )] {
        let spec = json!({"selector": {"app": "web"}, "ports": [port]});
        let service = json!({"metadata": {"name": name}, "spec": spec});
        services.create(&service).await.unwrap();
    }
    let service = json!({"metadata": {"name": "empty"}, "spec": {
        "selector": {"app": "nobody"}, "ports": [{"port": 80}],
    }});
    services.create(&service).await.unwrap();
    cluster.settle().await;
    cluster
}

async fn get(cluster: &Cluster, path: &str) -> (u16, Option<String>, String) {
    let client = Wire::client(cluster, None);
    let target = format!("/api/v1/namespaces/default/{path}");
    let reply = client.request("GET", &target, &[], "").await;
    let header = |name: &str| {
        reply
            .headers
            .get(name)
            .map(|v| v.to_str().unwrap().to_owned())
    };
    let header = header("x-tea").or_else(|| header("location"));
    let code = reply.code;
    let body = reply.into_bytes().await;
    (code, header, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_request_reaches_what_listens_on_a_port() {
    let cluster = cluster().await;
    for path in [
        "pods/web/proxy/",
        "pods/web:8080/proxy/a/b?c=d",
        "pods/http:web:8080/proxy/",
        "services/named:http/proxy/",
        "services/named:80/proxy/x",
    ] {
        let (code, _, body) = get(&cluster, path).await;
        assert_eq!((code, &body[..]), (200, "hello"), "{path}");
    }
    let (code, tea, body) = get(&cluster, "pods/web:9090/proxy/").await;
    assert_eq!(
        (code, tea.as_deref(), &body[..]),
        (418, Some("green"), "short")
    );
}

#[tokio::test]
async fn the_root_of_a_port_ends_with_a_slash() {
    let cluster = cluster().await;
    let (code, location, _) = get(&cluster, "pods/web/proxy?a=b").await;
    let expected = "/api/v1/namespaces/default/pods/web/proxy/?a=b";
    assert_eq!((code, location.as_deref()), (301, Some(expected)));
}

#[tokio::test]
async fn a_pod_may_be_named_like_its_face() {
    let cluster = cluster().await;
    let mut named = pod(&json!({"mockernetes.dev/http.8080": "hello"}));
    named["metadata"]["name"] = "proxy".into();
    let pods = cluster.client().api("v1", "pods").namespace("default");
    pods.create(&named).await.unwrap();
    cluster.settle().await;
    let (code, location, _) = get(&cluster, "pods/proxy/proxy").await;
    let expected = "/api/v1/namespaces/default/pods/proxy/proxy/";
    assert_eq!((code, location.as_deref()), (301, Some(expected)));
    let (code, _, body) = get(&cluster, "pods/proxy/proxy/proxy").await;
    assert_eq!((code, &body[..]), (200, "hello"));
}

#[tokio::test]
async fn what_cannot_be_reached_is_said_in_words_of_the_real_server() {
    let cluster = cluster().await;
    let web = cluster.client().api("v1", "pods").namespace("default");
    let web = web.get("web").await.unwrap();
    let address = web["status"]["podIP"].as_str().unwrap();
    let refused =
        format!("error trying to reach service: dial tcp {address}:1: connect: connection refused");
    for (path, code, message) in [
        ("pods/web:1/proxy/", 503, &refused[..]),
        (
            "services/empty/proxy/",
            503,
            r#"no endpoints available for service "empty""#,
        ),
        (
            "services/named/proxy/",
            503,
            r#"no endpoints available for service "named""#,
        ),
        (
            "services/named:81/proxy/",
            503,
            r#"no service port 81 found for service "named""#,
        ),
        (
            "services/ftp:named:80/proxy/",
            400,
            r#"invalid service request "ftp:named:80""#,
        ),
        (
            "pods/a:b:c:d/proxy/",
            400,
            r#"invalid pod request "a:b:c:d""#,
        ),
        ("pods/nosuch/proxy/", 404, r#"pods "nosuch" not found"#),
    ] {
        let (found, _, body) = get(&cluster, path).await;
        let status: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (found, status["message"].as_str()),
            (code, Some(message)),
            "{path}"
        );
    }
}
