//! Quantities: `100m`, `1Gi`, `1e3`.
//!
//! A quantity remembers how it was written and prints in canonical form: no fraction, the largest
//! suffix that loses nothing.
//!
//! Differs: a mantissa beyond 38 decimal digits is refused, where upstream counts without bound.
//!
//! *Upstream:* `apimachinery/pkg/api/resource/quantity.go`.

use std::cmp::Ordering;
use std::fmt;

mod amount;
mod parse;

pub use amount::Amount;

/// Digits after the decimal point that count.
const NANO: i32 = -9;

/// How a quantity is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// `12e6`.
    DecimalExponent,
    /// `12Mi`.
    BinarySi,
    /// `12M`.
    #[default]
    DecimalSi,
}

/// Why a text is no quantity, in the words the API server answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// Not of the form at all.
    #[error(
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
    )]
    Format,
    /// The number is none.
    #[error("unable to parse numeric part of quantity")]
    Numeric,
    /// The suffix is none.
    #[error("unable to parse quantity's suffix")]
    Suffix,
}

/// Whether a text is a small number that no suffix shortens, as most are: every write of an object
/// asks several times.
fn is_plainly_canonical(text: &str) -> bool {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let suffix = &text[digits..];
    // Up to 999, a number has no thousand (nor 1024) that a larger suffix could stand for.
    matches!(digits, 1..=3)
        && !text.starts_with('0')
        && matches!(
            suffix,
            "" | "m" | "k" | "M" | "G" | "T" | "Ki" | "Mi" | "Gi" | "Ti"
        )
}

/// An amount: `value × 10^scale`, and how it was written.
#[derive(Clone, Debug, Default)]
pub struct Quantity {
    value: i128,
    scale: i32,
    format: Format,
    /// Whether upstream holds it as a number of any length, rather than as 64 bits with a scale.
    is_long: bool,
    /// The text it was read from, where that is already canonical.
    text: Option<Box<str>>,
}

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self {
        value: 0,
        scale: 0,
        format: Format::DecimalSi,
        is_long: false,
        text: None,
    };

    /// A whole number.
    pub fn new(value: i64, format: Format) -> Self {
        Self::scaled(i128::from(value), 0, format)
    }

    /// A number of thousandths.
    pub fn from_milli(value: i64, format: Format) -> Self {
        Self::scaled(i128::from(value), -3, format)
    }

    /// A quantity from its text.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        parse::parse(text)
    }

    /// The text in canonical form; `None` where it is that already or is no quantity.
    pub fn canonical(text: &str) -> Option<String> {
        if is_plainly_canonical(text) {
            return None;
        }
        let quantity = Self::parse(text.trim()).ok()?;
        let is_canonical = quantity.text.as_deref() == Some(text) || text == "0";
        (!is_canonical).then(|| quantity.to_string())
    }

    /// A quantity from a JSON value: a text or a number. `None` where it is neither, or is wrong.
    pub fn from_json(value: &serde_json::Value) -> Option<Self> {
        match value {
            serde_json::Value::String(text) => Self::parse(text.trim()).ok(),
            serde_json::Value::Number(number) => Self::parse(&number.to_string()).ok(),
            _ => None,
        }
    }

    const fn scaled(value: i128, scale: i32, format: Format) -> Self {
        Self {
            value,
            scale,
            format,
            is_long: false,
            text: None,
        }
    }

    /// Whether it is nothing.
    pub fn is_zero(&self) -> bool {
        self.value == 0
    }

    /// Whether it is below nothing.
    pub fn is_negative(&self) -> bool {
        self.value < 0
    }

    /// How it is written.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The number of units, rounded away from zero.
    pub fn value(&self) -> i64 {
        self.rounded(0)
    }

    /// The number of thousandths, rounded away from zero.
    pub fn milli_value(&self) -> i64 {
        self.rounded(-3)
    }

    /// The whole number it is, or `None` where upstream does not see that it is one: where it was
    /// written with a fraction or many digits, or is too large.
    pub fn as_i64(&self) -> Option<i64> {
        if self.is_long || self.scale < 0 {
            return None;
        }
        i64::try_from(self.at_scale(0)?.0).ok()
    }

    /// The floating point number next to it, or close to that: upstream multiplies twice.
    pub fn approximate(&self) -> f64 {
        let mut scale = self.scale;
        let mut digits = self.value.to_string();
        if self.is_long && scale > NANO && self.value != 0 {
            let places = usize::try_from(scale - NANO).unwrap_or(0);
            digits.extend(std::iter::repeat_n('0', places));
            scale = NANO;
        }
        let base: f64 = digits.parse().unwrap_or(0.0);
        match scale {
            0 => base,
            scale => base * format!("1e{scale}").parse().unwrap_or(0.0),
        }
    }

    fn rounded(&self, scale: i32) -> i64 {
        let limit = if self.value < 0 { i64::MIN } else { i64::MAX };
        self.at_scale(scale)
            .and_then(|(value, _)| i64::try_from(value).ok())
            .unwrap_or(limit)
    }

    /// The mantissa at another scale, rounded away from zero, and whether nothing was lost; `None`
    /// where it does not fit.
    fn at_scale(&self, scale: i32) -> Option<(i128, bool)> {
        if self.value == 0 {
            return Some((0, true));
        }
        if self.scale >= scale {
            let factor = power_of_ten(self.scale.saturating_sub(scale))?;
            return Some((self.value.checked_mul(factor)?, true));
        }
        let Some(divisor) = power_of_ten(scale.saturating_sub(self.scale)) else {
            return Some((self.value.signum(), false));
        };
        let (whole, rest) = (self.value / divisor, self.value % divisor);
        Some((whole + rest.signum(), rest == 0))
    }

    /// Rounds away from zero to so many decimal places (`-3`: thousandths).
    pub fn round_up(&mut self, scale: i32) {
        if self.scale < scale
            && let Some((value, _)) = self.at_scale(scale)
        {
            *self = Self::scaled(value, scale, self.format);
        }
    }

    /// Adds another; zero takes on the other's format.
    pub fn add(&mut self, other: &Self) {
        if self.is_zero() {
            self.format = other.format;
        }
        let scale = match (self.is_zero(), other.is_zero()) {
            (_, true) => self.scale,
            (true, false) => other.scale,
            (false, false) => self.scale.min(other.scale),
        };
        let at = |quantity: &Self| quantity.at_scale(scale).map_or(i128::MAX, |(v, _)| v);
        let (a, b) = (at(self), at(other));
        let value = a.saturating_add(b);
        let fits = [a, b, value]
            .iter()
            .all(|part| i64::try_from(*part).is_ok());
        let is_long = self.is_long || other.is_long || !fits;
        *self = Self {
            is_long,
            ..Self::scaled(value, scale, self.format)
        };
    }

    /// Takes another away.
    pub fn sub(&mut self, other: &Self) {
        self.add(&other.negated());
    }

    /// The amount below zero that this is above, and the other way round.
    pub fn negated(&self) -> Self {
        Self {
            is_long: self.is_long,
            ..Self::scaled(self.value.saturating_neg(), self.scale, self.format)
        }
    }

    /// Multiplies by a whole number.
    pub fn multiply(&mut self, by: i64) {
        let value = self.value.saturating_mul(i128::from(by));
        *self = Self::scaled(value, self.scale, self.format);
    }

    /// The mantissa without factors of ten beyond groups of three, and its exponent.
    fn decimal(&self) -> (i128, i32) {
        let (mut value, mut exponent) = (self.value, self.scale);
        while value % 10 == 0 && value != 0 {
            value /= 10;
            exponent = exponent.saturating_add(1);
        }
        while exponent % 3 != 0 {
            value = value.saturating_mul(10);
            exponent -= 1;
        }
        (value, exponent)
    }

    /// The mantissa without factors of 1024, and how many there were; `None` where the quantity is
    /// better written in decimal.
    fn binary(&self) -> Option<(i128, usize)> {
        let bound = Self::new(1024, Format::DecimalSi);
        if self.format != Format::BinarySi || (*self < bound && self.negated() < bound) {
            return None;
        }
        let (mut value, is_exact) = self.at_scale(0)?;
        let mut times = 0;
        while is_exact && value % 1024 == 0 {
            value /= 1024;
            times += 1;
        }
        is_exact.then_some((value, times))
    }
}

const BINARY_SUFFIXES: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(text) = &self.text {
            return f.write_str(text);
        }
        if self.value == 0 {
            return f.write_str("0");
        }
        if let Some((value, times)) = self.binary() {
            let suffix = BINARY_SUFFIXES.get(times).unwrap_or(&"");
            return write!(f, "{value}{suffix}");
        }
        let (value, exponent) = self.decimal();
        match (self.format, exponent) {
            (_, 0) => write!(f, "{value}"),
            (Format::DecimalExponent, _) => write!(f, "{value}e{exponent}"),
            // Upstream writes no suffix where it has none that large.
            _ => write!(f, "{value}{}", decimal_suffix(exponent).unwrap_or("")),
        }
    }
}

fn decimal_suffix(exponent: i32) -> Option<&'static str> {
    Some(match exponent {
        -9 => "n",
        -6 => "u",
        -3 => "m",
        3 => "k",
        6 => "M",
        9 => "G",
        12 => "T",
        15 => "P",
        18 => "E",
        _ => return None,
    })
}

fn power_of_ten(exponent: i32) -> Option<i128> {
    10_i128.checked_pow(u32::try_from(exponent).ok()?)
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        let signs = self.value.signum().cmp(&other.value.signum());
        if signs != Ordering::Equal || self.value == 0 {
            return signs;
        }
        // Where the mantissa does not fit at the smaller scale, the number is the larger one.
        let larger = if self.value > 0 {
            Ordering::Greater
        } else {
            Ordering::Less
        };
        let scale = self.scale.min(other.scale);
        match (self.at_scale(scale), other.at_scale(scale)) {
            (Some((a, _)), Some((b, _))) => a.cmp(&b),
            (None, _) => larger,
            (_, None) => larger.reverse(),
        }
    }
}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Equal amounts are equal, however they are written.
impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Quantity {}
