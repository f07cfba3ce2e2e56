//! The record of who did what.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use mockernetes::audit::{Policy, Sink};
use mockernetes::auth::Mode;
use mockernetes::cluster::Cluster;
use mockernetes::webhook::{Place, Target};
use serde_json::{Value, json};

use super::{known, outcome};
use crate::support::{Fixture, Hook, start};

#[derive(Default)]
struct Kept(Mutex<Vec<Value>>);

impl Sink for Kept {
    fn write<'a>(&'a self, events: &'a [Bytes]) -> BoxFuture<'a, ()> {
        let events = events
            .iter()
            .map(|event| serde_json::from_slice(event).unwrap());
        self.0.lock().unwrap().extend(events);
        ready(()).boxed()
    }
}

/// A cluster that records everything of users that are not the system's, and where.
async fn recording(level: &str) -> (Fixture, Arc<Kept>) {
    let text = json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitManagedFields": true,
        "rules": [
            {"level": level, "userGroups": ["system:authenticated"], "users": ["bob"]},
            {"level": level, "users": ["system:anonymous"]},
            {"level": "None", "userGroups": ["system:masters"]},
            {"level": level},
        ],
    });
    let policy = Policy::parse(&text.to_string()).unwrap();
    let kept = Arc::new(Kept::default());
    let sink = Arc::clone(&kept) as Arc<dyn Sink>;
    let builder = Cluster::builder().auth(Mode::Rbac).audit(policy, sink);
    (start(builder).await, kept)
}

/// What was recorded until the cluster has stopped: stage and event.
async fn recorded(fixture: Fixture, kept: &Kept) -> Vec<Value> {
    drop(fixture.client);
    fixture.cluster.stop().await;
    std::mem::take(&mut *kept.0.lock().unwrap())
}

#[tokio::test]
async fn a_request_is_recorded_when_it_arrives_and_when_it_is_answered() {
    let (fixture, kept) = recording("RequestResponse").await;
    let rules = json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}]);
    super::grant(&fixture, "default", "bob", rules).await;
    let bob = fixture.cluster.client_as(known("bob"));
    let object = json!({"metadata": {"name": "a"}, "data": {"k": "v"}});
    let path = "/api/v1/namespaces/default/configmaps";
    bob.json("POST", path, Some(&object)).await.unwrap();
    drop(bob);
    let events = recorded(fixture, &kept).await;
    assert_eq!(events.len(), 2, "{events:?}");
    let [received, complete] = [&events[0], &events[1]];
    assert_eq!(received["stage"], "RequestReceived");
    assert_eq!(received["auditID"], complete["auditID"]);
    assert_eq!(complete["stage"], "ResponseComplete");
    assert_eq!(complete["verb"], "create");
    assert_eq!(complete["requestURI"], path);
    assert_eq!(complete["user"]["username"], "bob");
    assert_eq!(complete["objectRef"]["name"], "a");
    assert_eq!(
        complete["responseStatus"],
        json!({"metadata": {}, "code": 201})
    );
    assert_eq!(complete["requestObject"]["kind"], "ConfigMap");
    assert_eq!(complete["responseObject"]["data"], json!({"k": "v"}));
    assert!(
        complete["responseObject"]["metadata"]
            .get("managedFields")
            .is_none()
    );
    assert_eq!(
        complete["annotations"],
        json!({
            "authorization.k8s.io/decision": "allow",
            "authorization.k8s.io/reason":
                "RBAC: allowed by RoleBinding \"bob/default\" of Role \"bob\" to User \"bob\"",
        })
    );
}

#[tokio::test]
async fn what_is_refused_is_recorded_with_the_reason() {
    let (fixture, kept) = recording("Metadata").await;
    let bob = fixture.cluster.client_as(known("bob"));
    let refused = bob.json("GET", "/api/v1/nodes/n", None).await;
    assert_eq!(refused.unwrap_err().code, 403);
    let nobody = fixture.cluster.anonymous_client();
    let headers = [("authorization", "Bearer stolen")];
    assert_eq!(nobody.request("GET", "/api", &headers, "").await.code, 401);
    drop((bob, nobody));
    let events = recorded(fixture, &kept).await;
    let stages: Vec<&Value> = events.iter().map(|event| &event["stage"]).collect();
    assert_eq!(
        stages,
        ["RequestReceived", "ResponseComplete", "ResponseStarted"]
    );
    assert_eq!(
        events[1]["annotations"]["authorization.k8s.io/decision"],
        "forbid"
    );
    assert_eq!(events[1]["responseStatus"]["reason"], "Forbidden");
    assert!(events[1].get("responseObject").is_none());
    assert_eq!(
        events[2]["responseStatus"],
        json!({"metadata": {}, "message": "Authentication failed, attempted: bearer", "code": 401})
    );
    assert!(!json!(events).to_string().contains("stolen"));
}

#[tokio::test]
async fn a_watch_is_recorded_when_it_starts_and_when_it_ends() {
    let (fixture, kept) = recording("Metadata").await;
    let rules = json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["watch"]}]);
    super::grant(&fixture, "default", "bob", rules).await;
    let bob = fixture.cluster.client_as(known("bob"));
    let path = "/api/v1/namespaces/default/configmaps?watch=1";
    let watch = bob.request("GET", path, &[], "").await;
    drop((watch, bob));
    let events = recorded(fixture, &kept).await;
    let stages: Vec<&Value> = events.iter().map(|event| &event["stage"]).collect();
    assert_eq!(
        stages,
        ["RequestReceived", "ResponseStarted", "ResponseComplete"]
    );
}

#[tokio::test]
async fn what_might_go_on_without_end_starts_even_where_it_fails() {
    let (fixture, kept) = recording("Metadata").await;
    let rules = json!([{"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]}]);
    super::grant(&fixture, "default", "bob", rules).await;
    let bob = fixture.cluster.client_as(known("bob"));
    for (namespace, code) in [("default", 404), ("kube-system", 403)] {
        let path = format!("/api/v1/namespaces/{namespace}/pods/none/log");
        let refused = bob.json("GET", &path, None).await;
        assert_eq!(refused.unwrap_err().code, code);
    }
    drop(bob);
    let events = recorded(fixture, &kept).await;
    let stages: Vec<&Value> = events.iter().map(|event| &event["stage"]).collect();
    let each = ["RequestReceived", "ResponseStarted", "ResponseComplete"];
    assert_eq!(stages, [each, each].concat());
}

#[tokio::test]
async fn tokens_are_not_recorded_however_much_is() {
    let (fixture, kept) = recording("RequestResponse").await;
    let rules = json!([
        {"apiGroups": [""], "resources": ["serviceaccounts", "serviceaccounts/token"],
         "verbs": ["create"]},
    ]);
    super::grant(&fixture, "default", "bob", rules).await;
    let bob = fixture.cluster.client_as(known("bob"));
    let accounts = "/api/v1/namespaces/default/serviceaccounts";
    let account = json!({"metadata": {"name": "worker"}});
    bob.json("POST", accounts, Some(&account)).await.unwrap();
    let path = format!("{accounts}/worker/token");
    let issued = bob.json("POST", &path, Some(&json!({}))).await.unwrap();
    let token = issued["status"]["token"].as_str().unwrap().to_owned();
    drop(bob);
    let events = recorded(fixture, &kept).await;
    assert_eq!(events.len(), 4);
    assert!(!json!(events).to_string().contains(&token));
}

#[tokio::test]
async fn what_is_recorded_can_be_posted_to_somebody_far_away() {
    let hook = Hook::raw(|_: &Value| (200, String::new())).await;
    let text = json!({
        "apiVersion": "audit.k8s.io/v1", "kind": "Policy",
        "rules": [{"level": "Metadata", "users": ["bob"]}],
    });
    let policy = Policy::parse(&text.to_string()).unwrap();
    let target = Target {
        place: Place::Url(hook.url("/events")),
        ca_bundle: hook.ca_pem.clone().into_bytes(),
        ..Target::default()
    };
    let builder = Cluster::builder()
        .auth(Mode::Rbac)
        .audit_webhook(policy, target);
    let fixture = start(builder).await;
    let bob = fixture.cluster.client_as(known("bob"));
    outcome(&bob, "GET", "/version").await;
    let mut items: Vec<Value> = Vec::new();
    while items.len() < 2 {
        let list = hook.next().await;
        assert_eq!(list["kind"], "EventList");
        assert_eq!(list["apiVersion"], "audit.k8s.io/v1");
        items.extend(list["items"].as_array().unwrap().iter().cloned());
    }
    let stages: Vec<&str> = items
        .iter()
        .map(|one| one["stage"].as_str().unwrap())
        .collect();
    assert_eq!(stages, ["RequestReceived", "ResponseComplete"]);
    assert_eq!(items[0]["auditID"], items[1]["auditID"]);
}
