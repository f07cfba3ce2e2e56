//! How fast an autoscaler may go, and how long it hesitates.
//!
//! *Upstream:* `pkg/controller/podautoscaler/horizontal.go` (`normalizeDesiredReplicas…`,
//! `stabilizeRecommendation…`, `calculateScale…Limit…`).

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::object::Object;

/// How long fewer replicas must be asked for before there are fewer.
const DOWNSCALE_WINDOW: i64 = 300;

/// What was asked for and done lately.
#[derive(Debug, Default)]
pub(super) struct Memory {
    asked: Vec<(i64, Timestamp)>,
    up: Vec<(i64, Timestamp)>,
    down: Vec<(i64, Timestamp)>,
}

impl Memory {
    /// Begins with what there is.
    pub(super) fn begin(&mut self, replicas: i64, now: Timestamp) {
        if self.asked.is_empty() {
            self.asked.push((replicas, now));
        }
    }

    /// Remembers that the target was scaled.
    pub(super) fn scaled(&mut self, hpa: &Object, from: i64, to: i64, now: Timestamp) {
        if hpa.get(&["spec", "behavior"]).is_none() {
            return;
        }
        let (events, direction) = if to > from {
            (&mut self.up, "scaleUp")
        } else {
            (&mut self.down, "scaleDown")
        };
        let periods = hpa
            .items(&["spec", "behavior", direction, "policies"])
            .iter();
        let longest = periods
            .filter_map(|policy| policy["periodSeconds"].as_i64())
            .max();
        let cutoff = before(now, longest.unwrap_or(0));
        events.retain(|(_, at)| *at >= cutoff);
        events.push(((to - from).abs(), now));
    }

    /// Remembers what is asked for, and drops what is older than all that counts.
    fn note(&mut self, replicas: i64, cutoff: Timestamp, now: Timestamp) {
        self.asked.retain(|(_, at)| *at >= cutoff);
        self.asked.push((replicas, now));
    }
}

/// What an autoscaler may do at once.
pub(super) struct Normal {
    pub(super) replicas: i64,
    /// The conditions that say so: type, status, reason, message.
    pub(super) conditions: [[&'static str; 4]; 2],
}

const READY: [&str; 4] = [
    super::ABLE,
    "True",
    "ReadyForNewScale",
    "recommended size matches current size",
];
const SCALE_DOWN_STABILIZED: [&str; 4] = [
    super::ABLE,
    "True",
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, applying the highest recent recommendation",
];
const SCALE_UP_STABILIZED: [&str; 4] = [
    super::ABLE,
    "True",
    "ScaleUpStabilized",
    "recent recommendations were lower than current one, applying the lowest recent recommendation",
];

type Limit = (&'static str, &'static str);

const WITHIN: Limit = (
    "DesiredWithinRange",
    "the desired count is within the acceptable range",
);
const TOO_MANY: Limit = (
    "TooManyReplicas",
    "the desired replica count is more than the maximum replica count",
);
const TOO_FEW: Limit = (
    "TooFewReplicas",
    "the desired replica count is less than the minimum replica count",
);
const TOO_FAST_UP: Limit = (
    "ScaleUpLimit",
    "the desired replica count is increasing faster than the maximum scale rate",
);
const TOO_FAST_DOWN: Limit = (
    "ScaleDownLimit",
    "the desired replica count is decreasing faster than the maximum scale rate",
);

fn before(now: Timestamp, seconds: i64) -> Timestamp {
    let pause = Duration::from_secs(seconds.max(0).unsigned_abs());
    now.checked_sub(pause).unwrap_or(Timestamp::MIN)
}

/// What becomes of a number of replicas that is asked for.
pub(super) fn normalise(
    memory: &mut Memory,
    hpa: &Object,
    (current, proposed): (i64, i64),
    (min, max): (i64, i64),
    now: Timestamp,
) -> Normal {
    let behaviour = hpa.get(&["spec", "behavior"]);
    let (stable, why) = match behaviour {
        Some(behaviour) => stabilise_by(memory, behaviour, current, proposed, now),
        None => (stabilise(memory, proposed, now), SCALE_DOWN_STABILIZED),
    };
    let able = if stable == proposed { READY } else { why };
    let (replicas, (reason, message)) = match behaviour {
        Some(behaviour) => limit_by(memory, behaviour, (current, stable), (min, max), now),
        None => limit(current, stable, min, max),
    };
    let is_limited = if replicas == stable { "False" } else { "True" };
    Normal {
        replicas,
        conditions: [able, [super::LIMITED, is_limited, reason, message]],
    }
}

/// The most that was asked for of late.
fn stabilise(memory: &mut Memory, proposed: i64, now: Timestamp) -> i64 {
    let cutoff = before(now, DOWNSCALE_WINDOW);
    let late = memory.asked.iter().filter(|(_, at)| *at >= cutoff);
    let most = late.map(|(asked, _)| *asked).fold(proposed, i64::max);
    memory.note(proposed, cutoff, now);
    most
}

/// What is asked for, as far as it was asked for all the time that the behaviour waits.
fn stabilise_by(
    memory: &mut Memory,
    behaviour: &Value,
    current: i64,
    proposed: i64,
    now: Timestamp,
) -> (i64, [&'static str; 4]) {
    let window = |direction: &str| behaviour[direction]["stabilizationWindowSeconds"].as_i64();
    let up = before(now, window("scaleUp").unwrap_or(0));
    let down = before(now, window("scaleDown").unwrap_or(DOWNSCALE_WINDOW));
    let late = |cutoff: Timestamp| {
        let asked = memory.asked.iter().filter(move |(_, at)| *at > cutoff);
        asked.map(|(asked, _)| *asked)
    };
    let least = late(up).fold(proposed, i64::min);
    let most = late(down).fold(proposed, i64::max);
    let stable = current.max(least).min(most);
    memory.note(proposed, up.min(down), now);
    let why = if proposed >= current {
        SCALE_UP_STABILIZED
    } else {
        SCALE_DOWN_STABILIZED
    };
    (stable, why)
}

fn limit(current: i64, wanted: i64, min: i64, max: i64) -> (i64, Limit) {
    let fastest = (current * 2).max(4);
    let (most, why) = if max > fastest {
        (fastest, TOO_FAST_UP)
    } else {
        (max, TOO_MANY)
    };
    if wanted < min {
        (min, TOO_FEW)
    } else if wanted > most {
        (most, why)
    } else {
        (wanted, WITHIN)
    }
}

fn limit_by(
    memory: &Memory,
    behaviour: &Value,
    (current, wanted): (i64, i64),
    (min, max): (i64, i64),
    now: Timestamp,
) -> (i64, Limit) {
    if wanted > current {
        let fastest = fastest(memory, &behaviour["scaleUp"], current, true, now).max(current);
        let (most, why) = if max > fastest {
            (fastest, TOO_FAST_UP)
        } else {
            (max, TOO_MANY)
        };
        if wanted > most {
            return (most, why);
        }
    } else if wanted < current {
        let fastest = fastest(memory, &behaviour["scaleDown"], current, false, now).min(current);
        let (least, why) = if min < fastest {
            (fastest, TOO_FAST_DOWN)
        } else {
            (min, TOO_FEW)
        };
        if wanted < least {
            return (least, why);
        }
    }
    (wanted, WITHIN)
}

/// How far the policies of a direction let it go.
fn fastest(memory: &Memory, rules: &Value, current: i64, is_up: bool, now: Timestamp) -> i64 {
    let select = rules["selectPolicy"].as_str().unwrap_or("Max");
    if select == "Disabled" {
        return current;
    }
    let changed = |events: &[(i64, Timestamp)], seconds: i64| -> i64 {
        let cutoff = before(now, seconds);
        let late = events.iter().filter(|(_, at)| *at > cutoff);
        late.map(|(change, _)| change).sum()
    };
    let policies = rules["policies"].as_array().into_iter().flatten();
    let proposals = policies.map(|policy| {
        let period = policy["periodSeconds"].as_i64().unwrap_or(0);
        let value = policy["value"].as_i64().unwrap_or(0);
        let start = current - changed(&memory.up, period) + changed(&memory.down, period);
        let change = if is_up { value } else { -value };
        if policy["type"] == "Percent" {
            let exact = start as f64 * (1.0 + change as f64 / 100.0);
            // Up at least by one, down by whole ones.
            if is_up {
                exact.ceil() as i64
            } else {
                exact as i64
            }
        } else {
            start + change
        }
    });
    // The largest change is the largest number on the way up and the smallest on the way down.
    let is_largest = (select == "Min") != is_up;
    let found = if is_largest {
        proposals.max()
    } else {
        proposals.min()
    };
    found.unwrap_or(current)
}
