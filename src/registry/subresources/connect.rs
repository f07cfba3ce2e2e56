//! Faces that open a stream: what the request asks for as an object, which admission sees before
//! anybody acts.
//!
//! *Upstream:* `apiserver/pkg/endpoints/handlers/rest.go` (`ConnectResource`).

use serde_json::{Map, Value};

use crate::admission::Operation;
use crate::error::ApiError;
use crate::object::{GroupVersionKind, Object};
use crate::registry::{Context, Registry, Request};

/// A field of the options: how its values are read from the query.
#[derive(Clone, Copy)]
enum Field {
    Flag,
    Text,
    Texts,
    Numbers,
    /// What follows the face in the path.
    Path,
}

const STREAMS: &[(&str, Field)] = &[
    ("stdin", Field::Flag),
    ("stdout", Field::Flag),
    ("stderr", Field::Flag),
    ("tty", Field::Flag),
    ("container", Field::Text),
];

/// The fields of the options of a kind; `None` where the kind is not one of options.
fn fields(kind: &str) -> Option<Vec<(&'static str, Field)>> {
    Some(match kind {
        "PodExecOptions" => {
            let mut fields = STREAMS.to_vec();
            fields.push(("command", Field::Texts));
            fields
        }
        "PodAttachOptions" => STREAMS.to_vec(),
        "PodPortForwardOptions" => vec![("ports", Field::Numbers)],
        "PodProxyOptions" | "ServiceProxyOptions" | "NodeProxyOptions" => {
            vec![("path", Field::Path)]
        }
        _ => return None,
    })
}

/// The options of a request as an object.
fn options(kind: &GroupVersionKind, request: &Request) -> Option<Object> {
    let fields = fields(&kind.kind)?;
    let values = |name: &str| -> Vec<&str> {
        let asked = request.query.iter().filter(|(key, _)| key == name);
        asked.map(|(_, value)| value.as_str()).collect()
    };
    let mut map = Map::new();
    for (name, field) in fields {
        let all = values(name);
        let first = all.first().copied().unwrap_or("");
        let value: Value = match field {
            // Whatever does not mean no means yes (`Convert_Slice_string_To_bool`).
            Field::Flag => all
                .first()
                .is_some_and(|text| *text != "0" && !text.eq_ignore_ascii_case("false"))
                .into(),
            Field::Text => first.into(),
            Field::Texts => all.into(),
            Field::Numbers => all
                .iter()
                .flat_map(|value| value.split(','))
                .filter_map(|number| number.parse::<i64>().ok())
                .collect::<Vec<_>>()
                .into(),
            Field::Path => {
                let rest = &request.target.rest;
                let slash = if rest.is_empty() { "" } else { "/" };
                format!("{slash}{rest}").into()
            }
        };
        let is_empty = match &value {
            Value::Bool(value) => !value,
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            _ => false,
        };
        if !is_empty {
            map.insert(name.to_owned(), value);
        }
    }
    let mut object = Object::from_map(map);
    object.set_type(&kind.group_version.to_string(), &kind.kind);
    Some(object)
}

/// Asks admission about a request to open a stream, where it is one.
pub(super) async fn admit(
    registry: &Registry,
    cx: &Context<'_>,
    request: &Request,
) -> Result<(), ApiError> {
    let kind = cx
        .resource
        .subresource(cx.subresource)
        .map(|face| &face.kind);
    match kind.and_then(|kind| options(kind, request)) {
        Some(_) if request.parameter("dryRun").is_some() => {
            Err(ApiError::bad_request("dryRun is not supported"))
        }
        Some(mut object) => registry.admit(cx, Operation::Connect, &mut object).await,
        None => Ok(()),
    }
}
