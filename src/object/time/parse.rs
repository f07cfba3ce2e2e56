//! RFC 3339 as Go's `time.Parse` reads it, with its complaints.
//!
//! *Upstream:* `time.Parse` of Go.

use std::fmt::Write;

use jiff::Timestamp;

use super::{TimeError, days_since_epoch};

const SECONDS: &str = "2006-01-02T15:04:05Z07:00";
const MICROSECONDS: &str = "2006-01-02T15:04:05.000000Z07:00";

/// A time in the form of `metav1.Time`: a fraction of a second is allowed.
pub fn read_seconds(text: &str) -> Result<Timestamp, TimeError> {
    Ok(Instant::read_seconds(text)?.timestamp())
}

/// A time in the form of `metav1.MicroTime`: six decimal places are required.
pub fn read_micros(text: &str) -> Result<Timestamp, TimeError> {
    Ok(Instant::read_micros(text)?.timestamp())
}

/// Seconds since the epoch and nanoseconds: any year of four digits, where [`Timestamp`] ends a day
/// before the last.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Instant {
    pub(super) second: i64,
    pub(super) nanosecond: i64,
}

impl Instant {
    pub(super) fn read_seconds(text: &str) -> Result<Self, TimeError> {
        Parser::new(text, SECONDS).parse()
    }

    pub(super) fn read_micros(text: &str) -> Result<Self, TimeError> {
        Parser::new(text, MICROSECONDS).parse()
    }

    /// The nearest time that can be counted with.
    fn timestamp(self) -> Timestamp {
        let limit = if self.second < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        };
        Timestamp::new(self.second, self.nanosecond as i32).unwrap_or(limit)
    }
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
    layout: &'static str,
}

/// What is wrong with a part of the text.
enum Wrong {
    Form,
    Range(&'static str),
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, layout: &'static str) -> Self {
        Self {
            text,
            rest: text,
            layout,
        }
    }

    fn parse(mut self) -> Result<Instant, TimeError> {
        let year = self.element("2006", Self::year)?;
        self.literal("-")?;
        let month = self.element("01", |p| p.number(true, 1, 12, "month"))?;
        self.literal("-")?;
        let day = self.element("02", |p| p.number(true, 0, 99, ""))?;
        self.literal("T")?;
        let hour = self.element("15", |p| p.number(false, 0, 23, "hour"))?;
        self.literal(":")?;
        let minute = self.element("04", |p| p.number(true, 0, 59, "minute"))?;
        self.literal(":")?;
        let second = self.element("05", |p| p.number(true, 0, 59, "second"))?;
        let nanosecond = if self.layout == SECONDS {
            self.optional_fraction()
        } else {
            self.element(".000000", |p| p.fraction(7))?
        };
        let offset = self.element("Z07:00", Self::zone)?;
        if !self.rest.is_empty() {
            return Err(self.fail(&format!(": extra text: {}", quoted(self.rest))));
        }
        if day < 1 || day > days_in(year, month) {
            return Err(self.fail(": day out of range"));
        }
        let days = days_since_epoch(year, month, day);
        let second = days * 86400 + hour * 3600 + minute * 60 + second - offset;
        Ok(Instant { second, nanosecond })
    }

    fn fail(&self, why: &str) -> TimeError {
        TimeError(format!("parsing time {}{why}", quoted(self.text)))
    }

    fn unparsed(&self, rest: &str, element: &str) -> TimeError {
        self.fail(&format!(
            " as \"{}\": cannot parse {} as \"{element}\"",
            self.layout,
            quoted(rest)
        ))
    }

    fn element<T>(
        &mut self,
        element: &str,
        read: impl FnOnce(&mut Self) -> Result<T, Wrong>,
    ) -> Result<T, TimeError> {
        let before = self.rest;
        read(self).map_err(|wrong| match wrong {
            Wrong::Form => self.unparsed(before, element),
            Wrong::Range(what) => self.fail(&format!(": {what} out of range")),
        })
    }

    fn literal(&mut self, literal: &'static str) -> Result<(), TimeError> {
        match self.rest.strip_prefix(literal) {
            Some(rest) => {
                self.rest = rest;
                Ok(())
            }
            None => Err(self.unparsed(self.rest, literal)),
        }
    }

    fn year(&mut self) -> Result<i64, Wrong> {
        let year = self.rest.get(..4).ok_or(Wrong::Form)?;
        let value = whole(year).ok_or(Wrong::Form)?;
        self.rest = &self.rest[4..];
        Ok(value)
    }

    /// Two digits, or one where the width is not fixed.
    fn number(
        &mut self,
        is_fixed: bool,
        min: i64,
        max: i64,
        what: &'static str,
    ) -> Result<i64, Wrong> {
        let count = self
            .rest
            .bytes()
            .take(2)
            .take_while(u8::is_ascii_digit)
            .count();
        if count == 0 || (is_fixed && count == 1) {
            return Err(Wrong::Form);
        }
        let value = whole(&self.rest[..count]).ok_or(Wrong::Form)?;
        self.rest = &self.rest[count..];
        if value < min || value > max {
            return Err(Wrong::Range(what));
        }
        Ok(value)
    }

    /// A fraction the layout does not ask for.
    fn optional_fraction(&mut self) -> i64 {
        let bytes = self.rest.as_bytes();
        if bytes.len() < 2 || !matches!(bytes[0], b'.' | b',') || !bytes[1].is_ascii_digit() {
            return 0;
        }
        let count = bytes[1..].iter().take_while(|b| b.is_ascii_digit()).count();
        self.fraction(count + 1).unwrap_or(0)
    }

    /// The nanoseconds of `length` characters, the first a point.
    fn fraction(&mut self, length: usize) -> Result<i64, Wrong> {
        let text = self.rest.get(..length).ok_or(Wrong::Form)?;
        let digits = text.strip_prefix(['.', ',']).ok_or(Wrong::Form)?;
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Wrong::Form);
        }
        let value = digits
            .bytes()
            .chain(std::iter::repeat(b'0'))
            .take(9)
            .fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
        self.rest = &self.rest[length..];
        Ok(value)
    }

    /// Seconds east of UTC.
    fn zone(&mut self) -> Result<i64, Wrong> {
        if let Some(rest) = self.rest.strip_prefix('Z') {
            self.rest = rest;
            return Ok(0);
        }
        let zone = self.rest.get(..6).ok_or(Wrong::Form)?;
        if zone.as_bytes()[3] != b':' {
            return Err(Wrong::Form);
        }
        let part = |range| zone.get(range).and_then(whole).ok_or(Wrong::Form);
        let (hours, minutes) = (part(1..3)?, part(4..6)?);
        // Upstream lets 24 hours and 60 minutes pass.
        if hours > 24 {
            return Err(Wrong::Range("time zone offset hour"));
        }
        if minutes > 60 {
            return Err(Wrong::Range("time zone offset minute"));
        }
        let offset = hours * 3600 + minutes * 60;
        let signed = match zone.as_bytes()[0] {
            b'+' => offset,
            b'-' => -offset,
            _ => return Err(Wrong::Form),
        };
        self.rest = &self.rest[6..];
        Ok(signed)
    }
}

/// A number of nothing but digits.
fn whole(text: &str) -> Option<i64> {
    text.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

fn days_in(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => 31,
    }
}

/// Quotes as the `time` package does, which is not quite `%q`.
pub(in crate::object) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            ' '..='\x7f' => out.push(c),
            other => {
                let mut buffer = [0; 4];
                for byte in other.encode_utf8(&mut buffer).bytes() {
                    // Writing to a String cannot fail.
                    let _ = write!(out, "\\x{byte:02x}");
                }
            }
        }
    }
    out.push('"');
    out
}
