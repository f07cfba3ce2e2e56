//! Times as the API writes them: RFC 3339 in UTC, `metav1.Time` in seconds, `metav1.MicroTime` in
//! microseconds.
//!
//! *Upstream:* `apimachinery/pkg/apis/meta/v1/{time,micro_time}.go`.

mod human;
mod parse;

pub use human::{age, human_duration};
use jiff::Timestamp;
use parse::Instant;
pub(super) use parse::quoted;
pub use parse::{read_micros, read_seconds};
use serde_json::Value;

use super::Object;

/// Why a text is no time or duration, in the words the API server answers with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TimeError(pub(super) String);

/// The time as `metav1.Time` prints it: UTC, whole seconds.
pub fn seconds(time: Timestamp) -> String {
    print(instant(time), false)
}

/// The time as `metav1.MicroTime` prints it: UTC, six decimal places.
pub fn micros(time: Timestamp) -> String {
    print(instant(time), true)
}

/// The text of a `metav1.Time` in its printed form; `None` where it is that already or is no time.
pub fn canonical_seconds(text: &str) -> Option<String> {
    if is_printed(text, "0000-00-00T00:00:00Z") {
        return None;
    }
    Instant::read_seconds(text)
        .ok()
        .map(|time| print(time, false))
}

/// The text of a `metav1.MicroTime` in its printed form; `None` where it is that already or is no
/// time.
pub fn canonical_micros(text: &str) -> Option<String> {
    if is_printed(text, "0000-00-00T00:00:00.000000Z") {
        return None;
    }
    Instant::read_micros(text)
        .ok()
        .map(|time| print(time, true))
}

/// Whether a text is Go's zero time, which prints as null.
pub fn is_zero(text: &str) -> bool {
    text.starts_with("0001-01-01T00:00:00")
        && Instant::read_seconds(text)
            .is_ok_and(|time| time.second == ZERO_SECOND && time.nanosecond == 0)
}

/// Whether the text has the form of the pattern, in which 0 stands for any digit.
fn is_printed(text: &str, pattern: &str) -> bool {
    text.len() == pattern.len()
        && text
            .bytes()
            .zip(pattern.bytes())
            .all(|(byte, pattern)| match pattern {
                b'0' => byte.is_ascii_digit(),
                other => byte == other,
            })
}

fn instant(time: Timestamp) -> Instant {
    Instant {
        second: time.as_nanosecond().div_euclid(1_000_000_000) as i64,
        nanosecond: time.as_nanosecond().rem_euclid(1_000_000_000) as i64,
    }
}

fn print(time: Instant, has_microseconds: bool) -> String {
    let (days, of_day) = (time.second.div_euclid(86400), time.second.rem_euclid(86400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    if has_microseconds {
        format!("{text}.{:06}Z", time.nanosecond / 1000)
    } else {
        text + "Z"
    }
}

/// A time in either form; `None` where the text is none.
pub fn parse(text: &str) -> Option<Timestamp> {
    read_seconds(text).ok()
}

/// The time that stands at a path of an object, in either form.
pub fn time_at(object: &Object, path: &[&str]) -> Option<Timestamp> {
    object.get(path).and_then(time_of)
}

/// The time a JSON value means, in either form.
pub fn time_of(value: &Value) -> Option<Timestamp> {
    parse(value.as_str()?)
}

/// The second of Go's zero time.
const ZERO_SECOND: i64 = -62_135_596_800;

/// Year, month and day of so many days since 1970-01-01 (proleptic Gregorian).
fn civil(days: i64) -> (i64, i64, i64) {
    // Eras of 400 years that begin on a first of March.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// Days since 1970-01-01 of a date (proleptic Gregorian).
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    era * 146_097 + of_era - 719_468
}
