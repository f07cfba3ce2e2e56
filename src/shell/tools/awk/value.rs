//! Values: numbers, texts, and texts that look like numbers.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

pub(super) type Array = Arc<Mutex<BTreeMap<String, Value>>>;

#[derive(Clone, Debug, Default)]
pub(super) enum Value {
    #[default]
    Unset,
    Number(f64),
    Text(String),
    /// From input: a number where it looks like one.
    Given(String),
    Array(Array),
}

impl Value {
    pub(super) fn number(&self) -> f64 {
        match self {
            Self::Number(number) => *number,
            Self::Text(text) | Self::Given(text) => leading(text),
            _ => 0.0,
        }
    }

    pub(super) fn text(&self, format: &str) -> String {
        match self {
            Self::Number(number) => shown(*number, format),
            Self::Text(text) | Self::Given(text) => text.clone(),
            _ => String::new(),
        }
    }

    pub(super) fn holds(&self) -> bool {
        match self {
            Self::Number(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::Given(text) => match whole(text) {
                Some(number) => number != 0.0,
                None => !text.is_empty(),
            },
            _ => false,
        }
    }

    /// The number, where this is compared as one.
    pub(super) fn numeric(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Given(text) => whole(text),
            Self::Unset => Some(0.0),
            _ => None,
        }
    }
}

/// A number as a text: whole ones without a point.
pub(super) fn shown(number: f64, format: &str) -> String {
    if number.fract() == 0.0 && number.abs() < 1e16 {
        return format!("{}", number as i64);
    }
    if number.is_nan() {
        return if number.is_sign_negative() {
            "-nan"
        } else {
            "nan"
        }
        .to_owned();
    }
    let digits = format
        .trim_start_matches("%.")
        .trim_end_matches(|c: char| c.is_ascii_alphabetic())
        .parse()
        .unwrap_or(6);
    if format.ends_with('f') {
        return format!("{number:.digits$}");
    }
    crate::shell::tools::format::general(number, digits)
}

fn whole(text: &str) -> Option<f64> {
    let text = text.trim();
    let begins = text.trim_start_matches(['-', '+']);
    if !begins.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    text.parse().ok()
}

/// The number that a text begins with.
fn leading(text: &str) -> f64 {
    let text = text.trim_start();
    if let Some(number) = whole(text) {
        return number;
    }
    let bytes = text.as_bytes();
    let mut end = usize::from(matches!(bytes.first(), Some(b'-' | b'+')));
    let digits = |end: &mut usize| {
        while bytes.get(*end).is_some_and(u8::is_ascii_digit) {
            *end += 1;
        }
    };
    digits(&mut end);
    if bytes.get(end) == Some(&b'.') {
        end += 1;
        digits(&mut end);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let mut after = end + 1;
        if matches!(bytes.get(after), Some(b'-' | b'+')) {
            after += 1;
        }
        if bytes.get(after).is_some_and(u8::is_ascii_digit) {
            end = after;
            digits(&mut end);
        }
    }
    text[..end].parse().unwrap_or(0.0)
}
