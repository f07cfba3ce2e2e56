//! `mockernetes settle`, `advance` and `clock`: a running cluster, steered from outside by its
//! `/-/` paths.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clap::{Args, ValueEnum};
use http::Request;
use http_body_util::BodyExt;
use serde_json::Value;

use super::Fault;
use super::access::target;
use super::files::read_bytes;
use crate::webhook::{Caller, Place, Services, Target};

/// How long a server may take to answer, beyond what it was asked to wait.
const PATIENCE: Duration = Duration::from_mins(10);

/// Which cluster, and as whom.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// Kubeconfig that says where the cluster is [default: the file that $KUBECONFIG names, or
    /// ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// URL of the cluster, in place of the kubeconfig's; by itself enough without TLS
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// Bearer token, in place of the kubeconfig's credentials
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// Certificates that the server is believed by (PEM), in place of the kubeconfig's
    #[arg(long, value_name = "FILE")]
    certificate_authority: Option<PathBuf>,
    /// How to print the answer
    #[arg(long, short, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

/// Flags of `settle`.
#[derive(Debug, Args)]
pub(super) struct Settle {
    #[command(flatten)]
    which: Which,
    /// How long to wait at most
    #[arg(long, value_name = "DURATION", default_value = "1m")]
    timeout: String,
}

/// Flags of `advance`.
#[derive(Debug, Args)]
pub(super) struct Advance {
    #[command(flatten)]
    which: Which,
    /// How far, for example 90s or 1h30m
    #[arg(
        value_name = "DURATION",
        required_unless_present = "to",
        allow_hyphen_values = true
    )]
    by: Option<String>,
    /// Until when, for example 2026-01-01T00:00:00Z
    #[arg(long, value_name = "TIME", conflicts_with = "by")]
    to: Option<String>,
}

/// Flags of `clock`.
#[derive(Debug, Args)]
pub(super) struct Clock {
    #[command(flatten)]
    which: Which,
}

/// Waits until a cluster has settled.
pub(super) fn settle(flags: &Settle) -> Result<(), Fault> {
    let path = format!("/-/settle?timeout={}", escaped(&flags.timeout));
    steer(&flags.which, "POST", &path)
}

/// Moves a cluster's clock.
pub(super) fn advance(flags: &Advance) -> Result<(), Fault> {
    let (name, value) = match (&flags.by, &flags.to) {
        (Some(by), _) => ("by", by.as_str()),
        (None, to) => ("to", to.as_deref().unwrap_or("")),
    };
    let path = format!("/-/advance?{name}={}", escaped(value));
    steer(&flags.which, "POST", &path)
}

/// Prints a cluster's time.
pub(super) fn clock(flags: &Clock) -> Result<(), Fault> {
    steer(&flags.which, "GET", "/-/clock")
}

fn steer(which: &Which, method: &str, path: &str) -> Result<(), Fault> {
    let target = which.target()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::failed(format!("cannot start: {error}")))?;
    let found = runtime.block_on(ask(&target, method, path))?;
    let text = match which.output {
        Output::Json => format!("{found:#}\n"),
        Output::Text => lines(&found),
    };
    // Who closes the pipe has read enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}

impl Which {
    fn target(&self) -> Result<Target, Fault> {
        let mut found = match (&self.kubeconfig, &self.server) {
            (Some(path), _) => target("--kubeconfig", path)?,
            (None, Some(_)) => Target::default(),
            (None, None) => target("$KUBECONFIG", &kubeconfig()?)?,
        };
        if let Some(url) = &self.server {
            found.place = Place::Url(url.clone());
        }
        if let Some(token) = &self.token {
            found.authorization = format!("Bearer {token}");
        }
        if let Some(path) = &self.certificate_authority {
            found.ca_bundle = read_bytes("--certificate-authority", path)?;
        }
        Ok(found)
    }
}

/// Where kubectl looks.
#[allow(
    clippy::disallowed_methods,
    reason = "the command line reads the environment"
)]
fn kubeconfig() -> Result<PathBuf, Fault> {
    if let Some(paths) = std::env::var_os("KUBECONFIG")
        && let Some(first) = std::env::split_paths(&paths).find(|path| !path.as_os_str().is_empty())
    {
        return Ok(first);
    }
    std::env::home_dir()
        .map(|home| home.join(".kube").join("config"))
        .filter(|path| path.exists())
        .ok_or_else(|| Fault::usage("which cluster? Say --kubeconfig FILE or --server URL"))
}

/// Asks, and reads the answer.
async fn ask(target: &Target, method: &str, path: &str) -> Result<Value, Fault> {
    let Place::Url(server) = &target.place else {
        return Err(Fault::usage("--server: expected a URL"));
    };
    let url = format!("{}{path}", server.trim_end_matches('/'));
    let failed = |why: String| Fault::failed(format!("{url}: {why}"));
    let mut request = Request::builder().method(method).uri(&url);
    if !target.authorization.is_empty() {
        request = request.header("authorization", &target.authorization);
    }
    let request = request
        .header("user-agent", "mockernetes")
        .header("accept", "application/json")
        .body(Bytes::new())
        .map_err(|error| failed(error.to_string()))?;
    let spawn: crate::sim::Spawn = Arc::new(|task| {
        tokio::runtime::Handle::current().spawn(task);
    });
    let caller = Caller::new(spawn, Services::default());
    let exchange = async {
        let response = caller.forward(target, request).await?;
        let code = response.status();
        let body = response.into_body().collect().await;
        let body = body.map_err(|error| error.to_string())?;
        Ok((code, body.to_bytes()))
    };
    // The server is real, and so is the time it may take.
    #[allow(clippy::disallowed_methods)]
    let answered = tokio::time::timeout(PATIENCE, exchange).await;
    let (code, body) = answered
        .unwrap_or_else(|_| Err("no answer".to_owned()))
        .map_err(failed)?;
    let value: Value = serde_json::from_slice(&body).unwrap_or_default();
    if code.is_success() && value["now"].is_string() {
        return Ok(value);
    }
    Err(match value["message"].as_str() {
        Some(message) if code != http::StatusCode::NOT_FOUND => Fault::failed(message),
        _ => Fault::failed(format!("{url} answered {code}: is it a mockernetes?")),
    })
}

/// What people read of an answer.
fn lines(found: &Value) -> String {
    let text = |of: &Value, name: &str| of[name].as_str().unwrap_or("").to_owned();
    let mut out = format!(
        "{} ({} clock{}), revision {}\n",
        text(found, "now"),
        text(found, "clock"),
        match found["start"].as_str() {
            Some(start) => format!(", begun {start}"),
            None => String::new(),
        },
        found["revision"]
    );
    let waiting = found["waiting"].as_array().map_or(&[][..], Vec::as_slice);
    for one in waiting {
        let parts = ["until", "object", "controller"].map(|name| text(one, name));
        let [until, object, controller] = parts;
        let _ = writeln!(out, "  until {until}  {object}  ({controller})");
    }
    let more = found["waitingCount"].as_u64().unwrap_or(0) as usize;
    if more > waiting.len() {
        let _ = writeln!(out, "  and {} more", more - waiting.len());
    }
    out
}

/// A value as it stands in a query.
fn escaped(value: &str) -> String {
    crate::server::path::escape(value)
}
