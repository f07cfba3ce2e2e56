//! Parts of times and durations.

use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};

use crate::cel::eval::{Failure, Outcome};
use crate::cel::value::Value;

const NANOS: i64 = 1_000_000_000;

/// The result of a function over times; `None` where it is none.
pub(super) fn call<'a>(name: &str, values: &[Value<'a>]) -> Option<Outcome<'a>> {
    let zoned = match values {
        [Value::Duration(nanos)] => {
            return of_duration(name, *nanos).map(|part| Ok(Value::Int(part)));
        }
        [Value::Timestamp(at)] => Ok(at.to_zoned(TimeZone::UTC)),
        [Value::Timestamp(at), Value::String(zone)] => in_zone(*at, zone),
        _ => return None,
    };
    let part: fn(&Zoned) -> i64 = match name {
        "getFullYear" => |at| i64::from(at.year()),
        "getMonth" => |at| i64::from(at.month()) - 1,
        "getDayOfYear" => |at| i64::from(at.day_of_year()) - 1,
        "getDayOfMonth" => |at| i64::from(at.day()) - 1,
        "getDate" => |at| i64::from(at.day()),
        "getDayOfWeek" => |at| i64::from(at.weekday().to_sunday_zero_offset()),
        "getHours" => |at| i64::from(at.hour()),
        "getMinutes" => |at| i64::from(at.minute()),
        "getSeconds" => |at| i64::from(at.second()),
        "getMilliseconds" => |at| i64::from(at.millisecond()),
        _ => return None,
    };
    Some(zoned.map(|at| Value::Int(part(&at))))
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

/// A time in a zone: `+05:30`, `UTC`. Named zones need a database, which is not there.
fn in_zone(at: Timestamp, zone: &str) -> Result<Zoned, Failure> {
    let unknown = || Failure::new(format!("unknown time zone {zone}"));
    if zone == "UTC" || zone.is_empty() {
        return Ok(at.to_zoned(TimeZone::UTC));
    }
    let (sign, rest) = match zone.as_bytes()[0] {
        b'-' => (-1, &zone[1..]),
        b'+' => (1, &zone[1..]),
        _ => (1, zone),
    };
    let (hours, minutes) = rest.split_once(':').ok_or_else(unknown)?;
    let hours: i32 = hours.parse().map_err(|_| unknown())?;
    let minutes: i32 = minutes.parse().map_err(|_| unknown())?;
    let offset =
        Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).map_err(|_| unknown())?;
    Ok(at.to_zoned(offset.to_time_zone()))
}
