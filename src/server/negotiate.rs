//! `Accept` and `Content-Type`: in which encoding and which form to answer.
//!
//! *Upstream:* `apiserver/pkg/endpoints/handlers/negotiation/negotiate.go`; the first refusal is
//! go-restful's (`jsr311.go`), which routes by media type before a handler sees the request.

use http::HeaderMap;
use http::header::{ACCEPT, USER_AGENT};

use crate::error::{ApiError, Details};
use crate::registry::{Form, Verb};

/// The encodings kube-apiserver names when it accepts none of those asked for.
const REPRESENTATIONS: &str =
    "application/json, application/yaml, application/vnd.kubernetes.protobuf";

/// What it adds where the route may watch.
const STREAMS: &str =
    "application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch";

/// How an answer is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Media {
    /// JSON, YAML or protobuf.
    pub encoding: Encoding,
    /// Whether JSON is indented.
    pub is_pretty: bool,
    /// What is shown of an object.
    pub form: Form,
    /// Whether the list form of metadata was asked for by name.
    pub is_list_form: bool,
}

/// The encodings that are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// `application/json`.
    #[default]
    Json,
    /// `application/yaml`.
    Yaml,
    /// `application/vnd.kubernetes.protobuf`.
    Protobuf,
}

/// What is being answered, as far as it decides what may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// One object, or the outcome of a write.
    Object,
    /// One object of a kind that does not print: a review, a token, an eviction.
    Unprinted,
    /// A collection, which may be watched too.
    Collection,
    /// A watch.
    Watch,
    /// Logs: text is served as well.
    Log,
    /// A document behind a route: no other forms.
    Document,
    /// An error, or a document behind no route.
    Plain,
}

/// What an endpoint can write.
#[derive(Clone, Copy, Debug)]
pub struct Offer {
    /// What is being answered.
    pub endpoint: Endpoint,
    /// Whether it is of a custom resource, whose objects have no protobuf.
    pub is_custom: bool,
}

impl From<Endpoint> for Offer {
    fn from(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            is_custom: false,
        }
    }
}

/// One clause of an `Accept` header.
struct Clause<'a> {
    kind: &'a str,
    subkind: &'a str,
    quality: f32,
    parameters: Vec<(&'a str, &'a str)>,
}

/// Why nothing that is accepted can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No route produces any of the media types.
    Route,
    /// No encoding or form fits.
    Form,
    /// The encoding cannot be streamed.
    Stream,
}

impl Refusal {
    /// The error in the real server's words. A custom resource passes no route.
    pub fn error(self, endpoint: Endpoint, is_custom: bool) -> ApiError {
        match self {
            Self::Route if !is_custom => {
                let text = "406: Not Acceptable\n\nAvailable representations: ";
                let message = match endpoint {
                    Endpoint::Collection | Endpoint::Watch => {
                        format!("{text}{REPRESENTATIONS}, {STREAMS}")
                    }
                    Endpoint::Log => format!("{text}text/plain, {REPRESENTATIONS}"),
                    Endpoint::Object
                    | Endpoint::Unprinted
                    | Endpoint::Document
                    | Endpoint::Plain => {
                        format!("{text}{REPRESENTATIONS}")
                    }
                };
                ApiError::not_acceptable(message).with_details(Details::default())
            }
            Self::Route | Self::Form => only(REPRESENTATIONS),
            Self::Stream => only(STREAMS),
        }
    }
}

/// The list of what is accepted, as an error.
fn only(accepted: &str) -> ApiError {
    ApiError::not_acceptable(format!(
        "only the following media types are accepted: {accepted}"
    ))
}

/// How to answer a request: its `Accept` header against what an endpoint can write.
pub fn output(
    headers: &HeaderMap,
    query: &[(String, String)],
    offer: impl Into<Offer>,
) -> Result<Media, Refusal> {
    let pretty = is_pretty(headers, query);
    let accept = headers
        .get(ACCEPT)
        .map_or("", |value| value.to_str().unwrap_or(""));
    let mut media = match accept {
        "" | "*/*" | "application/json" | "application/json, */*" => Media::default(),
        _ => negotiate(accept, offer.into())?,
    };
    media.is_pretty |= pretty;
    Ok(media)
}

/// The general case of [`output`].
fn negotiate(accept: &str, offer: Offer) -> Result<Media, Refusal> {
    let endpoint = offer.endpoint;
    if endpoint != Endpoint::Plain && !routes(accept, endpoint) {
        return Err(Refusal::Route);
    }
    for clause in clauses(accept) {
        match (clause.kind, clause.subkind) {
            ("application", "json" | "*") | ("*", "*") => {
                if let Some(media) = accepts(&clause, Encoding::Json, offer) {
                    return Ok(media);
                }
            }
            ("application", "yaml") => {
                let media = accepts(&clause, Encoding::Yaml, offer);
                match media {
                    Some(_) if endpoint == Endpoint::Watch => return Err(Refusal::Stream),
                    Some(media) => return Ok(media),
                    None => {}
                }
            }
            ("application", "vnd.kubernetes.protobuf") => {
                if let Some(media) = accepts(&clause, Encoding::Protobuf, offer) {
                    return Ok(media);
                }
            }
            ("text", "plain") if endpoint == Endpoint::Log => return Ok(Media::default()),
            _ => {}
        }
    }
    Err(Refusal::Form)
}

/// Whether a route would be found: some clause names a media type it produces.
fn routes(accept: &str, endpoint: Endpoint) -> bool {
    accept.split(',').any(|clause| {
        let media = clause.split(';').next().unwrap_or("").trim();
        match media {
            "*/*" | "application/json" | "application/yaml" => true,
            "application/vnd.kubernetes.protobuf" => true,
            "text/plain" => endpoint == Endpoint::Log,
            _ => false,
        }
    })
}

/// Whether a route that writes nothing but JSON would be found.
pub fn routes_json(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    let mut medias = accept
        .unwrap_or("")
        .split(',')
        .map(|clause| clause.split(';').next().unwrap_or("").trim());
    accept.is_none_or(str::is_empty)
        || medias.any(|media| matches!(media, "*/*" | "application/json"))
}

/// The clauses of an `Accept` header, best first.
fn clauses(accept: &str) -> Vec<Clause<'_>> {
    let mut out: Vec<Clause> = accept.split(',').filter_map(clause).collect();
    let rank = |clause: &Clause| (clause.kind == "*", clause.subkind == "*");
    out.sort_by(|a, b| {
        b.quality
            .total_cmp(&a.quality)
            .then_with(|| rank(a).cmp(&rank(b)))
    });
    out
}

/// One clause; `None` where it is malformed.
fn clause(text: &str) -> Option<Clause<'_>> {
    let mut parts = text.split(';');
    let media = parts.next()?.trim();
    let (kind, subkind) = match media.split_once('/') {
        Some((kind, subkind)) => (kind.trim(), subkind.trim()),
        None if media == "*" => ("*", "*"),
        None => return None,
    };
    let mut out = Clause {
        kind,
        subkind,
        quality: 1.0,
        parameters: Vec::new(),
    };
    for part in parts {
        let Some((key, value)) = part.split_once('=') else {
            continue;
        };
        match key.trim() {
            "q" => out.quality = value.trim().parse().unwrap_or(0.0),
            key => out.parameters.push((key, value.trim())),
        }
    }
    Some(out)
}

/// Whether a clause's parameters can be honoured, and how.
fn accepts(clause: &Clause, encoding: Encoding, offer: Offer) -> Option<Media> {
    let endpoint = offer.endpoint;
    let mut media = Media {
        encoding,
        ..Media::default()
    };
    let (mut kind, mut group, mut version) = (None, "", "");
    for (key, value) in &clause.parameters {
        match *key {
            "as" => kind = Some(*value),
            "g" => (kind, group) = (kind.or(Some("")), value),
            "v" => (kind, version) = (kind.or(Some("")), value),
            "stream" if !value.is_empty() && *value != "watch" => return None,
            "stream" if !value.is_empty() && encoding == Encoding::Yaml => return None,
            "sv" if !value.is_empty() && !matches!(*value, "v1" | "v1beta1") => return None,
            "pretty" => media.is_pretty = *value == "1",
            _ => {}
        }
    }
    let Some(kind) = kind else {
        let has_form = encoding != Encoding::Protobuf || !offer.is_custom;
        return has_form.then_some(media);
    };
    let is_beta = version == "v1beta1";
    if matches!(endpoint, Endpoint::Document | Endpoint::Plain)
        || group != "meta.k8s.io"
        || !(is_beta || version == "v1")
    {
        return None;
    }
    media.form = match kind {
        "Table" if endpoint == Endpoint::Unprinted || encoding == Encoding::Protobuf => {
            return None;
        }
        "Table" => Form::Table { is_beta },
        "PartialObjectMetadata" | "PartialObjectMetadataList" => Form::Metadata { is_beta },
        _ => return None,
    };
    media.is_list_form = kind == "PartialObjectMetadataList";
    Some(media)
}

/// Whether JSON is to be indented: asked for, or read by a human's tool.
fn is_pretty(headers: &HeaderMap, query: &[(String, String)]) -> bool {
    let asked = query
        .iter()
        .find(|(key, _)| key == "pretty")
        .map_or("", |(_, value)| value);
    if !asked.is_empty() {
        return matches!(asked, "1" | "t" | "T" | "true" | "TRUE" | "True");
    }
    headers.get(USER_AGENT).is_some_and(|agent| {
        let agent = agent.as_bytes();
        agent.starts_with(b"curl")
            || agent.starts_with(b"Wget")
            || agent.starts_with(b"Mozilla/5.0")
    })
}

/// Refuses bodies in encodings that are not read.
pub fn input(verb: Verb, content_type: &str, is_custom: bool, body: &[u8]) -> Result<(), ApiError> {
    let unknown = |accepted: &str| {
        Err(ApiError::unsupported_media_type(format!(
            "the body of the request was in an unknown format - accepted media types include: \
             {accepted}"
        )))
    };
    match (verb, content_type) {
        (Verb::Get | Verb::List | Verb::Watch, _) => Ok(()),
        (Verb::Patch, media) if PATCHES.contains(&media) => Ok(()),
        (Verb::Patch, _) if is_custom => unknown(CUSTOM_PATCHES),
        (Verb::Patch, _) => Err(
            ApiError::unsupported_media_type("415: Unsupported Media Type")
                .with_details(Details::default()),
        ),
        (Verb::Delete | Verb::DeleteCollection, _) if body.is_empty() => Ok(()),
        (_, "" | "application/json" | "application/yaml") => Ok(()),
        // What is left of it here is of custom resources, which have none.
        (_, PROTOBUF) => unknown("application/json, application/yaml"),
        _ => unknown(REPRESENTATIONS),
    }
}

/// Protobuf, as typed clients send it.
pub const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

/// The media types of patches that custom resources take.
const CUSTOM_PATCHES: &str =
    "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";

/// The media types of patches that any resource takes.
const PATCHES: [&str; 4] = [
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
];

/// Whether the aggregated form of discovery is what the client would rather have.
pub fn wants_aggregated(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    for clause in clauses(accept.unwrap_or("")) {
        if !matches!((clause.kind, clause.subkind), ("application", "json")) {
            continue;
        }
        let parameter = |name: &str| {
            let mut parameters = clause.parameters.iter();
            parameters
                .find(|(key, _)| *key == name)
                .map_or("", |(_, value)| value)
        };
        match (parameter("as"), parameter("g"), parameter("v")) {
            ("APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2") => return true,
            ("", "", "") => return false,
            _ => {}
        }
    }
    false
}

/// The form in which a client reads an OpenAPI document, of those there are: JSON, and the protobuf
/// of a version (`v2`, `v3`). Whether it is protobuf; `None` for neither.
///
/// *Upstream:* `kube-openapi/pkg/{handler,handler3}` (`HandleGroupVersion`).
pub fn reads_protobuf_document(headers: &HeaderMap, version: &str) -> Option<bool> {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    let accept = accept.filter(|accept| !accept.is_empty()).unwrap_or("*/*");
    let names = ["@", "."].map(|dot| format!("com.github.proto-openapi.spec.{version}{dot}v1.0"));
    let is_protobuf = |clause: &Clause| {
        let name = clause.subkind.strip_suffix("+protobuf");
        name.is_some_and(|name| names.iter().any(|known| known == name))
    };
    let clauses = clauses(accept);
    let mut meant = clauses
        .iter()
        .filter(|clause| matches!(clause.kind, "application" | "*"))
        .filter_map(|clause| match clause.subkind {
            "json" | "*" => Some(false),
            _ => is_protobuf(clause).then_some(true),
        });
    meant.next()
}
