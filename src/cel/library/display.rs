//! Values as text: as `string()` makes it, and as messages show it.
//!
//! *Upstream:* `cel-go/common/types`.

use crate::cel::value::Value;

/// A value as `string()` makes text of it; `None` where it makes none.
pub(in crate::cel) fn printed(value: &Value) -> Option<String> {
    Some(match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Uint(value) => value.to_string(),
        Value::Double(value) => double(*value),
        Value::String(text) => text.clone().into_owned(),
        Value::Bytes(bytes) => std::str::from_utf8(bytes).ok()?.to_owned(),
        Value::Duration(nanos) => seconds(*nanos),
        Value::Timestamp(at) => at.to_string(),
        Value::Type(name) => name.clone().into_owned(),
        Value::Ip(address) => address.to_string(),
        Value::Cidr(address, bits) => format!("{address}/{bits}"),
        _ => return None,
    })
}

/// A value as messages show it.
pub(in crate::cel) fn display(value: &Value) -> String {
    if let Some(text) = printed(value) {
        return text;
    }
    match value {
        Value::Null => "null".to_owned(),
        Value::List(list) => {
            let items: Vec<String> = list.iter().map(|item| display(&item)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Map(map) => {
            let mut entries: Vec<String> = map
                .entries()
                .map(|(key, value)| format!("{}: {}", display(&key), display(&value)))
                .collect();
            entries.sort();
            format!("{{{}}}", entries.join(", "))
        }
        Value::Optional(None) => "optional.none()".to_owned(),
        Value::Optional(Some(inner)) => format!("optional({})", display(inner)),
        Value::Quantity(quantity) => quantity.to_string(),
        Value::Url(url) => url.text.clone(),
        Value::Semver(version) => version.to_string(),
        other => other.type_name().into_owned(),
    }
}

/// A number as Go's `%g` prints it.
pub(super) fn double(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let power: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&power) {
        return value.to_string();
    }
    let sign = if power < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", power.abs())
}

/// A duration as `string()` prints it: in seconds.
fn seconds(nanos: i64) -> String {
    let whole = nanos / 1_000_000_000;
    let rest = (nanos % 1_000_000_000) as f64 / 1e9;
    format!("{}s", whole as f64 + rest)
}
