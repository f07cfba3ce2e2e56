//! What pods want of nodes, and what they put up with.
//!
//! *Upstream:* `component-helpers/scheduling/corev1`, `k8s.io/api/core/v1/toleration.go`.

use serde_json::Value;

/// Whether a toleration is of a taint.
pub(crate) fn tolerates(toleration: &Value, taint: &Value) -> bool {
    let text = |value: &Value, field: &str| value[field].as_str().unwrap_or("").to_owned();
    let (effect, key) = (text(toleration, "effect"), text(toleration, "key"));
    if (!effect.is_empty() && effect != text(taint, "effect"))
        || (!key.is_empty() && key != text(taint, "key"))
    {
        return false;
    }
    match text(toleration, "operator").as_str() {
        "Exists" => true,
        "" | "Equal" => text(toleration, "value") == text(taint, "value"),
        _ => false,
    }
}

/// Whether a node selector term matches a node of a name and labels; an empty one matches none.
pub(crate) fn matches<'a>(
    term: &Value,
    name: &str,
    label: impl Fn(&str) -> Option<&'a str>,
) -> bool {
    let list = |field: &str| term[field].as_array().map_or(&[][..], Vec::as_slice);
    let (expressions, fields) = (list("matchExpressions"), list("matchFields"));
    if expressions.is_empty() && fields.is_empty() {
        return false;
    }
    let key = |one: &Value| one["key"].as_str().unwrap_or("").to_owned();
    let by_label = |one: &Value| is_met(one, label(&key(one)));
    let by_field = |one: &Value| is_met(one, (key(one) == "metadata.name").then_some(name));
    expressions.iter().all(by_label) && fields.iter().all(by_field)
}

/// Whether a requirement of a term is met by the value of what it names.
pub(crate) fn is_met(requirement: &Value, value: Option<&str>) -> bool {
    let values = requirement["values"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let is_in = || value.is_some_and(|value| values.iter().any(|one| one == value));
    let compare = |is_right: fn(&i64, &i64) -> bool| {
        let bound = values.first().and_then(Value::as_str);
        let number = |text: Option<&str>| text.and_then(|text| text.parse::<i64>().ok());
        let both = number(value).zip(number(bound));
        both.is_some_and(|(value, bound)| is_right(&value, &bound))
    };
    match requirement["operator"].as_str().unwrap_or("") {
        "In" => is_in(),
        "NotIn" => !is_in(),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => compare(i64::gt),
        "Lt" => compare(i64::lt),
        _ => false,
    }
}
