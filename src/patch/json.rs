//! JSON patch (RFC 6902), with negative indices as kube-apiserver takes them: -1 is the last item.
//!
//! *Upstream:* `evanphx/json-patch` v4.

use serde_json::{Map, Value};

use super::Error;

/// Bytes that all `copy` operations of a patch may add together.
const COPIED_SIZE_MAX: usize = 3 * 1024 * 1024;

/// Carries out the operations in order; the first that does not apply ends it.
pub(super) fn apply(document: &mut Value, operations: &[Value]) -> Result<(), Error> {
    let mut copied = 0;
    for operation in operations {
        let Value::Object(operation) = operation else {
            continue;
        };
        carry_out(document, operation, &mut copied)?;
    }
    Ok(())
}

fn carry_out(
    document: &mut Value,
    operation: &Map<String, Value>,
    copied: &mut usize,
) -> Result<(), Error> {
    let kind = operation
        .get("op")
        .and_then(Value::as_str)
        .unwrap_or("unknown");
    let text = |name: &str| {
        operation.get(name).and_then(Value::as_str).ok_or_else(|| {
            unfit(format!(
                "{kind} operation failed to decode {name}: missing value"
            ))
        })
    };
    let value = || operation.get("value").cloned().unwrap_or(Value::Null);
    match kind {
        "add" => add(document, text("path")?, value()),
        "remove" => remove(document, text("path")?).map(|_| ()),
        "replace" => replace(document, text("path")?, value()),
        "test" => test(document, text("path")?, &value()),
        "move" => {
            let moved = remove(document, text("from")?)?;
            add(document, text("path")?, moved)
        }
        "copy" => {
            let from = text("from")?;
            let found = find(document, from)?.cloned().unwrap_or(Value::Null);
            *copied += found.to_string().len();
            if *copied > COPIED_SIZE_MAX {
                return Err(unfit(format!(
                    "Unable to complete the copy, the accumulated size increase of copy is \
                     {copied}, exceeding the limit {COPIED_SIZE_MAX}"
                )));
            }
            add(document, text("path")?, found)
        }
        other => Err(unfit(format!("Unexpected kind: {other}"))),
    }
}

fn unfit(why: String) -> Error {
    Error::Unfit(why)
}

fn missing(path: &str) -> Error {
    unfit(format!("doc is missing path: {path:?}: missing value"))
}

/// A path's last step and what it is a step of.
fn parent<'v>(document: &'v mut Value, path: &str) -> Result<(&'v mut Value, String), Error> {
    let mut steps = path.split('/');
    steps.next();
    let steps: Vec<String> = steps.map(unescape).collect();
    let (last, before) = steps.split_last().ok_or_else(|| missing(path))?;
    let mut value = document;
    for step in before {
        value = match value {
            Value::Object(map) => map.get_mut(step),
            Value::Array(items) => {
                let index = index(step, items.len())?;
                items.get_mut(index)
            }
            _ => None,
        }
        .ok_or_else(|| missing(path))?;
    }
    if value.is_object() || value.is_array() {
        Ok((value, last.clone()))
    } else {
        Err(missing(path))
    }
}

fn unescape(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

/// The place of an item that is there.
fn index(step: &str, length: usize) -> Result<usize, Error> {
    let wrong = || {
        unfit(format!(
            "Unable to access invalid index: {step}: invalid index referenced"
        ))
    };
    let asked: i64 = step.parse().map_err(|_| wrong())?;
    let length_signed = i64::try_from(length).map_err(|_| wrong())?;
    let at = if asked < 0 {
        asked + length_signed
    } else {
        asked
    };
    if at < 0 || at >= length_signed {
        return Err(wrong());
    }
    usize::try_from(at).map_err(|_| wrong())
}

fn add(document: &mut Value, path: &str, value: Value) -> Result<(), Error> {
    let (container, key) = parent(document, path)?;
    match container {
        Value::Object(map) => {
            map.insert(key, value);
        }
        Value::Array(items) if key == "-" => items.push(value),
        Value::Array(items) => {
            // One more place than there are items: behind the last.
            let at = index(&key, items.len() + 1)?;
            items.insert(at, value);
        }
        _ => return Err(missing(path)),
    }
    Ok(())
}

fn remove(document: &mut Value, path: &str) -> Result<Value, Error> {
    let (container, key) = parent(document, path)?;
    match container {
        Value::Object(map) => map.remove(&key).ok_or_else(|| {
            unfit(format!(
                "Unable to remove nonexistent key: {key}: missing value"
            ))
        }),
        Value::Array(items) => {
            let at = index(&key, items.len())?;
            Ok(items.remove(at))
        }
        _ => Err(missing(path)),
    }
}

fn replace(document: &mut Value, path: &str, value: Value) -> Result<(), Error> {
    if path.is_empty() {
        if !value.is_object() && !value.is_array() {
            return Err(unfit(
                "replace operation value must be object or array".to_owned(),
            ));
        }
        *document = value;
        return Ok(());
    }
    let (container, key) = parent(document, path)?;
    match container {
        Value::Object(map) => {
            map.insert(key, value);
        }
        Value::Array(items) => {
            let at = index(&key, items.len())?;
            items[at] = value;
        }
        _ => return Err(missing(path)),
    }
    Ok(())
}

/// What stands at a path; `None` for a field that is not there.
fn find<'v>(document: &'v mut Value, path: &str) -> Result<Option<&'v Value>, Error> {
    let (container, key) = parent(document, path)?;
    match container {
        Value::Object(map) => Ok(map.get(&key)),
        Value::Array(items) => {
            let at = index(&key, items.len())?;
            Ok(items.get(at))
        }
        _ => Err(missing(path)),
    }
}

fn test(document: &mut Value, path: &str, value: &Value) -> Result<(), Error> {
    let found = if path.is_empty() {
        Some(&*document)
    } else {
        find(document, path)?
    };
    if found.unwrap_or(&Value::Null) == value {
        Ok(())
    } else {
        Err(unfit(format!("testing value {path} failed: test failed")))
    }
}
