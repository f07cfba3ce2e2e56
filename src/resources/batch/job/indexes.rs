//! Texts of indexes: `0,3-5,7`.
//!
//! *Upstream:* `pkg/apis/batch/validation/validation.go` (`validateIndexesFormat`).

/// How many indexes a text names, or why it cannot be read.
pub(super) fn count(text: &str, completions: i64) -> Result<i64, String> {
    let mut last: Option<i64> = None;
    let mut total = 0;
    for interval in text.split(',').filter(|_| !text.is_empty()) {
        let (first, end) = parse(interval, completions)?;
        if let Some(last) = last.filter(|last| *last >= first) {
            return Err(format!(
                "non-increasing order, previous: {last}, current: {first}"
            ));
        }
        total += end - first + 1;
        last = Some(end);
    }
    Ok(total)
}

fn parse(interval: &str, completions: i64) -> Result<(i64, i64), String> {
    let parts: Vec<&str> = interval.split('-').collect();
    if parts.len() > 2 {
        return Err(format!(
            "the fragment {interval:?} violates the requirement that an index interval can have \
             at most two parts separated by '-'"
        ));
    }
    let number = |text: &str| -> Result<i64, String> {
        let number: i64 = text
            .parse()
            .map_err(|_| format!("cannot convert string to integer for index: {text:?}"))?;
        if number >= completions {
            return Err(format!("too large index: {text:?}"));
        }
        Ok(number)
    };
    let first = number(parts[0])?;
    let Some(end) = parts.get(1) else {
        return Ok((first, first));
    };
    let end = number(end)?;
    if first >= end {
        return Err(format!(
            "non-increasing order, previous: {first}, current: {end}"
        ));
    }
    Ok((first, end))
}

/// The first index that stands in both texts.
pub(super) fn overlap(one: &str, other: &str, completions: i64) -> Option<i64> {
    let intervals = |text: &str| -> Vec<(i64, i64)> {
        let parts = text.split(',').filter(|part| !part.is_empty());
        parts
            .filter_map(|part| parse(part, completions).ok())
            .collect()
    };
    let others = intervals(other);
    intervals(one)
        .into_iter()
        .flat_map(|(a, b)| others.iter().map(move |(c, d)| (a.max(*c), b.min(*d))))
        .find(|(first, end)| first <= end)
        .map(|(first, _)| first)
}
