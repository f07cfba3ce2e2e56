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
        match operation {
            Value::Object(operation) => carry_out(document, operation, &mut copied)?,
            _ => carry_out(document, &Map::new(), &mut copied)?,
        }
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
    let does_not_apply = |rest: String| unfit(format!("{kind} operation does not apply: {rest}"));
    let at = |how: &str, path: &str| {
        let place = format!("error in {how}: '{path}'");
        move |trouble: Trouble, gone: String| match trouble {
            Trouble::Missing => does_not_apply(format!("{gone}: missing value")),
            Trouble::Other(why) => unfit(format!("{place}: {why}")),
        }
    };
    match kind {
        "add" | "remove" => {
            let path = text("path")?;
            let done = if kind == "add" {
                add(document, path, value())
            } else {
                remove(document, path).map(|_| ())
            };
            let gone = format!("doc is missing path: \"{path}\"");
            done.map_err(|trouble| at(&format!("{kind} for path"), path)(trouble, gone))
        }
        "replace" => replace(document, text("path")?, value()),
        "test" => test(document, text("path")?, &value()),
        "move" => {
            let from = text("from")?;
            let gone = format!("doc is missing from path: {from}");
            let last = from.rsplit('/').next().unwrap_or("");
            let moved = remove(document, from)
                .map_err(|trouble| at("move for path", &unescape(last))(trouble, gone))?;
            let path = text("path")?;
            let gone = format!("doc is missing destination path: {path}");
            add(document, path, moved).map_err(|trouble| at("move for path", path)(trouble, gone))
        }
        "copy" => copy(document, text("from")?, || text("path"), copied),
        other => Err(unfit(format!("Unexpected kind: {other}"))),
    }
}

fn copy<'o>(
    document: &mut Value,
    from: &str,
    path: impl FnOnce() -> Result<&'o str, Error>,
    copied: &mut usize,
) -> Result<(), Error> {
    let found = find(document, from).map_err(|trouble| match trouble {
        Trouble::Missing => unfit(format!(
            "copy operation does not apply: doc is missing from path: {from}: missing value"
        )),
        Trouble::Other(why) => unfit(format!("error in copy for from: '{from}': {why}")),
    })?;
    let found = found.cloned().unwrap_or(Value::Null);
    let path = path()?;
    *copied += found.to_string().len();
    if *copied > COPIED_SIZE_MAX {
        return Err(unfit(format!(
            "Unable to complete the copy, the accumulated size increase of copy is {copied}, \
             exceeding the limit {COPIED_SIZE_MAX}"
        )));
    }
    add(document, path, found).map_err(|trouble| match trouble {
        Trouble::Missing => unfit(format!(
            "copy operation does not apply: doc is missing destination path: {path}: missing \
             value"
        )),
        Trouble::Other(why) => unfit(format!("error while adding value during copy: {why}")),
    })
}

fn unfit(why: String) -> Error {
    Error::Unfit(why)
}

/// Why a step does not go through.
enum Trouble {
    /// There is nothing to take it in.
    Missing,
    /// Something else, as upstream words it.
    Other(String),
}

/// A path's last step and what it is a step of.
fn parent<'v>(document: &'v mut Value, path: &str) -> Result<(&'v mut Value, String), Trouble> {
    let mut steps = path.split('/');
    steps.next();
    let steps: Vec<String> = steps.map(unescape).collect();
    let (last, before) = steps.split_last().ok_or(Trouble::Missing)?;
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
        .ok_or(Trouble::Missing)?;
    }
    if value.is_object() || value.is_array() {
        Ok((value, last.clone()))
    } else {
        Err(Trouble::Missing)
    }
}

fn unescape(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

/// The place of an item that is there.
fn index(step: &str, length: usize) -> Result<usize, Trouble> {
    let wrong = || {
        Trouble::Other(format!(
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

fn add(document: &mut Value, path: &str, value: Value) -> Result<(), Trouble> {
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
        _ => return Err(Trouble::Missing),
    }
    Ok(())
}

fn remove(document: &mut Value, path: &str) -> Result<Value, Trouble> {
    let (container, key) = parent(document, path)?;
    match container {
        Value::Object(map) => map.remove(&key).ok_or_else(|| {
            Trouble::Other(format!(
                "Unable to remove nonexistent key: {key}: missing value"
            ))
        }),
        Value::Array(items) => {
            let at = index(&key, items.len())?;
            Ok(items.remove(at))
        }
        _ => Err(Trouble::Missing),
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
    let gone = |what: &str| {
        unfit(format!(
            "replace operation does not apply: doc is missing {what}: {path}: missing value"
        ))
    };
    let (container, key) = parent(document, path).map_err(|_| gone("path"))?;
    match container {
        Value::Object(map) => {
            map.insert(key, value);
        }
        Value::Array(items) => {
            let at = index(&key, items.len()).map_err(|_| gone("key"))?;
            items[at] = value;
        }
        _ => return Err(gone("path")),
    }
    Ok(())
}

/// What stands at a path; `None` for a field that is not there.
fn find<'v>(document: &'v mut Value, path: &str) -> Result<Option<&'v Value>, Trouble> {
    let (container, key) = parent(document, path)?;
    match container {
        Value::Object(map) => Ok(map.get(&key)),
        Value::Array(items) => {
            let at = index(&key, items.len())?;
            Ok(items.get(at))
        }
        _ => Err(Trouble::Missing),
    }
}

fn test(document: &mut Value, path: &str, value: &Value) -> Result<(), Error> {
    let found = if path.is_empty() {
        Some(&*document)
    } else {
        find(document, path).map_err(|trouble| match trouble {
            Trouble::Missing => unfit(format!(
                "test operation does not apply: is missing path: {path}: missing value"
            )),
            Trouble::Other(why) => unfit(format!("error in test for path: '{path}': {why}")),
        })?
    };
    if found.unwrap_or(&Value::Null) == value {
        Ok(())
    } else {
        Err(unfit(format!("testing value {path} failed: test failed")))
    }
}
