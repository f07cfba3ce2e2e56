//! Which indexes are enough.
//!
//! *Upstream:* `pkg/controller/job/success_policy.go`.

use super::intervals::Intervals;
use super::look::Look;

/// The rule that is met, in words.
pub(super) fn met(look: &Look<'_>) -> Option<String> {
    let completions = look.completions()?;
    let rules = look.job.items(&["spec", "successPolicy", "rules"]);
    let place = rules.iter().position(|rule| {
        let count = rule["succeededCount"].as_i64();
        let Some(indexes) = rule["succeededIndexes"].as_str() else {
            return count.is_some_and(|count| look.succeeded_indexes.total() >= count);
        };
        let wanted = Intervals::parse(indexes, completions);
        let found = wanted.among(&look.succeeded_indexes);
        let is_enough = found == wanted.total() || count.is_some_and(|count| found >= count);
        !wanted.is_empty() && is_enough
    })?;
    Some(format!("Matched rules at index {place}"))
}
