//! Which of two versions comes first: stable before beta before alpha, high before low.
//!
//! *Upstream:* `apimachinery/pkg/version/helpers.go` (`CompareKubeAwareVersionStrings`).

use std::cmp::Ordering;

/// Compares two versions; greater is newer and more stable.
pub(crate) fn compare(a: &str, b: &str) -> Ordering {
    match (parse(a), parse(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(_), None) => Ordering::Greater,
        (None, Some(_)) => Ordering::Less,
        // Versions of no known form come in the order of the alphabet.
        (None, None) => b.cmp(a),
    }
}

/// Stability, major, minor: of `v2beta1`, 1, 2 and 1.
fn parse(version: &str) -> Option<(u8, u64, u64)> {
    let rest = version.strip_prefix('v')?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (major, rest) = rest.split_at(end);
    let major = number(major)?;
    if rest.is_empty() {
        return Some((2, major, 0));
    }
    let (stability, minor) = match rest.strip_prefix("beta") {
        Some(minor) => (1, minor),
        None => (0, rest.strip_prefix("alpha")?),
    };
    Some((stability, major, number(minor)?))
}

fn number(text: &str) -> Option<u64> {
    (!text.starts_with('0'))
        .then(|| text.parse().ok())
        .flatten()
}
