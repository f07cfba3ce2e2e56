//! RFC 3339 as `metav1.Time` (seconds) and `metav1.MicroTime` (microseconds) print it: in UTC.
//!
//! *Upstream:* `apimachinery/pkg/apis/meta/v1/{time,micro_time}.go`.

use jiff::Timestamp;

/// A time in seconds, as `metav1.Time` prints it.
pub fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A time in microseconds, as `metav1.MicroTime` prints it.
pub fn micros(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// The time in seconds in its printed form; `None` where it is that already or is no time.
pub fn canonical_seconds(text: &str) -> Option<String> {
    if is_printed(text, "0000-00-00T00:00:00Z") {
        return None;
    }
    parse(text).map(seconds)
}

/// The time in microseconds in its printed form; `None` where it is that already or is no time.
pub fn canonical_micros(text: &str) -> Option<String> {
    if is_printed(text, "0000-00-00T00:00:00.000000Z") {
        return None;
    }
    parse(text).map(micros)
}

/// A time as Go's `time.RFC3339` reads it.
pub fn parse(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let has_shape = bytes.len() >= 20
        && bytes[10] == b'T'
        && is_printed(text.get(..19)?, "0000-00-00T00:00:00");
    if !has_shape {
        return None;
    }
    text.parse().ok()
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
