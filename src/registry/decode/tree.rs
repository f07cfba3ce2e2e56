//! An object that is at hand as a tree, checked by its schema where it stands, as [`super::typed`]
//! checks a text: a patched object, most of which came from the store.
//!
//! Only what is right is decoded here. What is wrong with an object is said of its text.
//!
//! *Invariant:* finds in a tree what [`super::typed`] finds in the tree's text.
//! *Upstream:* `apimachinery/pkg/runtime/converter.go` (`FromUnstructured`).

use serde_json::{Map, Value};

use super::form::Form;
use super::place::Place;
use super::typed::{Findings, Wanted, item_type, value_type};
use super::{Decoded, Target, head, scalar};
use crate::object::Object;
use crate::object::json::Token;
use crate::schema::{Cursor, Field, Format, Node, Origin, Schema, Shape};

/// The object that a tree is, without unknown fields; the tree where anything in it could not have
/// been decoded, or where it is of no built-in kind.
pub(super) fn decode(tree: Value, target: Target<'_>) -> Result<Decoded, Value> {
    let Value::Object(mut map) = tree else {
        return Err(tree);
    };
    let schema = target.schema;
    if schema.origin() == Origin::Custom || !head::names(&map, target.expected) {
        return Err(Value::Object(map));
    }
    let mut walk = Walk {
        schema,
        findings: Findings::default(),
    };
    walk.fields(schema.root(), &Place::ROOT, &mut map);
    let Walk { findings, .. } = walk;
    if findings.error().is_some() {
        return Err(Value::Object(map));
    }
    Ok(Decoded {
        object: Object::from_map(map),
        strict: findings.strict,
    })
}

struct Walk<'s> {
    schema: &'s Schema,
    findings: Findings,
}

impl<'s> Walk<'s> {
    fn fields(&mut self, node: &Node, place: &Place<'_>, map: &mut Map<String, Value>) {
        let mut cursor = Cursor::new(node);
        let mut has_unknown = false;
        for (name, value) in map.iter_mut() {
            let Some((_, field)) = cursor.find(name) else {
                self.findings.strict.unknown(place, name);
                has_unknown = true;
                continue;
            };
            let place = place.field(&node.go_struct, &field.name);
            match Form::of(&field.go_type) {
                Some(form) => self.form(form, node, &place, value),
                None => self.value(self.wanted(field), &place, value),
            }
        }
        if has_unknown && self.findings.error().is_none() {
            map.retain(|name, _| self.schema.field(node, name).is_some());
        }
    }

    fn wanted<'n>(&self, field: &'n Field) -> Wanted<'n>
    where
        's: 'n,
    {
        Wanted {
            node: self.schema.node(field.node),
            go_type: &field.go_type,
        }
    }

    /// A value that has several forms; unknown fields in it go without a word. Whatever is not
    /// plainly one of them is left to the reader of text.
    fn form(&mut self, form: Form, node: &Node, place: &Place<'_>, value: &mut Value) {
        let reports = self.findings.strict.clone();
        match (form, value) {
            (_, Value::Null) | (Form::OrBool, Value::Bool(_)) => {}
            (Form::OrBool | Form::OrList, Value::Object(map)) => self.fields(node, place, map),
            (Form::OrList, Value::Array(list)) if list.iter().all(Value::is_object) => {
                let maps = list.iter_mut().filter_map(Value::as_object_mut);
                maps.for_each(|map| self.fields(node, place, map));
            }
            _ => self.findings.refuse(String::new),
        }
        self.findings.strict = reports;
    }

    fn value(&mut self, wanted: Wanted<'_>, place: &Place<'_>, value: &mut Value) {
        match (&wanted.node.shape, value) {
            (Shape::Any, _)
            | (Shape::Boolean, Value::Bool(_))
            | (
                Shape::IntOrString | Shape::String(Format::Plain | Format::Named(_)),
                Value::String(_),
            ) => {}
            (Shape::Struct(_), Value::Object(map)) => self.fields(wanted.node, place, map),
            (Shape::Map(values), Value::Object(map)) => {
                let node = self.schema.node(*values);
                let go_type = value_type(wanted.go_type);
                for (key, value) in map.iter_mut() {
                    self.value(Wanted { node, go_type }, &place.key(key), value);
                }
            }
            (Shape::List(items), Value::Array(list)) => {
                let node = self.schema.node(*items);
                let go_type = item_type(wanted.go_type);
                for (index, value) in list.iter_mut().enumerate() {
                    self.value(Wanted { node, go_type }, &place.index(index), value);
                }
            }
            (_, value) => {
                let decoded = self.scalar(wanted, place, value);
                // What is wrong stays as it is, to be said in the words of the reader of text.
                if self.findings.error().is_none() {
                    *value = decoded;
                }
            }
        }
    }

    fn scalar(&mut self, wanted: Wanted<'_>, place: &Place<'_>, value: &Value) -> Value {
        let number;
        let token = match value {
            Value::Null => Token::Null,
            Value::Bool(value) => Token::Bool(*value),
            Value::Number(value) => {
                number = value.to_string();
                Token::Number(&number)
            }
            Value::String(text) => Token::Text(text.as_str().into()),
            Value::Array(_) => Token::List,
            Value::Object(_) => Token::Object,
        };
        let found = &mut self.findings;
        scalar::decode(wanted.node, wanted.go_type, &token, place, found)
    }
}
