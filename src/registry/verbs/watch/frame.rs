//! Events as lines of JSON. The line of a change is made once for each form and shared by all who
//! watch; a Table is each watcher's own, since ages are in it.
//!
//! *Upstream:* `apiserver/pkg/storage/cacher/{caching_object,cache_watcher}.go`
//! (`convertToWatchEvent`), `endpoints/handlers/response.go` (`watchEncoder`).

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::json;

use crate::error::ApiError;
use crate::object::Object;
use crate::registry::custom::unreadable::Unreadable;
use crate::registry::query::Selection;
use crate::registry::view::View;
use crate::registry::{Form, Wire, shape, table};
use crate::schema::protobuf;
use crate::storage::{Change, ChangeKind, Revision, Stored};

/// Room for what a line holds beside the object.
const LINE_FRAME_USUAL: usize = 32;

/// How one watch sees changes.
pub(super) struct Frames {
    view: View,
    selection: Selection,
    selects_all: bool,
    /// The names under which lines are shared: added, modified, deleted.
    shared: [String; 3],
    /// Whether a Table's columns have been sent.
    has_sent_columns: bool,
}

impl Frames {
    pub(super) fn new(view: View, selection: Selection) -> Self {
        let form = match view.form {
            Form::Object => "",
            Form::Metadata { is_beta: false } => " metadata",
            Form::Metadata { is_beta: true } => " metadata beta",
            Form::Table { .. } => " table",
        };
        let form = match view.wire {
            Wire::Json => form.to_owned(),
            Wire::Protobuf => format!("{form} protobuf"),
        };
        let version = &view.form_name;
        let shared = [ChangeKind::Added, ChangeKind::Modified, ChangeKind::Deleted]
            .map(|kind| format!("{} {version}{form}", name(kind)));
        let selects_all = selection.is_everything();
        Self {
            view,
            selection,
            selects_all,
            shared,
            has_sent_columns: false,
        }
    }

    /// Gets changes ready to be sent: see [`View::prepare`].
    pub(super) async fn prepare_changes(
        &mut self,
        changes: &[Arc<Change>],
    ) -> Result<(), Unreadable> {
        if self.view.resource.custom.is_none() {
            return Ok(());
        }
        self.view.prepared.clear();
        let objects = changes.iter().map(|change| change.object.as_ref());
        let previous = changes
            .iter()
            .filter_map(|change| change.previous.as_deref());
        let previous = previous.filter(|_| !self.selects_all);
        let objects: Vec<&Stored> = objects.chain(previous).collect();
        self.view.prepare(objects).await
    }

    /// Gets what exists ready to be sent.
    pub(super) async fn prepare(&mut self, objects: &[Arc<Stored>]) -> Result<(), Unreadable> {
        self.view.prepare(objects.iter().map(AsRef::as_ref)).await
    }

    /// What exists as added, at least one object and until a piece is full.
    pub(super) fn initial(
        &mut self,
        objects: &mut impl Iterator<Item = Arc<Stored>>,
        full_bytes: usize,
        now: Timestamp,
    ) -> Bytes {
        let mut out = Vec::new();
        while out.len() < full_bytes
            && let Some(stored) = objects.next()
        {
            let object = self.encode(&stored, now);
            self.push_event(&mut out, name(ChangeKind::Added), &object);
        }
        out.into()
    }

    /// The lines of changes, of those that concern the watch. They stay apart, since what writes
    /// them to a socket takes many pieces at once, and joining them would copy what is shared.
    pub(super) fn changes(&mut self, changes: &[Arc<Change>], now: Timestamp) -> Vec<Bytes> {
        let lines = changes.iter().filter_map(|change| self.change(change, now));
        lines.collect()
    }

    fn change(&mut self, change: &Change, now: Timestamp) -> Option<Bytes> {
        let kind = self.kind(change)?;
        if let Form::Table { .. } = self.view.form {
            return Some(self.line(change, kind, now));
        }
        // What leaves a selection is shown as it was, so it is not the line of the change.
        if kind == ChangeKind::Deleted && change.kind != ChangeKind::Deleted {
            return Some(self.line(change, kind, now));
        }
        let shared = std::mem::take(&mut self.shared);
        let line = change
            .frames
            .get_or_make(&shared[kind as usize], || self.line(change, kind, now));
        self.shared = shared;
        Some(line)
    }

    /// What a change is to this watch: an object that comes into the selection is added, one that
    /// leaves it is deleted.
    fn kind(&self, change: &Change) -> Option<ChangeKind> {
        if self.selects_all {
            return Some(change.kind);
        }
        let selects = |stored: &Stored| self.view.selects(&self.selection, stored);
        let is_now = change.kind != ChangeKind::Deleted && selects(&change.object);
        let was = change
            .previous
            .as_ref()
            .is_some_and(|previous| selects(previous));
        match (was, is_now) {
            (false, false) => None,
            (false, true) => Some(ChangeKind::Added),
            (true, true) => Some(ChangeKind::Modified),
            (true, false) => Some(ChangeKind::Deleted),
        }
    }

    fn line(&mut self, change: &Change, kind: ChangeKind, now: Timestamp) -> Bytes {
        let mut line = Vec::with_capacity(change.object.json().len() + LINE_FRAME_USUAL);
        self.push(&mut line, change, kind, now);
        line.into()
    }

    fn push(&mut self, out: &mut Vec<u8>, change: &Change, kind: ChangeKind, now: Timestamp) {
        let object = match &change.previous {
            Some(previous) if kind == ChangeKind::Deleted && change.kind != ChangeKind::Deleted => {
                self.encode_moved(previous, change.revision(), now)
            }
            _ => self.encode(&change.object, now),
        };
        self.push_event(out, name(kind), &object);
    }

    /// The object as an event carries it: JSON, or a whole body of protobuf.
    fn encode(&mut self, stored: &Stored, now: Timestamp) -> Bytes {
        match (self.view.form, self.view.wire) {
            (Form::Object, Wire::Json) => self.view.bytes(stored),
            (Form::Object, Wire::Protobuf) => self.view.protobuf(stored),
            _ => {
                let rendered = self.render(&self.view.printable(stored), now);
                self.on_wire(rendered)
            }
        }
    }

    /// An object as it was, at a later revision.
    fn encode_moved(&mut self, stored: &Stored, revision: Revision, now: Timestamp) -> Bytes {
        if self.view.resource.custom.is_none() || self.view.is_served_version(stored) {
            return self.encode(&stored.moved_to(revision), now);
        }
        let mut object = self.view.object(stored);
        object.set(&["metadata", "resourceVersion"], revision.0.to_string());
        let json = match self.view.form {
            Form::Object => object.into_value().to_string().into(),
            _ => self.render(&object, now),
        };
        self.on_wire(json)
    }

    fn on_wire(&self, json: Bytes) -> Bytes {
        match self.view.wire {
            Wire::Json => json,
            Wire::Protobuf => to_protobuf(&json),
        }
    }

    fn push_event(&self, out: &mut Vec<u8>, name: &str, object: &[u8]) {
        match self.view.wire {
            Wire::Json => push_line(out, name, object),
            Wire::Protobuf => out.extend(protobuf::watch_event(name, object)),
        }
    }

    fn render(&mut self, object: &Object, now: Timestamp) -> Bytes {
        let rendered = table::render_event(&self.view, now, object, !self.has_sent_columns);
        self.has_sent_columns = true;
        rendered.unwrap_or_else(|error| error.to_status().to_string().into())
    }

    /// A bookmark: an empty object that says up to where nothing was missed.
    pub(super) fn bookmark(
        &mut self,
        revision: Revision,
        is_initial_end: bool,
        now: Timestamp,
    ) -> Bytes {
        let resource = Arc::clone(&self.view.resource);
        let mut object = Object::default();
        object.set_type(&resource.group_version.to_string(), &resource.kind);
        object.set(&["metadata", "resourceVersion"], revision.0.to_string());
        if is_initial_end {
            object.set(
                &["metadata", "annotations"],
                json!({"k8s.io/initial-events-end": "true"}),
            );
        }
        if resource.custom.is_none() {
            // Go encodes the empty struct of a built-in kind, zero fields and all.
            shape::finish(&resource, &mut object);
            let strategy = self.view.kinds.strategy(&resource.storage);
            strategy.complete_empty(&mut object);
        }
        let bytes = match self.view.form {
            Form::Object => object.to_json().into(),
            _ => self.render(&object, now),
        };
        let mut line = Vec::with_capacity(bytes.len() + 32);
        self.push_event(&mut line, "BOOKMARK", &self.on_wire(bytes));
        line.into()
    }

    /// The last event of a watch that cannot go on.
    pub(super) fn error(&self, error: &ApiError) -> Bytes {
        let mut line = Vec::new();
        let status = self.on_wire(error.to_status().to_string().into());
        self.push_event(&mut line, "ERROR", &status);
        line.into()
    }
}

/// JSON of a built-in kind as a body of protobuf.
fn to_protobuf(json: &[u8]) -> Bytes {
    let object = crate::object::json::read(json);
    protobuf::from_json(&object).unwrap_or_default().into()
}

const fn name(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Added => "ADDED",
        ChangeKind::Modified => "MODIFIED",
        ChangeKind::Deleted => "DELETED",
    }
}

fn push_line(out: &mut Vec<u8>, name: &str, object: &[u8]) {
    let parts: [&[u8]; 5] = [
        br#"{"type":""#,
        name.as_bytes(),
        br#"","object":"#,
        object,
        b"}\n",
    ];
    for part in parts {
        out.extend_from_slice(part);
    }
}
