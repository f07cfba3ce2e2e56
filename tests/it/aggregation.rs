//! API servers that are registered behind this one.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use base64::Engine;
use futures_util::StreamExt;
use http::HeaderMap;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use mockernetes::Cluster;
use mockernetes::auth::{Mode, User};
use mockernetes::client::ReplyBody;
use mockernetes::server::tls::config_of_pem;
use mockernetes::webhook::Services;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::support::{Fixture, listening, start};

const SERVICES: &str = "/apis/apiregistration.k8s.io/v1/apiservices";
const NAME: &str = "v1.metrics.example.com";

/// What came in: method, path with query, headers and body.
type Heard = Arc<Mutex<Vec<(String, String, HeaderMap, Bytes)>>>;

/// A small API server with one resource.
struct Behind {
    port: u16,
    ca_pem: String,
    heard: Heard,
    task: JoinHandle<()>,
}

impl Drop for Behind {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn certificate(name: &str) -> (String, String) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

fn answer(path: &str) -> (u16, Value) {
    match path {
        "/apis/metrics.example.com/v1" => (
            200,
            json!({
                "kind": "APIResourceList", "apiVersion": "v1",
                "groupVersion": "metrics.example.com/v1",
                "resources": [{
                    "name": "loads", "singularName": "load", "namespaced": true, "kind": "Load",
                    "verbs": ["get", "list"],
                }, {
                    "name": "loads/peak", "singularName": "", "namespaced": true, "kind": "Peak",
                    "verbs": ["get"],
                }],
            }),
        ),
        "/openapi/v2" => (
            200,
            json!({
                "paths": {
                    "/apis/metrics.example.com/v1/loads": {"get": {}},
                    "/apis/other.example.com/v1/": {"get": {}},
                },
                "definitions": {"com.example.Load": {"type": "object"}},
            }),
        ),
        "/openapi/v3" => (
            200,
            json!({"paths": {"apis/metrics.example.com/v1": {
                "serverRelativeURL": "/openapi/v3/apis/metrics.example.com/v1?hash=ABC",
            }}}),
        ),
        path if path.starts_with("/apis/metrics.example.com/v1/") => {
            (418, json!({"kind": "Load", "seen": path}))
        }
        "/openapi/v3/apis/metrics.example.com/v1" => (200, json!({"openapi": "3.0.0"})),
        _ => (404, json!({"kind": "Status", "code": 404})),
    }
}

impl Behind {
    async fn start() -> Self {
        let (ca_pem, key) = certificate("loads.metrics.svc");
        let acceptor = TlsAcceptor::from(config_of_pem(&ca_pem, &key, &[]).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Heard::default();
        let log = Arc::clone(&heard);
        let task = tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let (acceptor, log) = (acceptor.clone(), Arc::clone(&log));
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(socket).await else {
                        return;
                    };
                    let service = service_fn(move |request| respond(request, Arc::clone(&log)));
                    let builder = hyper::server::conn::http1::Builder::new();
                    let _ = builder
                        .serve_connection(TokioIo::new(stream), service)
                        .with_upgrades()
                        .await;
                });
            }
        });
        Self {
            port,
            ca_pem,
            heard,
            task,
        }
    }

    /// The last request that came in by a path.
    fn last(&self, path: &str) -> (String, String, HeaderMap, Bytes) {
        let heard = self.heard.lock().unwrap();
        let found = heard.iter().rev().find(|one| one.1.starts_with(path));
        found.unwrap().clone()
    }
}

async fn respond(
    mut request: Request<Incoming>,
    log: Heard,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if let Some(protocol) = request.headers().get("upgrade").cloned() {
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let (mut from, mut to) = tokio::io::split(TokioIo::new(upgrade.await.unwrap()));
            tokio::io::copy(&mut from, &mut to).await.unwrap();
        });
        let response = Response::builder().status(101);
        let response = response
            .header("connection", "Upgrade")
            .header("upgrade", protocol);
        return Ok(response.body(Full::default()).unwrap());
    }
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let (code, text) = answer(head.uri.path());
    log.lock().unwrap().push((
        head.method.to_string(),
        head.uri.path_and_query().unwrap().to_string(),
        head.headers,
        body,
    ));
    let response = Response::builder()
        .status(code)
        .header("content-type", "application/json")
        .header("x-of-theirs", "kept")
        .body(Full::new(Bytes::from(text.to_string())));
    Ok(response.unwrap())
}

/// A cluster that finds the service of a server behind it.
async fn before(behind: &Behind) -> Fixture {
    let line = format!("metrics/loads=127.0.0.1:{}", behind.port);
    let services = Services::of_lines([line.as_str()]).unwrap();
    let fixture = start(Cluster::builder().auth(Mode::Rbac).services(services)).await;
    let client = fixture.cluster.client();
    let namespace = json!({"metadata": {"name": "metrics"}});
    let path = "/api/v1/namespaces";
    client.json("POST", path, Some(&namespace)).await.unwrap();
    fixture
}

fn registration(bundle: &str) -> Value {
    json!({
        "metadata": {"name": NAME},
        "spec": {
            "group": "metrics.example.com", "version": "v1",
            "groupPriorityMinimum": 100, "versionPriority": 10,
            "caBundle": base64::engine::general_purpose::STANDARD.encode(bundle),
            "service": {"namespace": "metrics", "name": "loads"},
        },
    })
}

/// Waits for the condition of the registration to have a reason, by a watch.
async fn until(fixture: &Fixture, reason: &str) -> Value {
    let client = fixture.cluster.client();
    let path = format!("{SERVICES}?watch=1&fieldSelector=metadata.name={NAME}");
    let reply = client.request("GET", &path, &[], "").await;
    let ReplyBody::Events(mut events) = reply.body else {
        panic!("no watch");
    };
    loop {
        let line = events.next().await.unwrap();
        for line in line
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            let event: Value = serde_json::from_slice(line).unwrap();
            let condition = event["object"]["status"]["conditions"][0].clone();
            if condition["reason"] == reason {
                return condition;
            }
        }
    }
}

async fn register(fixture: &Fixture, behind: &Behind) {
    let client = fixture.cluster.client();
    let service = json!({"metadata": {"name": "loads"}, "spec": {"ports": [{"port": 443}]}});
    let path = "/api/v1/namespaces/metrics/services";
    client.json("POST", path, Some(&service)).await.unwrap();
    let object = registration(&behind.ca_pem);
    client.json("POST", SERVICES, Some(&object)).await.unwrap();
    let condition = until(fixture, "Passed").await;
    assert_eq!(condition["status"], "True");
    assert_eq!(condition["message"], "all checks passed");
}

#[tokio::test]
async fn a_registration_whose_service_is_missing_is_unavailable_until_it_is_there() {
    let behind = Behind::start().await;
    let fixture = before(&behind).await;
    let client = fixture.cluster.client();
    let object = registration(&behind.ca_pem);
    client.json("POST", SERVICES, Some(&object)).await.unwrap();
    let condition = until(&fixture, "ServiceNotFound").await;
    assert_eq!(condition["status"], "False");
    let message = "service/loads in \"metrics\" is not present";
    assert_eq!(condition["message"], message);
    let path = "/apis/metrics.example.com/v1/namespaces/a/loads";
    let reply = client.request("GET", path, &[], "").await;
    assert_eq!(reply.code, 503);
    let ReplyBody::Whole(text) = reply.body else {
        panic!("no text");
    };
    assert_eq!(&*text, b"service unavailable\n");
    let service = json!({"metadata": {"name": "loads"}, "spec": {"ports": [{"port": 444}]}});
    let path = "/api/v1/namespaces/metrics/services";
    client.json("POST", path, Some(&service)).await.unwrap();
    let condition = until(&fixture, "ServicePortError").await;
    let message = "service/loads in \"metrics\" is not listening on port 443";
    assert_eq!(condition["message"], message);
}

#[tokio::test]
async fn requests_are_passed_on_with_who_asks_and_answers_come_back_as_they_are() {
    let behind = Behind::start().await;
    let fixture = before(&behind).await;
    register(&fixture, &behind).await;
    let carol = User {
        name: "carol".to_owned(),
        uid: "17".to_owned(),
        groups: vec!["system:masters".to_owned(), "devs".to_owned()],
        extra: vec![("example.com/Team".to_owned(), vec!["blue".to_owned()])],
    };
    let client = fixture.cluster.client_as(carol);
    let headers = [
        ("x-remote-user", "somebody-else"),
        ("x-remote-group", "system:nobody"),
        ("authorization", "Bearer secret"),
        ("content-type", "application/json"),
        ("connection", "x-hop"),
        ("x-hop", "gone"),
    ];
    let path = "/apis/metrics.example.com/v1/namespaces/a/loads/b%20c?z=1&a=2";
    let reply = client.request("POST", path, &headers, "{\"a\":1}").await;
    assert_eq!(reply.code, 418);
    assert_eq!(reply.headers["x-of-theirs"], "kept");
    let (method, seen, headers, body) = behind.last("/apis/metrics.example.com/v1/name");
    assert_eq!(method, "POST");
    let expected = "/apis/metrics.example.com/v1/namespaces/a/loads/b%20c?a=2&z=1";
    assert_eq!(seen, expected);
    assert_eq!(&*body, b"{\"a\":1}");
    let all = |name: &str| -> Vec<String> {
        let values = headers.get_all(name).iter();
        values
            .map(|value| value.to_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(all("x-remote-user"), ["carol"]);
    assert_eq!(all("x-remote-uid"), ["17"]);
    assert_eq!(all("x-remote-group"), ["system:masters", "devs"]);
    assert_eq!(all("x-remote-extra-example.com%2fteam"), ["blue"]);
    assert_eq!(all("content-type"), ["application/json"]);
    assert!(all("authorization").is_empty() && all("x-hop").is_empty());
}

#[tokio::test]
async fn a_connection_that_becomes_something_else_is_carried_both_ways() {
    let behind = Behind::start().await;
    let line = format!("metrics/loads=127.0.0.1:{}", behind.port);
    let services = Services::of_lines([line.as_str()]).unwrap();
    let builder = Cluster::builder().services(services);
    let cluster = listening(builder).await;
    let client = cluster.client();
    let namespace = json!({"metadata": {"name": "metrics"}});
    let path = "/api/v1/namespaces";
    client.json("POST", path, Some(&namespace)).await.unwrap();
    let fixture = Fixture { cluster, client };
    register(&fixture, &behind).await;
    let address = fixture.cluster.address().unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = "POST /apis/metrics.example.com/v1/namespaces/a/loads/b/exec HTTP/1.1\r\n\
                   Host: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    assert!(head.contains("\r\nupgrade: spdy/3.1\r\n"), "{head}");
    for said in [b"one", b"two"] {
        stream.write_all(said).await.unwrap();
        let mut heard = [0; 3];
        stream.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, said);
    }
}

#[tokio::test]
async fn who_may_not_ask_is_refused_before_anything_is_passed_on() {
    let behind = Behind::start().await;
    let fixture = before(&behind).await;
    register(&fixture, &behind).await;
    let dave = User {
        name: "dave".to_owned(),
        ..User::default()
    };
    let path = "/apis/metrics.example.com/v1/namespaces/a/loads";
    let reply = fixture
        .cluster
        .client_as(dave)
        .request("GET", path, &[], "")
        .await;
    assert_eq!(reply.code, 403);
    let heard = behind.heard.lock().unwrap();
    assert!(!heard.iter().any(|one| one.1.starts_with(path)));
}

#[tokio::test]
async fn what_is_registered_stands_in_discovery_and_in_the_index_of_documents() {
    let behind = Behind::start().await;
    let fixture = before(&behind).await;
    register(&fixture, &behind).await;
    let client = fixture.cluster.client();
    let list = client.json("GET", "/apis", None).await.unwrap();
    let mut groups = list["groups"].as_array().unwrap().iter();
    let group = groups
        .find(|one| one["name"] == "metrics.example.com")
        .unwrap();
    assert_eq!(
        group["preferredVersion"]["groupVersion"],
        "metrics.example.com/v1"
    );
    let group = client
        .json("GET", "/apis/metrics.example.com", None)
        .await
        .unwrap();
    assert_eq!(group["kind"], "APIGroup");
    let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    let reply = client
        .request("GET", "/apis", &[("accept", accept)], "")
        .await;
    let list = reply.into_json().await.unwrap();
    let items = list["items"].as_array().unwrap();
    let item = items
        .iter()
        .find(|one| one["metadata"]["name"] == "metrics.example.com");
    let version = &item.unwrap()["versions"][0];
    assert_eq!(version["freshness"], "Current");
    assert_eq!(version["resources"][0]["resource"], "loads");
    assert_eq!(
        version["resources"][0]["subresources"][0]["subresource"],
        "peak"
    );
    // The least of all priorities is last.
    assert_eq!(
        items.last().unwrap()["metadata"]["name"],
        "metrics.example.com"
    );
    let index = client.json("GET", "/openapi/v3", None).await.unwrap();
    let url = &index["paths"]["apis/metrics.example.com/v1"]["serverRelativeURL"];
    assert_eq!(*url, "/openapi/v3/apis/metrics.example.com/v1?hash=ABC");
    let document = client
        .json("GET", url.as_str().unwrap(), None)
        .await
        .unwrap();
    assert_eq!(document["openapi"], "3.0.0");
    let document = client.json("GET", "/openapi/v2", None).await.unwrap();
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.contains_key("/apis/metrics.example.com/v1/loads"));
    assert!(!paths.contains_key("/apis/other.example.com/v1/"));
    assert!(paths.contains_key("/api/v1/pods"));
    assert_eq!(
        document["definitions"]["com.example.Load"]["type"],
        "object"
    );
}

#[tokio::test]
async fn a_server_that_shows_another_certificate_is_not_believed() {
    let behind = Behind::start().await;
    let fixture = before(&behind).await;
    let client = fixture.cluster.client();
    let service = json!({"metadata": {"name": "loads"}, "spec": {"ports": [{"port": 443}]}});
    let path = "/api/v1/namespaces/metrics/services";
    client.json("POST", path, Some(&service)).await.unwrap();
    let (other, _) = certificate("loads.metrics.svc");
    let object = registration(&other);
    client.json("POST", SERVICES, Some(&object)).await.unwrap();
    let condition = until(&fixture, "FailedDiscoveryCheck").await;
    assert_eq!(condition["status"], "False");
    let message = condition["message"].as_str().unwrap();
    assert!(
        message.contains("tls: failed to verify certificate"),
        "{message}"
    );
    assert!(behind.heard.lock().unwrap().is_empty());
}

#[tokio::test]
async fn versions_of_a_definition_are_registered_and_go_with_it() {
    let cluster = Cluster::builder().start().await.unwrap();
    let client = cluster.client();
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "foos.aggregation.example.com"},
        "spec": {
            "group": "aggregation.example.com", "scope": "Namespaced",
            "names": {"plural": "foos", "kind": "Foo"},
            "versions": [
                {"name": "v1", "served": true, "storage": true,
                 "schema": {"openAPIV3Schema": {"type": "object"}}},
                {"name": "v2", "served": false, "storage": false,
                 "schema": {"openAPIV3Schema": {"type": "object"}}},
            ],
        },
    });
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    client.json("POST", path, Some(&definition)).await.unwrap();
    let own = format!("{SERVICES}/v1.aggregation.example.com");
    let service = client.json("GET", &own, None).await.unwrap();
    let label = &service["metadata"]["labels"]["kube-aggregator.kubernetes.io/automanaged"];
    assert_eq!(*label, "true");
    assert_eq!(service["spec"]["groupPriorityMinimum"], 1000);
    assert_eq!(service["spec"]["versionPriority"], 100);
    assert_eq!(service["status"]["conditions"][0]["reason"], "Local");
    let other = format!("{SERVICES}/v2.aggregation.example.com");
    assert_eq!(
        client.json("GET", &other, None).await.unwrap_err().code,
        404
    );
    let target = format!("{path}/foos.aggregation.example.com");
    client.json("DELETE", &target, None).await.unwrap();
    assert_eq!(client.json("GET", &own, None).await.unwrap_err().code, 404);
}
