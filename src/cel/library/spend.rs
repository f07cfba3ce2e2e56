//! What calling a function costs, by the values it was given.
//!
//! *Upstream:* `cel-go/interpreter/runtimecost.go`, `cel-go/ext/{lists,sets,costs}.go`,
//! `apiserver/pkg/cel/library/cost.go`.

use crate::cel::value::Value;

/// How large a value is: characters, items, entries; one where that says nothing.
fn size(value: Option<&Value>) -> u64 {
    match value {
        Some(Value::String(text)) if text.is_ascii() => text.len() as u64,
        Some(Value::String(text)) => text.chars().count() as u64,
        Some(Value::Bytes(bytes)) => bytes.len() as u64,
        Some(Value::List(list)) => list.len() as u64,
        Some(Value::Map(map)) => map.len() as u64,
        Some(Value::Optional(Some(inner))) => size(Some(inner)),
        Some(Value::Ip(address)) => {
            if address.is_ipv4() {
                4
            } else {
                16
            }
        }
        Some(Value::Cidr(_, bits)) => u64::from(*bits).div_ceil(8),
        Some(Value::Url(url)) => url.text.len() as u64,
        Some(Value::Format(format)) => format.len() as u64,
        _ => 1,
    }
}

/// A tenth of a size, rounded up: what going over a text costs.
fn tenth(size: u64) -> u64 {
    tenths(size, 1.0)
}

fn tenths(size: u64, times: f64) -> u64 {
    (size as f64 * times * 0.1).ceil() as u64
}

/// What a pattern costs on a text.
fn pattern(text: u64, pattern: u64) -> u64 {
    tenth(text + 1).saturating_mul((pattern as f64 * 0.25).ceil() as u64)
}

/// What going over all of a value costs.
fn traversal(value: &Value) -> u64 {
    match value {
        Value::String(text) => (text.len() as f64 * 0.1) as u64,
        Value::Bytes(bytes) => (bytes.len() as f64 * 0.1) as u64,
        Value::List(list) => list.iter().map(|item| traversal(&item)).sum(),
        Value::Map(map) => map
            .entries()
            .map(|(key, value)| traversal(&key) + traversal(&value))
            .sum(),
        _ => 1,
    }
}

/// What comparing two values costs; `is_equality`: by `==`.
pub(in crate::cel) fn equality(a: &Value, b: &Value, is_equality: bool) -> u64 {
    let is_simple = matches!(
        a,
        Value::Quantity(_)
            | Value::Ip(_)
            | Value::Cidr(..)
            | Value::Format(_)
            | Value::Url(_)
            | Value::Semver(_)
            | Value::Question(_)
    );
    if is_equality && is_simple {
        return 1;
    }
    tenth(size(Some(a)).min(size(Some(b))))
}

/// What a call costs.
pub(in crate::cel) fn call(
    name: &str,
    overload: &str,
    args: &[Value],
    result: Option<&Value>,
) -> u64 {
    let (first, second) = (args.first(), args.get(1));
    if let Some(cost) = of_list(overload, args, result) {
        return cost;
    }
    if let Some(cost) = of_kubernetes(name, overload, args, result) {
        return cost;
    }
    match overload {
        "starts_with_string" | "ends_with_string" => tenth(size(second)),
        "string_to_bytes" | "bytes_to_string" | "strings_quote" | "string_format" => {
            tenth(size(first))
        }
        "in_list" => size(second),
        "compare_text" => tenth(size(first).min(size(second))),
        "add_string" | "add_bytes" => tenth(size(first) + size(second)),
        "matches" | "matches_string" => pattern(size(first), size(second)),
        "contains_string" => tenth(size(first)).saturating_mul(tenth(size(second))),
        _ => 1,
    }
}

/// Lists and sets.
fn of_list(overload: &str, args: &[Value], result: Option<&Value>) -> Option<u64> {
    const CALL: u64 = 1;
    const ALLOCATION: u64 = 10;
    let made = |factor: f64, size: u64| {
        let cost = (size as f64 * factor) as u64;
        cost.saturating_add(CALL + ALLOCATION)
    };
    let compared = |list: Option<&Value>| {
        let length = size(list);
        let is_text = match list {
            Some(Value::List(list)) => {
                matches!(list.get(0), Some(Value::String(_) | Value::Bytes(_)))
            }
            _ => false,
        };
        let factor = if is_text { 2.1 } else { 2.0 };
        made(factor, length.saturating_mul(length))
    };
    let (first, second) = (args.first(), args.get(1));
    let sets = |times: u64| {
        let product = size(first).saturating_mul(size(second));
        product.saturating_mul(times).saturating_add(CALL)
    };
    Some(match overload {
        "list_slice" | "lists_range" | "list_reverse" => made(1.0, size(result)),
        "list_flatten" => made(1.0, size(first)),
        "list_flatten_int" => match second {
            Some(Value::Int(depth)) if *depth >= 0 => made(*depth as f64, size(first)),
            _ => made(1.0, size(first)),
        },
        "list_distinct" | "list_sort_text" | "list_sort_scalar" => compared(first),
        "list_sort_by_text" | "list_sort_by_scalar" => compared(second),
        "sets_contains" | "sets_intersects" => sets(1),
        "sets_equivalent" => sets(2),
        _ => return None,
    })
}

/// What Kubernetes adds, by name whatever the values.
fn of_kubernetes(
    name: &str,
    overload: &str,
    args: &[Value],
    result: Option<&Value>,
) -> Option<u64> {
    let (first, second) = (args.first(), args.get(1));
    Some(match name {
        "check" => 350_000,
        "fieldSelector" | "labelSelector" => {
            let length = size(second);
            let requirements = (length as f64 * 0.5).ceil() as u64;
            10 + tenth(length) + requirements * 50
        }
        "isSorted" | "sum" | "max" | "min" | "indexOf" | "lastIndexOf" | "includes" => {
            first.map_or(0, traversal)
        }
        "url"
        | "lowerAscii"
        | "upperAscii"
        | "substring"
        | "trim"
        | "jsonpatch.escapeKey"
        | "cidr"
        | "isIP"
        | "isCIDR"
        | "quantity"
        | "isQuantity"
        | "semver"
        | "isSemver" => tenth(size(first)),
        "ip" if overload == "cidr_ip" => 1,
        "ip" => tenth(size(first)),
        "replace" | "split" | "ip.isCanonical" => tenths(size(first), 2.0),
        "join" => tenths(size(result), 2.0),
        "find" | "findAll" => pattern(size(first), size(second)),
        "containsIP" => {
            let text = if overload == "cidr_contains_ip_string" {
                tenth(size(second))
            } else {
                0
            };
            tenth(size(first) * 2) + text
        }
        "containsCIDR" => {
            let text = if overload == "cidr_contains_cidr_string" {
                tenth(size(second))
            } else {
                0
            };
            tenth(size(first) * 2) + tenth(size(first)) + 1 + text
        }
        "validate" => match first {
            Some(Value::Format(format)) => {
                pattern(size(second), super::format::pattern_length(format))
            }
            _ => return None,
        },
        _ => return None,
    })
}
