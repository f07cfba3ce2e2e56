//! What the labels of a namespace ask for.
//!
//! *Upstream:* `pod-security-admission/api/helpers.go`, `…/policy/registry.go`.

use std::fmt;

use super::check::{Finding, Pod};
use super::{baseline, restricted};
use crate::error::FieldErrors;
use crate::object::FieldPath;

/// The newest version that has checks of its own.
const NEWEST: u32 = 37;

/// How much is asked of pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Privileged,
    Baseline,
    Restricted,
}

impl Level {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "privileged" => Some(Self::Privileged),
            "baseline" => Some(Self::Baseline),
            "restricted" => Some(Self::Restricted),
            _ => None,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Privileged => "privileged",
            Self::Baseline => "baseline",
            Self::Restricted => "restricted",
        }
    }
}

/// A level as it was in a minor version; `None` for the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LevelVersion {
    pub(super) level: Level,
    pub(super) version: Option<u32>,
}

impl fmt::Display for LevelVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.version {
            None => write!(f, "{}:latest", self.level.as_str()),
            Some(minor) => write!(f, "{}:v1.{minor}", self.level.as_str()),
        }
    }
}

impl LevelVersion {
    /// Everything a pod asks for that the level does not give.
    pub(super) fn check(self, pod: &Pod<'_>) -> Vec<Finding> {
        let version = self.version.unwrap_or(NEWEST).min(NEWEST);
        match self.level {
            Level::Privileged => Vec::new(),
            Level::Baseline => baseline::check(pod, version, &[]),
            Level::Restricted => {
                let mut findings = baseline::check(pod, version, &restricted::covered(version));
                findings.extend(restricted::check(pod, version));
                findings
            }
        }
    }
}

/// The labels of each mode: its level, and the version of its rules.
const ENFORCE: [&str; 2] = [
    "pod-security.kubernetes.io/enforce",
    "pod-security.kubernetes.io/enforce-version",
];
const AUDIT: [&str; 2] = [
    "pod-security.kubernetes.io/audit",
    "pod-security.kubernetes.io/audit-version",
];
const WARN: [&str; 2] = [
    "pod-security.kubernetes.io/warn",
    "pod-security.kubernetes.io/warn-version",
];

/// What a namespace asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) enforce: LevelVersion,
    pub(super) audit: LevelVersion,
    pub(super) warn: LevelVersion,
}

impl Policy {
    /// The policy that asks for nothing.
    pub(super) const PRIVILEGED: Self = {
        let nothing = LevelVersion {
            level: Level::Privileged,
            version: None,
        };
        Self {
            enforce: nothing,
            audit: nothing,
            warn: nothing,
        }
    };

    /// The policy of labels, over what holds without any, and what is wrong with them.
    pub(super) fn of<'a>(
        label: impl Fn(&str) -> Option<&'a str>,
        mut policy: Self,
    ) -> (Self, FieldErrors) {
        let mut errors = FieldErrors::new();
        let mut read = |[key, version_key]: [&str; 2], fallback: Level| {
            let level = label(key).map(|text| {
                let level = Level::parse(text);
                if level.is_none() {
                    let why = "must be one of privileged, baseline, restricted";
                    refuse(&mut errors, key, text, why);
                }
                (level.unwrap_or(fallback), level.is_some())
            });
            let version = label(version_key).map(|text| {
                parse_version(text).unwrap_or_else(|why| {
                    refuse(&mut errors, version_key, text, why);
                    None
                })
            });
            (level, version)
        };
        // What is enforced is strict where it makes no sense; what only talks says nothing.
        let enforce = read(ENFORCE, Level::Restricted);
        let audit = read(AUDIT, Level::Privileged);
        let warn = read(WARN, Level::Privileged);
        for (own, (level, version)) in [
            (&mut policy.enforce, enforce),
            (&mut policy.audit, audit),
            (&mut policy.warn, warn),
        ] {
            own.level = level.map_or(own.level, |(level, _)| level);
            own.version = version.unwrap_or(own.version);
        }
        // Whoever is held to a level without a word on warnings is warned of it as well.
        let is_said = enforce.0.is_some_and(|(_, is_good)| is_good);
        if warn.0.is_none() && is_said && policy.enforce.level > policy.warn.level {
            policy.warn.level = policy.enforce.level;
            if warn.1.is_none() {
                policy.warn.version = policy.enforce.version;
            }
        }
        (policy, errors)
    }

    /// Whether it asks for nothing.
    pub(super) fn is_privileged(&self) -> bool {
        [self.enforce, self.audit, self.warn]
            .iter()
            .all(|mode| mode.level == Level::Privileged)
    }
}

fn refuse(errors: &mut FieldErrors, key: &str, value: &str, why: &str) {
    let metadata = FieldPath::new("metadata");
    let labels = metadata.child("labels");
    errors.invalid(&labels.key(key), &value.into(), why);
}

/// `latest` or `v1.N`, or what is wrong with it.
fn parse_version(text: &str) -> Result<Option<u32>, &'static str> {
    if text == "latest" {
        return Ok(None);
    }
    let minor = text.strip_prefix("v1.").unwrap_or("");
    let is_number = minor == "0" || !minor.starts_with(['0', '+']);
    let version = minor.parse().ok().filter(|_| is_number);
    version.map(Some).ok_or("must be \"latest\" or \"v1.x\"")
}
