//! Points in time as expressions know them: from the year 1 to the year 9999, each with the offset
//! it was written with.
//!
//! *Upstream:* `cel-go/common/types/timestamp.go`, `time`.

use std::cmp::Ordering;
use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;

const DAY: i64 = 86_400;
const NANOS: i64 = 1_000_000_000;
/// The first second of the year 1, and the last of the year 9999.
const RANGE: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// A point in time.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Since 1970.
    pub seconds: i64,
    /// Within the second.
    pub nanos: i32,
    /// Seconds east of UTC, which tells only how it is printed.
    pub offset: i32,
}

/// A point in time as clocks and calendars show it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Civil {
    pub(super) year: i64,
    /// From 1.
    pub(super) month: i64,
    /// From 1.
    pub(super) day: i64,
    /// From 0.
    pub(super) day_of_year: i64,
    /// From 0, a Sunday.
    pub(super) weekday: i64,
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
}

impl Moment {
    /// So many seconds since 1970; `None` beyond the years that are known.
    pub fn from_seconds(seconds: i64) -> Option<Self> {
        RANGE.contains(&seconds).then_some(Self {
            seconds,
            nanos: 0,
            offset: 0,
        })
    }

    /// RFC 3339.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let number = |from: usize, length: usize| -> Option<i64> {
            let digits = bytes.get(from..from + length)?;
            digits.iter().all(u8::is_ascii_digit).then_some(())?;
            text[from..from + length].parse().ok()
        };
        let is = |at: usize, byte: u8| bytes.get(at) == Some(&byte);
        let separated = is(4, b'-') && is(7, b'-') && is(10, b'T') && is(13, b':') && is(16, b':');
        if !separated {
            return None;
        }
        let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
        let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
        let mut at = 19;
        let mut nanos = 0;
        if is(at, b'.') {
            let digits = bytes[at + 1..]
                .iter()
                .take_while(|byte| byte.is_ascii_digit());
            let count = digits.count();
            let shown = &text[at + 1..at + 1 + count.min(9)];
            nanos = format!("{shown:0<9}").parse().ok()?;
            (count > 0).then_some(())?;
            at += 1 + count;
        }
        let offset = match bytes.get(at)? {
            b'Z' if bytes.len() == at + 1 => 0,
            sign @ (b'+' | b'-') if bytes.len() == at + 6 && is(at + 3, b':') => {
                let (hours, minutes) = (number(at + 1, 2)?, number(at + 4, 2)?);
                if hours > 24 || minutes > 59 {
                    return None;
                }
                let seconds = (hours * 60 + minutes) * 60;
                if *sign == b'-' { -seconds } else { seconds }
            }
            _ => return None,
        };
        let is_sound = (1..=12).contains(&month)
            && (1..=days_in(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        let seconds = days_since(year, month, day) * DAY + hour * 3600 + minute * 60 + second;
        is_sound.then_some(())?;
        Some(Self {
            nanos,
            offset: offset as i32,
            ..Self::from_seconds(seconds - offset)?
        })
    }

    /// So many nanoseconds later; `None` beyond the years that are known.
    pub fn plus(self, nanos: i64) -> Option<Self> {
        let total = self.total() + i128::from(nanos);
        let seconds = i64::try_from(total.div_euclid(i128::from(NANOS))).ok()?;
        Some(Self {
            nanos: total.rem_euclid(i128::from(NANOS)) as i32,
            offset: self.offset,
            ..Self::from_seconds(seconds)?
        })
    }

    /// Nanoseconds since another; `None` where they are too many.
    pub fn since(self, other: Self) -> Option<i64> {
        i64::try_from(self.total() - other.total()).ok()
    }

    fn total(self) -> i128 {
        i128::from(self.seconds) * i128::from(NANOS) + i128::from(self.nanos)
    }

    /// As clocks and calendars show it, so many seconds east of UTC.
    pub(super) fn civil(self, offset: i64) -> Civil {
        let local = self.seconds + offset;
        let (days, second) = (local.div_euclid(DAY), local.rem_euclid(DAY));
        let (year, month, day) = date_of(days);
        Civil {
            year,
            month,
            day,
            day_of_year: days - days_since(year, 1, 1),
            weekday: (days + 4).rem_euclid(7),
            hour: second / 3600,
            minute: second / 60 % 60,
            second: second % 60,
        }
    }

    /// How many seconds east of UTC a zone is at this time.
    pub(super) fn offset_in(self, zone: &str) -> Option<i64> {
        let name = zone;
        let zone = TimeZoneDatabase::bundled().get(name).ok()?;
        // Names are found in any case; Go looks for files.
        if zone.iana_name() != Some(name) {
            return None;
        }
        let (min, max) = (Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
        let at = Timestamp::from_second(self.seconds.clamp(min, max)).ok()?;
        Some(i64::from(zone.to_offset(at).seconds()))
    }
}

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        let nanos = at.subsec_nanosecond();
        let (seconds, nanos) = if nanos < 0 {
            (at.as_second() - 1, nanos + NANOS as i32)
        } else {
            (at.as_second(), nanos)
        };
        Self {
            seconds,
            nanos,
            offset: 0,
        }
    }
}

impl PartialEq for Moment {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Moment {}

impl PartialOrd for Moment {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Moment {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.seconds, self.nanos).cmp(&(other.seconds, other.nanos))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.civil(i64::from(self.offset));
        write!(f, "{:04}-{:02}-{:02}", at.year, at.month, at.day)?;
        write!(f, "T{:02}:{:02}:{:02}", at.hour, at.minute, at.second)?;
        if self.nanos != 0 {
            let digits = format!("{:09}", self.nanos);
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        if self.offset == 0 {
            return f.write_str("Z");
        }
        let sign = if self.offset < 0 { '-' } else { '+' };
        let minutes = self.offset.abs() / 60;
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970 to a date.
const fn days_since(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March here, so that the leap day is a year's last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let month = (month + 9) % 12;
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The date so many days after 1970.
const fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let years = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * years + years / 4 - years / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = years + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}
