//! Lists and maps that are sent empty: Go tells them from those that are not sent until they come
//! back from the store, shows them as such, and counts them as a change.
//!
//! *Upstream:* `encoding/json` (a nil slice is `null`, an empty one is `[]`).

use serde_json::{Map, Value};

use super::{Node, Origin, Schema, Shape};
use crate::object::FieldPath;

/// A list or map that is there and empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emptied {
    /// Where it stands.
    pub path: String,
    /// Whether it is a map.
    pub is_map: bool,
    /// The steps of the path: names, keys and indexes.
    steps: Vec<String>,
}

impl Emptied {
    /// Whether it is a list or map right under a part of the object that has items by now, as
    /// defaults fill it.
    pub fn is_filled(&self, object: &Map<String, Value>) -> bool {
        let [part, name] = self.steps.as_slice() else {
            return false;
        };
        let found = object.get(part).and_then(|part| part.get(name));
        found.is_some_and(|found| match found {
            Value::Null => false,
            Value::Array(items) => !items.is_empty(),
            Value::Object(entries) => !entries.is_empty(),
            _ => true,
        })
    }

    /// Puts it back into a part of the object, where nothing stands in its place.
    fn put_back(&self, part: &str, value: &mut Value) {
        let Some(([first, steps @ ..], last)) = self.steps.split_last().map(|(l, s)| (s, l)) else {
            return;
        };
        let parent = steps.iter().try_fold(value, |value, step| match value {
            Value::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
            other => other.get_mut(step),
        });
        if first == part
            && let Some(Value::Object(parent)) = parent
            && parent.get(last).is_none_or(Value::is_null)
        {
            let empty = if self.is_map {
                Value::Object(Map::new())
            } else {
                Value::Array(Vec::new())
            };
            parent.insert(last.clone(), empty);
        }
    }
}

/// A part of an object (`spec`) with what was sent empty in it, for a message that shows it.
pub fn put_back(emptied: &[Emptied], part: &str, value: &Value) -> Value {
    let mut value = value.clone();
    for empty in emptied {
        empty.put_back(part, &mut value);
    }
    value
}

/// The empty lists and maps of an object of a built-in kind.
pub fn empties(object: &Map<String, Value>, schema: &Schema) -> Vec<Emptied> {
    let mut search = Search {
        schema,
        steps: Vec::new(),
        found: Vec::new(),
    };
    if schema.origin() == Origin::BuiltIn {
        search.fields(schema.root(), &FieldPath::ROOT, object);
    }
    search.found
}

struct Search<'o> {
    schema: &'o Schema,
    steps: Vec<Step<'o>>,
    found: Vec<Emptied>,
}

enum Step<'o> {
    Name(&'o str),
    Index(usize),
}

impl<'o> Search<'o> {
    fn fields(&mut self, node: &Node, path: &FieldPath<'_>, map: &'o Map<String, Value>) {
        for (name, value) in map {
            if let Some(field) = self.schema.field(node, name) {
                // What Go reads by hand is one of several forms of the struct around it.
                let inner = if field.is_own_form() {
                    node
                } else {
                    self.schema.node(field.node)
                };
                self.under(Step::Name(name), inner, &path.child(name), value);
            }
        }
    }

    fn under(&mut self, step: Step<'o>, node: &Node, path: &FieldPath<'_>, value: &'o Value) {
        self.steps.push(step);
        self.value(node, path, value);
        self.steps.pop();
    }

    fn value(&mut self, node: &Node, path: &FieldPath<'_>, value: &'o Value) {
        let is_empty = match (&node.shape, value) {
            (Shape::Struct(_), Value::Object(map)) => {
                self.fields(node, path, map);
                false
            }
            (Shape::Map(values), Value::Object(map)) => {
                let node = self.schema.node(*values);
                for (key, value) in map {
                    self.under(Step::Name(key), node, &path.key(key), value);
                }
                map.is_empty()
            }
            (Shape::List(items), Value::Array(list)) => {
                let node = self.schema.node(*items);
                for (index, value) in list.iter().enumerate() {
                    self.under(Step::Index(index), node, &path.index(index), value);
                }
                list.is_empty()
            }
            _ => false,
        };
        if is_empty {
            let steps = self.steps.iter().map(|step| match step {
                Step::Name(name) => (*name).to_owned(),
                Step::Index(index) => index.to_string(),
            });
            self.found.push(Emptied {
                path: path.to_string(),
                is_map: value.is_object(),
                steps: steps.collect(),
            });
        }
    }
}
