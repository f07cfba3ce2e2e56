//! What a request is answered with: an object in the form asked for, or a `Status`.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::custom::reading;
use super::view::View;
use super::write::{Fate, Written};
use super::{Context, Form, Registry, Request, Response, Wire};
use crate::error::{ApiError, Reason};
use crate::object::Object;
use crate::schema::Resource;
use crate::storage::Stored;

impl Registry {
    /// Answers with an object as stored.
    pub(super) async fn answer_stored(
        &self,
        cx: &Context<'_>,
        request: &Request,
        code: u16,
        stored: &Stored,
    ) -> Result<Response, ApiError> {
        let mut view = View::of(self, cx, request);
        let prepared = view.prepare_anew(stored).await;
        prepared.map_err(|error| error.of_one(cx.resource))?;
        if may_be_list(cx.resource) {
            refuse_list(&view.printable(stored))?;
        }
        match request.form {
            Form::Object => Ok(match request.wire {
                Wire::Json => Response::json(code, view.bytes(stored)),
                Wire::Protobuf => Response::protobuf(code, vec![view.protobuf(stored)]),
            }),
            _ => self.answer_object(cx, request, code, view.printable(stored)),
        }
    }

    /// Answers with what a write came to.
    pub(super) async fn answer_written(
        &self,
        cx: &Context<'_>,
        request: &Request,
        code: u16,
        written: Written,
    ) -> Result<Response, ApiError> {
        match &written.fate {
            Fate::Stored(stored) => self.answer_stored(cx, request, code, stored).await,
            Fate::Gone => {
                let object = Arc::unwrap_or_clone(written.object);
                self.answer_object(cx, request, code, object)
            }
            Fate::Untouched => {
                let object = Arc::unwrap_or_clone(written.object);
                let object = match &cx.resource.custom {
                    // Upstream encodes and decodes what it would have stored.
                    Some(custom) => reading::round_trip(cx.resource, custom, object).await?,
                    None => object,
                };
                self.answer_object(cx, request, code, object)
            }
        }
    }

    /// Answers with an object that is made for the answer.
    pub fn answer_made(
        &self,
        cx: &Context<'_>,
        request: &Request,
        object: Object,
    ) -> Result<Response, ApiError> {
        self.answer_object(cx, request, 200, object)
    }

    /// Answers with a list of objects that are made for the answer, and so of no version.
    pub fn answer_list(
        &self,
        cx: &Context<'_>,
        request: &Request,
        objects: impl Iterator<Item = Object>,
    ) -> Result<Response, ApiError> {
        if request.form != Form::Object {
            let view = View::of(self, cx, request);
            let body = super::table::render_list(&view, cx.now, Map::new(), objects)?;
            return Ok(Response::json(200, body));
        }
        let items: Vec<Value> = objects
            .map(|mut object| {
                object.remove(&["apiVersion"]);
                object.remove(&["kind"]);
                object.into_value()
            })
            .collect();
        let list = json!({
            "kind": cx.resource.list_kind,
            "apiVersion": cx.resource.group_version.to_string(),
            "metadata": {},
            "items": items,
        });
        Ok(Response::json(200, list.to_string()))
    }

    /// Answers with an object in the version it is handled in.
    pub(super) fn answer_object(
        &self,
        cx: &Context<'_>,
        request: &Request,
        code: u16,
        object: Object,
    ) -> Result<Response, ApiError> {
        if may_be_list(cx.resource) {
            refuse_list(&object)?;
        }
        let body = match request.form {
            Form::Object => {
                let object = self.to_served(cx.resource, object);
                Bytes::from(object.to_json())
            }
            _ => super::table::render_one(self, cx, request, &object)?,
        };
        Ok(Response::json(code, body))
    }
}

/// Whether the objects of a kind may have a field that makes upstream take them for lists.
fn may_be_list(resource: &Resource) -> bool {
    let root = resource.schema.root();
    let has_items = || resource.schema.field(root, "items").is_some();
    resource.custom.is_some() && (root.preserves_unknown_fields || has_items())
}

/// Upstream takes a custom resource with a list of `items` for a list when it answers with one, and
/// fails; what was asked for is done by then.
fn refuse_list(object: &Object) -> Result<(), ApiError> {
    match object.as_map().get("items") {
        Some(Value::Array(_)) => Err(ApiError::new(
            Reason::Unknown,
            "*unstructured.Unstructured is not a list: no Items field in this object",
        )),
        _ => Ok(()),
    }
}

/// The `Status` that answers a deletion whose object is gone.
pub(super) fn deleted(cx: &Context<'_>, object: &Object) -> Response {
    let mut details = json!({
        "name": object.name(),
        "kind": cx.resource.plural,
        "uid": object.uid(),
    });
    let group = &cx.resource.group_version.group;
    if let Value::Object(details) = &mut details
        && !group.is_empty()
    {
        details.insert("group".to_owned(), group.as_ref().into());
    }
    let status = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": details,
    });
    Response::json(200, status.to_string())
}
