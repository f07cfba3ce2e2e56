//! Objects as a Table or as partial metadata: one, a list, an event of a watch.
//!
//! *Invariant:* reads objects in the version they are stored in, as printers do; converts only what
//! an answer includes.
//! *Upstream:* `apiserver/pkg/endpoints/handlers/response.go`,
//! `apiserver/pkg/registry/rest/table.go`.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::custom;
use crate::error::ApiError;
use crate::object::{GroupResource, GroupVersion, Object};
use crate::registry::view::View;
use crate::registry::{Form, Printer};
use crate::schema::{Column, Resource};

/// How one request wants its objects shown.
pub(super) struct Rendering<'a> {
    view: &'a View,
    resource: &'a Resource,
    is_scale: bool,
    include: Include,
    /// Whether a Table says its columns: watches say them once.
    pub(super) has_columns: bool,
}

/// What a row of a Table shows of the object itself: `includeObject`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Include {
    None,
    Metadata,
    Object,
}

/// The subresources that print as Tables, beside the resources themselves.
///
/// Upstream a subresource prints where its storage says how; some do not.
pub fn can_print(resource: &Resource, subresource: &str) -> bool {
    const WITHOUT: [(&str, &str); 6] = [
        ("apiextensions.k8s.io", "customresourcedefinitions"),
        ("apiregistration.k8s.io", "apiservices"),
        ("resource.k8s.io", "devicetaintrules"),
        ("resource.k8s.io", "resourceclaims"),
        ("resource.k8s.io", "resourcepoolstatusrequests"),
        ("scheduling.k8s.io", "podgroups"),
    ];
    let storage = (&*resource.group_version.group, &*resource.plural);
    match subresource {
        "" => resource.serves("get") || resource.serves("list"),
        "status" => !WITHOUT.contains(&storage),
        "scale" => true,
        _ => false,
    }
}

impl<'a> Rendering<'a> {
    /// What a view asks for; an `includeObject` that is none is refused.
    pub(super) fn of(view: &'a View, is_scale: bool) -> Result<Self, ApiError> {
        let include = match view.form {
            Form::Table { .. } => Include::of(view.include_object.as_deref().unwrap_or(""))?,
            _ => Include::Metadata,
        };
        Ok(Self {
            view,
            resource: &view.resource,
            is_scale,
            include,
            has_columns: true,
        })
    }

    /// One object.
    pub(super) fn one(&self, object: &Object, now: Timestamp) -> Bytes {
        let mut out = Vec::with_capacity(1024);
        self.write_one(&mut out, object, now);
        out.into()
    }

    /// A list. Its objects are drawn one by one, so that they need not all be parsed at once.
    pub(super) fn list(
        &self,
        meta: &Value,
        objects: impl Iterator<Item = Object>,
        now: Timestamp,
    ) -> Bytes {
        let mut out = Vec::with_capacity(4096);
        if let Form::Metadata { .. } = self.view.form {
            self.write_head(&mut out, "PartialObjectMetadataList", meta);
            out.extend_from_slice(b",\"items\":");
            write_list(&mut out, objects, true, |out, object| {
                self.write_metadata(out, &object);
            });
            out.push(b'}');
            return out.into();
        }
        self.write_head(&mut out, "Table", meta);
        self.write_columns(&mut out);
        out.extend_from_slice(b",\"rows\":");
        let printer = self.printer();
        if let (Some(rule), None) = (printer.list, &self.resource.custom) {
            let rows = rule(objects.collect(), now);
            write_list(&mut out, rows.into_iter(), false, |out, (object, cells)| {
                self.write_row(out, &object, &cells);
            });
        } else {
            let is_null_when_empty = printer.is_null_when_empty && self.resource.custom.is_none();
            write_list(&mut out, objects, is_null_when_empty, |out, object| {
                let object = self.printed(object);
                self.write_row(out, &object, &self.cells(&object, now));
            });
        }
        out.push(b'}');
        out.into()
    }

    fn write_one(&self, out: &mut Vec<u8>, object: &Object, now: Timestamp) {
        if let Form::Metadata { .. } = self.view.form {
            return self.write_metadata(out, object);
        }
        let mut meta = Map::new();
        if !object.resource_version().is_empty() {
            let revision = object.resource_version().into();
            meta.insert("resourceVersion".to_owned(), revision);
        }
        self.write_head(out, "Table", &meta.into());
        self.write_columns(out);
        out.extend_from_slice(b",\"rows\":[");
        let object = self.printed(object.clone());
        self.write_row(out, &object, &self.cells(&object, now));
        out.extend_from_slice(b"]}");
    }

    /// The object as printers read it: custom resources in the version asked for.
    fn printed(&self, object: Object) -> Object {
        if self.resource.custom.is_none() {
            return object;
        }
        self.served(object)
    }

    /// The object in the version asked for.
    fn served(&self, object: Object) -> Object {
        match GroupVersion::parse(object.api_version()) {
            Some(from) if !self.is_scale && from != self.resource.group_version => {
                let strategy = self.view.kinds.strategy(&self.resource.storage);
                strategy.convert(object, &from, self.resource)
            }
            _ => object,
        }
    }

    fn printer(&self) -> &'static Printer {
        if self.is_scale {
            return self
                .view
                .kinds
                .printer(&GroupResource::new("autoscaling", "scale"));
        }
        self.view.kinds.printer(&self.resource.storage)
    }

    fn cells(&self, object: &Object, now: Timestamp) -> Vec<Value> {
        match &self.resource.custom {
            Some(custom) if self.is_scale => {
                custom::cells(&custom::scale_columns(custom), object, now)
            }
            Some(custom) => custom::cells(&custom::columns(custom), object, now),
            None => (self.printer().cells)(object, now),
        }
    }

    /// `{"kind":…,"apiVersion":…,"metadata":…` without the closing brace.
    fn write_head(&self, out: &mut Vec<u8>, kind: &str, metadata: &Value) {
        self.begin(out, kind);
        write_value(out, metadata);
    }

    /// `{"kind":…,"apiVersion":…,"metadata":`
    fn begin(&self, out: &mut Vec<u8>, kind: &str) {
        let version = match self.view.form {
            Form::Table { is_beta: true } | Form::Metadata { is_beta: true } => "v1beta1",
            _ => "v1",
        };
        out.extend_from_slice(b"{\"kind\":\"");
        out.extend_from_slice(kind.as_bytes());
        out.extend_from_slice(b"\",\"apiVersion\":\"meta.k8s.io/");
        out.extend_from_slice(version.as_bytes());
        out.extend_from_slice(b"\",\"metadata\":");
    }

    fn write_metadata(&self, out: &mut Vec<u8>, object: &Object) {
        self.begin(out, "PartialObjectMetadata");
        let strategy = self.view.kinds.strategy(&self.resource.storage);
        if let Some(annotation) = strategy.annotation_of_field() {
            let mut object = object.clone();
            object.remove(&["metadata", "annotations", annotation]);
            if object.annotations().next().is_none() {
                object.remove(&["metadata", "annotations"]);
            }
            object.write_metadata(out);
        } else {
            object.write_metadata(out);
        }
        out.push(b'}');
    }

    fn write_columns(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b",\"columnDefinitions\":");
        if !self.has_columns {
            out.extend_from_slice(b"null");
            return;
        }
        match &self.resource.custom {
            Some(custom) => {
                let own = if self.is_scale {
                    custom::scale_columns(custom)
                } else {
                    custom::columns(custom)
                };
                let columns: Vec<Column<'_>> = own.iter().map(custom::Own::column).collect();
                write_columns(out, &columns);
            }
            None => write_columns(out, self.printer().columns()),
        }
    }

    fn write_row(&self, out: &mut Vec<u8>, object: &Object, cells: &[Value]) {
        out.extend_from_slice(b"{\"cells\":[");
        for (place, cell) in cells.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            write_value(out, cell);
        }
        out.push(b']');
        let conditions = self
            .printer()
            .conditions
            .filter(|_| self.resource.custom.is_none());
        if let Some(conditions) = conditions.and_then(|conditions| conditions(object)) {
            out.extend_from_slice(b",\"conditions\":");
            write_value(out, &conditions);
        }
        out.extend_from_slice(b",\"object\":");
        match self.include {
            // The mark that ends the initial events is shown whatever was asked for.
            Include::None if !is_end_of_initial_events(object) => out.extend_from_slice(b"null"),
            Include::Object => out.extend_from_slice(&self.served(object.clone()).to_json()),
            _ => self.write_metadata(out, object),
        }
        out.push(b'}');
    }
}

impl Include {
    fn of(text: &str) -> Result<Self, ApiError> {
        match text {
            "" | "Metadata" => Ok(Self::Metadata),
            "None" => Ok(Self::None),
            "Object" => Ok(Self::Object),
            other => Err(ApiError::bad_request(format!(
                "Unable to convert to Table as requested: includeObject: Invalid value: {other:?}: \
                 must be 'Metadata', 'Object', 'None', or empty"
            ))),
        }
    }
}

fn is_end_of_initial_events(object: &Object) -> bool {
    object.text(&["metadata", "annotations", "k8s.io/initial-events-end"]) == "true"
}

/// Items with commas between, in brackets; Go's nil list prints as `null`.
fn write_list<T>(
    out: &mut Vec<u8>,
    items: impl Iterator<Item = T>,
    is_null_when_empty: bool,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    let mut opening = b'[';
    for item in items {
        out.push(opening);
        write(out, item);
        opening = b',';
    }
    match opening {
        b',' => out.push(b']'),
        _ if is_null_when_empty => out.extend_from_slice(b"null"),
        _ => out.extend_from_slice(b"[]"),
    }
}

fn write_columns(out: &mut Vec<u8>, columns: &[Column<'_>]) {
    write_list(out, columns.iter(), false, |out, column| {
        let texts = [
            ("{\"name\":", column.name),
            (",\"type\":", column.kind),
            (",\"format\":", column.format),
            (",\"description\":", column.description),
        ];
        for (key, text) in texts {
            out.extend_from_slice(key.as_bytes());
            write_value(out, &text.into());
        }
        out.extend_from_slice(format!(",\"priority\":{}}}", column.priority).as_bytes());
    });
}

fn write_value(out: &mut Vec<u8>, value: &Value) {
    // Writing JSON into memory cannot fail.
    let _ = serde_json::to_writer(out, value);
}
