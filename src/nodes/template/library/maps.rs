//! Maps.
//!
//! *Upstream:* sprig's `dict.go`.

use serde_json::{Map, Value};

use super::value::to_text;
use super::{Result, at, text_at};

/// What is done to one map.
pub(super) fn map(name: &str, arguments: &[Value]) -> Option<Result<Value>> {
    let fields = |place: usize| {
        at(arguments, place)
            .as_object()
            .cloned()
            .unwrap_or_default()
    };
    let names = || -> Vec<String> {
        (1..arguments.len())
            .map(|place| text_at(arguments, place))
            .collect()
    };
    let value: Value = match name {
        "dict" => {
            let pairs = arguments.chunks(2);
            let pairs = pairs.map(|pair| (to_text(&pair[0]), at(pair, 1).clone()));
            Value::Object(pairs.collect())
        }
        "get" => fields(0)
            .get(&text_at(arguments, 1))
            .cloned()
            .unwrap_or_else(|| "".into()),
        "set" => {
            let mut fields = fields(0);
            fields.insert(text_at(arguments, 1), at(arguments, 2).clone());
            fields.into()
        }
        "unset" => {
            let mut fields = fields(0);
            fields.remove(&text_at(arguments, 1));
            fields.into()
        }
        "hasKey" => fields(0).contains_key(&text_at(arguments, 1)).into(),
        "keys" => {
            let all = (0..arguments.len())
                .flat_map(|place| fields(place).keys().cloned().collect::<Vec<_>>());
            all.map(Value::from).collect()
        }
        "values" => fields(0).values().cloned().collect(),
        "pick" => {
            let names = names();
            let kept = fields(0)
                .into_iter()
                .filter(|(name, _)| names.contains(name));
            Value::Object(kept.collect())
        }
        "omit" => {
            let names = names();
            let kept = fields(0)
                .into_iter()
                .filter(|(name, _)| !names.contains(name));
            Value::Object(kept.collect())
        }
        _ => return None,
    };
    Some(Ok(value))
}

/// What is made of several maps, or deep in one.
pub(super) fn several(name: &str, arguments: &[Value]) -> Option<Result<Value>> {
    let fields = |place: usize| {
        at(arguments, place)
            .as_object()
            .cloned()
            .unwrap_or_default()
    };
    let value: Value = match name {
        "merge" | "mergeOverwrite" => {
            let mut out = Map::new();
            for place in 0..arguments.len() {
                for (key, value) in fields(place) {
                    if name == "mergeOverwrite" || !out.contains_key(&key) {
                        out.insert(key, value);
                    }
                }
            }
            out.into()
        }
        "pluck" => {
            let key = text_at(arguments, 0);
            let found = (1..arguments.len()).filter_map(|place| fields(place).get(&key).cloned());
            found.collect()
        }
        "dig" => {
            let end = arguments.len().saturating_sub(2);
            let keys = arguments.iter().take(end).map(to_text);
            let mut found = at(arguments, end + 1).clone();
            for key in keys {
                found = found.get(&key).cloned().unwrap_or_default();
            }
            if found.is_null() {
                at(arguments, end).clone()
            } else {
                found
            }
        }
        "deepCopy" => at(arguments, 0).clone(),
        _ => return None,
    };
    Some(Ok(value))
}
