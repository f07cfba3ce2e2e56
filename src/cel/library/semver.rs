//! Semantic versions.
//!
//! *Upstream:* `apiserver/pkg/cel/library/semverlib.go`, `blang/semver`.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use crate::cel::eval::{Failure, Outcome};
use crate::cel::value::Value;
use crate::object::quote::quoted;

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
            let parsed = match rest {
                [] | [Value::Bool(false)] => Semver::parse(text),
                [Value::Bool(true)] => tolerant(text).and_then(|text| Semver::parse(&text)),
                _ => return None,
            };
            if name == "isSemver" {
                Ok(Value::Bool(parsed.is_ok()))
            } else {
                parsed
                    .map(|version| Value::Semver(Arc::new(version)))
                    .map_err(Failure::new)
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
fn tolerant(text: &str) -> Result<String, String> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let mut parts: Vec<String> = text
        .splitn(3, '.')
        .map(|part| {
            if part.len() < 2 {
                return part.to_owned();
            }
            let trimmed = part.trim_start_matches('0');
            if trimmed.starts_with(|c: char| c.is_ascii_digit()) {
                trimmed.to_owned()
            } else {
                format!("0{trimmed}")
            }
        })
        .collect();
    if parts.len() < 3 {
        if parts.last().is_some_and(|part| part.contains(['+', '-'])) {
            return Err("short version cannot contain PreRelease/Build meta data".to_owned());
        }
        parts.resize(3, "0".to_owned());
    }
    Ok(parts.join("."))
}

impl Semver {
    /// Reads a version.
    pub(in crate::cel) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("Version string empty".to_owned());
        }
        let parts: Vec<&str> = text.splitn(3, '.').collect();
        let [major, minor, patch] = parts[..] else {
            return Err("No Major.Minor.Patch elements found".to_owned());
        };
        let (major, minor) = (number(major, "major")?, number(minor, "minor")?);
        let (patch, build) = match patch.split_once('+') {
            Some((patch, build)) => (patch, Some(build)),
            None => (patch, None),
        };
        let (patch, pre) = match patch.split_once('-') {
            Some((patch, pre)) => (patch, Some(pre)),
            None => (patch, None),
        };
        let patch = number(patch, "patch")?;
        let is_word = |part: &str| {
            part.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let mut words = Vec::new();
        for part in pre.into_iter().flat_map(|pre| pre.split('.')) {
            let is_number = part.bytes().all(|byte| byte.is_ascii_digit());
            if part.is_empty() {
                return Err("Prerelease is empty".to_owned());
            }
            if is_number && part.len() > 1 && part.starts_with('0') {
                let part = quoted(part);
                let what = "Numeric PreRelease version must not contain leading zeroes";
                return Err(format!("{what} {part}"));
            }
            if !is_word(part) {
                let part = quoted(part);
                return Err(format!("Invalid character(s) found in prerelease {part}"));
            }
            words.push(part.to_owned());
        }
        for part in build.into_iter().flat_map(|build| build.split('.')) {
            if part.is_empty() {
                return Err("Build meta data is empty".to_owned());
            }
            if !is_word(part) {
                let part = quoted(part);
                return Err(format!(
                    "Invalid character(s) found in build meta data {part}"
                ));
            }
        }
        Ok(Self {
            major,
            minor,
            patch,
            pre: words,
            build: build.unwrap_or_default().to_owned(),
        })
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

fn number(text: &str, what: &str) -> Result<u64, String> {
    let shown = quoted(text);
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!(
            "Invalid character(s) found in {what} number {shown}"
        ));
    }
    if text.len() > 1 && text.starts_with('0') {
        let mut what = what.to_owned();
        what[..1].make_ascii_uppercase();
        return Err(format!(
            "{what} number must not contain leading zeroes {shown}"
        ));
    }
    text.parse().map_err(|_| {
        let kind = if text.is_empty() {
            "invalid syntax"
        } else {
            "value out of range"
        };
        format!("strconv.ParseUint: parsing {shown}: {kind}")
    })
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
