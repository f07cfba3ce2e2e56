//! The flags about the record of who did what.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use clap::{Args, ValueEnum};
use parking_lot::Mutex;

use super::Fault;
use super::files::{append, read};
use crate::audit::{Policy, Sink};
use crate::cluster::Builder;

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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Json,
}

/// Lines, one after the other.
struct Lines(Mutex<Box<dyn Write + Send>>);

impl Sink for Lines {
    fn write(&self, events: &[Bytes]) {
        let mut out = self.0.lock();
        let written = events.iter().try_for_each(|event| {
            out.write_all(event)?;
            out.write_all(b"\n")
        });
        if let Err(error) = written.and_then(|()| out.flush()) {
            tracing::warn!(%error, "audit events could not be written");
        }
    }
}

impl Audit {
    /// The cluster that the flags describe.
    pub(super) fn apply(&self, builder: Builder) -> Result<Builder, Fault> {
        let policy = match &self.policy {
            None => None,
            Some(path) => {
                let policy = Policy::parse(&read("--audit-policy-file", path)?)
                    .map_err(|error| Fault::usage(format!("{}: {error}", path.display())))?;
                Some(policy)
            }
        };
        let (Some(policy), Some(path)) = (policy, &self.log) else {
            return Ok(builder);
        };
        let out: Box<dyn Write + Send> = if path.as_os_str() == "-" {
            Box::new(std::io::stdout())
        } else {
            Box::new(append("--audit-log-path", path)?)
        };
        Ok(builder.audit(policy, Arc::new(Lines(Mutex::new(out)))))
    }
}
