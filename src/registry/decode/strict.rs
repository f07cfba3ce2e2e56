//! Unknown and duplicate fields, as a strict decoder reports them.
//!
//! *Upstream:* `sigs.k8s.io/json` (`kubernetes_patch.go`).

use super::place::Place;
use crate::object::quote::quoted;

/// No more than these are reported by a decoder.
const REPORTED_MAX: usize = 100;

/// Reports in the order found, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Strict(Vec<String>);

impl Strict {
    /// A field the struct does not have.
    pub(super) fn unknown(&mut self, place: &Place<'_>, name: &str) {
        self.push(format!("unknown field {}", quoted(&place.path_of(name))));
    }

    /// A field or key that was there before.
    pub(super) fn duplicate(&mut self, place: &Place<'_>, name: &str) {
        self.push(format!("duplicate field {}", quoted(&place.path_of(name))));
    }

    /// A report in its final words.
    pub(super) fn push(&mut self, report: String) {
        if self.0.len() < REPORTED_MAX && !self.0.contains(&report) {
            self.0.push(report);
        }
    }

    /// A report in its final words of what is found after decoding, of which there may be any
    /// number.
    pub(super) fn add(&mut self, report: String) {
        self.0.push(report);
    }

    /// The same reports of fields under `parent`.
    pub(super) fn under(self, parent: &str) -> Self {
        let under = |report: String| match report.split_once('"') {
            Some((kind, path)) => format!("{kind}\"{parent}.{path}"),
            None => report,
        };
        Self(self.0.into_iter().map(under).collect())
    }

    /// Puts reports in front of these.
    pub(super) fn prepend(&mut self, mut first: Self) {
        first.0.append(&mut self.0);
        self.0 = first.0;
    }

    /// The reports.
    pub(crate) fn reports(&self) -> &[String] {
        &self.0
    }
}
