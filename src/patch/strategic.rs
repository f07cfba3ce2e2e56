//! Strategic merge patch: lists merge by the keys that the schema names, and directives say what
//! merging cannot.
//!
//! *Upstream:* `apimachinery/pkg/util/strategicpatch/patch.go`.

use serde_json::{Map, Value};

use super::{Error, go_print, order};
use crate::schema::{MergeRule, Node, Schema, Shape};

/// Says what to do with the map or list item it stands in.
const PATCH: &str = "$patch";
/// Lists the keys that stay; all others go.
const RETAIN_KEYS: &str = "$retainKeys";
/// Lists scalars to take out of a list.
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";
/// Lists the order of a list's items.
const SET_ORDER: &str = "$setElementOrder/";

/// Merges a patch into a document that the root of `schema` describes.
pub(super) fn apply(
    document: Value,
    patch: Map<String, Value>,
    schema: &Schema,
) -> Result<Value, Error> {
    let Value::Object(original) = document else {
        return Ok(document);
    };
    let merger = Merger { schema };
    Ok(Value::Object(merger.merge_maps(
        original,
        patch,
        Some(schema.root()),
    )?))
}

struct Merger<'s> {
    schema: &'s Schema,
}

/// What the schema says of a field: its node and how it merges.
struct Place<'s> {
    node: Option<&'s Node>,
    rule: MergeRule,
}

impl<'s> Merger<'s> {
    fn place(&self, node: Option<&'s Node>, name: &str) -> Place<'s> {
        let Some(node) = node else {
            return Place {
                node: None,
                rule: MergeRule::default(),
            };
        };
        let rule = self
            .schema
            .field(node, name)
            .map(|field| field.merge.clone());
        let child = self.schema.child(node, name).map(|id| self.schema.node(id));
        Place {
            node: child,
            rule: rule.unwrap_or_default(),
        }
    }

    fn item(&self, list: Option<&'s Node>) -> Option<&'s Node> {
        self.schema.items(list?).map(|id| self.schema.node(id))
    }

    fn merge_maps(
        &self,
        mut original: Map<String, Value>,
        mut patch: Map<String, Value>,
        node: Option<&'s Node>,
    ) -> Result<Map<String, Value>, Error> {
        if let Some(directive) = patch.get(PATCH) {
            let directive = directive.clone();
            return replace_or_delete(&directive, patch);
        }
        retain_keys(&mut original, &mut patch)?;
        self.merge_ordered_lists(&mut original, &mut patch, node)?;
        for (key, value) in patch {
            let is_delete_list = key.starts_with(DELETE_FROM);
            let key = match key.strip_prefix(DELETE_FROM) {
                Some(list) if !original.contains_key(list) => continue,
                Some(list) => list.to_owned(),
                None => key,
            };
            self.merge_field(&mut original, key, value, node, is_delete_list)?;
        }
        Ok(original)
    }

    fn merge_field(
        &self,
        original: &mut Map<String, Value>,
        key: String,
        value: Value,
        node: Option<&'s Node>,
        is_delete_list: bool,
    ) -> Result<(), Error> {
        if value.is_null() {
            original.remove(&key);
            return Ok(());
        }
        let place = self.place(node, &key);
        if let Some(unread) = node.and_then(unread)
            && let Some(old) = original.get(&key)
            && (old.is_object() && value.is_object() || old.is_array() && value.is_array())
        {
            return Err(Error::Failed(format!(
                "unable to find api field in struct {unread} for the json field \"{key}\""
            )));
        }
        match (original.remove(&key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => {
                let merged = if place.rule.replaces {
                    new
                } else {
                    self.merge_maps(old, new, place.node)?
                };
                original.insert(key, Value::Object(merged));
            }
            (Some(Value::Array(old)), Value::Array(new)) => {
                let merged = if is_delete_list {
                    old.into_iter().filter(|item| !new.contains(item)).collect()
                } else if place.rule.merges {
                    self.merge_lists(old, new, &place)?
                } else {
                    new
                };
                original.insert(key, Value::Array(merged));
            }
            (Some(old), _) if is_delete_list => {
                original.insert(key, old);
            }
            (_, new) => {
                if let Some(new) = as_new(new) {
                    original.insert(key, new);
                }
            }
        }
        Ok(())
    }

    /// Merges the lists for which the patch sets an order, and takes them out of the patch.
    fn merge_ordered_lists(
        &self,
        original: &mut Map<String, Value>,
        patch: &mut Map<String, Value>,
        node: Option<&'s Node>,
    ) -> Result<(), Error> {
        let directives: Vec<String> = patch
            .keys()
            .filter(|key| key.starts_with(SET_ORDER))
            .cloned()
            .collect();
        for directive in directives {
            let Some(Value::Array(wanted)) = patch.remove(&directive) else {
                return Err(bad_order_list());
            };
            let name = directive[SET_ORDER.len()..].to_owned();
            let place = self.place(node, &name);
            let old = list(original.get(&name))?;
            let new = list(patch.get(&name))?;
            let key = place.rule.key.as_ref();
            if key.is_empty() && wanted.iter().any(Value::is_object) {
                // Upstream panics over such a patch.
                return Err(bad_order_list());
            }
            order::check(new.as_deref().unwrap_or_default(), &wanted, key)?;
            let merged = match (old.clone(), new) {
                (Some(old), None) => old,
                (None, Some(new)) => new.into_iter().filter_map(as_new).collect(),
                (Some(old), Some(new)) if place.rule.merges => {
                    self.merge_lists(old, new, &place)?
                }
                (Some(_), Some(new)) => new,
                (None, None) => continue,
            };
            let sorted = order::arrange(merged, &wanted, &old.unwrap_or_default(), key)?;
            original.insert(name.clone(), Value::Array(sorted));
            patch.remove(&name);
        }
        Ok(())
    }

    fn merge_lists(
        &self,
        original: Vec<Value>,
        patch: Vec<Value>,
        place: &Place<'s>,
    ) -> Result<Vec<Value>, Error> {
        let mut all = original.iter().chain(&patch);
        let Some(first) = all.next() else {
            return Ok(original);
        };
        if first.is_array() {
            return Err(Error::Failed("lists of lists are not supported".to_owned()));
        }
        let is_maps = first.is_object();
        let first = std::mem::discriminant(first);
        if all.any(|item| std::mem::discriminant(item) != first) {
            let lists = [original, patch].map(Value::Array).to_vec();
            return Err(Error::Failed(format!(
                "list element types are not identical: {}",
                go_print(&Value::Array(lists))
            )));
        }
        let key = place.rule.key.as_ref();
        let (server_order, merged, patch) = if is_maps {
            if key.is_empty() {
                return Err(Error::Failed(
                    "cannot merge lists without merge key for the field".to_owned(),
                ));
            }
            let (original, patch) = carry_out_directives(original, patch, key)?;
            let merged = self.merge_items(original.clone(), &patch, key, place)?;
            (original, merged, patch)
        } else {
            let mut merged: Vec<Value> = Vec::new();
            for item in original.iter().chain(&patch) {
                if !merged.contains(item) {
                    merged.push(item.clone());
                }
            }
            (original, merged, patch)
        };
        order::arrange(merged, &patch, &server_order, key)
    }

    /// Merges items that are the same by their key; others are appended.
    fn merge_items(
        &self,
        mut original: Vec<Value>,
        patch: &[Value],
        key: &str,
        place: &Place<'s>,
    ) -> Result<Vec<Value>, Error> {
        let node = self.item(place.node);
        for item in patch {
            let value = item.get(key).ok_or_else(|| no_merge_key(item, key))?;
            let Some(at) = order::find(&original, key, value) else {
                original.push(item.clone());
                continue;
            };
            if let (Value::Object(old), Value::Object(new)) = (&original[at], item) {
                let merged = self.merge_maps(old.clone(), new.clone(), node)?;
                original[at] = Value::Object(merged);
            }
        }
        Ok(original)
    }
}

/// The struct that a built-in kind carries along unread (`RawExtension`): it has no fields that
/// upstream could look up to merge them.
fn unread(node: &Node) -> Option<&str> {
    let is_unread = matches!(node.shape, Shape::Any);
    let component = node.component.as_ref().filter(|_| is_unread)?;
    component.rsplit('.').next()
}

/// `$patch: replace` and `$patch: delete` in a map; `merge` is what happens anyway.
fn replace_or_delete(
    directive: &Value,
    mut patch: Map<String, Value>,
) -> Result<Map<String, Value>, Error> {
    match directive.as_str() {
        Some("replace") => {
            patch.remove(PATCH);
            Ok(patch)
        }
        Some("delete") => Ok(Map::new()),
        _ => Err(bad_directive(directive, &Value::Object(patch))),
    }
}

/// Takes the items with directives out of a patch list, and does what they say to the original.
fn carry_out_directives(
    mut original: Vec<Value>,
    patch: Vec<Value>,
    key: &str,
) -> Result<(Vec<Value>, Vec<Value>), Error> {
    let mut plain = Vec::new();
    let mut replaces = false;
    for item in patch {
        let Some(directive) = item.get(PATCH) else {
            plain.push(item);
            continue;
        };
        match directive.as_str() {
            Some("delete") => {
                let value = item.get(key).ok_or_else(|| no_merge_key(&item, key))?;
                original.retain(|old| old.get(key) != Some(value));
            }
            Some("replace") => replaces = true,
            Some("merge") => {
                return Err(Error::Failed(
                    "merging lists cannot yet be specified in the patch".to_owned(),
                ));
            }
            _ => return Err(bad_directive(directive, &item)),
        }
    }
    Ok(if replaces {
        (plain, Vec::new())
    } else {
        (original, plain)
    })
}

fn retain_keys(
    original: &mut Map<String, Value>,
    patch: &mut Map<String, Value>,
) -> Result<(), Error> {
    let Some(retained) = patch.remove(RETAIN_KEYS) else {
        return Ok(());
    };
    let bad = || Error::Malformed("invalid patch format of retainKeys".to_owned());
    let Value::Array(retained) = retained else {
        return Err(bad());
    };
    let is_retained = |key: &str| retained.iter().any(|item| item.as_str() == Some(key));
    let is_listed = |(key, value): (&String, &Value)| {
        value.is_null()
            || key.starts_with(DELETE_FROM)
            || key.starts_with(SET_ORDER)
            || is_retained(key)
    };
    if !patch.iter().all(is_listed) {
        return Err(bad());
    }
    original.retain(|key, _| is_retained(key));
    Ok(())
}

/// A value of the patch as it comes in where nothing stood: without directives and nulls.
fn as_new(value: Value) -> Option<Value> {
    match value {
        Value::Object(map) if map.contains_key(PATCH) => None,
        Value::Object(map) => Some(Value::Object(
            map.into_iter()
                .filter(|(_, value)| !value.is_null())
                .filter_map(|(key, value)| Some((key, as_new(value)?)))
                .collect(),
        )),
        Value::Array(items) => Some(Value::Array(items.into_iter().filter_map(as_new).collect())),
        other => Some(other),
    }
}

fn list(value: Option<&Value>) -> Result<Option<Vec<Value>>, Error> {
    match value {
        None => Ok(None),
        Some(Value::Array(items)) => Ok(Some(items.clone())),
        Some(_) => Err(bad_order_list()),
    }
}

fn bad_order_list() -> Error {
    Error::Malformed("invalid patch format of setElementOrder list".to_owned())
}

pub(super) fn no_merge_key(item: &Value, key: &str) -> Error {
    Error::Failed(format!(
        "map: {} does not contain declared merge key: {key}",
        go_print(item)
    ))
}

fn bad_directive(directive: &Value, map: &Value) -> Error {
    let shown = match directive {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_i64() => format!("%!s(int64={number})"),
        Value::Number(number) => format!("%!s(float64={number})"),
        Value::Bool(value) => format!("%!s(bool={value})"),
        Value::Null => "%!s(<nil>)".to_owned(),
        other => go_print(other),
    };
    Error::Failed(format!(
        "unknown patch type: {shown} in map: {}",
        go_print(map)
    ))
}
