//! What a part of the cluster asks for: in values, where a [`Call`] says it in text.
//!
//! *Invariant:* means what the call that it can be made into means.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use serde_json::Value;

use super::Call;
use crate::auth::User;
use crate::object::Object;
use crate::registry::{Target, Verb};

/// A write, understood already.
#[derive(Clone, Debug)]
pub struct Deed {
    /// What is to be done.
    pub verb: Verb,
    /// To which resource or object.
    pub target: Target,
    /// The query as it would stand in a URL; empty where there is none.
    pub query: &'static str,
    /// The media type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: Body,
    /// Who asks.
    pub user: User,
    /// The `User-Agent`.
    pub agent: String,
}

/// The body of a [`Deed`].
#[derive(Clone, Debug, Default)]
pub enum Body {
    /// None.
    #[default]
    Nothing,
    /// An object.
    Object(Object),
    /// Anything else: a patch, options.
    Value(Value),
}

/// What a [`Deed`] came to.
#[derive(Clone, Debug)]
pub struct Acted {
    /// The HTTP code.
    pub code: u16,
    /// What was answered: an object or a Status.
    pub body: Bytes,
}

impl Body {
    /// The body as text.
    pub fn to_bytes(&self) -> Bytes {
        match self {
            Self::Nothing => Bytes::new(),
            Self::Object(object) => object.to_json().into(),
            Self::Value(value) => value.to_string().into(),
        }
    }
}

impl Deed {
    /// The same as a call.
    pub fn into_call(self) -> Call {
        let mut headers = HeaderMap::with_capacity(2);
        let agent = HeaderValue::from_str(&self.agent);
        headers.insert(
            http::header::USER_AGENT,
            agent.unwrap_or(HeaderValue::from_static("mockernetes")),
        );
        headers.insert(
            http::header::CONTENT_TYPE,
            HeaderValue::from_static(self.content_type),
        );
        Call {
            method: match self.verb {
                Verb::Get | Verb::List | Verb::Watch => Method::GET,
                Verb::Create => Method::POST,
                Verb::Update => Method::PUT,
                Verb::Patch => Method::PATCH,
                Verb::Delete | Verb::DeleteCollection => Method::DELETE,
            },
            target: url(&self.target, self.query),
            headers,
            body: self.body.to_bytes(),
            user: Some(self.user),
        }
    }
}

/// Path and query of a target.
fn url(target: &Target, query: &str) -> String {
    let mut url = if target.group.is_empty() {
        format!("/api/{}", target.version)
    } else {
        format!("/apis/{}/{}", target.group, target.version)
    };
    if !target.namespace.is_empty() {
        url.push_str("/namespaces/");
        url.push_str(&target.namespace);
    }
    for part in [&target.resource, &target.name, &target.subresource] {
        if !part.is_empty() {
            url.push('/');
            url.push_str(part);
        }
    }
    if !query.is_empty() {
        url.push('?');
        url.push_str(query);
    }
    url
}
