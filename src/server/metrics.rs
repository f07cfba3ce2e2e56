//! Counts and durations of requests, under kube-apiserver's metric names.
//!
//! *Upstream:* `apiserver/pkg/endpoints/metrics/metrics.go`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::hash::Hasher;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::path::Location;
use crate::registry::Verb;

/// Upper bounds of the duration buckets, in seconds.
const BUCKETS: [f64; 23] = [
    0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0,
    10.0, 15.0, 20.0, 30.0, 45.0, 60.0,
];

/// How many kinds of requests are told apart: paths are the client's to invent, memory is not.
const ROWS_MAX: usize = 4096;

/// Everything that is counted.
#[derive(Default)]
pub struct Metrics {
    rows: Mutex<BTreeMap<u64, Row>>,
    /// Requests that change something and are being answered.
    pub mutating: AtomicI64,
    /// Requests that read and are being answered.
    pub reading: AtomicI64,
    /// Watches that are open.
    pub watches: AtomicI64,
}

/// What is counted of one kind of request.
struct Row {
    labels: Labels,
    codes: BTreeMap<u16, u64>,
    seconds: f64,
    buckets: [u64; BUCKETS.len()],
    count: u64,
    open: i64,
}

/// What tells requests apart.
#[derive(Clone, PartialEq, Eq)]
struct Labels {
    verb: &'static str,
    is_dry_run: bool,
    group: String,
    version: String,
    resource: String,
    subresource: String,
    scope: &'static str,
}

/// The kind of a request: a number for its labels, computed without copying them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Series(u64);

/// The time a request began.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now. The server times itself; no object ever sees this time.
    #[allow(clippy::disallowed_methods)]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

impl Metrics {
    /// Finds or opens the row of a request.
    pub fn series(&self, method: &str, location: &Location, is_dry_run: bool) -> Series {
        let verb = reported_verb(method, location);
        let scope = scope(location);
        let target = &location.target;
        let mut hasher = std::hash::DefaultHasher::new();
        for part in [
            verb,
            scope,
            &target.group,
            &target.version,
            &target.resource,
            &target.subresource,
        ] {
            hasher.write(part.as_bytes());
            hasher.write_u8(0xff);
        }
        hasher.write_u8(u8::from(is_dry_run));
        let key = hasher.finish();
        let mut rows = self.rows.lock();
        if rows.len() >= ROWS_MAX && !rows.contains_key(&key) {
            return Series(0);
        }
        rows.entry(key).or_insert_with(|| Row {
            labels: Labels {
                verb,
                is_dry_run,
                group: target.group.clone(),
                version: target.version.clone(),
                resource: target.resource.clone(),
                subresource: target.subresource.clone(),
                scope,
            },
            codes: BTreeMap::new(),
            seconds: 0.0,
            buckets: [0; BUCKETS.len()],
            count: 0,
            open: 0,
        });
        Series(key)
    }

    /// Counts an answered request.
    pub fn record(&self, series: Series, code: u16, elapsed: Duration) {
        let seconds = elapsed.as_secs_f64();
        let mut rows = self.rows.lock();
        let Some(row) = rows.get_mut(&series.0) else {
            return;
        };
        *row.codes.entry(code).or_insert(0) += 1;
        row.count += 1;
        row.seconds += seconds;
        if let Some(index) = BUCKETS.iter().position(|bound| seconds <= *bound) {
            row.buckets[index] += 1;
        }
    }

    /// Counts a request that was refused before it was understood.
    pub fn refused(&self, code: u16) {
        let series = self.series("", &Location::default(), false);
        self.record(series, code, Duration::ZERO);
    }

    /// Begins to count requests anew; what is open stays open.
    pub fn reset(&self) {
        for row in self.rows.lock().values_mut() {
            (row.codes, row.buckets) = (BTreeMap::new(), [0; BUCKETS.len()]);
            (row.seconds, row.count) = (0.0, 0);
        }
    }

    /// Counts a watch that opens (1) or ends (-1).
    pub fn open_watches(&self, series: Series, change: i64) {
        self.watches.fetch_add(change, Ordering::Relaxed);
        if let Some(row) = self.rows.lock().get_mut(&series.0) {
            row.open += change;
        }
    }

    /// Everything in Prometheus' text form.
    pub fn render(&self) -> String {
        let mut out = String::new();
        // A String takes whatever is written.
        let _ = self.render_into(&mut out);
        out
    }

    fn render_into(&self, out: &mut String) -> std::fmt::Result {
        let rows = self.rows.lock();
        let mut rows: Vec<(String, &Row)> =
            rows.values().map(|row| (row.labels.text(), row)).collect();
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        heading(
            out,
            "apiserver_request_total",
            "counter",
            "Requests by verb, dry run, group, version, resource, scope, component and code.",
        )?;
        for (labels, row) in &rows {
            for (code, count) in &row.codes {
                writeln!(
                    out,
                    "apiserver_request_total{{code=\"{code}\",{labels}}} {count}"
                )?;
            }
        }
        let name = "apiserver_request_duration_seconds";
        heading(out, name, "histogram", "Time to answer, in seconds.")?;
        for (labels, row) in &rows {
            let mut sum = 0;
            for (bound, count) in BUCKETS.iter().zip(row.buckets) {
                sum += count;
                writeln!(out, "{name}_bucket{{{labels},le=\"{bound}\"}} {sum}")?;
            }
            writeln!(out, "{name}_bucket{{{labels},le=\"+Inf\"}} {}", row.count)?;
            writeln!(out, "{name}_sum{{{labels}}} {}", row.seconds)?;
            writeln!(out, "{name}_count{{{labels}}} {}", row.count)?;
        }
        let name = "apiserver_longrunning_requests";
        heading(out, name, "gauge", "Watches that are open.")?;
        for (labels, row) in rows.iter().filter(|(_, row)| row.labels.verb == "WATCH") {
            let labels = labels.replace("dry_run=\"\",", "");
            writeln!(out, "{name}{{{labels}}} {}", row.open)?;
        }
        let name = "apiserver_current_inflight_requests";
        heading(out, name, "gauge", "Requests being answered now, by kind.")?;
        for (kind, gauge) in [("mutating", &self.mutating), ("readOnly", &self.reading)] {
            let value = gauge.load(Ordering::Relaxed);
            writeln!(out, "{name}{{request_kind=\"{kind}\"}} {value}")?;
        }
        process(out)
    }
}

impl Labels {
    fn text(&self) -> String {
        let dry_run = if self.is_dry_run { "All" } else { "" };
        let component = if self.resource.is_empty() {
            ""
        } else {
            "apiserver"
        };
        format!(
            "component=\"{component}\",dry_run=\"{dry_run}\",group=\"{}\",resource=\"{}\",\
             scope=\"{}\",subresource=\"{}\",verb=\"{}\",version=\"{}\"",
            escape(&self.group),
            escape(&self.resource),
            self.scope,
            escape(&self.subresource),
            self.verb,
            escape(&self.version)
        )
    }
}

/// What the system says of this process; nothing where it keeps no `/proc`.
#[allow(
    clippy::disallowed_methods,
    reason = "the process looks at itself, not at objects"
)]
fn process(out: &mut String) -> std::fmt::Result {
    /// `getconf PAGESIZE` and `CLK_TCK` of every Linux this runs on.
    const PAGE_BYTES: u64 = 4096;
    const TICKS_PER_SECOND: f64 = 100.0;
    let (Ok(memory), Ok(stat), Ok(files)) = (
        std::fs::read_to_string("/proc/self/statm"),
        std::fs::read_to_string("/proc/self/stat"),
        std::fs::read_dir("/proc/self/fd"),
    ) else {
        return Ok(());
    };
    let pages = |index: usize| -> u64 {
        let field = memory.split_whitespace().nth(index);
        field.and_then(|text| text.parse().ok()).unwrap_or(0)
    };
    // The command's name may hold spaces; fields are counted after its bracket.
    let fields = stat.rsplit(')').next().unwrap_or("");
    let ticks = |index: usize| -> f64 {
        let field = fields.split_whitespace().nth(index);
        field.and_then(|text| text.parse().ok()).unwrap_or(0.0)
    };
    let cpu = (ticks(11) + ticks(12)) / TICKS_PER_SECOND;
    for (name, kind, help, value) in [
        (
            "process_cpu_seconds_total",
            "counter",
            "Time on a processor.",
            cpu.to_string(),
        ),
        (
            "process_open_fds",
            "gauge",
            "Open files.",
            files.count().to_string(),
        ),
        (
            "process_resident_memory_bytes",
            "gauge",
            "Memory in use.",
            (pages(1) * PAGE_BYTES).to_string(),
        ),
        (
            "process_virtual_memory_bytes",
            "gauge",
            "Memory mapped.",
            (pages(0) * PAGE_BYTES).to_string(),
        ),
    ] {
        heading(out, name, kind, help)?;
        writeln!(out, "{name} {value}")?;
    }
    Ok(())
}

fn heading(out: &mut String, name: &str, kind: &str, help: &str) -> std::fmt::Result {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}")
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

/// The verb as metrics write it.
fn reported_verb(method: &str, location: &Location) -> &'static str {
    match location.verb {
        Some(Verb::Watch) => "WATCH",
        Some(Verb::List) => "LIST",
        _ => match method {
            "GET" | "HEAD" => "GET",
            "POST" => "POST",
            "PUT" => "PUT",
            "PATCH" => "PATCH",
            "DELETE" => "DELETE",
            _ => "other",
        },
    }
}

fn scope(location: &Location) -> &'static str {
    if !location.is_resource {
        ""
    } else if !location.target.name.is_empty() || location.verb == Some(Verb::Create) {
        "resource"
    } else if location.namespace.is_empty() {
        "cluster"
    } else {
        "namespace"
    }
}
