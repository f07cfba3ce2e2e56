//! Counts that are numbers or percentages of another.
//!
//! *Upstream:* `apimachinery/pkg/util/intstr` (`GetScaledValueFromIntOrPercent`).

use serde_json::Value;

/// To which side a percentage is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Round {
    /// Up.
    Up,
    /// Down.
    Down,
}

/// The count that a value is of a total; 0 where there is none.
pub(crate) fn count(value: Option<&Value>, total: i64, round: Round) -> i64 {
    let Some(value) = value else { return 0 };
    if let Some(number) = value.as_i64() {
        return number;
    }
    let percent = value
        .as_str()
        .and_then(|text| text.strip_suffix('%'))
        .and_then(|text| text.parse::<i64>().ok())
        .unwrap_or(0);
    match round {
        Round::Up => (percent * total + 99).div_euclid(100),
        Round::Down => (percent * total).div_euclid(100),
    }
}
