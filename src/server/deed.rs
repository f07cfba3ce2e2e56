//! What parts of the cluster ask for in process: the corridor without what only HTTP needs.
//!
//! Rights are asked about and requests are counted as at the front; where anything is to be done
//! beyond that (an audit, another server behind this one, a custom resource, a refusal to be put in
//! words), the deed goes through the front as a call.
//!
//! *Invariant:* comes to what the call would come to.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::Door;
use super::filters;
use super::metrics::Stopwatch;
use super::path::{self, Location};
use crate::audit::Trail;
use crate::auth::Attributes;
use crate::client::{self, Acted, Deed};
use crate::error::ApiError;
use crate::registry::request::{AtHand, Tree};
use crate::registry::{Body, Form, Request, Verb, Wire};

impl Door {
    /// Does a deed; gives it back where it has to go through the front.
    pub(super) async fn act(self: &Arc<Self>, deed: Deed) -> Result<Acted, Box<Deed>> {
        if !self.is_plain(&deed) {
            return Err(Box::new(deed));
        }
        let stopwatch = Stopwatch::start();
        let location = location(&deed);
        let attributes = Attributes {
            verb: &location.action,
            is_resource: true,
            group: &location.target.group,
            version: &location.target.version,
            namespace: &location.namespace,
            resource: &location.target.resource,
            subresource: &location.target.subresource,
            name: &location.target.name,
            ..Attributes::default()
        };
        let access = &self.registry.access;
        let reader = self.registry.reader.as_ref();
        let decision = access.authorizer.decide(reader, &deed.user, &attributes);
        if !decision.await.is_allowed() {
            return Err(Box::new(deed));
        }
        let series = self.metrics.series(method(deed.verb), &location, false);
        self.metrics.mutating.fetch_add(1, Ordering::Relaxed);
        let is_of_many = deed.verb == Verb::DeleteCollection;
        let request = request(deed, location);
        let trail = Trail::default();
        let answer = filters::without_panic(&trail, self.registry.handle(&request)).await;
        self.metrics.mutating.fetch_sub(1, Ordering::Relaxed);
        let (code, body) = match answer {
            // Nobody reads a list of what was removed.
            Ok(response) if is_of_many => (response.code, Bytes::new()),
            Ok(response) => (response.code, whole(response.body)),
            Err(error) => refused(&error),
        };
        self.metrics.record(series, code, stopwatch.elapsed());
        Ok(Acted { code, body })
    }

    /// Whether nothing but the corridor has to do with a deed.
    fn is_plain(&self, deed: &Deed) -> bool {
        let target = &deed.target;
        let resource = || {
            let catalog = &self.registry.catalog;
            catalog.resource(&target.group, &target.version, &target.resource)
        };
        let is_write = matches!(
            deed.verb,
            Verb::Create | Verb::Update | Verb::Patch | Verb::Delete | Verb::DeleteCollection
        );
        is_write
            && self.recorder.is_none()
            && deed.content_type != "application/apply-patch+yaml"
            && (self.aggregator.state().is_none()
                || self
                    .aggregator
                    .remote(&target.group, &target.version)
                    .is_none())
            && resource().is_some_and(|resource| {
                let is_served = target.subresource.is_empty()
                    || resource.subresource(&target.subresource).is_some();
                let needs_name = !matches!(deed.verb, Verb::Create | Verb::DeleteCollection);
                let has_name = !needs_name || !target.name.is_empty();
                resource.custom.is_none()
                    && is_served
                    && has_name
                    && resource.is_namespaced != target.namespace.is_empty()
            })
    }
}

fn location(deed: &Deed) -> Location {
    let target = deed.target.clone();
    let is_namespace = target.group.is_empty() && target.resource == "namespaces";
    Location {
        action: deed.verb.as_str().to_owned(),
        verb: Some(deed.verb),
        is_resource: true,
        is_routable: true,
        namespace: if is_namespace {
            target.name.clone()
        } else {
            target.namespace.clone()
        },
        target,
        ..Location::default()
    }
}

fn request(deed: Deed, location: Location) -> Request {
    let (body, tree) = match (deed.verb, deed.body) {
        (Verb::Create | Verb::Update, client::Body::Object(object)) => {
            (Bytes::new(), AtHand::new(Tree::Object(object)))
        }
        (Verb::Patch, client::Body::Value(value)) => {
            (Bytes::new(), AtHand::new(Tree::Value(value)))
        }
        (_, body) => (body.to_bytes(), AtHand::default()),
    };
    Request {
        verb: deed.verb,
        target: location.target,
        query: path::query(deed.query),
        body,
        tree,
        content_type: deed.content_type.to_owned(),
        form: Form::Object,
        wire: Wire::Json,
        user: deed.user,
        trail: Trail::default(),
        user_agent: deed.agent,
    }
}

const fn method(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "POST",
        Verb::Update => "PUT",
        Verb::Patch => "PATCH",
        _ => "DELETE",
    }
}

fn whole(body: Body) -> Bytes {
    match body {
        Body::Json(bytes) | Body::Text(bytes) => bytes,
        Body::Chunks(chunks) => {
            let pieces: Vec<&[u8]> = chunks.iter().map(AsRef::as_ref).collect();
            pieces.concat().into()
        }
        Body::Protobuf(pieces) => pieces.concat().into(),
        // No deed watches, or enters a pod.
        Body::Events(_) | Body::Pod(_) => Bytes::new(),
    }
}

fn refused(error: &ApiError) -> (u16, Bytes) {
    if error.code() >= 500 {
        tracing::warn!(cause = error.cause(), "{error}");
    }
    (error.code(), error.to_status().to_string().into())
}
