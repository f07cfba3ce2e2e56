//! Durations of a query, as Go writes them.
//!
//! *Upstream:* `time.ParseDuration`.

use crate::object::quote::quoted;

/// What Go's `time.ParseDuration` says of a text it does not understand.
pub(super) fn fault(text: &str) -> Option<String> {
    let invalid = || Some(format!("time: invalid duration {}", quoted(text)));
    let mut rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    if rest == "0" {
        return None;
    }
    if rest.is_empty() {
        return invalid();
    }
    while !rest.is_empty() {
        let number = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        if !rest[..number].contains(|c: char| c.is_ascii_digit())
            || rest[..number].matches('.').count() > 1
        {
            return invalid();
        }
        rest = &rest[number..];
        let unit = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        match &rest[..unit] {
            "" => return Some(format!("time: missing unit in duration {}", quoted(text))),
            "ns" | "us" | "µs" | "μs" | "ms" | "s" | "m" | "h" => {}
            other => {
                let (unit, text) = (quoted(other), quoted(text));
                return Some(format!("time: unknown unit {unit} in duration {text}"));
            }
        }
        rest = &rest[unit..];
    }
    None
}
