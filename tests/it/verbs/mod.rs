//! What the verbs answer, asked of a registry over a store in memory, on a clock that tests move.

mod create;
mod list;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use mockernetes::error::ApiError;
use mockernetes::object::GroupResource;
use mockernetes::registry::{Batch, Body, Registry, Request, Response, Target, Verb};
use mockernetes::resources::kinds::BuiltIn;
use mockernetes::schema::Catalog;
use mockernetes::sim::Clock;
use mockernetes::storage::{Memory, Revision, Store};
use serde_json::{Value, json};

/// A registry and what a test moves.
struct World {
    registry: Registry,
    store: Arc<dyn Store>,
    clock: Clock,
}

impl World {
    fn new() -> Self {
        let store: Arc<dyn Store> = Arc::new(Memory::default());
        let catalog = Arc::new(Catalog::built_in());
        let mut registry = Registry::new(Arc::clone(&store), catalog, Arc::new(BuiltIn));
        let clock = Clock::virtual_at("2026-01-01T00:00:00Z".parse().unwrap());
        registry.clock = clock.clone();
        Self {
            registry,
            store,
            clock,
        }
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    fn revision(&self) -> u64 {
        self.store.revision().0
    }

    fn compact(&self) {
        self.store.compact(Revision(self.revision()));
    }

    async fn ask(&self, verb: Verb, path: &str, body: &Value) -> Result<Response, ApiError> {
        self.registry.handle(&request(verb, path, body)).await
    }

    /// Creates a config map with a label `x`.
    async fn create(&self, namespace: &str, name: &str, label: &str) {
        let path = format!("/api/v1/namespaces/{namespace}/configmaps");
        let body = json!({"metadata": {"name": name, "labels": {"x": label}}});
        self.ask(Verb::Create, &path, &body).await.unwrap();
    }

    async fn relabel(&self, namespace: &str, name: &str, label: &str) {
        let path = format!("/api/v1/namespaces/{namespace}/configmaps/{name}");
        let body = json!({"metadata": {"name": name, "labels": {"x": label}}});
        self.ask(Verb::Update, &path, &body).await.unwrap();
    }

    async fn delete(&self, namespace: &str, name: &str) {
        let path = format!("/api/v1/namespaces/{namespace}/configmaps/{name}");
        self.ask(Verb::Delete, &path, &Value::Null).await.unwrap();
    }

    async fn list(&self, path: &str) -> Result<Value, ApiError> {
        let response = self.ask(Verb::List, path, &Value::Null).await?;
        assert_eq!(response.code, 200);
        let bytes = match response.body {
            Body::Json(bytes) => bytes,
            Body::Chunks(chunks) => chunks.concat().into(),
            _ => panic!("a list is answered with JSON"),
        };
        Ok(serde_json::from_slice(&bytes).unwrap())
    }

    async fn watch(&self, path: &str) -> Result<Events, ApiError> {
        let response = self.ask(Verb::Watch, path, &Value::Null).await?;
        let Body::Events(stream) = response.body else {
            panic!("a watch is answered with events");
        };
        Ok(Events { stream })
    }
}

/// The events of a watch.
struct Events {
    stream: BoxStream<'static, Batch>,
}

impl Events {
    /// What has come until now, each event as a line of `kind name@version`.
    fn now(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(Some(piece)) = futures_util::FutureExt::now_or_never(self.stream.next()) {
            lines.extend(parse(&piece.into_bytes()).iter().map(told));
        }
        lines
    }

    /// What has come until now, in full.
    fn now_in_full(&mut self) -> Vec<Value> {
        let mut events = Vec::new();
        while let Some(Some(piece)) = futures_util::FutureExt::now_or_never(self.stream.next()) {
            events.extend(parse(&piece.into_bytes()));
        }
        events
    }

    /// Whether the watch has ended.
    fn has_ended(&mut self) -> bool {
        let next = futures_util::FutureExt::now_or_never(self.stream.next());
        matches!(next, Some(None))
    }
}

fn parse(piece: &Bytes) -> Vec<Value> {
    assert!(piece.ends_with(b"\n"), "a piece is whole lines");
    piece
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

fn told(event: &Value) -> String {
    let kind = event["type"].as_str().unwrap();
    let object = &event["object"];
    if kind == "ERROR" {
        return format!(
            "ERROR {} {}",
            object["code"],
            object["message"].as_str().unwrap()
        );
    }
    let metadata = &object["metadata"];
    let name = metadata["name"].as_str().unwrap_or("");
    let version = metadata["resourceVersion"].as_str().unwrap();
    let mark = match &metadata["annotations"]["k8s.io/initial-events-end"] {
        Value::Null => "",
        _ => " initial-events-end",
    };
    format!("{kind} {name}@{version}{mark}")
}

fn request(verb: Verb, path: &str, body: &Value) -> Request {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut steps = path.trim_start_matches('/').split('/').map(str::to_owned);
    let mut target = Target::default();
    if steps.next().unwrap() == "apis" {
        target.group = steps.next().unwrap();
    }
    target.version = steps.next().unwrap();
    let mut steps: Vec<String> = steps.collect();
    if steps[0] == "namespaces" && steps.len() > 2 {
        target.namespace.clone_from(&steps[1]);
        steps.drain(..2);
    }
    let mut steps = steps.into_iter();
    target.resource = steps.next().unwrap();
    target.name = steps.next().unwrap_or_default();
    let query = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    Request {
        verb,
        target,
        query,
        body: match body {
            Value::Null => Bytes::new(),
            body => body.to_string().into(),
        },
        tree: mockernetes::registry::request::AtHand::default(),
        content_type: "application/json".to_owned(),
        form: mockernetes::registry::Form::Object,
        wire: mockernetes::registry::Wire::Json,
        user: mockernetes::auth::User::default(),
        trail: mockernetes::audit::Trail::default(),
        user_agent: "test".to_owned(),
    }
}

/// The storage name of config maps.
fn config_maps() -> GroupResource {
    GroupResource::new("", "configmaps")
}
