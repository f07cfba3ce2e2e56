//! Durations for a human's eye, in two or three digits: `2d3h`, `47h`.
//!
//! *Upstream:* `apimachinery/pkg/util/duration/duration.go`.

use jiff::Timestamp;
use serde_json::Value;

use super::time_of;

/// Whole seconds as kubectl prints an age.
pub fn human_duration(seconds: i64) -> String {
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let days = hours / 24;
    match seconds {
        // A clock may be a second ahead of another.
        i64::MIN..=-2 => return "<invalid>".to_owned(),
        -1 => return "0s".to_owned(),
        0..120 => return format!("{seconds}s"),
        _ => {}
    }
    if minutes < 10 {
        pair(minutes, "m", seconds % 60, "s")
    } else if minutes < 180 {
        format!("{minutes}m")
    } else if hours < 8 {
        pair(hours, "h", minutes % 60, "m")
    } else if hours < 48 {
        format!("{hours}h")
    } else if days < 8 {
        pair(days, "d", hours % 24, "h")
    } else if days < 365 * 2 {
        format!("{days}d")
    } else if days < 365 * 8 {
        pair(days / 365, "y", days % 365, "d")
    } else {
        format!("{}y", days / 365)
    }
}

/// The second part only where it is not zero.
fn pair(large: i64, large_unit: &str, small: i64, small_unit: &str) -> String {
    if small == 0 {
        format!("{large}{large_unit}")
    } else {
        format!("{large}{large_unit}{small}{small_unit}")
    }
}

/// How long ago a JSON time was: `<unknown>` where there is none.
pub fn age(since: Option<&Value>, now: Timestamp) -> String {
    match since.and_then(time_of) {
        None => "<unknown>".to_owned(),
        Some(since) => {
            let nanoseconds = now.as_nanosecond() - since.as_nanosecond();
            // Towards zero, as Go converts a float.
            human_duration((nanoseconds / 1_000_000_000) as i64)
        }
    }
}
