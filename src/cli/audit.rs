//! The flags about the record of who did what.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use clap::{Args, ValueEnum};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};

use super::Fault;
use super::access::target;
use super::audit_log::{Limits, Log};
use super::files::read;
use crate::audit::{Policy, Sink};
use crate::cluster::Builder;

/// How long a log gets where nobody says, in MiB.
const LOG_MIB: u64 = 100;

/// Flags about the audit, under kube-apiserver's names.
#[derive(Debug, Args)]
pub(super) struct Audit {
    /// What is recorded, and how much of it: an audit.k8s.io/v1 Policy
    #[arg(id = "audit_policy", long = "audit-policy-file", value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Where it is recorded, a line each; - for stdout
    #[arg(id = "audit_log", long = "audit-log-path", value_name = "FILE")]
    log: Option<PathBuf>,
    /// How it is recorded
    #[arg(id = "audit_format", long = "audit-log-format", value_enum, default_value_t = Format::Json)]
    format: Format,
    /// Length in MiB from which a log is cut off and a new one begun; 0 for 100
    #[arg(
        id = "audit_maxsize",
        long = "audit-log-maxsize",
        value_name = "MIB",
        default_value_t = 0
    )]
    maxsize: u64,
    /// Logs to keep that were cut off; 0 for all
    #[arg(
        id = "audit_maxbackup",
        long = "audit-log-maxbackup",
        value_name = "N",
        default_value_t = 0
    )]
    maxbackup: usize,
    /// Days to keep them; 0 for ever
    #[arg(
        id = "audit_maxage",
        long = "audit-log-maxage",
        value_name = "DAYS",
        default_value_t = 0
    )]
    maxage: i64,
    /// How a log is written: always behind the answer, in order
    #[arg(id = "audit_mode", long = "audit-log-mode", value_name = "MODE", default_value = "batch",
          value_parser = ["batch", "blocking"])]
    mode: String,
    /// Kubeconfig of whom it is posted to
    #[arg(
        id = "audit_webhook",
        long = "audit-webhook-config-file",
        value_name = "FILE"
    )]
    webhook: Option<PathBuf>,
    /// How it is posted: always behind the answer, many events at once
    #[arg(id = "audit_webhook_mode", long = "audit-webhook-mode", value_name = "MODE",
          default_value = "batch", value_parser = ["batch", "blocking"])]
    webhook_mode: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Json,
}

/// Lines to stdout, one after the other.
struct Lines;

impl Sink for Lines {
    fn write<'a>(&'a self, events: &'a [Bytes]) -> BoxFuture<'a, ()> {
        let mut out = std::io::stdout();
        let written = events.iter().try_for_each(|event| {
            out.write_all(event)?;
            out.write_all(b"\n")
        });
        if let Err(error) = written.and_then(|()| out.flush()) {
            tracing::warn!(%error, "audit events could not be written");
        }
        ready(()).boxed()
    }
}

impl Audit {
    /// The cluster that the flags describe.
    pub(super) fn apply(&self, mut builder: Builder) -> Result<Builder, Fault> {
        let Some(path) = &self.policy else {
            return Ok(builder);
        };
        let policy = Policy::parse(&read("--audit-policy-file", path)?)
            .map_err(|error| Fault::usage(format!("{}: {error}", path.display())))?;
        if let Some(path) = &self.log {
            let sink: Arc<dyn Sink> = if path.as_os_str() == "-" {
                Arc::new(Lines)
            } else {
                let mib = if self.maxsize == 0 {
                    LOG_MIB
                } else {
                    self.maxsize
                };
                let limits = Limits {
                    bytes: mib << 20,
                    backups: self.maxbackup,
                    days: self.maxage,
                };
                Arc::new(Log::open(path, limits)?)
            };
            builder = builder.audit(policy.clone(), sink);
        }
        if let Some(path) = &self.webhook {
            let target = target("--audit-webhook-config-file", path)?;
            builder = builder.audit_webhook(policy, target);
        }
        Ok(builder)
    }
}
