//! One mutation: a line of edits at JSON pointers.
//!
//! `drop /a`, `duplicate /a/0`, `set /a JSON`, `append /a JSON`; several are joined by ` ;; `.

use serde_json::{Map, Value};

/// One edit of an object.
#[derive(Debug)]
pub(crate) enum Edit {
    Drop(String),
    Duplicate(String),
    Set(String, Value),
    Append(String, Value),
}

/// Reads a line of edits.
pub(crate) fn parse(line: &str) -> Result<Vec<Edit>, String> {
    line.split(" ;; ").map(parse_one).collect()
}

fn parse_one(text: &str) -> Result<Edit, String> {
    let mut words = text.trim().splitn(3, ' ');
    let verb = words.next().unwrap_or("");
    let pointer = words.next().unwrap_or("").to_owned();
    let value = match words.next() {
        Some(text) => Some(serde_json::from_str(text).map_err(|e| format!("{text}: {e}"))?),
        None => None,
    };
    match (verb, value) {
        ("drop", None) => Ok(Edit::Drop(pointer)),
        ("duplicate", None) => Ok(Edit::Duplicate(pointer)),
        ("set", Some(value)) => Ok(Edit::Set(pointer, value)),
        ("append", Some(value)) => Ok(Edit::Append(pointer, value)),
        _ => Err(format!("no edit: {text}")),
    }
}

impl Edit {
    /// Edits an object; what the pointer names must be there, except for what `set` adds.
    pub(crate) fn apply(&self, object: &mut Value) {
        match self {
            Self::Drop(pointer) => {
                let (parent, key) = parent(object, pointer);
                let gone = match parent {
                    Value::Object(map) => map.remove(&key),
                    Value::Array(items) => Some(items.remove(index(&key))),
                    _ => None,
                };
                assert!(gone.is_some(), "nothing to drop at {pointer}");
            }
            Self::Duplicate(pointer) => {
                let (parent, key) = parent(object, pointer);
                let items = parent
                    .as_array_mut()
                    .unwrap_or_else(|| panic!("no list: {pointer}"));
                let copy = items[index(&key)].clone();
                items.insert(index(&key) + 1, copy);
            }
            Self::Set(pointer, value) => {
                let (parent, key) = parent(object, pointer);
                match parent {
                    Value::Array(items) => items[index(&key)] = value.clone(),
                    parent => as_map(parent).insert(key, value.clone()).map_or((), drop),
                }
            }
            Self::Append(pointer, value) => {
                let (parent, key) = parent(object, pointer);
                let list = match parent {
                    Value::Array(items) => &mut items[index(&key)],
                    parent => as_map(parent).entry(key).or_insert(Value::Null),
                };
                if list.is_null() {
                    *list = Value::Array(Vec::new());
                }
                let items = list
                    .as_array_mut()
                    .unwrap_or_else(|| panic!("no list: {pointer}"));
                items.push(value.clone());
            }
        }
    }
}

fn index(key: &str) -> usize {
    key.parse().unwrap_or_else(|_| panic!("no index: {key}"))
}

fn as_map(value: &mut Value) -> &mut Map<String, Value> {
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("an object")
}

/// What holds the last step of a pointer, made where it is missing, and that step.
fn parent<'a>(object: &'a mut Value, pointer: &str) -> (&'a mut Value, String) {
    let steps: Vec<String> = pointer
        .split('/')
        .skip(1)
        .map(|step| step.replace("~1", "/").replace("~0", "~"))
        .collect();
    let (last, steps) = steps
        .split_last()
        .unwrap_or_else(|| panic!("no pointer: {pointer:?}"));
    let mut place = object;
    for step in steps {
        place = match place {
            Value::Array(items) => &mut items[index(step)],
            place => as_map(place).entry(step.clone()).or_insert(Value::Null),
        };
    }
    (place, last.clone())
}
