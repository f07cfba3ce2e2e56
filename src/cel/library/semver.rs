//! Semantic versions.
//!
//! *Upstream:* `apiserver/pkg/cel/library/semverlib.go`, `blang/semver`.

use std::cmp::Ordering;
use std::fmt;
use std::rc::Rc;

use crate::cel::eval::{Failure, Outcome};
use crate::cel::value::Value;

/// A semantic version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Semver {
    major: u64,
    minor: u64,
    patch: u64,
    pre: Vec<String>,
    build: String,
}

/// The result of a function over versions; `None` where it is none.
pub(super) fn call<'a>(name: &str, values: &[Value<'a>]) -> Option<Outcome<'a>> {
    let outcome = match (name, values) {
        ("semver" | "isSemver", [Value::String(text), rest @ ..]) => {
            let is_tolerant = match rest {
                [] => false,
                [Value::Bool(value)] => *value,
                _ => return None,
            };
            let parsed = if is_tolerant {
                Semver::parse(&tolerant(text))
            } else {
                Semver::parse(text)
            };
            if name == "isSemver" {
                Ok(Value::Bool(parsed.is_some()))
            } else {
                parsed
                    .map(|version| Value::Semver(Rc::new(version)))
                    .ok_or_else(|| Failure::new("No Major.Minor.Patch elements found"))
            }
        }
        ("major", [Value::Semver(version)]) => Ok(Value::Int(version.major as i64)),
        ("minor", [Value::Semver(version)]) => Ok(Value::Int(version.minor as i64)),
        ("patch", [Value::Semver(version)]) => Ok(Value::Int(version.patch as i64)),
        ("isGreaterThan", [Value::Semver(a), Value::Semver(b)]) => {
            Ok(Value::Bool(a.order(b).is_gt()))
        }
        ("isLessThan", [Value::Semver(a), Value::Semver(b)]) => Ok(Value::Bool(a.order(b).is_lt())),
        ("compareTo", [Value::Semver(a), Value::Semver(b)]) => Ok(Value::Int(a.order(b) as i64)),
        _ => return None,
    };
    Some(outcome)
}

/// A version with its missing parts filled in and its prefix and leading zeros gone.
fn tolerant(text: &str) -> String {
    let text = text.trim();
    let text = text.strip_prefix('v').unwrap_or(text);
    let end = text.find(['-', '+']).unwrap_or(text.len());
    let (numbers, rest) = text.split_at(end);
    let mut parts: Vec<&str> = numbers
        .split('.')
        .map(|part| match part.trim_start_matches('0') {
            "" if !part.is_empty() => "0",
            trimmed => trimmed,
        })
        .collect();
    while parts.len() < 3 {
        parts.push("0");
    }
    format!("{}{rest}", parts.join("."))
}

impl Semver {
    fn parse(text: &str) -> Option<Self> {
        let (text, build) = text.split_once('+').unwrap_or((text, ""));
        let (numbers, pre) = text.split_once('-').unwrap_or((text, ""));
        let number = |part: &str| -> Option<u64> {
            let is_plain = part == "0" || !part.starts_with('0');
            let is_number = part.bytes().all(|byte| byte.is_ascii_digit());
            (is_plain && is_number).then(|| part.parse().ok()).flatten()
        };
        let mut parts = numbers.split('.').map(number);
        let version = Self {
            major: parts.next()??,
            minor: parts.next()??,
            patch: parts.next()??,
            pre: match pre {
                "" => Vec::new(),
                pre => pre.split('.').map(str::to_owned).collect(),
            },
            build: build.to_owned(),
        };
        let is_word = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let is_sound = version.pre.iter().all(|part| is_word(part))
            && (build.is_empty() || build.split('.').all(is_word));
        (parts.next().is_none() && is_sound).then_some(version)
    }

    fn order(&self, other: &Self) -> Ordering {
        let numbers = |version: &Self| (version.major, version.minor, version.patch);
        numbers(self).cmp(&numbers(other)).then_with(|| {
            match (self.pre.is_empty(), other.pre.is_empty()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => pre_order(&self.pre, &other.pre),
            }
        })
    }
}

fn pre_order(a: &[String], b: &[String]) -> Ordering {
    for (a, b) in a.iter().zip(b) {
        let order = match (a.parse::<u64>(), b.parse::<u64>()) {
            (Ok(a), Ok(b)) => a.cmp(&b),
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => a.cmp(b),
        };
        if order.is_ne() {
            return order;
        }
    }
    a.len().cmp(&b.len())
}

impl fmt::Display for Semver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.pre.is_empty() {
            write!(f, "-{}", self.pre.join("."))?;
        }
        if !self.build.is_empty() {
            write!(f, "+{}", self.build)?;
        }
        Ok(())
    }
}
