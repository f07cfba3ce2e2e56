//! The strategic merge patch between two objects, as kubectl makes it.
//!
//! *Upstream:* `apimachinery/pkg/util/strategicpatch/patch.go` (`CreateTwoWayMergePatch`).

use mockernetes::schema::{MergeRule, Node, Schema};
use serde_json::{Map, Value, json};

/// The patch that makes `new` of `old`.
pub(super) fn between(schema: &Schema, old: &Value, new: &Value) -> Value {
    let differ = Differ { schema };
    let (old, new) = (old.as_object().unwrap(), new.as_object().unwrap());
    Value::Object(differ.maps(old, new, Some(schema.root())))
}

struct Differ<'s> {
    schema: &'s Schema,
}

impl<'s> Differ<'s> {
    fn maps(
        &self,
        old: &Map<String, Value>,
        new: &Map<String, Value>,
        node: Option<&'s Node>,
    ) -> Map<String, Value> {
        let mut patch = Map::new();
        for (name, before) in old {
            let Some(after) = new.get(name) else {
                patch.insert(name.clone(), Value::Null);
                continue;
            };
            if before != after {
                self.field(&mut patch, name, before, after, node);
            }
        }
        for (name, after) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
            patch.insert(name.clone(), after.clone());
        }
        patch
    }

    fn field(
        &self,
        patch: &mut Map<String, Value>,
        name: &str,
        old: &Value,
        new: &Value,
        node: Option<&'s Node>,
    ) {
        let rule = node
            .and_then(|node| self.schema.field(node, name))
            .map_or_else(MergeRule::default, |field| field.merge.clone());
        let child = node.and_then(|node| self.schema.child(node, name));
        let child = child.map(|id| self.schema.node(id));
        match (old, new) {
            (Value::Object(old), Value::Object(new)) if !rule.replaces => {
                let mut inner = self.maps(old, new, child);
                if rule.retains_keys {
                    let keys: Vec<&String> = new.keys().collect();
                    inner.insert("$retainKeys".to_owned(), json!(keys));
                }
                patch.insert(name.to_owned(), inner.into());
            }
            (Value::Array(old), Value::Array(new)) if rule.merges => {
                let item = child.and_then(|node| self.schema.items(node));
                let item = item.map(|id| self.schema.node(id));
                self.lists(patch, name, [old, new], &rule, item);
            }
            _ => {
                patch.insert(name.to_owned(), new.clone());
            }
        }
    }

    fn lists(
        &self,
        patch: &mut Map<String, Value>,
        name: &str,
        [old, new]: [&Vec<Value>; 2],
        rule: &MergeRule,
        item: Option<&'s Node>,
    ) {
        let key = rule.key.as_ref();
        let order = format!("$setElementOrder/{name}");
        if key.is_empty() {
            let gone: Vec<&Value> = old.iter().filter(|item| !new.contains(item)).collect();
            if !gone.is_empty() {
                patch.insert(format!("$deleteFromPrimitiveList/{name}"), json!(gone));
            }
            let added: Vec<&Value> = new.iter().filter(|item| !old.contains(item)).collect();
            if !added.is_empty() {
                patch.insert(name.to_owned(), json!(added));
            }
            patch.insert(order, json!(new));
            return;
        }
        let find = |list: &'_ Vec<Value>, item: &Value| {
            list.iter().find(|other| other[key] == item[key]).cloned()
        };
        let mut items = Vec::new();
        for after in new {
            match find(old, after) {
                None => items.push(after.clone()),
                Some(before) if before != *after => {
                    let (before, after) = (before.as_object().unwrap(), after.as_object().unwrap());
                    let mut inner = self.maps(before, after, item);
                    if rule.retains_keys {
                        let keys: Vec<&String> = after.keys().collect();
                        inner.insert("$retainKeys".to_owned(), json!(keys));
                    }
                    inner.insert(key.to_owned(), after[key].clone());
                    items.push(inner.into());
                }
                Some(_) => {}
            }
        }
        for before in old.iter().filter(|before| find(new, before).is_none()) {
            items.push(json!({"$patch": "delete", key: before[key]}));
        }
        if !items.is_empty() {
            patch.insert(name.to_owned(), items.into());
        }
        let wanted: Vec<Value> = new.iter().map(|item| json!({key: item[key]})).collect();
        patch.insert(order, wanted.into());
    }
}
