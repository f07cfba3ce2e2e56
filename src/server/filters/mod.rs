//! What every request passes before it is answered, in one list:
//!
//! 1. [`arrive`]: limits on the address and the headers, the path understood, since nobody is asked
//!    about a request that is too large to look at;
//! 2. [`Door::identify`]: who asks, and may they;
//! 3. [`Door::enter`]: how many at once — after rights, so that the refused take no place;
//! 4. [`check_timeout`]: the deadline;
//! 5. [`body::read`]: the body, within limits — last, so that nobody is served a buffer who may not
//!    ask; a body that nobody reads is thrown away within reason ([`body::discard`]);
//! 6. [`Door::route`]: which verb of which resource, if any;
//! 7. [`without_panic`]: the barrier around the answer itself.
//!
//! *Upstream:* `apiserver/pkg/server/config.go` (`DefaultBuildHandlerChain`).

pub(super) mod body;
mod duration;
pub(super) mod flow;
pub(super) mod route;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use futures_util::FutureExt;
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use serde_json::json;

use self::flow::Uids;
use super::encode::unasked::{self, refusal};
use super::encode::{self, Answer};
use super::path::{self, Location};
use super::{Door, Limits, record};
use crate::audit::{Stage, Trail};
use crate::auth::authorize::{Selectors, forbidden, sanitize};
use crate::auth::certificate::Shown;
use crate::auth::{Attributes, Evidence, Impersonation, Times, User};
use crate::error::{ApiError, Reason};
use crate::object::names::check_path_segment;
use crate::object::quote::quoted;
use crate::object::selector::FieldSelector;
use crate::sim::Clock;

/// A request that is understood.
pub(super) struct Asked {
    /// The method.
    pub(super) method: Method,
    /// The headers.
    pub(super) headers: http::HeaderMap,
    /// The path, decoded.
    pub(super) path: String,
    /// The query, decoded.
    pub(super) query: Vec<(String, String)>,
    /// What they mean.
    pub(super) location: Location,
    /// The address as sent.
    pub(super) uri: http::Uri,
    /// Where it came from, the client first.
    pub(super) source_addresses: Vec<String>,
    /// The certificate that the client showed in the handshake.
    pub(super) certificate: Option<Arc<Shown>>,
}

/// Checks sizes and understands the path.
pub(super) fn arrive(parts: Parts, limits: &Limits) -> Result<Asked, Box<Answer>> {
    let uri = &parts.uri;
    if parts.version == http::Version::HTTP_11
        && let Some(answer) = check_head(&parts)
    {
        return Err(Box::new(answer));
    }
    let fail = |error: ApiError| Box::new(encode::error(&error, &parts.headers, &[]));
    if uri.path().len() + uri.query().map_or(0, str::len) > limits.uri_bytes_max {
        let message = format!(
            "the request URI is longer than {} bytes",
            limits.uri_bytes_max
        );
        return Err(fail(ApiError::new(Reason::Unknown, message).with_code(414)));
    }
    let header_bytes: usize = parts
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    if header_bytes > limits.header_bytes_max {
        return Err(Box::new(encode::text(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "431 Request Header Fields Too Large",
        )));
    }
    let Some(path) = path::decode(uri.path()) else {
        return Err(Box::new(refusal(StatusCode::BAD_REQUEST, "")));
    };
    let path = path.into_owned();
    let query = uri.query().map(path::query).unwrap_or_default();
    match path::parse(parts.method.as_str(), &path, &query) {
        Ok(location) => Ok(Asked {
            source_addresses: record::source_addresses(&parts),
            uri: parts.uri,
            method: parts.method,
            headers: parts.headers,
            path,
            query,
            location,
            certificate: parts.extensions.get::<Arc<Shown>>().cloned(),
        }),
        Err(path::BadPath::NothingAfterVerb) => {
            let mut answer = encode::text(
                StatusCode::INTERNAL_SERVER_ERROR,
                format!(
                    "Internal Server Error: {}: failed to create RequestInfo: unable to \
                     determine kind and namespace from url, {path}\n",
                    quoted(&path)
                ),
            );
            answer.extensions_mut().insert(Early);
            Err(Box::new(answer))
        }
    }
}

/// Marks an answer that is given before anybody says how long answers are good for.
#[derive(Clone, Copy)]
pub(super) struct Early;

/// What HTTP/1.1 asks of a head beyond its syntax, as Go checks it.
fn check_head(parts: &Parts) -> Option<Answer> {
    let bad = |why: &str| Some(refusal(StatusCode::BAD_REQUEST, why));
    let mut hosts = parts.headers.get_all(http::header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if parts.method != Method::CONNECT => return bad("missing required Host header"),
        (Some(_), Some(_)) => return bad("too many Host headers"),
        (Some(host), None) if !host.as_bytes().iter().all(|byte| may_be_in_host(*byte)) => {
            return bad("malformed Host header");
        }
        _ => {}
    }
    let expected = parts.headers.get(http::header::EXPECT);
    if expected.is_some_and(|what| !what.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        return Some(refusal(StatusCode::EXPECTATION_FAILED, ""));
    }
    let target = parts.uri.path();
    if parts.method == Method::OPTIONS && target == "*" {
        return Some(unasked::star());
    }
    let is_rooted = target.starts_with('/') || parts.method == Method::CONNECT;
    if is_rooted { None } else { bad("") }
}

/// Whether a byte may stand in a `Host` header (`httpguts.ValidHostHeader`).
fn may_be_in_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!$%&'()*+,-.:;=[]_~".contains(&byte)
}

/// A request being answered: counted until it is dropped.
pub(super) struct Place<'a>(&'a AtomicI64);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Door {
    /// Finds out who asks and whether they may. An identity given by the caller in process is
    /// believed. What is recorded of the request begins here, since only now it is known whose it
    /// is; of a refusal it ends here as well.
    pub(super) async fn identify(
        &self,
        asked: &Asked,
        identity: Option<User>,
        id: &str,
    ) -> Result<(User, Trail, Option<Uids>), Box<Answer>> {
        let selected = named_by_selector(asked);
        let attributes = attributes(asked, &selected);
        let is_inside = identity.is_some();
        let authenticated = match identity {
            Some(user) => Ok(user),
            None => self.authenticate(asked).await,
        };
        let trail = self
            .recorder
            .as_ref()
            .map_or_else(Trail::default, |recorder| {
                let facts = record::facts(asked, id, self.registry.clock.now());
                recorder.begin(facts, authenticated.as_ref().ok(), &attributes)
            });
        let refuse = |error: &ApiError| {
            record::failed(&trail, error);
            trail.record_all(goes_on(asked));
            Box::new(encode::error(error, &asked.headers, &asked.query))
        };
        let user = match authenticated {
            Ok(user) => user,
            Err(error) => {
                let has_certificate = asked.certificate.is_some();
                let status = record::unauthenticated(&asked.headers, has_certificate);
                trail.answered(status, || None);
                trail.record(Stage::ResponseStarted);
                let answer = encode::error(&error, &asked.headers, &asked.query);
                return Err(Box::new(answer));
            }
        };
        trail.record(Stage::RequestReceived);
        let user = match impersonation(&asked.headers) {
            None => user,
            Some(wanted) => {
                let impersonated = self.impersonate(&wanted, &user, &attributes).await;
                let (user, constraint) = impersonated.map_err(|error| refuse(&error))?;
                trail.impersonate(&user, constraint);
                user
            }
        };
        let access = &self.registry.access;
        let reader = self.registry.reader.as_ref();
        let flow = if is_inside {
            None
        } else {
            self.flows.of(reader, &user, &attributes)
        };
        let decision = access.authorizer.decide(reader, &user, &attributes).await;
        if decision.is_allowed() {
            trail.annotate(DECISION, "allow");
            trail.annotate(REASON, decision.reason);
            return Ok((user, trail, flow));
        }
        if let Some(error) = &decision.error {
            trail.annotate(REASON, "internal error");
            let text = format!(
                "Internal Server Error: {:?}: {error}\n",
                asked.uri.to_string()
            );
            trail.answered(record::status(500), || None);
            trail.record_all(goes_on(asked));
            let code = StatusCode::INTERNAL_SERVER_ERROR;
            return Err(in_flow(flow, Box::new(encode::text(code, sanitize(&text)))));
        }
        trail.annotate(DECISION, "forbid");
        trail.annotate(REASON, decision.reason.clone());
        let refused = refuse(&forbidden(&user, &attributes, &decision.reason));
        Err(in_flow(flow, refused))
    }

    async fn impersonate(
        &self,
        wanted: &Impersonation,
        user: &User,
        attributes: &Attributes<'_>,
    ) -> Result<(User, Option<String>), ApiError> {
        let reader = self.registry.reader.as_ref();
        wanted
            .apply(&self.registry.access, reader, user, attributes)
            .await
    }

    async fn authenticate(&self, asked: &Asked) -> Result<User, ApiError> {
        let header = asked.headers.get(http::header::AUTHORIZATION);
        let header = header.map(|value| String::from_utf8_lossy(value.as_bytes()));
        let authenticator = &self.registry.access.authenticator;
        let proxied = authenticator.front_proxy.is_some() && asked.certificate.is_some();
        let headers = if proxied { texts(asked) } else { Vec::new() };
        let evidence = Evidence {
            authorization: header.as_deref(),
            certificate: asked.certificate.as_deref(),
            path: &asked.path,
            headers: &headers,
        };
        let times = Times {
            cluster: self.registry.clock.now(),
            world: Clock::wall().now(),
        };
        let audiences = authenticator.service_accounts.audiences();
        let reader = self.registry.reader.as_ref();
        match authenticator
            .authenticate(reader, times, evidence, audiences)
            .await
        {
            Ok(Some(identity)) => Ok(identity.user),
            Ok(None) => Err(ApiError::unauthorized()),
            Err(why) => {
                tracing::info!(why, path = asked.path.as_str(), "unable to authenticate");
                Err(ApiError::unauthorized())
            }
        }
    }

    /// Takes a place among those being answered.
    pub(super) fn enter(&self, asked: &Asked, is_watch: bool) -> Result<Place<'_>, ApiError> {
        let is_reading = matches!(asked.method, Method::GET | Method::HEAD);
        let gauge = if is_reading {
            &self.metrics.reading
        } else {
            &self.metrics.mutating
        };
        let (count, max) = if is_watch {
            (
                self.metrics.watches.load(Ordering::Relaxed),
                self.limits.watches_max,
            )
        } else if is_reading {
            (gauge.load(Ordering::Relaxed), self.limits.in_flight_max)
        } else {
            (
                gauge.load(Ordering::Relaxed),
                self.limits.mutating_in_flight_max,
            )
        };
        if max > 0 && count >= max {
            let why = "Too many requests, please try again later.";
            return Err(ApiError::too_many_requests(why, 1));
        }
        gauge.fetch_add(1, Ordering::Relaxed);
        Ok(Place(gauge))
    }

    /// The id of a request: the client's, or a new one.
    pub(super) fn audit_id(&self, headers: &http::HeaderMap) -> HeaderValue {
        headers
            .get("audit-id")
            .filter(|id| !id.is_empty() && id.len() <= 64)
            .cloned()
            .or_else(|| HeaderValue::from_str(&self.audit_ids.uid()).ok())
            .unwrap_or_else(|| HeaderValue::from_static(""))
    }
}

/// A refusal that says which flow the request was part of.
fn in_flow(flow: Option<Uids>, mut answer: Box<Answer>) -> Box<Answer> {
    if let Some(flow) = flow {
        flow.add(answer.headers_mut());
    }
    answer
}

/// Whether a request may go on without end.
pub(super) fn goes_on(asked: &Asked) -> bool {
    let Location { action, target, .. } = &asked.location;
    asked.location.is_resource && flow::goes_on(action, &target.subresource)
}

/// All headers as text.
fn texts(asked: &Asked) -> Vec<(String, String)> {
    let headers = asked.headers.iter();
    let texts = headers.map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    texts.collect()
}

/// The annotation of what authorization said, and that of why.
const DECISION: &str = "authorization.k8s.io/decision";
const REASON: &str = "authorization.k8s.io/reason";

/// What a request asks for, as far as rights decide it.
fn attributes<'a>(asked: &'a Asked, selected: &'a str) -> Attributes<'a> {
    let Location {
        target, namespace, ..
    } = &asked.location;
    let selector = |name: &str| selector(asked, name);
    Attributes {
        verb: &asked.location.action,
        is_resource: asked.location.is_resource,
        path: &asked.path,
        group: &target.group,
        version: &target.version,
        namespace,
        resource: &target.resource,
        subresource: &target.subresource,
        name: if target.name.is_empty() {
            selected
        } else {
            &target.name
        },
        selectors: Selectors {
            field_text: selector("fieldSelector"),
            label_text: selector("labelSelector"),
            ..Selectors::default()
        },
    }
}

/// A selector of a request about a collection, as sent.
fn selector<'a>(asked: &'a Asked, name: &str) -> &'a str {
    let action = asked.location.action.as_str();
    if !asked.location.is_resource
        || asked.location.is_watch_path
        || !matches!(action, "list" | "watch" | "deletecollection")
    {
        return "";
    }
    let found = asked.query.iter().find(|(key, _)| key == name);
    found.map_or("", |(_, value)| value)
}

/// Whom the headers ask to be, if anybody.
fn impersonation(headers: &http::HeaderMap) -> Option<Impersonation> {
    let is_asked = |name: &http::HeaderName| name.as_str().starts_with("impersonate-");
    if !headers.keys().any(is_asked) {
        return None;
    }
    let texts = |name: &str| -> Vec<String> {
        let values = headers.get_all(name).iter();
        values
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect()
    };
    let first = |name: &str| texts(name).into_iter().next().unwrap_or_default();
    let mut extra: Vec<(String, Vec<String>)> = headers
        .keys()
        .filter_map(|name| {
            let key = name.as_str().strip_prefix("impersonate-extra-")?;
            let decoded = path::decode(key).map_or(key.to_owned(), std::borrow::Cow::into_owned);
            Some((decoded, texts(name.as_str())))
        })
        .collect();
    extra.sort();
    let wanted = Impersonation {
        user: first("impersonate-user"),
        uid: first("impersonate-uid"),
        groups: texts("impersonate-group"),
        extra,
    };
    wanted.is_asked().then_some(wanted)
}

/// The name that a collection request selects by field, as authorization sees it.
fn named_by_selector(asked: &Asked) -> String {
    let is_read = matches!(asked.location.action.as_str(), "list" | "watch");
    let text = selector(asked, "fieldSelector");
    if !is_read || text.is_empty() {
        return String::new();
    }
    let parsed = FieldSelector::parse(text).unwrap_or_default();
    let name = parsed.exact("metadata.name").unwrap_or("");
    if check_path_segment(name).is_empty() {
        name.to_owned()
    } else {
        String::new()
    }
}

/// Refuses a `timeout` that is no duration.
pub(super) fn check_timeout(asked: &Asked) -> Result<(), ApiError> {
    let Some((_, text)) = asked.query.iter().find(|(key, _)| key == "timeout") else {
        return Ok(());
    };
    if text.is_empty() || asked.location.action == "watch" {
        return Ok(());
    }
    duration::fault(text).map_or(Ok(()), |fault| {
        Err(ApiError::bad_request(format!(
            "invalid timeout specified in the request URL - {fault}"
        )))
    })
}

/// The answer, or a 500 where making it panicked.
pub(super) async fn without_panic<T>(
    trail: &Trail,
    answer: impl Future<Output = Result<T, ApiError>>,
) -> Result<T, ApiError> {
    AssertUnwindSafe(answer)
        .catch_unwind()
        .await
        .unwrap_or_else(|panic| {
            let what = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("unknown");
            tracing::error!(panic = what, "a request panicked");
            let status = json!({
                "metadata": {},
                "status": "Failure",
                "message": format!("APIServer panic'd: {what}"),
                "reason": "InternalError",
                "code": 500,
            });
            trail.answered(status, || None);
            trail.record(Stage::Panic);
            let why = "This request caused apiserver to panic. Look in the logs for details.";
            Err(ApiError::internal(why).with_cause(what))
        })
}
