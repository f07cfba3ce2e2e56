//! Parts of times and durations.
//!
//! *Upstream:* `cel-go/common/stdlib/standard.go`, `cel-go/common/types/{timestamp,duration}.go`.

use crate::cel::eval::{Failure, Outcome};
use crate::cel::moment::{Civil, Moment};
use crate::cel::value::Value;
use crate::object::duration;
use crate::object::quote::quoted;

const NANOS: i64 = 1_000_000_000;

/// The result of a function over times; `None` where it is none.
pub(super) fn call<'a>(name: &str, values: &[Value<'a>]) -> Option<Outcome<'a>> {
    let (at, offset) = match values {
        [Value::Duration(nanos)] => {
            return of_duration(name, *nanos).map(|part| Ok(Value::Int(part)));
        }
        [Value::Timestamp(at)] => (at, Ok(0)),
        [Value::Timestamp(at), Value::String(zone)] => (at, offset_in(*at, zone)),
        _ => return None,
    };
    let part: fn(&Civil) -> i64 = match name {
        "getFullYear" => |at| at.year,
        "getMonth" => |at| at.month - 1,
        "getDayOfYear" => |at| at.day_of_year,
        "getDayOfMonth" => |at| at.day - 1,
        "getDate" => |at| at.day,
        "getDayOfWeek" => |at| at.weekday,
        "getHours" => |at| at.hour,
        "getMinutes" => |at| at.minute,
        "getSeconds" => |at| at.second,
        "getMilliseconds" => {
            let milliseconds = i64::from(at.nanos / 1_000_000);
            return Some(offset.map(|_| Value::Int(milliseconds)));
        }
        _ => return None,
    };
    Some(offset.map(|offset| Value::Int(part(&at.civil(offset)))))
}

fn of_duration(name: &str, nanos: i64) -> Option<i64> {
    Some(match name {
        "getHours" => nanos / (3600 * NANOS),
        "getMinutes" => nanos / (60 * NANOS),
        "getSeconds" => nanos / NANOS,
        "getMilliseconds" => nanos / 1_000_000,
        _ => return None,
    })
}

/// A length of time as Go writes it.
pub(in crate::cel) fn read_duration(text: &str) -> Result<i64, Failure> {
    duration::parse(text).map_err(|_| conversion("google.protobuf.Duration"))
}

/// A point in time by RFC 3339.
pub(in crate::cel) fn read_timestamp(text: &str) -> Result<Moment, Failure> {
    Moment::parse(text).ok_or_else(|| conversion("google.protobuf.Timestamp"))
}

/// A point in time by its seconds since 1970.
pub(in crate::cel) fn from_seconds(seconds: i64) -> Result<Moment, Failure> {
    Moment::from_seconds(seconds).ok_or_else(|| Failure::new("timestamp overflow"))
}

fn conversion(kind: &str) -> Failure {
    Failure::new(format!("type conversion error from 'string' to '{kind}'"))
}

/// How many seconds east of UTC a zone is: `+05:30`, `UTC`, `Europe/Berlin`.
fn offset_in(at: Moment, zone: &str) -> Result<i64, Failure> {
    let Some((hours, minutes)) = zone.split_once(':') else {
        // The server's own zone is UTC.
        if matches!(zone, "" | "UTC" | "Local") {
            return Ok(0);
        }
        return at
            .offset_in(zone)
            .ok_or_else(|| Failure::new(format!("unknown time zone {zone}")));
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let minutes = if zone.starts_with('-') {
        hours.saturating_mul(60).saturating_sub(minutes)
    } else {
        hours.saturating_mul(60).saturating_add(minutes)
    };
    Ok(minutes.clamp(-1_000_000, 1_000_000) * 60)
}

/// A number as Go reads it, or what Go says of it.
fn number(text: &str) -> Result<i64, Failure> {
    text.parse().map_err(|_| {
        let text = quoted(text);
        Failure::new(format!("strconv.Atoi: parsing {text}: invalid syntax"))
    })
}
