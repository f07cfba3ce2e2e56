//! Watches: what exists, if asked for, and then every change, once and in order.
//!
//! *Upstream:* `apiserver/pkg/endpoints/handlers/{get,watch}.go`, `storage/cacher/cacher.go`
//! (`Watch`), `cache_watcher.go`.

mod definition;
mod feed;
mod frame;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};
use jiff::Timestamp;

use self::feed::{Feed, Timer};
use self::frame::Frames;
use crate::error::ApiError;
use crate::registry::query::{ListOptions, Selection};
use crate::registry::view::View;
use crate::registry::{Batch, Body, Context, Registry, Request, Response, interpret, table};
use crate::sim::Entropy;
use crate::storage::{Error, Revision, Stored, Watch};

/// The least a watch lasts whose client does not say; at most twice that.
const DURATION_SECONDS_MIN: i64 = 1800;

/// Answers a watch.
///
/// Errors: what is wrong with the request itself. Whatever goes wrong with the watch afterwards is
/// its last event.
pub(crate) async fn watch(
    registry: &Registry,
    cx: &Context<'_>,
    request: &Request,
) -> Result<Response, ApiError> {
    let options = ListOptions::of(request)?;
    let strategy = registry.strategy(cx.resource);
    let selection = Selection::of(cx.resource, strategy, (cx.namespace, cx.name), &options)?;
    let asked = options.watched_revision()?;
    let start = Start::of(registry, cx, &options, &selection, asked);
    let view = View::of(registry, cx, request);
    table::check(&view)?;
    let mut frames = Frames::new(view, selection);
    if let Ok(start) = &start {
        let prepared = frames.prepare(&start.initial).await;
        prepared.map_err(|error| error.of_list(cx.resource))?;
    }
    let deadline = deadline(cx.now, options.timeout_seconds);
    let timer = Timer::new(&registry.clock, cx.now, deadline, options.allows_bookmarks);
    let feed = match start {
        Ok(start) => Feed::new(frames, timer, start),
        Err(error) => Feed::failed(frames, timer, &error),
    };
    let events = futures_util::stream::unfold(feed, |mut feed| async move {
        let batch = feed.next().await?;
        Some((batch, feed))
    });
    let events = events.fuse().boxed();
    let events = match &cx.resource.custom {
        Some(custom) if !custom.definition.is_empty() => {
            let replaced = definition::replaced(Arc::clone(&registry.reader), Arc::clone(custom));
            until(events, replaced.boxed())
        }
        _ => events,
    };
    Ok(Response {
        code: 200,
        body: Body::Events(events),
        warnings: Vec::new(),
    })
}

/// The same events, ending with the last that is there when `end` comes.
fn until(
    events: BoxStream<'static, Batch>,
    end: BoxFuture<'static, ()>,
) -> BoxStream<'static, Batch> {
    let state = (events, end.fuse());
    futures_util::stream::unfold(state, |(mut events, mut end)| async move {
        let next = tokio::select! {
            biased;
            next = events.next() => next,
            () = &mut end => events.next().now_or_never().flatten(),
        };
        next.map(|next| (next, (events, end)))
    })
    .boxed()
}

/// Where a watch begins.
struct Start {
    /// What exists, where it is asked for.
    initial: Vec<Arc<Stored>>,
    /// Whether a bookmark says where what exists ends.
    marks_initial_end: bool,
    /// Changes up to this revision are not sent.
    after: Revision,
    watch: Watch,
}

impl Start {
    fn of(
        registry: &Registry,
        cx: &Context<'_>,
        options: &ListOptions,
        selection: &Selection,
        asked: Revision,
    ) -> Result<Self, ApiError> {
        let reader = &registry.reader;
        let scope = selection.scope(cx.resource);
        let mut start = Vec::new();
        let sends_initial = options.sends_initial_events == Some(true);
        let after = if sends_initial {
            let snapshot = reader
                .snapshot(&cx.resource.storage, None)
                .map_err(|error| interpret::read(&error, None))?;
            if asked > snapshot.revision {
                return Err(interpret::too_large(asked.0, snapshot.revision.0));
            }
            let objects = snapshot.objects(Some(&selection.namespace), None);
            start.extend(objects.filter(|object| selection.contains(object)).cloned());
            snapshot.revision
        } else if asked.0 == 0 {
            reader.revision()
        } else {
            asked
        };
        let watch = match reader.watch(&scope, after) {
            // Upstream waits without a word for a version that is not there yet.
            Err(Error::Future { current }) => reader.watch(&scope, current),
            other => other,
        };
        Ok(Self {
            initial: start,
            marks_initial_end: sends_initial && options.allows_bookmarks,
            after,
            watch: watch.map_err(|error| interpret::read(&error, Some(asked)))?,
        })
    }
}

/// When a watch ends.
fn deadline(now: Timestamp, timeout_seconds: i64) -> Timestamp {
    let seconds = match timeout_seconds {
        // Chance that is drawn from the time, so that a watch takes no draw from anybody else.
        0 => {
            let draw = Entropy::seeded(now.as_microsecond().cast_unsigned());
            DURATION_SECONDS_MIN + draw.below(DURATION_SECONDS_MIN as u64) as i64
        }
        seconds => seconds,
    };
    let duration = Duration::from_secs(seconds.max(0).cast_unsigned());
    now.saturating_add(duration).unwrap_or(Timestamp::MAX)
}
