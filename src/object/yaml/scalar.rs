//! What a plain word means in YAML 1.1, as go-yaml resolves it.
//!
//! *Upstream:* `resolve.go` of `go.yaml.in/yaml/v2`.

use base64::Engine;
use saphyr_parser::{ScalarStyle, Tag};
use serde_json::Value;

use crate::object::quote::quoted;

/// The key of a mapping.
pub(super) enum Key {
    /// `<<`.
    Merge,
    /// A name, and how Go prints the key it was made of.
    Name { name: String, printed: String },
}

impl Key {
    /// A key that was a text.
    pub(super) fn named(name: String) -> Self {
        let printed = quoted(&name);
        Self::Name { name, printed }
    }
}

/// A word resolved.
enum Scalar {
    Null,
    Bool(bool),
    Whole(i64),
    Large(u64),
    Float(f64),
    Text,
}

/// The value of a scalar.
pub(super) fn value(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, String> {
    Ok(match scalar(text, style, tag)? {
        Scalar::Null => Value::Null,
        Scalar::Bool(value) => Value::Bool(value),
        Scalar::Whole(value) => value.into(),
        Scalar::Large(value) => value.into(),
        Scalar::Float(value) => return float(value),
        Scalar::Text if is(tag, "binary") => return binary(text),
        Scalar::Text => text.into(),
    })
}

/// A scalar as the key of a mapping: keys of JSON are texts.
pub(super) fn key(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Key, String> {
    let is_plain = style == ScalarStyle::Plain;
    if text == "<<" && is_plain && tag.is_none() || is(tag, "merge") {
        return Ok(Key::Merge);
    }
    let same = |name: String| {
        let printed = name.clone();
        Key::Name { name, printed }
    };
    Ok(match scalar(text, style, tag)? {
        Scalar::Null => {
            return Err("unsupported map key of type: %!s(<nil>), key: <nil>".to_owned());
        }
        Scalar::Bool(value) => same(value.to_string()),
        Scalar::Whole(value) => same(value.to_string()),
        Scalar::Large(value) => same(value.to_string()),
        // Upstream prints the number in 32 bits.
        Scalar::Float(value) => same((value as f32).to_string()),
        Scalar::Text => Key::named(text.to_owned()),
    })
}

fn is(tag: Option<&Tag>, name: &str) -> bool {
    tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == name)
}

fn float(value: f64) -> Result<Value, String> {
    if value.is_nan() {
        return Err("json: unsupported value: NaN".to_owned());
    }
    if value.is_infinite() {
        let sign = if value > 0.0 { '+' } else { '-' };
        return Err(format!("json: unsupported value: {sign}Inf"));
    }
    // Whole numbers are printed without a point, and so are read as such.
    if value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0 {
        return Ok((value as i64).into());
    }
    Ok(Value::from(value))
}

fn binary(text: &str) -> Result<Value, String> {
    let compact: String = text.split_whitespace().collect();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(compact)
        .map_err(|_| "yaml: !!binary value contains invalid base64 data".to_owned())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned().into())
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Scalar, String> {
    let Some(tag) = tag else {
        return Ok(match style {
            ScalarStyle::Plain => resolve(text),
            _ => Scalar::Text,
        });
    };
    if !tag.is_yaml_core_schema() || matches!(tag.suffix.as_str(), "str" | "binary") {
        return Ok(Scalar::Text);
    }
    let resolved = resolve(text);
    match (tag.suffix.as_str(), &resolved) {
        ("null", Scalar::Null)
        | ("bool", Scalar::Bool(_))
        | ("int", Scalar::Whole(_) | Scalar::Large(_))
        | ("float", Scalar::Float(_)) => Ok(resolved),
        ("float", Scalar::Whole(value)) => Ok(Scalar::Float(*value as f64)),
        ("null" | "bool" | "int" | "float", _) => Err(format!(
            "yaml: cannot decode {} `{text}` as a !!{}",
            tag_of(&resolved),
            tag.suffix
        )),
        _ => Ok(Scalar::Text),
    }
}

fn tag_of(scalar: &Scalar) -> &'static str {
    match scalar {
        Scalar::Null => "!!null",
        Scalar::Bool(_) => "!!bool",
        Scalar::Whole(_) | Scalar::Large(_) => "!!int",
        Scalar::Float(_) => "!!float",
        Scalar::Text => "!!str",
    }
}

fn resolve(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Scalar::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Scalar::Bool(false)
        }
        ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Scalar::Float(f64::NEG_INFINITY),
        _ => match text.as_bytes()[0] {
            b'0'..=b'9' | b'+' | b'-' => number(&text.replace('_', "")),
            b'.' if is_float(text) => in_range(text),
            _ => Scalar::Text,
        },
    }
}

/// A number in any of Go's notations, or a text after all.
fn number(text: &str) -> Scalar {
    let (is_negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if let Some(magnitude) = magnitude(digits) {
        let signed = if is_negative {
            0_i64.checked_sub_unsigned(magnitude)
        } else {
            i64::try_from(magnitude).ok()
        };
        if let Some(value) = signed {
            return Scalar::Whole(value);
        }
        // Only a number without a sign is read as one that has none.
        if text == digits {
            return Scalar::Large(magnitude);
        }
    }
    if is_float(text) {
        return in_range(text);
    }
    Scalar::Text
}

/// A float, where it is not too large to be one.
fn in_range(text: &str) -> Scalar {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Scalar::Float(value),
        _ => Scalar::Text,
    }
}

/// Digits by their prefix: `0x`, `0o` or `0`, `0b`, or none.
fn magnitude(digits: &str) -> Option<u64> {
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`.
fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let some_digits = |text: &str| !text.is_empty() && all_digits(text);
    let is_mantissa = match mantissa.split_once('.') {
        Some(("", fraction)) => some_digits(fraction),
        Some((whole, fraction)) => some_digits(whole) && all_digits(fraction),
        None => some_digits(mantissa),
    };
    let is_exponent = |text: &str| some_digits(text.strip_prefix(['-', '+']).unwrap_or(text));
    is_mantissa && exponent.is_none_or(is_exponent)
}
