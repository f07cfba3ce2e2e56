//! Durations as Tables show them: two units at most, coarser the longer it is.
//!
//! *Upstream:* `apimachinery/pkg/util/duration/duration.go` (`HumanDuration`).

use jiff::{SignedDuration, Timestamp};

/// A duration for people: `75s`, `3m20s`, `5h`, `3d4h`, `2y30d`. A little clock skew is forgiven.
pub fn human(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let (days, years) = (hours / 24, hours / 24 / 365);
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        _ if minutes < 10 => two(minutes, "m", seconds % 60, "s"),
        _ if minutes < 180 => format!("{minutes}m"),
        _ if hours < 8 => two(hours, "h", minutes % 60, "m"),
        _ if hours < 48 => format!("{hours}h"),
        _ if hours < 24 * 8 => two(days, "d", hours % 24, "h"),
        _ if years < 2 => format!("{days}d"),
        _ if years < 8 => two(years, "y", days % 365, "d"),
        _ => format!("{years}y"),
    }
}

/// The smaller unit is left out where it is zero.
fn two(large: i64, large_unit: &str, small: i64, small_unit: &str) -> String {
    match small {
        0 => format!("{large}{large_unit}"),
        _ => format!("{large}{large_unit}{small}{small_unit}"),
    }
}

/// How long ago a time was, as it stands in an object; no time is unknown.
pub fn since(text: &str, now: Timestamp) -> String {
    match super::time::parse(text) {
        Some(then) => human(now.duration_since(then)),
        None => "<unknown>".to_owned(),
    }
}
