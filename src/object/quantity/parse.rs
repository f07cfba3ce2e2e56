//! The text of a quantity, taken apart.
//!
//! *Upstream:* `ParseQuantity` of `apimachinery/pkg/api/resource/quantity.go`.

use super::{Format, NANO, Quantity, QuantityError};

/// The most decimal digits of the short form that upstream keeps as it was written.
const SHORT_DIGITS: usize = 18;

struct Parts<'a> {
    is_negative: bool,
    /// Digits before the point, without leading zeros; `0` where there are none.
    whole: &'a str,
    /// Digits after the point.
    fraction: &'a str,
    suffix: &'a str,
}

pub(super) fn parse(text: &str) -> Result<Quantity, QuantityError> {
    if text.is_empty() {
        return Err(QuantityError::Format);
    }
    let parts = split(text)?;
    let Suffix {
        base,
        exponent,
        format,
    } = suffix(parts.suffix).ok_or(QuantityError::Suffix)?;
    let mut quantity = match base {
        Base::Ten => decimal(&parts, exponent)?,
        Base::Two => binary(&parts, exponent),
    };
    if parts.is_negative {
        quantity.value = -quantity.value;
    }
    // A fraction of a unit is written in decimal; upstream asks so of positive ones only.
    let is_fraction = quantity > Quantity::ZERO && quantity < Quantity::new(1, format);
    quantity.format = match format {
        Format::BinarySi if is_fraction => Format::DecimalSi,
        other => other,
    };
    let is_short = text == "0" || is_short(&parts, base, exponent);
    quantity.is_long = !is_short;
    if is_short && is_canonical(&parts, base, exponent, &quantity) {
        quantity.text = Some(text.into());
    }
    Ok(quantity)
}

/// The digits and the suffix; what is no digit, sign or letter of a suffix is refused.
fn split(text: &str) -> Result<Parts<'_>, QuantityError> {
    let (is_negative, rest) = match text.as_bytes()[0] {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let rest = rest.trim_start_matches('0');
    let (whole, rest) = digits(rest);
    let (fraction, suffix) = match rest.strip_prefix('.') {
        Some(rest) => digits(rest),
        None => ("", rest),
    };
    let letters = suffix.trim_start_matches(|c: char| "eEinumkKMGTP".contains(c));
    let exponent = letters.strip_prefix(['-', '+']).unwrap_or(letters);
    if !exponent.bytes().all(|b| b.is_ascii_digit()) {
        return Err(QuantityError::Format);
    }
    Ok(Parts {
        is_negative,
        whole: if whole.is_empty() { "0" } else { whole },
        fraction,
        suffix,
    })
}

/// The leading digits, and what follows them.
fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Base {
    Two,
    Ten,
}

struct Suffix {
    base: Base,
    exponent: i32,
    format: Format,
}

fn suffix(text: &str) -> Option<Suffix> {
    let decimal = |exponent| Suffix {
        base: Base::Ten,
        exponent,
        format: Format::DecimalSi,
    };
    let binary = |exponent| Suffix {
        base: Base::Two,
        exponent,
        format: Format::BinarySi,
    };
    Some(match text {
        "n" => decimal(-9),
        "u" => decimal(-6),
        "m" => decimal(-3),
        "" => decimal(0),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => binary(10),
        "Mi" => binary(20),
        "Gi" => binary(30),
        "Ti" => binary(40),
        "Pi" => binary(50),
        "Ei" => binary(60),
        _ => {
            let exponent = text.strip_prefix(['e', 'E'])?;
            Suffix {
                base: Base::Ten,
                exponent: exponent.parse::<i64>().ok()? as i32,
                format: Format::DecimalExponent,
            }
        }
    })
}

/// The mantissa of the digits, rounded up where they are more than `places` after the point, and
/// how many places that leaves.
fn mantissa(parts: &Parts, places: usize) -> Result<(i128, i32), QuantityError> {
    let (fraction, rest) = parts.fraction.split_at(parts.fraction.len().min(places));
    let mut value: i128 = 0;
    for digit in parts.whole.bytes().chain(fraction.bytes()) {
        value = value
            .checked_mul(10)
            .and_then(|value| value.checked_add(i128::from(digit - b'0')))
            .ok_or(QuantityError::Numeric)?;
    }
    if rest.bytes().any(|digit| digit != b'0') {
        value = value.checked_add(1).ok_or(QuantityError::Numeric)?;
    }
    Ok((value, fraction.len() as i32))
}

fn decimal(parts: &Parts, exponent: i32) -> Result<Quantity, QuantityError> {
    let places = exponent.saturating_sub(NANO).max(0);
    let (value, used) = mantissa(parts, usize::try_from(places).unwrap_or(0))?;
    let mut quantity = Quantity::scaled(
        value,
        exponent.saturating_sub(used),
        Format::DecimalExponent,
    );
    quantity.round_up(NANO);
    Ok(quantity)
}

fn binary(parts: &Parts, exponent: i32) -> Quantity {
    let max = Quantity::new(i64::MAX, Format::BinarySi);
    // More places than count in the result, so that rounding sees what lies behind them. What does
    // not fit then is far above the largest amount, and is capped to it.
    let Ok((value, used)) = mantissa(parts, 18) else {
        return max;
    };
    let Some(value) = value.checked_mul(1_i128 << exponent) else {
        return max;
    };
    let mut quantity = Quantity::scaled(value, -used, Format::BinarySi);
    quantity.round_up(NANO);
    if quantity > max { max } else { quantity }
}

/// Whether the number has few digits, so that upstream takes its quick way.
fn is_short(parts: &Parts, base: Base, exponent: i32) -> bool {
    let length = parts.whole.len() + parts.fraction.len();
    match base {
        Base::Ten => {
            let scale = exponent.saturating_sub(parts.fraction.len() as i32);
            length <= SHORT_DIGITS && scale >= NANO
        }
        Base::Two => {
            let digits_left = 15 - length as i32 - exponent * 3 / 10 - 1;
            let value = parts.whole.parse::<i64>().unwrap_or(0);
            let product = i128::from(value).checked_mul(1_i128 << exponent);
            let fits = product.is_some_and(|product| i64::try_from(product).is_ok());
            digits_left >= 0 && parts.fraction.is_empty() && fits
        }
    }
}

/// Whether upstream keeps the text of a short number as it was written, since (by its own, not
/// quite exact, test) it is canonical already.
fn is_canonical(parts: &Parts, base: Base, exponent: i32, quantity: &Quantity) -> bool {
    match base {
        Base::Ten => {
            let scale = exponent.saturating_sub(parts.fraction.len() as i32);
            let last_is_thousand = match parts.fraction.len() {
                0 => parts.whole.ends_with("000"),
                1 => parts.fraction == "0" && parts.whole.ends_with("00"),
                2 => parts.fraction == "00" && parts.whole.ends_with('0'),
                _ => parts.fraction.ends_with("000"),
            };
            i64::try_from(quantity.value).is_ok()
                && scale % 3 == 0
                && !last_is_thousand
                && !parts.whole.starts_with('0')
        }
        Base::Two => parts.whole.parse::<i64>().unwrap_or(0) & 7 != 0,
    }
}
