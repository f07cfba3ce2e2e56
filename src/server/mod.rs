//! The first door: HTTP.
//!
//! A request passes the filters, becomes a [`Request`] and goes through the corridor; documents
//! (discovery, health, metrics) have routes of their own. The door serves sockets and clients in
//! process alike, so that both see the same server.
//!
//! *Invariant:* knows no kind by name, no controller, no store. No other module makes a response.
//! *Upstream:* `apiserver/pkg/server`, `apiserver/pkg/endpoints`.

mod deed;
mod discovery;
pub mod encode;
mod filters;
mod health;
mod limits;
pub mod listen;
pub mod local;
mod media_type;
pub mod metrics;
pub mod negotiate;
mod oidc;
mod openapi;
mod pages;
pub mod path;
mod pods;
mod proxy;
mod record;
pub mod spdy;
mod steer;
pub mod tls;
mod usage;
pub mod watch;
mod websocket;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use http::header::{CACHE_CONTROL, CONNECTION};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method};
pub use limits::Limits;
pub use listen::Spawn;
pub use pods::Pods;

use self::encode::Answer;
use self::filters::Asked;
use self::filters::body::{self, Manner};
use self::filters::route::{Route, warned};
use self::metrics::{Metrics, Series, Stopwatch};
use self::negotiate::{Encoding, Endpoint, Media, Offer};
use crate::aggregate::Aggregator;
use crate::audit::{Recorder, Stage, Trail};
use crate::auth::{User, is_spaced};
use crate::error::{ApiError, Details, Reason};
use crate::object::GroupVersionKind;
use crate::registry::request::AtHand;
use crate::registry::{Body, Form, Registry, Request, Response, Verb, Wire, decode, table};
use crate::runner::{Handle, Turn};
use crate::schema::protobuf;
use crate::sim::Entropy;

/// Told when the cluster stops.
pub type Stop = tokio::sync::watch::Receiver<bool>;

/// Who stands before the door.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// Who it is, where that is known; else whoever the request says.
    pub user: Option<User>,
    /// Whether it is a part of the cluster, which waits for no turn.
    pub is_inside: bool,
}

/// Everything a request may need, behind one door.
pub struct Door {
    registry: Arc<Registry>,
    aggregator: Arc<Aggregator>,
    runner: Handle,
    limits: Limits,
    recorder: Option<Recorder>,
    metrics: Arc<Metrics>,
    audit_ids: Entropy,
    flows: filters::flow::Flows,
    pages: axum::Router,
    pods: OnceLock<Pods>,
    stop: Stop,
}

impl Door {
    /// A door to a registry, and to the servers that are registered beside it.
    pub fn new(
        registry: Arc<Registry>,
        aggregator: Arc<Aggregator>,
        runner: Handle,
        limits: Limits,
        audit_seed: u64,
        stop: Stop,
    ) -> Self {
        let metrics = Arc::new(Metrics::default());
        Self {
            pages: pages::router(&registry, &aggregator, &metrics).merge(steer::router(&runner)),
            registry,
            aggregator,
            runner,
            limits,
            recorder: None,
            metrics,
            audit_ids: Entropy::seeded(audit_seed),
            pods: OnceLock::new(),
            flows: filters::flow::Flows::default(),
            stop,
        }
    }

    /// Records requests from now on.
    pub fn record(&mut self, recorder: Recorder) {
        self.recorder = Some(recorder);
    }

    /// Answers one request.
    pub async fn serve<B>(self: &Arc<Self>, parts: Parts, body: B, caller: Caller) -> Answer
    where
        B: http_body::Body + Send,
        B::Error: std::fmt::Display,
    {
        let stopwatch = Stopwatch::start();
        let audit_id = self.audit_id(&parts.headers);
        let manner = Manner::of(&parts);
        let is_local = caller.user.is_some();
        let method = parts.method.clone();
        let mut answer = match filters::arrive(parts, &self.limits) {
            Ok(asked) => {
                let is_dry_run = asked.query.iter().any(|(key, _)| key == "dryRun");
                let series = self
                    .metrics
                    .series(method.as_str(), &asked.location, is_dry_run);
                let (answer, is_cut_off) = self
                    .answer(&asked, (body, manner), caller, series, &audit_id)
                    .await;
                let code = answer.status().as_u16();
                let elapsed = stopwatch.elapsed();
                self.metrics.record(series, code, elapsed);
                if !is_local {
                    log(&audit_id, &method, &asked.path, code, elapsed);
                }
                let mut answer = finish(answer, is_cut_off);
                warn_of_spaces(&asked, answer.headers_mut());
                answer
            }
            Err(refused) => {
                let code = refused.status().as_u16();
                self.metrics.refused(code);
                log(&audit_id, &method, "", code, stopwatch.elapsed());
                let is_cut_off = body::discard(body, manner).await;
                if refused.headers().contains_key(CONNECTION) {
                    // Not even HTTP: no handler adds anything to such an answer.
                    return *refused;
                }
                finish(*refused, is_cut_off)
            }
        };
        answer.headers_mut().insert("audit-id", audit_id);
        answer
    }

    /// The filters in order, then the answer; and whether the rest of the body is still to come.
    async fn answer<B>(
        self: &Arc<Self>,
        asked: &Asked,
        (body, manner): (B, Manner),
        caller: Caller,
        series: Series,
        audit_id: &HeaderValue,
    ) -> (Answer, bool)
    where
        B: http_body::Body + Send,
        B::Error: std::fmt::Display,
    {
        let id = audit_id.to_str().unwrap_or("");
        let (user, trail, flow) = match self.identify(asked, caller.user, id).await {
            Ok(identified) => identified,
            Err(answer) => return (*answer, body::discard(body, manner).await),
        };
        let (mut answer, is_cut_off) = self
            .answer_to(
                asked,
                (body, manner),
                (user, caller.is_inside, id),
                series,
                &trail,
            )
            .await;
        if let Some(flow) = flow {
            flow.add(answer.headers_mut());
        }
        trail.answered(record::status(answer.status().as_u16()), || None);
        let is_long = matches!(answer.body(), encode::Payload::Events(_))
            || answer.extensions().get::<pods::Opening>().is_some();
        if is_long {
            trail.record(Stage::ResponseStarted);
        } else {
            trail.record_all(filters::goes_on(asked));
        }
        (answer, is_cut_off)
    }

    /// The answer to somebody who may ask; and whether the rest of the body is still to come.
    async fn answer_to<B>(
        self: &Arc<Self>,
        asked: &Asked,
        (body, manner): (B, Manner),
        (user, is_inside, id): (User, bool, &str),
        series: Series,
        trail: &Trail,
    ) -> (Answer, bool)
    where
        B: http_body::Body + Send,
        B::Error: std::fmt::Display,
    {
        let fail = |error: ApiError| {
            record::failed(trail, &error);
            encode::error(&error, &asked.headers, &asked.query)
        };
        let place = match self.place(asked) {
            Ok(place) => place,
            Err(error) => return (fail(error), body::discard(body, manner).await),
        };
        if let Some(remote) = proxy::remote(self, asked) {
            return match body::read(body, &self.limits).await {
                Ok(body) => {
                    let answer = proxy::answer(self, asked, (&remote, &user), body).await;
                    (answer, false)
                }
                Err(unread) => (fail(unread.error), unread.is_cut_off),
            };
        }
        if asked.path == pods::append::PATH {
            return match body::read(body, &self.limits).await {
                Ok(body) => (
                    pods::append::answer(self, asked, &body).unwrap_or_else(fail),
                    false,
                ),
                Err(unread) => (fail(unread.error), unread.is_cut_off),
            };
        }
        if !asked.location.is_resource {
            let is_cut_off = body::discard(body, manner).await;
            let answer = filters::without_panic(trail, self.page(asked)).await;
            return (answer.unwrap_or_else(fail), is_cut_off);
        }
        let body = body::read(body, &self.limits).await;
        let is_cut_off = body.as_ref().is_err_and(|unread| unread.is_cut_off);
        let sent = body.as_ref().map_or_else(|_| Bytes::new(), Bytes::clone);
        let turn = self.turn(is_inside).await;
        let answer = match body {
            Ok(body) => {
                filters::without_panic(trail, self.resource(asked, body, user, trail)).await
            }
            Err(_) if asked.method == Method::GET => {
                let resource = self.resource(asked, Bytes::new(), user, trail);
                filters::without_panic(trail, resource).await
            }
            Err(unread) => Err(unread.error),
        };
        drop((turn, place));
        let answer = match answer {
            Ok(answered) => self.hand_on(asked, sent, answered, series, trail).await,
            Err(error) => Err(error),
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if self.is_nowhere(asked, &error) => encode::not_found(),
            Err(error) => {
                if error.code() >= 500 {
                    tracing::warn!(
                        audit_id = id,
                        path = asked.path,
                        cause = error.cause(),
                        "{error}"
                    );
                }
                fail(error)
            }
        };
        (answer, is_cut_off)
    }

    /// The turn of a request, where turns are taken. While somebody outside is asked (a webhook),
    /// they may ask back, and nobody waits.
    async fn turn(&self, is_inside: bool) -> Option<Turn> {
        if is_inside {
            return None;
        }
        tokio::select! {
            biased;
            turn = self.runner.turn() => turn,
            () = self.registry.webhooks.is_out() => None,
        }
    }

    /// A place among those being answered.
    fn place(&self, asked: &Asked) -> Result<filters::Place<'_>, ApiError> {
        let place = self.enter(asked, asked.location.verb == Some(Verb::Watch))?;
        filters::check_timeout(asked)?;
        Ok(place)
    }

    /// Sends a request about a resource through the corridor.
    async fn resource(
        &self,
        asked: &Asked,
        body: Bytes,
        user: User,
        trail: &Trail,
    ) -> Result<(Response, Media), ApiError> {
        let Route { verb, target } = self.route(asked)?;
        let endpoint = match verb {
            Verb::Watch => Endpoint::Watch,
            Verb::List | Verb::DeleteCollection => Endpoint::Collection,
            Verb::Get if target.subresource == "log" => Endpoint::Log,
            _ if self.prints(asked) => Endpoint::Object,
            _ => Endpoint::Unprinted,
        };
        let content_type = media_type::media_type(&asked.headers, verb == Verb::Patch);
        let (content_type, body) = self.in_json(asked, verb, content_type, body)?;
        let is_custom = self.is_custom(asked);
        let offer = Offer {
            endpoint,
            is_custom,
        };
        let media = negotiate::input(verb, &content_type, is_custom, &body)
            .map_err(|error| self.unless_missing(asked, error))
            .and_then(|()| {
                negotiate::output(&asked.headers, &asked.query, offer).map_err(|refusal| {
                    let error = refusal.error(endpoint, is_custom);
                    self.unless_missing(asked, error)
                })
            })?;
        let agent = asked.headers.get(http::header::USER_AGENT);
        let request = Request {
            verb,
            target,
            query: asked.query.clone(),
            body,
            tree: AtHand::default(),
            content_type,
            form: media.form,
            wire: match media.encoding {
                Encoding::Protobuf => Wire::Protobuf,
                Encoding::Json | Encoding::Yaml => Wire::Json,
            },
            user,
            trail: trail.clone(),
            user_agent: agent
                .and_then(|value| value.to_str().ok())
                .unwrap_or("")
                .to_owned(),
        };
        if let (true, Some(resource)) = (trail.is_kept(), self.resource_of(asked)) {
            record::sent(trail, &self.registry, &resource, &request);
        }
        let mut response = self.registry.handle(&request).await?;
        self.check_form(asked, verb, media, &response)?;
        if let Body::Events(events) = response.body {
            let events = watch::until(events, self.stop.clone());
            // No event is a list, so the first that comes ends such a watch.
            response.body = Body::Events(if media.is_list_form {
                events.take(1).filter(|_| std::future::ready(false)).boxed()
            } else {
                events
            });
        }
        Ok((response, media))
    }

    /// A body in protobuf, as JSON; others as they are. Custom resources have no protobuf, but for
    /// the options of their deletion.
    fn in_json(
        &self,
        asked: &Asked,
        verb: Verb,
        content_type: String,
        body: Bytes,
    ) -> Result<(String, Bytes), ApiError> {
        let is_delete = matches!(verb, Verb::Delete | Verb::DeleteCollection);
        let is_read = match verb {
            Verb::Create | Verb::Update => true,
            _ => is_delete && !body.is_empty(),
        };
        let resource = match self.resource_of(asked) {
            Some(resource) if is_read && content_type == negotiate::PROTOBUF => resource,
            _ => return Ok((content_type, body)),
        };
        if resource.custom.is_some() && !is_delete {
            return Ok((content_type, body));
        }
        let expected = if is_delete {
            GroupVersionKind::new("", "v1", "DeleteOptions")
        } else {
            let subresource = resource.subresource(&asked.location.target.subresource);
            let kind = subresource.map(|subresource| subresource.kind.clone());
            kind.unwrap_or_else(|| resource.group_version_kind())
        };
        let version = expected.group_version.to_string();
        let object = protobuf::to_json_of(&body, &version, &expected.kind);
        let object = object.map_err(|error| {
            if is_delete {
                ApiError::bad_request(error.to_string())
            } else {
                decode::no_protobuf(&body, &error, &expected.kind)
            }
        })?;
        Ok(("application/json".to_owned(), object.to_string().into()))
    }

    /// Refuses the list form for one object, and the object form for a list.
    fn check_form(
        &self,
        asked: &Asked,
        verb: Verb,
        media: Media,
        response: &Response,
    ) -> Result<(), ApiError> {
        let is_list = verb == Verb::List;
        let is_event = matches!(response.body, Body::Events(_));
        if !matches!(media.form, Form::Metadata { .. }) || is_event || is_list == media.is_list_form
        {
            return Ok(());
        }
        let target = &asked.location.target;
        let kind = self
            .registry
            .catalog
            .resource(&target.group, &target.version, &target.resource)
            .map(|resource| go_type(&resource, is_list))
            .unwrap_or_default();
        Err(ApiError::not_acceptable(if is_list {
            format!(
                "you requested PartialObjectMetadata, but the requested object is a list ({kind})"
            )
        } else {
            format!(
                "you requested PartialObjectMetadataList, but the requested object is not a list \
                 ({kind})"
            )
        }))
    }

    /// A document.
    async fn page(&self, asked: &Asked) -> Result<Answer, ApiError> {
        Ok(pages::answer(&self.pages, asked).await)
    }

    /// The error, unless the resource is not there at all, which is said first.
    fn unless_missing(&self, asked: &Asked, error: ApiError) -> ApiError {
        match self.resource_of(asked) {
            Some(resource) => warned(&resource, error),
            None => ApiError::path_not_found(),
        }
    }

    fn resource_of(&self, asked: &Asked) -> Option<Arc<crate::schema::Resource>> {
        let target = &asked.location.target;
        self.registry
            .catalog
            .resource(&target.group, &target.version, &target.resource)
    }

    /// Whether what is asked for can be printed as a Table; what is not there can, to be told so.
    fn prints(&self, asked: &Asked) -> bool {
        self.resource_of(asked)
            .is_none_or(|resource| table::can_print(&resource, &asked.location.target.subresource))
    }

    fn is_custom(&self, asked: &Asked) -> bool {
        self.resource_of(asked)
            .is_some_and(|resource| resource.custom.is_some())
    }

    /// Whether a path leads nowhere at all: into a group that is not built in. There the real
    /// server answers with text, not a Status.
    fn is_nowhere(&self, asked: &Asked, error: &ApiError) -> bool {
        error.reason() == Reason::NotFound
            && error
                .details()
                .is_none_or(|details| *details == Details::default())
            && pages::is_nowhere(&self.registry, asked)
    }
}

/// Waits no longer than so for what somebody on the other side of a connection has to do. They live
/// by the wall, whatever the cluster's clock says.
#[allow(clippy::disallowed_methods)]
async fn within<T>(patience: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(patience, work).await.ok()
}

/// Says that what was shown of who asks was not looked at.
fn warn_of_spaces(asked: &Asked, headers: &mut HeaderMap) {
    let shown = asked.headers.get(http::header::AUTHORIZATION);
    if shown.is_some_and(|shown| shown.to_str().is_ok_and(is_spaced)) {
        let text = "299 - \"the provided Authorization header contains extra space before the \
                    bearer token, and is ignored\"";
        headers.append(http::header::WARNING, HeaderValue::from_static(text));
    }
}

/// What every answer carries that comes from a handler.
fn finish(mut answer: Answer, is_cut_off: bool) -> Answer {
    let headers = answer.headers_mut();
    if is_cut_off {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if answer.extensions().get::<filters::Early>().is_none() {
        let kept = answer.headers_mut().entry(CACHE_CONTROL);
        kept.or_insert(HeaderValue::from_static("no-cache, private"));
    }
    answer
}

/// A line about an answered request. Calls in process are not logged: whoever makes them knows.
fn log(audit_id: &HeaderValue, method: &Method, path: &str, code: u16, elapsed: Duration) {
    tracing::info!(
        target: "mockernetes::request",
        audit_id = audit_id.to_str().unwrap_or(""),
        method = method.as_str(),
        path,
        code,
        micros = elapsed.as_micros() as u64,
        "answered"
    );
}

/// The name of a kind's Go type, as it slips into a message.
fn go_type(resource: &crate::schema::Resource, is_list: bool) -> String {
    if resource.custom.is_some() {
        let list = if is_list { "List" } else { "" };
        return format!("*unstructured.Unstructured{list}");
    }
    let group = &resource.group_version.group;
    let package = match group.split('.').next() {
        None | Some("") => "core",
        Some(package) => package,
    };
    let kind = if is_list {
        &resource.list_kind
    } else {
        &resource.kind
    };
    format!("*{package}.{kind}")
}
