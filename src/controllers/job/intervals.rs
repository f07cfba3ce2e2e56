//! Indexes in order, written as `0,2-5,7`.
//!
//! *Upstream:* `pkg/controller/job/indexed_job_utils.go` (`orderedIntervals`).

use std::collections::BTreeSet;
use std::fmt;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Intervals(BTreeSet<i64>);

impl Intervals {
    /// Reads them, but for those that are not asked for; what cannot be read is left out.
    pub(super) fn parse(text: &str, completions: i64) -> Self {
        let mut indexes = BTreeSet::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            if let (Ok(first), Ok(last)) = (first.parse::<i64>(), last.parse::<i64>()) {
                indexes.extend(first..(last + 1).min(completions));
            }
        }
        Self(indexes)
    }

    pub(super) fn add(&mut self, index: i64) {
        self.0.insert(index);
    }

    pub(super) fn has(&self, index: i64) -> bool {
        self.0.contains(&index)
    }

    pub(super) fn total(&self) -> i64 {
        i64::try_from(self.0.len()).unwrap_or(i64::MAX)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many of these are among others.
    pub(super) fn among(&self, others: &Self) -> i64 {
        i64::try_from(self.0.intersection(&others.0).count()).unwrap_or(i64::MAX)
    }
}

impl fmt::Display for Intervals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.iter().copied().peekable();
        let mut separator = "";
        while let Some(first) = rest.next() {
            let mut last = first;
            while rest.next_if_eq(&(last + 1)).is_some() {
                last += 1;
            }
            write!(f, "{separator}{first}")?;
            match last - first {
                0 => {}
                1 => write!(f, ",{last}")?,
                _ => write!(f, "-{last}")?,
            }
            separator = ",";
        }
        Ok(())
    }
}
