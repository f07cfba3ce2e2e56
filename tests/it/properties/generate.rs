//! Objects made of a schema by chance: few values from small sets, so that two have much in common.

use mockernetes::schema::{Field, ListKind, MapKind, Node, Schema, Shape};
use mockernetes::sim::Entropy;
use serde_json::{Map, Value, json};

/// Deeper than this there are no objects any more.
const DEPTH_MAX: usize = 7;

/// Objects of one schema.
pub(super) struct Generator<'s> {
    schema: &'s Schema,
    entropy: Entropy,
}

impl<'s> Generator<'s> {
    pub(super) fn new(schema: &'s Schema, seed: u64) -> Self {
        Self {
            schema,
            entropy: Entropy::seeded(seed),
        }
    }

    /// True once in so many times.
    fn once_in(&self, times: u64) -> bool {
        self.entropy.below(times) == 0
    }

    /// An object with `metadata` of labels and annotations only, and no status.
    pub(super) fn object(&self, api_version: &str, kind: &str) -> Value {
        let Shape::Struct(fields) = &self.schema.root().shape else {
            panic!("{kind} is no struct");
        };
        let mut map = Map::new();
        for field in fields {
            let name = field.name.as_ref();
            if matches!(name, "apiVersion" | "kind" | "metadata" | "status") {
                continue;
            }
            if let Some(value) = self.field(field, 0) {
                map.insert(name.to_owned(), value);
            }
        }
        map.insert("apiVersion".to_owned(), api_version.into());
        map.insert("kind".to_owned(), kind.into());
        let metadata = json!({
            "name": "x",
            "labels": self.texts(),
            "annotations": self.texts(),
            "finalizers": self.set(),
        });
        map.insert("metadata".to_owned(), metadata);
        Value::Object(map)
    }

    fn text(&self) -> Value {
        format!("v{}", self.entropy.below(4)).into()
    }

    fn texts(&self) -> Value {
        let keys = ["a", "b", "c", "d"].into_iter();
        let keys = keys.filter(|key| *key == "a" || self.once_in(2));
        keys.map(|key| (key.to_owned(), self.text()))
            .collect::<Map<_, _>>()
            .into()
    }

    /// Different texts in any order.
    fn set(&self) -> Value {
        let mut items: Vec<Value> = Vec::new();
        for _ in 0..=self.entropy.below(3) {
            let item = self.text();
            if !items.contains(&item) {
                items.push(item);
            }
        }
        items.into()
    }

    fn field(&self, field: &Field, depth: usize) -> Option<Value> {
        let node = self.schema.node(field.node);
        // The deeper, the fewer.
        if depth > 1 && !self.once_in(3) {
            return None;
        }
        let mut value = self.value(node, depth)?;
        if let Value::Array(items) = &mut value {
            let keys = keys_of(field, node);
            self.tell_apart(items, node, &keys);
            if items.is_empty() {
                return None;
            }
        }
        Some(value)
    }

    /// Gives items their keys, each to one item; items of a set stand once.
    fn tell_apart(&self, items: &mut Vec<Value>, node: &Node, keys: &[String]) {
        let mut kept: Vec<Value> = Vec::new();
        let item_node = self.schema.items(node).map(|id| self.schema.node(id));
        for mut item in std::mem::take(items) {
            if let (Value::Object(map), Some(node)) = (&mut item, item_node) {
                for key in keys {
                    let Some(id) = self.schema.child(node, key) else {
                        continue;
                    };
                    let value = self.value(self.schema.node(id), DEPTH_MAX);
                    map.insert(key.clone(), value.unwrap_or_else(|| self.text()));
                }
            }
            let is_known = |other: &Value| match keys {
                [] => *other == item,
                // Whatever a list merges by, one key is enough for all.
                [key, ..] => other[key] == item[key],
            };
            if !kept.iter().any(is_known) {
                kept.push(item);
            }
        }
        *items = kept;
    }

    fn value(&self, node: &Node, depth: usize) -> Option<Value> {
        Some(match &node.shape {
            Shape::Any => return None,
            Shape::Boolean => self.once_in(2).into(),
            Shape::Integer(_) => self.entropy.below(4).into(),
            Shape::Number => json!(0.5),
            Shape::IntOrString | Shape::String(_) => self.text(),
            _ if depth >= DEPTH_MAX => return None,
            Shape::Struct(fields) => {
                let fields = fields.iter().filter_map(|field| {
                    Some((field.name.to_string(), self.field(field, depth + 1)?))
                });
                let map: Map<String, Value> = fields.collect();
                if map.is_empty() {
                    return None;
                }
                map.into()
            }
            Shape::Map(id) => {
                let node = self.schema.node(*id);
                let keys = ["a", "b", "c"].into_iter().filter(|_| self.once_in(2));
                let values =
                    keys.filter_map(|key| Some((key.to_owned(), self.value(node, depth + 1)?)));
                let map: Map<String, Value> = values.collect();
                if map.is_empty() {
                    return None;
                }
                map.into()
            }
            Shape::List(id) => {
                let node = self.schema.node(*id);
                let count = 1 + self.entropy.below(3);
                let items = (0..count).filter_map(|_| self.value(node, depth + 1));
                Value::Array(items.collect())
            }
        })
    }

    /// The whole value for one of two.
    fn to_one(&self, whole: &Value) -> [Value; 2] {
        let (one, other) = (whole.clone(), Value::Null);
        if self.once_in(2) {
            [one, other]
        } else {
            [other, one]
        }
    }

    /// Parts an object in two that have no field in common but the keys of items.
    pub(super) fn part(&self, whole: &Value, node: &Node) -> [Value; 2] {
        let Value::Object(map) = whole else {
            return self.to_one(whole);
        };
        let mut parts = [Map::new(), Map::new()];
        for (name, value) in map {
            let child = self.schema.child(node, name).map(|id| self.schema.node(id));
            let halves = match child {
                Some(child) if value.is_array() => self.part_list(value, child),
                Some(child) if child.map == MapKind::Granular => self.part(value, child),
                _ => self.to_one(value),
            };
            for (part, half) in parts.iter_mut().zip(halves) {
                if !half.is_null() {
                    part.insert(name.clone(), half);
                }
            }
        }
        parts.map(|part| {
            if part.is_empty() {
                Value::Null
            } else {
                part.into()
            }
        })
    }

    /// A list with keys is parted by its items, each of which may be parted in turn.
    fn part_list(&self, list: &Value, node: &Node) -> [Value; 2] {
        let ListKind::Map(keys) = &node.list else {
            return self.to_one(list);
        };
        let item_node = self.schema.items(node).map(|id| self.schema.node(id));
        let mut parts = [Vec::new(), Vec::new()];
        for item in items_of(list) {
            let Some(item_node) = item_node else { continue };
            let halves = match item_node.map {
                MapKind::Granular => self.part(&item, item_node),
                MapKind::Atomic => self.to_one(&item),
            };
            for (part, mut half) in parts.iter_mut().zip(halves) {
                if half.is_null() {
                    continue;
                }
                for key in keys {
                    half[key.as_ref()] = item[key.as_ref()].clone();
                }
                part.push(half);
            }
        }
        parts.map(|part| {
            if part.is_empty() {
                Value::Null
            } else {
                part.into()
            }
        })
    }
}

fn items_of(list: &Value) -> Vec<Value> {
    list.as_array().cloned().unwrap_or_default()
}

/// The keys that tell items apart, for apply and for strategic merge alike.
fn keys_of(field: &Field, node: &Node) -> Vec<String> {
    let mut keys: Vec<String> = match &node.list {
        ListKind::Map(keys) => keys.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    };
    let merge = field.merge.key.to_string();
    if field.merge.merges && !merge.is_empty() {
        keys.retain(|key| *key != merge);
        keys.insert(0, merge);
    }
    keys
}
