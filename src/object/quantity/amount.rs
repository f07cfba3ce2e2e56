//! Amounts of resources, to compare and add: a number that is copied about, where a
//! [`super::Quantity`] keeps the text it was read from.
//!
//! *Upstream:* `apimachinery/pkg/api/resource/{quantity,suffix}.go`.

use std::ops::Add;

/// Billionths in one.
const NANOS: i128 = 1_000_000_000;

/// An amount in billionths, with the form it is printed in.
#[derive(Clone, Copy, Debug)]
pub struct Amount {
    nanos: i128,
    is_binary: bool,
}

impl PartialEq for Amount {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Amount {}

impl PartialOrd for Amount {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Amount {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl Add for Amount {
    type Output = Self;

    /// The sum, in the form of the first.
    fn add(self, other: Self) -> Self {
        Self {
            nanos: self.nanos.saturating_add(other.nanos),
            // Zero takes the form of what is added to it.
            is_binary: if self.nanos == 0 {
                other.is_binary
            } else {
                self.is_binary
            },
        }
    }
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self {
        nanos: 0,
        is_binary: false,
    };

    /// An amount from its text; `None` where the text is no quantity.
    pub fn parse(text: &str) -> Option<Self> {
        let (is_negative, unsigned) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let end = unsigned
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
            return None;
        }
        let (numerator, denominator, is_binary) = scale(suffix)?;
        let mut digits: i128 = 0;
        let mut denominator = denominator;
        for digit in whole.bytes().chain(fraction.bytes()) {
            digits = digits
                .checked_mul(10)?
                .checked_add(i128::from(digit - b'0'))?;
        }
        for _ in 0..fraction.len() {
            denominator = denominator.checked_mul(10)?;
        }
        let scaled = digits.checked_mul(numerator)?;
        // What is smaller than a billionth is rounded away from zero.
        let nanos = scaled / denominator + i128::from(scaled % denominator != 0);
        Some(Self {
            nanos: if is_negative { -nanos } else { nanos },
            is_binary,
        })
    }

    /// Whether it is below zero.
    pub const fn is_negative(self) -> bool {
        self.nanos < 0
    }

    /// Whether it is nothing.
    pub const fn is_zero(self) -> bool {
        self.nanos == 0
    }

    /// Whether it is a whole number.
    pub const fn is_whole(self) -> bool {
        self.nanos % NANOS == 0
    }

    /// Rounded up to a whole number.
    pub fn value(self) -> i64 {
        let up = self.nanos > 0 && self.nanos % NANOS != 0;
        i64::try_from(self.nanos / NANOS + i128::from(up)).unwrap_or(i64::MAX)
    }

    /// As a floating-point number.
    pub fn as_f64(self) -> f64 {
        self.nanos as f64 / NANOS as f64
    }

    /// Rounded up to thousandths.
    pub fn round_up_to_milli(self) -> Self {
        const MICROS: i128 = NANOS / 1000;
        let up = self.nanos > 0 && self.nanos % MICROS != 0;
        Self {
            nanos: (self.nanos / MICROS + i128::from(up)) * MICROS,
            ..self
        }
    }

    /// Whether it is a multiple of another amount, both whole.
    pub fn is_multiple_of(self, page: Self) -> bool {
        page.value() > 0 && page.is_whole() && self.value() % page.value() == 0
    }
}

/// What a suffix multiplies a number with to give billionths: numerator, denominator, whether it is
/// a binary suffix.
fn scale(suffix: &str) -> Option<(i128, i128, bool)> {
    let decimal = |numerator| Some((numerator, 1, false));
    let binary = |power: u32| Some((NANOS << (10 * power), 1, true));
    match suffix {
        "n" => decimal(1),
        "u" => decimal(1_000),
        "m" => decimal(1_000_000),
        "" => decimal(NANOS),
        "k" => decimal(NANOS * 1_000),
        "M" => decimal(NANOS * 1_000_000),
        "G" => decimal(NANOS * NANOS),
        "T" => decimal(NANOS * 1_000_000_000_000),
        "P" => decimal(NANOS * 1_000_000_000_000_000),
        "E" => decimal(NANOS * 1_000_000_000_000_000_000),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        _ => {
            let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            let power = 10i128.checked_pow(exponent.unsigned_abs())?;
            if exponent < 0 {
                Some((NANOS, power, false))
            } else {
                Some((NANOS.checked_mul(power)?, 1, false))
            }
        }
    }
}

impl std::fmt::Display for Amount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.nanos == 0 {
            return f.write_str("0");
        }
        let divided = |mut number: i128, base: i128, most: usize| {
            let mut power = 0;
            while power < most && number % base == 0 {
                number /= base;
                power += 1;
            }
            (number, power)
        };
        if self.is_binary && self.is_whole() && (self.nanos / NANOS).abs() >= 1024 {
            let (number, power) = divided(self.nanos / NANOS, 1024, 6);
            return write!(
                f,
                "{number}{}",
                ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"][power]
            );
        }
        let (number, power) = divided(self.nanos, 1000, 9);
        write!(
            f,
            "{number}{}",
            ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"][power]
        )
    }
}
