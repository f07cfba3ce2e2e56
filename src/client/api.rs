//! The objects of one resource, for who writes tests rather than URLs.

use futures_util::stream::{BoxStream, StreamExt};
use serde_json::Value;

use super::{Client, Failure, ReplyBody};

/// The objects of a resource, in one namespace or in all.
#[derive(Clone)]
pub struct Api {
    client: Client,
    root: String,
    plural: String,
    namespace: String,
}

/// The media type of a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchKind {
    /// RFC 6902.
    Json,
    /// RFC 7386.
    Merge,
    /// Kubernetes' own, which knows how lists merge.
    Strategic,
}

impl PatchKind {
    /// Its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json-patch+json",
            Self::Merge => "application/merge-patch+json",
            Self::Strategic => "application/strategic-merge-patch+json",
        }
    }
}

impl Api {
    pub(super) fn new(client: Client, api_version: &str, plural: &str) -> Self {
        let prefix = if api_version.contains('/') {
            "apis"
        } else {
            "api"
        };
        Self {
            client,
            root: format!("/{prefix}/{api_version}"),
            plural: plural.to_owned(),
            namespace: String::new(),
        }
    }

    /// The same resource in one namespace.
    pub fn namespace(&self, namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            ..self.clone()
        }
    }

    /// The path of an object or, with an empty name, of the collection.
    pub fn path(&self, name: &str) -> String {
        let mut path = self.root.clone();
        if !self.namespace.is_empty() {
            path.push_str("/namespaces/");
            path.push_str(&self.namespace);
        }
        path.push('/');
        path.push_str(&self.plural);
        if !name.is_empty() {
            path.push('/');
            path.push_str(name);
        }
        path
    }

    /// Creates an object.
    pub async fn create(&self, object: &Value) -> Result<Value, Failure> {
        self.client.json("POST", &self.path(""), Some(object)).await
    }

    /// Reads an object.
    pub async fn get(&self, name: &str) -> Result<Value, Failure> {
        self.client.json("GET", &self.path(name), None).await
    }

    /// Lists objects; `query` is `labelSelector=…&limit=…`, or empty.
    pub async fn list(&self, query: &str) -> Result<Value, Failure> {
        let target = format!("{}?{query}", self.path(""));
        self.client.json("GET", &target, None).await
    }

    /// Replaces an object by another of the same name.
    pub async fn update(&self, object: &Value) -> Result<Value, Failure> {
        let name = object["metadata"]["name"].as_str().unwrap_or("");
        self.client
            .json("PUT", &self.path(name), Some(object))
            .await
    }

    /// Changes an object in part.
    pub async fn patch(
        &self,
        name: &str,
        kind: PatchKind,
        patch: &Value,
    ) -> Result<Value, Failure> {
        let headers = [("content-type", kind.media_type())];
        self.client
            .request("PATCH", &self.path(name), &headers, patch.to_string())
            .await
            .into_json()
            .await
    }

    /// Deletes an object.
    pub async fn delete(&self, name: &str) -> Result<Value, Failure> {
        self.client.json("DELETE", &self.path(name), None).await
    }

    /// Watches the collection; `query` is as for a list. Each item is one event,
    /// `{"type": …, "object": …}`.
    pub async fn watch(&self, query: &str) -> Result<BoxStream<'static, Value>, Failure> {
        let target = format!("{}?watch=1&{query}", self.path(""));
        let reply = self.client.request("GET", &target, &[], "").await;
        if reply.code != 200 {
            return Err(match reply.into_json().await {
                Err(failure) => failure,
                Ok(status) => Failure { code: 500, status },
            });
        }
        match reply.body {
            ReplyBody::Events(events) => Ok(events
                .flat_map(|piece| {
                    let lines: Vec<Value> = piece
                        .split(|byte| *byte == b'\n')
                        .filter_map(|line| serde_json::from_slice(line).ok())
                        .collect();
                    futures_util::stream::iter(lines)
                })
                .boxed()),
            ReplyBody::Whole(_) => Ok(futures_util::stream::empty().boxed()),
        }
    }
}
