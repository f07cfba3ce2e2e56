//! Schedules of cron jobs: whether one can be read, and why not, and when one falls due.
//!
//! *Upstream:* `github.com/robfig/cron/v3` (`parser.go`, `spec.go`).

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::object::duration;

/// The least and the most of a field, and the names some of its numbers have.
struct Bounds {
    least: u64,
    most: u64,
    names: &'static [&'static str],
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// Minute, hour, day of the month, month, day of the week.
const FIELDS: [Bounds; 5] = [
    Bounds {
        least: 0,
        most: 59,
        names: &[],
    },
    Bounds {
        least: 0,
        most: 23,
        names: &[],
    },
    Bounds {
        least: 1,
        most: 31,
        names: &[],
    },
    Bounds {
        least: 1,
        most: 12,
        names: &MONTHS,
    },
    Bounds {
        least: 0,
        most: 6,
        names: &DAYS,
    },
];

/// Set in a field that takes every value, since a day then has to match both fields of days.
const STAR: u64 = 1 << 63;
/// So many years are looked through for the next time.
const YEARS_MAX: i16 = 5;

/// When something is done again and again.
#[derive(Clone, Debug)]
pub struct Schedule {
    zone: TimeZone,
    times: Times,
}

#[derive(Clone, Debug)]
enum Times {
    /// The numbers of each field as bits: minute, hour, day, month, day of the week.
    Fields([u64; 5]),
    /// Every so often.
    Every(Duration),
}

/// Why a schedule cannot be read.
pub(super) fn check(schedule: &str) -> Result<(), String> {
    parse(schedule).map(|_| ())
}

/// Reads a schedule, whose time zone is UTC where it names none.
pub fn parse(schedule: &str) -> Result<Schedule, String> {
    let mut rest = schedule;
    let mut location = TimeZone::UTC;
    for prefix in ["TZ=", "CRON_TZ="] {
        if let Some(zoned) = schedule.strip_prefix(prefix) {
            let Some((zone, after)) = zoned.split_once(' ') else {
                return Err(
                    "invalid schedule format: runtime error: slice bounds out of range [:-1]"
                        .to_owned(),
                );
            };
            if !is_zone(zone) {
                return Err(format!(
                    "provided bad location {zone}: unknown time zone {zone}"
                ));
            }
            location = zone_of(zone).unwrap_or(TimeZone::UTC);
            rest = after.trim();
        }
    }
    if rest.starts_with('@') {
        let times = descriptor(rest)?;
        return Ok(Schedule {
            zone: location,
            times,
        });
    }
    let fields: Vec<&str> = rest.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return Err(format!(
            "expected exactly 5 fields, found {}: [{}]",
            fields.len(),
            fields.join(" ")
        ));
    }
    let mut bits = [0; 5];
    for ((text, bounds), bits) in fields.into_iter().zip(&FIELDS).zip(&mut bits) {
        for part in text.split(',').filter(|part| !part.is_empty()) {
            *bits |= range(part, bounds)?;
        }
    }
    Ok(Schedule {
        zone: location,
        times: Times::Fields(bits),
    })
}

/// The time zone of a name.
pub fn zone_of(name: &str) -> Option<TimeZone> {
    match name {
        "" | "UTC" | "Local" => Some(TimeZone::UTC),
        name if is_zone(name) => jiff::tz::db().get(name).ok(),
        _ => None,
    }
}

fn descriptor(text: &str) -> Result<Times, String> {
    let all = |field: usize| {
        let bounds = &FIELDS[field];
        (bounds.least..=bounds.most).fold(STAR, |bits, number| bits | (1 << number))
    };
    let first = |field: usize| 1 << FIELDS[field].least;
    let from = |fields: usize| {
        Times::Fields([0, 1, 2, 3, 4].map(|field| {
            if field < fields {
                first(field)
            } else {
                all(field)
            }
        }))
    };
    match text {
        "@yearly" | "@annually" => return Ok(from(4)),
        "@monthly" => return Ok(from(3)),
        "@weekly" => {
            return Ok(Times::Fields([
                first(0),
                first(1),
                all(2),
                all(3),
                first(4),
            ]));
        }
        "@daily" | "@midnight" => return Ok(from(2)),
        "@hourly" => return Ok(from(1)),
        _ => {}
    }
    match text.strip_prefix("@every ") {
        None => Err(format!("unrecognized descriptor: {text}")),
        Some(every) => duration::parse(every)
            .map(|nanos| {
                let seconds = u64::try_from(nanos / 1_000_000_000).unwrap_or(0);
                Times::Every(Duration::from_secs(seconds.max(1)))
            })
            .map_err(|error| format!("failed to parse duration {text}: {error}")),
    }
}

/// `number | number-number [/number]`, as bits.
fn range(text: &str, bounds: &Bounds) -> Result<u64, String> {
    let parts: Vec<&str> = text.split('/').collect();
    let ends: Vec<&str> = parts[0].split('-').collect();
    let (start, mut end) = match ends.as_slice() {
        ["*" | "?", ..] => (bounds.least, bounds.most),
        [one] => {
            let number = number_or_name(one, bounds)?;
            (number, number)
        }
        [low, high] => (number_or_name(low, bounds)?, number_or_name(high, bounds)?),
        _ => return Err(format!("too many hyphens: {text}")),
    };
    let step = match parts.as_slice() {
        [_] => 1,
        [_, step] => {
            let step = number(step)?;
            if ends.len() == 1 {
                end = bounds.most;
            }
            step
        }
        _ => return Err(format!("too many slashes: {text}")),
    };
    if start < bounds.least {
        return Err(format!(
            "beginning of range ({start}) below minimum ({}): {text}",
            bounds.least
        ));
    }
    if end > bounds.most {
        return Err(format!(
            "end of range ({end}) above maximum ({}): {text}",
            bounds.most
        ));
    }
    if start > end {
        return Err(format!(
            "beginning of range ({start}) beyond end of range ({end}): {text}"
        ));
    }
    if step == 0 {
        return Err(format!("step of range should be a positive number: {text}"));
    }
    let is_star = matches!(ends.first(), Some(&("*" | "?"))) && step <= 1;
    let bits = if is_star { STAR } else { 0 };
    let step = usize::try_from(step).unwrap_or(usize::MAX);
    let numbers = (start..=end).step_by(step);
    Ok(numbers.fold(bits, |bits, number| bits | (1 << number)))
}

impl Schedule {
    /// The next time after one; `None` where there is none for years.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let whole = Timestamp::from_second(after.as_second()).ok()?;
        match &self.times {
            Times::Every(pause) => whole.checked_add(*pause).ok(),
            Times::Fields(fields) => Search {
                fields,
                zone: &self.zone,
                time: whole.checked_add(SignedDuration::from_secs(1)).ok()?,
                is_moved: false,
            }
            .run(),
        }
    }
}

/// A time on its way to the next that all fields match.
struct Search<'a> {
    fields: &'a [u64; 5],
    zone: &'a TimeZone,
    time: Timestamp,
    /// Whether the smaller fields are at their least already.
    is_moved: bool,
}

impl Search<'_> {
    fn run(mut self) -> Option<Timestamp> {
        let last_year = self.civil().year() + YEARS_MAX;
        loop {
            if self.civil().year() > last_year {
                return None;
            }
            let is_found = self.month()? && self.day()? && self.hour()? && self.minute()?;
            if is_found && self.second()? {
                return Some(self.time);
            }
        }
    }

    fn civil(&self) -> DateTime {
        self.zone.to_datetime(self.time)
    }

    fn has(&self, field: usize, number: i8) -> bool {
        u32::try_from(number).is_ok_and(|number| self.fields[field] & (1 << number) != 0)
    }

    /// The time of a date and hour, as Go finds it where clocks are put forward or back.
    fn at(&self, civil: DateTime) -> Option<Timestamp> {
        let as_utc = TimeZone::UTC.to_timestamp(civil).ok()?;
        let guess = self.zone.to_offset(as_utc).seconds();
        let guess = as_utc
            .checked_sub(SignedDuration::from_secs(i64::from(guess)))
            .ok()?;
        let offset = self.zone.to_offset(guess).seconds();
        as_utc
            .checked_sub(SignedDuration::from_secs(i64::from(offset)))
            .ok()
    }

    fn add(&mut self, seconds: i64) -> Option<()> {
        self.time = self
            .time
            .checked_add(SignedDuration::from_secs(seconds))
            .ok()?;
        Some(())
    }

    /// Whether the month matches, moved on within a year; `Some(false)` where the year is over.
    fn month(&mut self) -> Option<bool> {
        while !self.has(3, self.civil().month()) {
            let civil = self.civil();
            let first = if self.is_moved {
                civil
            } else {
                civil
                    .date()
                    .first_of_month()
                    .to_datetime(jiff::civil::Time::midnight())
            };
            self.is_moved = true;
            let next = first.checked_add(jiff::Span::new().months(1)).ok()?;
            self.time = self.at(next)?;
            if self.civil().month() == 1 {
                return Some(false);
            }
        }
        Some(true)
    }

    fn day(&mut self) -> Option<bool> {
        while !self.is_day() {
            let civil = self.civil();
            let day = if self.is_moved {
                civil
            } else {
                civil.date().to_datetime(jiff::civil::Time::midnight())
            };
            self.is_moved = true;
            let next = day.checked_add(jiff::Span::new().days(1)).ok()?;
            self.time = self.at(next)?;
            // A midnight that clocks leave out.
            let hour = i64::from(self.civil().hour());
            if hour > 12 {
                self.add((24 - hour) * 3600)?;
            } else if hour != 0 {
                self.add(-hour * 3600)?;
            }
            if self.civil().day() == 1 {
                return Some(false);
            }
        }
        Some(true)
    }

    fn is_day(&self) -> bool {
        let civil = self.civil();
        let by_month = self.has(2, civil.day());
        let by_week = self.has(4, civil.weekday().to_sunday_zero_offset());
        if (self.fields[2] | self.fields[4]) & STAR != 0 {
            by_month && by_week
        } else {
            by_month || by_week
        }
    }

    fn hour(&mut self) -> Option<bool> {
        while !self.has(1, self.civil().hour()) {
            if !self.is_moved {
                self.is_moved = true;
                let civil = self.civil();
                self.time = self.at(civil.date().at(civil.hour(), 0, 0, 0))?;
            }
            self.add(3600)?;
            if self.civil().hour() == 0 {
                return Some(false);
            }
        }
        Some(true)
    }

    fn minute(&mut self) -> Option<bool> {
        while !self.has(0, self.civil().minute()) {
            if !self.is_moved {
                self.is_moved = true;
                self.add(-self.time.as_second().rem_euclid(60))?;
            }
            self.add(60)?;
            if self.civil().minute() == 0 {
                return Some(false);
            }
        }
        Some(true)
    }

    /// Times are at the first second of a minute.
    fn second(&mut self) -> Option<bool> {
        while self.civil().second() != 0 {
            self.is_moved = true;
            self.add(1)?;
            if self.civil().second() == 0 {
                return Some(false);
            }
        }
        Some(true)
    }
}

fn number_or_name(text: &str, bounds: &Bounds) -> Result<u64, String> {
    let lower = text.to_lowercase();
    match bounds.names.iter().position(|name| *name == lower) {
        Some(at) => Ok(at as u64 + bounds.least),
        None => number(text),
    }
}

fn number(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let number: i64 = match text.parse() {
        Ok(number) if is_number => number,
        _ => {
            let why = if is_number {
                "value out of range"
            } else {
                "invalid syntax"
            };
            return Err(format!(
                "failed to parse int from {text}: strconv.Atoi: parsing {text:?}: {why}"
            ));
        }
    };
    u64::try_from(number).map_err(|_| format!("negative number ({number}) not allowed: {text}"))
}

/// Whether there is a time zone of that name, letter by letter.
fn is_zone(name: &str) -> bool {
    matches!(name, "" | "UTC" | "Local")
        || jiff::tz::db()
            .get(name)
            .is_ok_and(|zone| zone.iana_name() == Some(name))
}

/// What is wrong with the name of a time zone.
pub(super) fn check_zone(name: &str) -> Vec<String> {
    if name.is_empty() {
        return vec!["timeZone must be nil or non-empty string".to_owned()];
    }
    let is_part = |part: &str| {
        (1..=14).contains(&part.len())
            && part != "."
            && part != ".."
            && !part.starts_with('-')
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b".-_+".contains(&b))
    };
    let unknown = format!("unknown time zone {name}");
    if !name.split('/').all(is_part) {
        return vec![unknown];
    }
    let mut wrong = Vec::new();
    if name.eq_ignore_ascii_case("local") {
        wrong.push(
            "timeZone must be an explicit time zone as defined in \
             https://www.iana.org/time-zones"
                .to_owned(),
        );
    }
    if !is_zone(name) {
        wrong.push(unknown);
    }
    wrong
}
