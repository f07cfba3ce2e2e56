//! Durations as Go's `time.Duration` reads and prints them: `1h30m0s`.
//!
//! *Upstream:* `time.ParseDuration`, `time.Duration.String`.

use std::fmt::Write;

/// The duration in its printed form; `None` where the text is no duration.
pub fn canonical(text: &str) -> Option<String> {
    parse(text).map(print)
}

/// Nanoseconds of a duration; `None` where the text is none.
pub fn parse(text: &str) -> Option<i64> {
    let (is_negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let number_end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, after) = rest.split_at(number_end);
        let unit_end = after
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        total += part(number, unit)?;
        rest = after;
    }
    if is_negative {
        total = -total;
    }
    i64::try_from(total).ok()
}

/// Nanoseconds of a number with a unit.
fn part(number: &str, unit: &str) -> Option<i128> {
    let unit: i128 = match unit {
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole: i128 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    // Digits past the eighteenth are below a nanosecond of an hour.
    let fraction: String = fraction.chars().take(18).collect();
    let mut nanos = whole.checked_mul(unit)?;
    if !fraction.is_empty() {
        let digits: i128 = fraction.parse().ok()?;
        nanos += digits * unit / 10_i128.pow(fraction.len() as u32);
    }
    Some(nanos)
}

/// A number of nanoseconds as Go prints a duration.
pub fn print(nanos: i64) -> String {
    let mut out = String::new();
    if nanos < 0 {
        out.push('-');
    }
    let value = nanos.unsigned_abs();
    if value == 0 {
        return "0s".to_owned();
    }
    if value < 1_000_000_000 {
        let (unit, name) = match value {
            0..1_000 => (1, "ns"),
            1_000..1_000_000 => (1_000, "\u{b5}s"),
            _ => (1_000_000, "ms"),
        };
        push_decimal(&mut out, value, unit);
        out.push_str(name);
        return out;
    }
    let seconds = value / 1_000_000_000;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    if hours > 0 {
        // Writing to a String cannot fail.
        let _ = write!(out, "{hours}h");
    }
    if hours > 0 || minutes > 0 {
        let _ = write!(out, "{minutes}m");
    }
    push_decimal(&mut out, value % 60_000_000_000, 1_000_000_000);
    out.push('s');
    out
}

/// `value / unit` with as many decimals as needed.
fn push_decimal(out: &mut String, value: u64, unit: u64) {
    let _ = write!(out, "{}", value / unit);
    let rest = value % unit;
    if rest > 0 {
        let width = unit.ilog10() as usize;
        let digits = format!("{rest:0width$}");
        out.push('.');
        out.push_str(digits.trim_end_matches('0'));
    }
}
