//! Durations as Go's `time.Duration` reads and prints them: `1h30m0s`, `250ms`.
//!
//! *Upstream:* `time.ParseDuration` and `time.Duration.String` of Go.

use super::time::{TimeError, quoted};

/// The magnitude of the most negative duration.
const MAGNITUDE_MAX: u64 = 1 << 63;

/// The duration in its printed form; `None` where the text is no duration.
pub fn canonical(text: &str) -> Option<String> {
    parse(text).ok().map(print)
}

/// Nanoseconds of a duration.
pub fn parse(text: &str) -> Result<i64, TimeError> {
    let invalid = || wrong("invalid duration", text);
    let (is_negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (whole, after) = digits(rest);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => digits(after),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let is_number = |c: char| c == '.' || c.is_ascii_digit();
        let (unit, after) = after.split_at(after.find(is_number).unwrap_or(after.len()));
        if unit.is_empty() {
            return Err(wrong("missing unit in duration", text));
        }
        let Some(scale) = nanoseconds(unit) else {
            let what = format!("unknown unit {} in duration", quoted(unit));
            return Err(wrong(&what, text));
        };
        let amount = amount(whole, fraction, scale).ok_or_else(invalid)?;
        total = total.checked_add(amount).ok_or_else(invalid)?;
        if total > MAGNITUDE_MAX {
            return Err(invalid());
        }
        rest = after;
    }
    if is_negative {
        return Ok(total.wrapping_neg().cast_signed());
    }
    i64::try_from(total).map_err(|_| invalid())
}

fn wrong(what: &str, text: &str) -> TimeError {
    TimeError(format!("time: {what} {}", quoted(text)))
}

/// The leading digits, and what follows them.
fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}

fn nanoseconds(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => 1,
        // The micro sign and the Greek letter.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

fn amount(whole: &str, fraction: &str, scale: u64) -> Option<u64> {
    let value: u64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let mut total = value.checked_mul(scale)?;
    // What lies beyond 18 places cannot be seen in a nanosecond.
    let places = &fraction[..fraction.len().min(18)];
    if !places.is_empty() {
        let value: u64 = places.parse().ok()?;
        let divisor = 10_f64.powi(places.len() as i32);
        total = total.checked_add((value as f64 * (scale as f64 / divisor)) as u64)?;
    }
    (total <= MAGNITUDE_MAX).then_some(total)
}

/// A number of nanoseconds as Go prints a duration.
pub fn print(duration: i64) -> String {
    let sign = if duration < 0 { "-" } else { "" };
    let total = duration.unsigned_abs();
    let small = |unit: u64, name: &str| {
        format!(
            "{sign}{}{}{name}",
            total / unit,
            fraction(total % unit, unit)
        )
    };
    match total {
        0 => "0s".to_owned(),
        1..1_000 => small(1, "ns"),
        1_000..1_000_000 => small(1_000, "\u{b5}s"),
        1_000_000..1_000_000_000 => small(1_000_000, "ms"),
        _ => {
            let second = 1_000_000_000;
            let (seconds, rest) = (total / second, fraction(total % second, second));
            let (minutes, hours) = (seconds / 60, seconds / 3600);
            if hours > 0 {
                format!("{sign}{hours}h{}m{}{rest}s", minutes % 60, seconds % 60)
            } else if minutes > 0 {
                format!("{sign}{minutes}m{}{rest}s", seconds % 60)
            } else {
                format!("{sign}{seconds}{rest}s")
            }
        }
    }
}

/// `.5` for 500 of 1000; empty for nothing.
fn fraction(part: u64, of: u64) -> String {
    if part == 0 {
        return String::new();
    }
    let width = of.ilog10() as usize;
    let digits = format!("{part:0width$}");
    format!(".{}", digits.trim_end_matches('0'))
}
