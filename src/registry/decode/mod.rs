//! The body of a request as an object: what it is, what it holds that the kind does not know, and
//! what a client reads where it cannot be decoded.
//!
//! *Upstream:* `apimachinery/pkg/runtime/serializer/json/json.go`,
//! `apiserver/pkg/endpoints/handlers/{create,update,rest}.go`,
//! `apiextensions-apiserver/pkg/apiserver/customresource_handler.go` (`schemaCoercingDecoder`).

mod custom;
mod delete_options;
mod embedded;
mod form;
mod head;
mod patch;
mod place;
mod scalar;
mod strict;
mod tree;
mod typed;

pub(crate) use self::custom::metadata;
pub(crate) use self::delete_options::delete_options;
pub(crate) use self::head::check_type;
pub(crate) use self::patch::{Read, any, of_tree, operations, patched, without_frame};

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::Value;

use self::head::Head;
use self::strict::Strict;
use self::typed::Decoder;
use super::request::FieldValidation;
use super::{Context, Request};
use crate::error::ApiError;
use crate::object::json::{Malformed, syntax_error};
use crate::object::{GroupVersionKind, Object, yaml};
use crate::schema::protobuf::ProtobufError;
use crate::schema::{Origin, Schema, tables};

/// The object in the body of a create or update, with `apiVersion` and `kind` filled in.
pub(crate) fn object(cx: &Context<'_>, request: &Request) -> Result<Object, ApiError> {
    let subresource = cx.resource.subresource(cx.subresource);
    let own = || cx.resource.group_version_kind();
    let (kind, schema) = match subresource.and_then(|sub| Some((&sub.kind, sub.schema.as_ref()?))) {
        Some((kind, schema)) => (kind.clone(), schema),
        None => (own(), &cx.resource.schema),
    };
    body(cx, request, &kind, schema)
}

/// The Scale in the body of an update of the scale face.
pub(crate) fn scale(cx: &Context<'_>, request: &Request) -> Result<Object, ApiError> {
    let kind = GroupVersionKind::new("autoscaling", "v1", "Scale");
    let Some(schema) = tables::kind("autoscaling", "v1", "Scale") else {
        return object(cx, request);
    };
    body(cx, request, &kind, &schema).map_err(|error| match &cx.resource.custom {
        None => error,
        // Upstream looks the type up where only custom resources are known.
        Some(_) => ApiError::bad_request(
            "no kind is registered for the type v1.Scale in scheme \"pkg/runtime/scheme.go:111\"",
        ),
    })
}

/// A body as an object of the kind `expected`, checked by its schema. What is unknown or stands
/// there twice is refused, warned of or passed over, as the request asks.
pub(crate) fn body(
    cx: &Context<'_>,
    request: &Request,
    expected: &GroupVersionKind,
    schema: &Schema,
) -> Result<Object, ApiError> {
    let target = Target { expected, schema };
    let (decoded, text) = match request.tree.take_object().map(|it| at_hand(it, target)) {
        None => {
            let decoded = read(&request.content_type, &request.body, target);
            (decoded, request.body.clone())
        }
        Some(Ok(decoded)) => (Ok(decoded), Bytes::new()),
        Some(Err(text)) => (read(&request.content_type, &text, target), text),
    };
    let decoded = decoded.map_err(|refusal| match refusal {
        // The kind that was expected counts as said where faults are passed over.
        Refusal::NoKind(why) if cx.field_validation == FieldValidation::Ignore => {
            let version = &expected.group_version.version;
            cannot_be_handled(&expected.kind, version, expected, &why)
        }
        refusal => refusal.of_body(&text, expected),
    })?;
    let object = settle(cx, expected, decoded)?;
    if schema.origin() == Origin::Custom {
        head::check_version(&object, expected)?;
    }
    Ok(object)
}

/// A body that is at hand as a tree, decoded as its text would be; the text where there is more to
/// say of it.
fn at_hand(mut object: Object, target: Target<'_>) -> Result<Decoded, Bytes> {
    if object.kind().is_empty() && object.api_version().is_empty() {
        let version = target.expected.group_version.to_string();
        object.set_type(&version, &target.expected.kind);
    }
    let managed_fields = object.managed_fields().cloned();
    object.set_managed_fields(None);
    match tree::decode(object.into_value(), target) {
        Ok(mut decoded) => {
            decoded.object.set_managed_fields(managed_fields);
            Ok(decoded)
        }
        Err(Value::Object(map)) => {
            let mut object = Object::from_map(map);
            object.set_managed_fields(managed_fields);
            Err(object.to_json().into())
        }
        Err(other) => Err(other.to_string().into()),
    }
}

/// What a body should be.
#[derive(Clone, Copy)]
pub(crate) struct Target<'t> {
    /// The kind the request is made of.
    pub(crate) expected: &'t GroupVersionKind,
    /// What its objects may be.
    pub(crate) schema: &'t Schema,
}

/// A body, decoded.
#[derive(Debug)]
pub(crate) struct Decoded {
    /// The object, without unknown fields.
    pub(crate) object: Object,
    /// Unknown and duplicate fields.
    pub(crate) strict: Strict,
}

/// Refuses, warns or says nothing of unknown and duplicate fields.
fn settle(
    cx: &Context<'_>,
    expected: &GroupVersionKind,
    decoded: Decoded,
) -> Result<Object, ApiError> {
    let reports = decoded.strict.reports();
    match cx.field_validation {
        FieldValidation::Strict if !reports.is_empty() => {
            let object = &decoded.object;
            let version = object.api_version().rsplit('/').next().unwrap_or_default();
            Err(cannot_be_handled(
                object.kind(),
                version,
                expected,
                &format!("strict decoding error: {}", reports.join(", ")),
            ))
        }
        FieldValidation::Warn => {
            for report in reports {
                for line in warning_lines(report) {
                    cx.warn(line);
                }
            }
            Ok(decoded.object)
        }
        _ => Ok(decoded.object),
    }
}

/// A report of the YAML reader has several lines, each a warning of its own.
fn warning_lines(report: &str) -> Vec<&str> {
    match report.strip_prefix("yaml: unmarshal errors:\n") {
        Some(lines) => lines.lines().map(str::trim).collect(),
        None => vec![report],
    }
}

/// The text of a body as JSON, and what its own format had to say about it.
pub(crate) struct JsonText<'a> {
    bytes: Cow<'a, [u8]>,
    strict: Strict,
}

fn to_json<'a>(content_type: &str, body: &'a [u8]) -> Result<JsonText<'a>, String> {
    if content_type != "application/yaml" {
        return Ok(JsonText {
            bytes: Cow::Borrowed(body),
            strict: Strict::default(),
        });
    }
    let document = yaml::first_document(body).map_err(|error| error.to_string())?;
    let mut strict = Strict::default();
    if let Some(report) = document.duplicates() {
        strict.push(report);
    }
    Ok(JsonText {
        bytes: Cow::Owned(document.value.to_string().into_bytes()),
        strict,
    })
}

/// Why a text is no object of the kind it should be.
pub(super) enum Refusal {
    /// It is no object at all.
    Unrecognized(String),
    /// It does not say of what kind it is.
    NoKind(String),
    /// It is of a known kind, in a version, and wrong.
    Unhandled {
        kind: String,
        version: String,
        why: String,
    },
    /// Whatever else.
    Other(ApiError),
}

impl Refusal {
    /// What a client reads who sent it.
    pub(super) fn of_body(self, body: &[u8], expected: &GroupVersionKind) -> ApiError {
        match self {
            Self::Unrecognized(why) | Self::NoKind(why) => ApiError::bad_request(format!(
                "the object provided is unrecognized (must be of type {}): {why} ({})",
                expected.kind,
                summary(body)
            )),
            Self::Unhandled { kind, version, why } => {
                cannot_be_handled(&kind, &version, expected, &why)
            }
            Self::Other(error) => error,
        }
    }

    /// What the decoder itself says.
    pub(super) fn why(self) -> String {
        match self {
            Self::Unrecognized(why) | Self::NoKind(why) | Self::Unhandled { why, .. } => why,
            Self::Other(error) => {
                let message = error.message();
                let inner = message
                    .split_once(" cannot be handled as a ")
                    .and_then(|(_, rest)| rest.split_once(": ").map(|(_, why)| why));
                inner.unwrap_or(message).to_owned()
            }
        }
    }
}

/// Decodes a body of a content type into an object of a kind.
pub(crate) fn decode(
    content_type: &str,
    body: &[u8],
    target: Target<'_>,
) -> Result<Decoded, ApiError> {
    let decoded = read(content_type, body, target);
    decoded.map_err(|refusal| refusal.of_body(body, target.expected))
}

/// The same, with what a refusal is made of.
pub(super) fn read(
    content_type: &str,
    body: &[u8],
    target: Target<'_>,
) -> Result<Decoded, Refusal> {
    let unrecognized = Refusal::Unrecognized;
    let text = to_json(content_type, body).map_err(unrecognized)?;
    let is_custom = target.schema.origin() == Origin::Custom;
    let decoded = if is_custom {
        custom::decode(&text.bytes, target)
    } else {
        built_in(&text.bytes, target.schema)
    };
    let Ok((head, mut decoded)) = decoded else {
        return Err(unrecognized(head::wrap(
            &syntax_error(&text.bytes).to_string(),
        )));
    };
    let named = head.kind().map_err(unrecognized)?;
    if is_custom {
        if named.kind.is_empty() {
            let body = String::from_utf8_lossy(body);
            return Err(Refusal::NoKind(format!(
                "Object 'Kind' is missing in '{body}'"
            )));
        }
        if let Some(why) = decoded.error {
            return Err(Refusal::Unhandled {
                version: named.version().to_owned(),
                kind: named.kind,
                why,
            });
        }
    } else {
        let actual = named.with_defaults(target.expected);
        if actual.group_version.version.is_empty() {
            return Err(Refusal::Unhandled {
                kind: actual.kind.to_string(),
                version: String::new(),
                why: head::without_version(body),
            });
        }
        if actual != *target.expected {
            let error = head::another_kind(&text.bytes, &actual, target.expected);
            return Err(Refusal::Other(error));
        }
        if let Some(why) = decoded.error {
            return Err(Refusal::Unhandled {
                kind: actual.kind.to_string(),
                version: actual.group_version.version.to_string(),
                why,
            });
        }
        let version = actual.group_version.to_string();
        decoded.object.set_type(&version, &actual.kind);
    }
    decoded.strict.prepend(text.strict);
    Ok(Decoded {
        object: decoded.object,
        strict: decoded.strict,
    })
}

/// An object with what was found on the way to it.
pub(super) struct Raw {
    object: Object,
    error: Option<String>,
    strict: Strict,
}

/// A body as an object of a built-in kind.
fn built_in(text: &[u8], schema: &Schema) -> Result<(Head, Raw), Malformed> {
    let mut decoder = Decoder::new(text, schema);
    let (head, map) = head::read(&mut decoder, |decoder, place, map, key| {
        decoder.field(schema.root(), place, map, &key)
    })?;
    let error = decoder.findings.error().map(str::to_owned);
    let strict = decoder.findings.strict;
    let object = Object::from_map(map);
    Ok((
        head,
        Raw {
            object,
            error,
            strict,
        },
    ))
}

/// The 400 of a body that is no protobuf of the kind a request is made of.
pub(crate) fn no_protobuf(body: &[u8], error: &ProtobufError, expected: &str) -> ApiError {
    match error {
        ProtobufError::Object { kind, version, .. } | ProtobufError::Unknown { kind, version } => {
            let version = version.rsplit('/').next().unwrap_or_default();
            ApiError::bad_request(format!(
                "{kind} in version \"{version}\" cannot be handled as a {expected}: {error}"
            ))
        }
        _ => ApiError::bad_request(format!(
            "the object provided is unrecognized (must be of type {expected}): {error} ({})",
            summary(body)
        )),
    }
}

/// The 400 of a body whose kind is known.
fn cannot_be_handled(
    kind: &str,
    version: &str,
    expected: &GroupVersionKind,
    why: &str,
) -> ApiError {
    ApiError::bad_request(format!(
        "{kind} in version \"{version}\" cannot be handled as a {}: {why}",
        expected.kind
    ))
}

/// The beginning of a body, for a message about it.
fn summary(body: &[u8]) -> String {
    const LENGTH_MAX: usize = 30;
    let shown = &body[..body.len().min(LENGTH_MAX)];
    let more = if body.len() > LENGTH_MAX { " ..." } else { "" };
    match body.first() {
        None => "<empty>".to_owned(),
        Some(b'{') => format!("{}{more}", String::from_utf8_lossy(shown)),
        Some(_) => {
            let hex: Vec<String> = shown.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{}{more}", hex.concat())
        }
    }
}
