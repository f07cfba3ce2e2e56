//! Least, most, and how far limits may lie above requests.
//!
//! *Upstream:* `plugin/pkg/admission/limitranger/admission.go` (`minConstraint`,
//! `maxConstraint`, `limitRequestRatioConstraint`).

use serde_json::Value;

use super::totals::{Amounts, list};
use crate::object::Object;
use crate::object::quantity::Amount;

/// What of a limit's item does not hold.
pub(super) fn all(item: &Value, kind: &str, own: &Amounts, wrong: &mut Vec<String>) {
    for (name, least) in list(&item["min"]) {
        wrong.extend(minimum(kind, &name, least, own));
    }
    for (name, most) in list(&item["max"]) {
        wrong.extend(maximum(kind, &name, most, own));
    }
    for (name, most) in list(&item["maxLimitRequestRatio"]) {
        wrong.extend(ratio(kind, &name, most, own));
    }
}

/// What of a limit's item does not hold for a claim, of which only requests count.
pub(super) fn claim(item: &Value, claim: &Object, wrong: &mut Vec<String>) {
    const KIND: &str = "PersistentVolumeClaim";
    let requests = claim.get(&["spec", "resources", "requests"]);
    let own = Amounts {
        requests: list(requests.unwrap_or(&Value::Null)),
        ..Amounts::default()
    };
    for (name, least) in list(&item["min"]) {
        wrong.extend(minimum(KIND, &name, least, &own));
    }
    for (name, most) in list(&item["max"]) {
        let begin = format!("maximum {name} usage per {KIND} is {most}");
        match own.requests.get(&name) {
            None => wrong.push(format!("{begin}.  No request is specified")),
            Some(request) if *request > most => {
                wrong.push(format!("{begin}, but request is {request}"));
            }
            Some(_) => {}
        }
    }
}

fn minimum(kind: &str, name: &str, least: Amount, own: &Amounts) -> Option<String> {
    let begin = format!("minimum {name} usage per {kind} is {least}");
    let Some(request) = own.requests.get(name) else {
        return Some(format!("{begin}.  No request is specified"));
    };
    if *request < least {
        return Some(format!("{begin}, but request is {request}"));
    }
    let limit = own.limits.get(name).filter(|limit| **limit < least)?;
    Some(format!("{begin}, but limit is {limit}"))
}

fn maximum(kind: &str, name: &str, most: Amount, own: &Amounts) -> Option<String> {
    let begin = format!("maximum {name} usage per {kind} is {most}");
    let Some(limit) = own.limits.get(name) else {
        return Some(format!("{begin}.  No limit is specified"));
    };
    if *limit > most {
        return Some(format!("{begin}, but limit is {limit}"));
    }
    let request = own.requests.get(name).filter(|request| **request > most)?;
    Some(format!("{begin}, but request is {request}"))
}

fn ratio(kind: &str, name: &str, most: Amount, own: &Amounts) -> Option<String> {
    let begin = format!("{name} max limit to request ratio per {kind} is {most}");
    let said = |list: &super::totals::List| list.get(name).copied().filter(|a| !a.is_zero());
    let Some(request) = said(&own.requests) else {
        return Some(format!(
            "{begin}, but no request is specified or request is 0"
        ));
    };
    let Some(limit) = said(&own.limits) else {
        return Some(format!("{begin}, but no limit is specified or limit is 0"));
    };
    let ratio = limit.as_f64() / request.as_f64();
    (ratio > most.as_f64()).then(|| format!("{begin}, but provided ratio is {ratio:.6}"))
}
