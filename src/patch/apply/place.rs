//! How the fields of an object are owned, place by place: all of it at once, or each child alone.
//!
//! *Upstream:* `structured-merge-diff/typed/helpers.go`.

use std::sync::LazyLock;

use serde_json::Value;

use super::step::Step;
use crate::object::json;
use crate::schema::{ListKind, MapKind, Node, Origin, Schema, Shape, Text};

/// A place in an object, and what the schema says of it.
#[derive(Clone, Copy)]
pub(super) struct Place<'s> {
    pub(super) schema: &'s Schema,
    /// `None` where anything may stand.
    pub(super) node: Option<&'s Node>,
    is_root: bool,
}

/// How a value is owned.
pub(super) enum Form<'s> {
    /// As a whole.
    Leaf,
    /// Field by field.
    Map,
    /// Item by item; items are told apart by these keys, or by their value where there are none.
    List(&'s [Text]),
}

impl<'s> Place<'s> {
    /// The object itself.
    pub(super) fn root(schema: &'s Schema) -> Self {
        Self {
            schema,
            node: Some(schema.root()),
            is_root: true,
        }
    }

    fn at(self, node: Option<&'s Node>) -> Self {
        Self {
            node,
            is_root: false,
            ..self
        }
    }

    /// How a value at this place is owned.
    pub(super) fn form(self, value: &Value) -> Form<'s> {
        let any = || {
            if value.is_object() {
                Form::Map
            } else {
                Form::Leaf
            }
        };
        let Some(node) = self.node else { return any() };
        match &node.shape {
            // What a built-in kind carries along unread (`RawExtension`) is one whole.
            Shape::Any if self.schema.origin() == Origin::BuiltIn => Form::Leaf,
            Shape::Any => any(),
            Shape::Struct(_) | Shape::Map(_) if node.map == MapKind::Atomic => Form::Leaf,
            Shape::Struct(_) | Shape::Map(_) => Form::Map,
            Shape::List(_) => match &node.list {
                ListKind::Atomic => Form::Leaf,
                ListKind::Set => Form::List(&[]),
                ListKind::Map(keys) => Form::List(keys),
            },
            _ => Form::Leaf,
        }
    }

    /// Whether a list stands here.
    pub(super) fn is_list(self) -> bool {
        self.node
            .is_some_and(|node| matches!(node.shape, Shape::List(_)))
    }

    /// Whether a map or list that stands here is owned as a whole.
    pub(super) fn is_whole(self) -> bool {
        self.node.is_some_and(|node| match &node.shape {
            Shape::Any => self.schema.origin() == Origin::BuiltIn,
            Shape::Struct(_) | Shape::Map(_) => node.map == MapKind::Atomic,
            Shape::List(_) => node.list == ListKind::Atomic,
            _ => false,
        })
    }

    /// Whether a struct has this field by name.
    pub(super) fn declares(self, name: &str) -> bool {
        let is_own = self
            .node
            .is_some_and(|node| self.schema.field(node, name).is_some());
        is_own || self.is_type_meta(name)
    }

    /// `apiVersion`, `kind` and `metadata` of a custom resource, which its schema need not mention.
    fn is_type_meta(self, name: &str) -> bool {
        self.is_root
            && self.schema.origin() == Origin::Custom
            && matches!(name, "apiVersion" | "kind" | "metadata")
    }

    /// The place of a field; `None` where the schema has no place for it.
    pub(super) fn child(self, name: &str) -> Option<Self> {
        let Some(node) = self.node else {
            return Some(self.at(None));
        };
        if let Some(id) = self.schema.child(node, name) {
            return Some(self.at(Some(self.schema.node(id))));
        }
        if self.is_type_meta(name) {
            let meta = self.schema.meta().filter(|_| name == "metadata");
            return Some(self.at(meta.map(|id| self.schema.node(id))));
        }
        // An object of which nothing is said is taken as it comes, whatever is pruned later.
        let is_bare = self.schema.origin() == Origin::Custom
            && matches!(&node.shape, Shape::Struct(fields) if fields.is_empty());
        let takes_any =
            is_bare || node.preserves_unknown_fields || matches!(node.shape, Shape::Any);
        takes_any.then(|| self.at(None))
    }

    /// The place of an item.
    pub(super) fn item(self) -> Self {
        let id = self.node.and_then(|node| self.schema.items(node));
        self.at(id.map(|id| self.schema.node(id)))
    }

    /// The step to an item, or why it has none.
    pub(super) fn step(self, keys: &[Text], item: &Value) -> Result<Step<'static>, String> {
        if keys.is_empty() {
            return match item {
                Value::Object(_) => {
                    Err("associative list without keys has an element that's a map type".into())
                }
                Value::Array(_) => {
                    Err("not supported: associative list with lists as elements".into())
                }
                Value::Null => Err(
                    "associative list without keys has an element that's an explicit null".into(),
                ),
                scalar => Ok(Step::from_written(format!("v:{scalar}").into())),
            };
        }
        let Value::Object(map) = item else {
            let what = if item.is_null() {
                "a null element"
            } else {
                "non-map elements"
            };
            return Err(format!("associative list with keys may not have {what}"));
        };
        let found = |key: &Text| map.get(key.as_ref()).or_else(|| self.default_of(key));
        let step = if let [key] = keys {
            write_keys(std::iter::once((key, found(key))))
        } else {
            let mut found: Vec<_> = keys.iter().map(|key| (key, found(key))).collect();
            found.sort_unstable_by_key(|(key, _)| *key);
            write_keys(found.into_iter())
        };
        step.ok_or_else(|| {
            let keys: Vec<String> = keys.iter().map(|key| format!("{key:?}")).collect();
            format!(
                "associative list with keys has an element that omits all key fields [{}] (and \
                 doesn't have default values for any key fields)",
                keys.join(" ")
            )
        })
    }

    /// The default of a key field of this list's items.
    fn default_of(self, key: &str) -> Option<&'s Value> {
        let item = self.item().node?;
        let field = self.schema.field(item, key)?;
        let own = field.default.as_ref();
        let node = self.schema.node(field.node);
        let own = own.or(node.default.as_ref());
        // What Go prints where it is not set has its zero for a default.
        let encoding = &field.encoding;
        let is_printed = self.schema.origin() == Origin::BuiltIn
            && !(encoding.is_pointer || encoding.omits_empty || encoding.omits_zero);
        own.or_else(|| is_printed.then(|| zero(&node.shape)).flatten())
    }
}

/// The zero of a scalar.
fn zero(shape: &Shape) -> Option<&'static Value> {
    static TEXT: Value = Value::String(String::new());
    static NUMBER: LazyLock<Value> = LazyLock::new(|| Value::from(0));
    static BOOLEAN: Value = Value::Bool(false);
    match shape {
        Shape::String(_) => Some(&TEXT),
        Shape::Integer(_) => Some(&NUMBER),
        Shape::Boolean => Some(&BOOLEAN),
        _ => None,
    }
}

/// The step to the item with these keys, in their order; `None` where it has none of them.
fn write_keys<'k>(
    keys: impl Iterator<Item = (&'k Text, Option<&'k Value>)>,
) -> Option<Step<'static>> {
    let mut out = Vec::from(b"k:{");
    let mut is_first = true;
    for (key, value) in keys {
        let Some(value) = value else { continue };
        if !is_first {
            out.push(b',');
        }
        is_first = false;
        json::write(&mut out, key);
        out.push(b':');
        json::write(&mut out, value);
    }
    out.push(b'}');
    let text = String::from_utf8(out).ok().filter(|_| !is_first)?;
    Some(Step::from_written(text.into()))
}

/// The items of a list with their steps; what has none is passed over.
pub(super) fn steps<'v>(
    place: Place<'_>,
    keys: &[Text],
    items: &'v [Value],
) -> Vec<(Step<'static>, &'v Value)> {
    items
        .iter()
        .filter_map(|item| Some((place.step(keys, item).ok()?, item)))
        .collect()
}
