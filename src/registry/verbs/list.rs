//! Lists: a page of a consistent view, at the version asked for.
//!
//! The answer is written from the pieces the store keeps; no object is copied.
//!
//! *Upstream:* `apiserver/pkg/endpoints/handlers/get.go` (`ListResource`),
//! `storage/cacher/delegator.go`, `storage/etcd3/store.go` (`GetList`).

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::registry::custom::unreadable::Unreadable;
use crate::registry::query::{Continuation, ListOptions, Selection, VersionMatch};
use crate::registry::view::View;
use crate::registry::{
    Body, Chunk, Context, Form, Registry, Request, Response, Verb, Wire, interpret, table,
};
use crate::schema::{Resource, protobuf};
use crate::storage::{Error, Revision, Snapshot, Stored};

/// What 410 says of a continue token whose version is forgotten.
const INCONSISTENT_CONTINUE: &str = "The provided continue parameter is too old to display a \
     consistent list result. You can start a new list without the continue parameter, or use the \
     continue token in this response to retrieve the remainder of the results. Continuing with the \
     provided token results in an inconsistent list - objects that were created, modified, or \
     deleted between the time the first chunk was returned and now may show up in the list.";

/// A page of a list.
pub(super) struct Page {
    revision: Revision,
    pub(super) objects: Vec<Arc<Stored>>,
    /// The token of the next page; empty at the end.
    continuation: String,
    /// How many objects come after the page, where that is known.
    remaining: Option<usize>,
}

/// Answers a list.
pub(crate) async fn list(
    registry: &Registry,
    cx: &Context<'_>,
    request: &Request,
) -> Result<Response, ApiError> {
    let page = select(registry, cx, request).await?;
    answer(registry, cx, request, page).await
}

/// What a request means: how, and which objects.
pub(super) fn check(
    registry: &Registry,
    cx: &Context<'_>,
    request: &Request,
) -> Result<(ListOptions, Selection), ApiError> {
    let options = ListOptions::of(request)?;
    let strategy = registry.strategy(cx.resource);
    let selection = Selection::of(cx.resource, strategy, (cx.namespace, cx.name), &options)?;
    Ok((options, selection))
}

/// The objects that a request means.
pub(super) async fn select(
    registry: &Registry,
    cx: &Context<'_>,
    request: &Request,
) -> Result<Page, ApiError> {
    let (options, selection) = check(registry, cx, request)?;
    // Whoever deletes many asks for them page by page, and gets all of them.
    let is_paged = options.limit > 0 || request.verb == Verb::DeleteCollection;
    let start = Start::of(&options, &selection, is_paged)?;
    let snapshot = start.snapshot(registry, cx.resource)?;
    let mut view = View::of(registry, cx, request);
    if view.selects_by_content(&selection) {
        let all = snapshot.objects(Some(&selection.namespace), None);
        let all: Vec<&Stored> = all.map(AsRef::as_ref).collect();
        let prepared = view.prepare(all).await;
        prepared.map_err(|error| unreadable(request, cx, &error))?;
    }
    Ok(read_page(&snapshot, &selection, &start, &view))
}

/// Answers with a page in the form asked for.
pub(super) async fn answer(
    registry: &Registry,
    cx: &Context<'_>,
    request: &Request,
    page: Page,
) -> Result<Response, ApiError> {
    let view = page.prepare(registry, cx, request).await?;
    if request.form == Form::Object {
        return Ok(match request.wire {
            Wire::Json => write_objects(&view, page),
            Wire::Protobuf => write_messages(&view, &page),
        });
    }
    let objects = page.objects.iter().map(|stored| view.printable(stored));
    let body = table::render_list(&view, cx.now, page.metadata(), objects)?;
    Ok(Response::json(200, body))
}

/// The error of a page whose objects cannot be read.
fn unreadable(request: &Request, cx: &Context<'_>, error: &Unreadable) -> ApiError {
    match request.verb {
        Verb::DeleteCollection => error.of_collection(cx.resource),
        _ => error.of_list(cx.resource),
    }
}

/// Where a page begins: at which version, at which key, how long it may be.
struct Start {
    at: Option<Revision>,
    not_older_than: Revision,
    continuation: Option<Continuation>,
    limit: usize,
}

impl Start {
    fn of(options: &ListOptions, selection: &Selection, is_paged: bool) -> Result<Self, ApiError> {
        let limit = usize::try_from(options.limit).unwrap_or(0);
        let is_single = selection.single().is_some();
        if !options.continuation.is_empty() && !is_single {
            let continuation = Continuation::decode(&options.continuation)
                .map_err(|why| ApiError::bad_request(format!("invalid continue token: {why}")))?;
            if !matches!(options.resource_version.as_str(), "" | "0") {
                return Err(ApiError::bad_request(
                    "specifying resource version is not allowed when using continue",
                ));
            }
            return Ok(Self {
                at: continuation.revision,
                not_older_than: Revision(0),
                continuation: Some(continuation),
                limit,
            });
        }
        let asked = options.listed_revision()?;
        let is_exact = match options.version_match {
            Some(VersionMatch::Exact) => true,
            Some(VersionMatch::NotOlderThan) => false,
            // The older of the two ways to ask for a version, by paging at it.
            None => is_paged && !is_single && asked.0 > 0,
        };
        Ok(Self {
            at: is_exact.then_some(asked),
            not_older_than: if is_exact { Revision(0) } else { asked },
            continuation: None,
            // Whoever takes any version gets all of it, as from a cache.
            limit: if options.resource_version == "0" {
                0
            } else {
                limit
            },
        })
    }

    fn snapshot(&self, registry: &Registry, resource: &Resource) -> Result<Snapshot, ApiError> {
        let snapshot = registry.reader.snapshot(&resource.storage, self.at);
        match (snapshot, &self.continuation) {
            (Ok(snapshot), _) if snapshot.revision < self.not_older_than => {
                let current = snapshot.revision.0;
                Err(interpret::too_large(self.not_older_than.0, current))
            }
            (Ok(snapshot), _) => Ok(snapshot),
            (Err(Error::Compacted { .. }), Some(continuation)) => {
                let token = continuation.clone().in_the_present().encode();
                Err(ApiError::expired(INCONSISTENT_CONTINUE).with_continuation(token))
            }
            (Err(Error::Compacted { .. }), None) => Err(ApiError::expired(
                "The resourceVersion for the provided list is too old.",
            )),
            (Err(error), _) => Err(interpret::read(&error, self.at)),
        }
    }
}

fn read_page(snapshot: &Snapshot, selection: &Selection, start: &Start, view: &View) -> Page {
    let mut page = Page {
        revision: snapshot.revision,
        objects: Vec::new(),
        continuation: String::new(),
        remaining: None,
    };
    if let Some(key) = selection.single() {
        let found = snapshot.get(key);
        let found = found.filter(|found| view.selects(selection, found));
        page.objects.extend(found.cloned());
        return page;
    }
    let namespace = selection.namespace.as_str();
    let from = start.continuation.as_ref();
    let from = from.map(|continuation| continuation.from(namespace));
    let mut objects = snapshot.objects(Some(namespace), from.as_ref());
    let total = match namespace {
        "" => snapshot.objects.len(),
        namespace => snapshot.objects.count(namespace),
    };
    let limit = if start.limit == 0 {
        usize::MAX
    } else {
        start.limit
    };
    page.objects.reserve(limit.min(total));
    while page.objects.len() < limit
        && let Some(object) = objects.next()
    {
        if view.selects(selection, object) {
            page.objects.push(Arc::clone(object));
        }
    }
    if page.objects.len() < limit {
        return page;
    }
    let remaining = if !selection.is_everything() {
        // Objects that are not meant count as well: there is more to look at.
        usize::from(objects.next().is_some())
    } else if from.is_none() {
        total - page.objects.len()
    } else {
        objects.count()
    };
    if let Some(last) = page.objects.last()
        && remaining > 0
    {
        page.continuation = Continuation::after(page.revision, namespace, &last.key).encode();
        page.remaining = Some(remaining).filter(|_| selection.is_everything());
    }
    page
}

impl Page {
    /// Refuses a page whose objects cannot be read, before anything is done to them.
    pub(super) async fn prepare(
        &self,
        registry: &Registry,
        cx: &Context<'_>,
        request: &Request,
    ) -> Result<View, ApiError> {
        let mut view = View::of(registry, cx, request);
        let prepared = view.prepare(self.objects.iter().map(AsRef::as_ref));
        let prepared = prepared.await;
        prepared.map_err(|error| unreadable(request, cx, &error))?;
        Ok(view)
    }

    /// The list's own metadata.
    fn metadata(&self) -> Map<String, Value> {
        let mut metadata = Map::new();
        let revision = self.revision.0.to_string();
        metadata.insert("resourceVersion".to_owned(), revision.into());
        if !self.continuation.is_empty() {
            let token = self.continuation.as_str();
            metadata.insert("continue".to_owned(), token.into());
        }
        if let Some(remaining) = self.remaining {
            metadata.insert("remainingItemCount".to_owned(), remaining.into());
        }
        metadata
    }
}

/// The list in protobuf: the message of each object as it is kept.
fn write_messages(view: &View, page: &Page) -> Response {
    let resource = &view.resource;
    let head = protobuf::list_head(&page.metadata());
    let mut length = head.len();
    let mut items = Vec::with_capacity(page.objects.len() + 3);
    items.push(Bytes::new());
    items.push(head.into());
    for stored in &page.objects {
        let item = protobuf::item(&view.protobuf(stored));
        length += item.len();
        items.push(item);
    }
    let version = resource.group_version.to_string();
    let [before, after] = protobuf::envelope(&version, &resource.list_kind, length);
    items[0] = before.into();
    items.push(after.into());
    Response::protobuf(200, items)
}

/// The list in pieces, each object as it is kept.
fn write_objects(view: &View, page: Page) -> Response {
    let resource = &view.resource;
    let is_custom = resource.custom.is_some();
    let mut metadata = page.metadata();
    if is_custom {
        metadata
            .entry("continue")
            .or_insert_with(|| Value::from(""));
    }
    let kind = Value::from(resource.list_kind.as_ref());
    let api_version = Value::from(resource.group_version.to_string());
    let metadata = Value::Object(metadata);
    let head =
        format!(r#"{{"kind":{kind},"apiVersion":{api_version},"metadata":{metadata},"items":["#);
    let mut chunks = Vec::with_capacity(page.objects.len() + 2);
    chunks.push(Chunk::from(Bytes::from(head)));
    // Items of a custom resource's list keep their types; those of a built-in kind have none, and
    // leave their last brace to whatever comes after them.
    let mut is_open = false;
    for (index, stored) in page.objects.into_iter().enumerate() {
        let is_served_version = view.is_served_version(&stored);
        if is_custom {
            if is_served_version && index > 0 {
                chunks.push(stored.later_whole_item().into());
                continue;
            }
            if index > 0 {
                chunks.push(Bytes::from_static(b",").into());
            }
            chunks.push(view.bytes(&stored).into());
        } else if is_served_version {
            let item = match index {
                0 => stored.first_item(),
                _ => stored.later_item(),
            };
            chunks.push(item.into());
            is_open = true;
        } else {
            let separator: &'static [u8] = if index > 0 { b"}," } else { b"" };
            chunks.push(Bytes::from_static(separator).into());
            chunks.push(view.bare_item(&stored).into());
            is_open = true;
        }
    }
    let end: &'static [u8] = if is_open { b"}]}" } else { b"]}" };
    chunks.push(Bytes::from_static(end).into());
    Response {
        code: 200,
        body: Body::Chunks(chunks),
        warnings: Vec::new(),
    }
}
