//! A pod template as Go prints it for a hash: every field of every struct, with names and types.
//!
//! *Invariant:* begins from types that `go-dumps.json` knows.
//! *Upstream:* `k8s.io/utils/dump` (`ForHash`), `go-spew/spew/format.go`.

use std::fmt::Write;

use serde_json::Value;

use crate::object::quantity::Quantity;
use crate::schema::tables;

/// A value of a type, as `%#v` of spew prints it.
pub fn dump(kind: &str, value: &Value) -> String {
    let mut out = String::new();
    print(&mut out, kind, value, true);
    out
}

fn print(out: &mut String, kind: &str, value: &Value, is_typed: bool) {
    if is_typed {
        let _ = write!(out, "({kind})");
    }
    if let Some(inner) = kind.strip_prefix('*') {
        return match value {
            Value::Null => out.push_str("<nil>"),
            value => print(out, inner, value, false),
        };
    }
    if let Some(inner) = kind.strip_prefix("[]") {
        // What is stored went through protobuf, which has no empty lists and maps.
        return match value.as_array().filter(|items| !items.is_empty()) {
            None => out.push_str("<nil>"),
            Some(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(' ');
                    }
                    print(out, inner, item, false);
                }
                out.push(']');
            }
        };
    }
    if let Some((_, inner)) = kind
        .strip_prefix("map[")
        .and_then(|map| map.split_once(']'))
    {
        return print_map(out, inner, value);
    }
    match kind {
        "string" | "types.UID" => out.push_str(value.as_str().unwrap_or("")),
        "bool" => out.push_str(if *value == true { "true" } else { "false" }),
        "int32" | "int64" => {
            let _ = write!(out, "{}", value.as_i64().unwrap_or(0));
        }
        "resource.Quantity" => print_quantity(out, value),
        "intstr.IntOrString" => print_int_or_string(out, value),
        // Differs: a time of creation in a template is printed as if it were none.
        "v1.Time" => out
            .push_str("{Time:(time.Time){wall:(uint64)0 ext:(int64)0 loc:(*time.Location)<nil>}}"),
        "v1.FieldsV1" => out.push_str("{Raw:([]uint8)<nil>}"),
        kind => print_named(out, kind, value),
    }
}

fn print_map(out: &mut String, kind: &str, value: &Value) {
    let Some(map) = value.as_object().filter(|map| !map.is_empty()) else {
        return out.push_str("<nil>");
    };
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by(|left, right| left.0.cmp(right.0));
    out.push_str("map[");
    for (index, (key, item)) in entries.into_iter().enumerate() {
        if index > 0 {
            out.push(' ');
        }
        out.push_str(key);
        out.push(':');
        print(out, kind, item, false);
    }
    out.push(']');
}

/// A struct, or a type that is another under a name.
fn print_named(out: &mut String, kind: &str, value: &Value) {
    let fields = tables::go_dump(kind);
    if let Some(inner) = fields.first().and_then(|text| text.strip_prefix('=')) {
        return print(out, inner, value, false);
    }
    out.push('{');
    for (index, text) in fields.iter().enumerate() {
        let mut words = text.splitn(3, ' ');
        let mut word = || words.next().unwrap_or_default();
        let (name, kind, at) = (word(), word(), word());
        if index > 0 {
            out.push(' ');
        }
        out.push_str(name);
        out.push(':');
        let inner = match at {
            "." => value,
            at => value.get(at).unwrap_or(&Value::Null),
        };
        print(out, kind, inner, true);
    }
    out.push('}');
}

fn print_int_or_string(out: &mut String, value: &Value) {
    let (kind, number, text) = match value {
        Value::String(text) => (1, 0, text.as_str()),
        value => (0, value.as_i64().unwrap_or(0), ""),
    };
    let _ = write!(
        out,
        "{{Type:(intstr.Type){kind} IntVal:(int32){number} StrVal:(string){text}}}"
    );
}

/// A quantity, with what it keeps of the text it was parsed from.
///
/// *Upstream:* `resource.ParseQuantity`.
fn print_quantity(out: &mut String, value: &Value) {
    let text = value.as_str().unwrap_or("");
    let text = Quantity::canonical(text).unwrap_or_else(|| text.to_owned());
    let parts = Parts::of(&text);
    let format = parts.format();
    let (amount, scale, kept, large) = if text == "0" {
        (0, 0, "0", None)
    } else {
        parts.amounts(&text)
    };
    let _ = write!(
        out,
        "{{i:(resource.int64Amount){{value:(int64){amount} scale:(resource.Scale){scale}}} d:(resource.infDecAmount){{Dec:(*inf.Dec)"
    );
    match large {
        None => out.push_str("<nil>"),
        Some(large) => {
            let is_negative = text.starts_with('-');
            let mut words = Vec::new();
            let mut rest = large;
            while rest > 0 {
                words.push((rest & u128::from(u64::MAX)).to_string());
                rest >>= 64;
            }
            let words = words.join(" ");
            let _ = write!(
                out,
                "{{unscaled:(big.Int){{neg:(bool){is_negative} abs:(big.nat)[{words}]}} scale:(inf.Scale)9}}"
            );
        }
    }
    let _ = write!(
        out,
        "}} s:(string){kept} Format:(resource.Format){format}}}"
    );
}

/// The parts of a canonical quantity.
struct Parts<'a> {
    digits: &'a str,
    fraction: &'a str,
    suffix: &'a str,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Self {
        let text = text.trim_start_matches(['-', '+']);
        let number = |c: char| !(c.is_ascii_digit() || c == '.');
        let (number, suffix) = text.split_at(text.find(number).unwrap_or(text.len()));
        let (digits, fraction) = number.split_once('.').unwrap_or((number, ""));
        Self {
            digits: digits.trim_start_matches('0'),
            fraction,
            suffix,
        }
    }

    fn format(&self) -> &'static str {
        match self.suffix {
            suffix if suffix.ends_with('i') => "BinarySI",
            suffix if suffix.len() > 1 && suffix.starts_with(['e', 'E']) => "DecimalExponent",
            _ => "DecimalSI",
        }
    }

    /// The power of two or ten that the suffix stands for.
    fn exponent(&self) -> i32 {
        match self.suffix {
            "Ki" => 10,
            "Mi" => 20,
            "Gi" => 30,
            "Ti" => 40,
            "Pi" => 50,
            "Ei" => 60,
            "n" => -9,
            "u" => -6,
            "m" => -3,
            "k" => 3,
            "M" => 6,
            "G" => 9,
            "T" => 12,
            "P" => 15,
            "E" => 18,
            suffix => suffix
                .get(1..)
                .and_then(|text| text.parse().ok())
                .unwrap_or(0),
        }
    }

    /// Value and scale, the text where it is kept, and, where the value is too large for the fast
    /// way, the value with nine decimals.
    fn amounts(&self, text: &'a str) -> (i64, i32, &'a str, Option<u128>) {
        let digits = if self.digits.is_empty() {
            "0"
        } else {
            self.digits
        };
        let shifted = format!("{digits}{}", self.fraction);
        let length = i32::try_from(shifted.len()).unwrap_or(i32::MAX);
        let fraction = i32::try_from(self.fraction.len()).unwrap_or(0);
        let exponent = self.exponent();
        let is_binary = self.suffix.ends_with('i');
        let (scale, mantissa, precision) = if is_binary {
            (
                0,
                1_i64 << exponent.clamp(0, 62),
                15 - length - exponent * 3 / 10 - 1,
            )
        } else {
            (exponent - fraction, 1, 18 - length)
        };
        let value = shifted.parse::<i64>().ok();
        let product = value.and_then(|value| value.checked_mul(mantissa));
        let (Some(value), Some(product)) = (value, product.filter(|_| precision >= 0)) else {
            let value: u128 = shifted.parse().unwrap_or(0);
            let power = if is_binary {
                9
            } else {
                9 + exponent - fraction
            };
            let factor = 10_u128
                .checked_pow(u32::try_from(power).unwrap_or(0))
                .unwrap_or(1);
            let scaled = value.saturating_mul(u128::try_from(mantissa).unwrap_or(1));
            return (0, 0, "", Some(scaled.saturating_mul(factor)));
        };
        let is_kept = if is_binary {
            exponent % 10 == 0 && value & 7 != 0
        } else {
            scale % 3 == 0 && !shifted.ends_with("000") && !shifted.starts_with('0')
        };
        let product = if text.starts_with('-') {
            -product
        } else {
            product
        };
        (product, scale, if is_kept { text } else { "" }, None)
    }
}
