//! One pass over JSON text that knows what should come: makes the value, leaves out what the Go
//! struct has no field for, and finds what Go could not have stored.
//!
//! *Upstream:* `sigs.k8s.io/json` (`UnmarshalStrict`).

use std::borrow::Cow;

use serde_json::map::Entry;
use serde_json::{Map, Value};

use super::form::{self, Form};
use super::place::Place;
use super::scalar;
use super::strict::Strict;
use crate::object::json::{Malformed, Reader, Token, number, number_as_written};
use crate::schema::{Field, Node, NodeId, Schema, Shape};

/// What a pass finds, beside the value.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Unknown and duplicate fields, in the order of the text.
    pub(crate) strict: Strict,
    /// The first value of a wrong type.
    saved: Option<String>,
    /// The first value that a type of its own refused; upstream stops there, and says only this.
    refused: Option<String>,
}

impl Findings {
    /// The error of the whole text, where there is one.
    pub(crate) fn error(&self) -> Option<&str> {
        self.refused.as_deref().or(self.saved.as_deref())
    }

    /// Keeps the error of a wrong type; the first counts.
    pub(super) fn save(&mut self, error: impl FnOnce() -> String) {
        if self.saved.is_none() {
            self.saved = Some(error());
        }
    }

    /// Keeps the error of a type of its own; the first counts.
    pub(super) fn refuse(&mut self, error: impl FnOnce() -> String) {
        if self.refused.is_none() {
            self.refused = Some(error());
        }
    }
}

/// The decoder of one text.
pub(crate) struct Decoder<'a> {
    pub(super) reader: Reader<'a>,
    schema: &'a Schema,
    pub(super) findings: Findings,
    /// What becomes of a number of no known type.
    number: fn(&str) -> Value,
    /// Whether a number of no known type must fit a float, since it is not kept as text.
    bounds_numbers: bool,
}

/// What should stand at a place: a node of the schema and its type in Go.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'n> {
    pub(super) node: &'n Node,
    pub(super) go_type: &'n str,
}

impl<'a> Decoder<'a> {
    /// A decoder of a text by a schema.
    pub(crate) fn new(bytes: &'a [u8], schema: &'a Schema) -> Self {
        Self {
            reader: Reader::new(bytes),
            schema,
            findings: Findings::default(),
            number,
            bounds_numbers: false,
        }
    }

    /// The same decoder, which refuses numbers of no known type that are too large for a float.
    pub(crate) fn bounding_numbers(mut self) -> Self {
        self.bounds_numbers = true;
        self
    }

    /// The same decoder, which leaves floats of no known type as they are written.
    pub(crate) fn keeping_floats(mut self) -> Self {
        self.number = number_as_written;
        self
    }

    /// The whole text as a value of the struct `node`.
    pub(crate) fn root(
        mut self,
        node: NodeId,
        go_type: &str,
    ) -> Result<(Value, Findings), Malformed> {
        let node = self.schema.node(node);
        let wanted = Wanted { node, go_type };
        let value = self.value(wanted, &Place::ROOT)?;
        self.reader.end()?;
        Ok((value, self.findings))
    }

    /// The fields of an object whose opening brace is taken, as a struct `node`.
    pub(super) fn fields(
        &mut self,
        node: &Node,
        place: &Place<'_>,
    ) -> Result<Map<String, Value>, Malformed> {
        let mut map = Map::new();
        let mut is_first = true;
        while let Some(key) = self.reader.next_key(is_first)? {
            is_first = false;
            self.field(node, place, &mut map, &key)?;
        }
        Ok(map)
    }

    /// One field of a struct: its key is taken, its value follows.
    pub(super) fn field(
        &mut self,
        node: &Node,
        place: &Place<'_>,
        map: &mut Map<String, Value>,
        key: &str,
    ) -> Result<(), Malformed> {
        let schema = self.schema;
        let Some(field) = schema.field(node, key) else {
            self.findings.strict.unknown(place, key);
            let token = self.reader.token()?;
            return self.reader.skip(&token);
        };
        let inner = place.field(&node.go_struct, &field.name);
        match map.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(self.field_value(node, field, &inner)?);
            }
            Entry::Occupied(_) => {
                self.findings.strict.duplicate(place, key);
                let value = self.field_value(node, field, &inner)?;
                insert(map, key, value);
            }
        }
        Ok(())
    }

    fn field_value(
        &mut self,
        node: &Node,
        field: &Field,
        place: &Place<'_>,
    ) -> Result<Value, Malformed> {
        match Form::of(&field.go_type) {
            Some(form) => self.form(form, node, place),
            None => self.value(self.wanted(field), place),
        }
    }

    fn wanted<'n>(&self, field: &'n Field) -> Wanted<'n>
    where
        'a: 'n,
    {
        Wanted {
            node: self.schema.node(field.node),
            go_type: &field.go_type,
        }
    }

    fn value(&mut self, wanted: Wanted<'_>, place: &Place<'_>) -> Result<Value, Malformed> {
        let token = self.reader.token()?;
        match (&wanted.node.shape, &token) {
            (Shape::Any, _) => self.any(token, place),
            (Shape::Struct(_), Token::Object) => {
                let node = wanted.node;
                Ok(Value::Object(self.fields(node, place)?))
            }
            (Shape::Map(values), Token::Object) => {
                let node = self.schema.node(*values);
                let go_type = value_type(wanted.go_type);
                self.map(Wanted { node, go_type }, place)
            }
            (Shape::List(items), Token::List) => {
                let node = self.schema.node(*items);
                let go_type = item_type(wanted.go_type);
                self.list(Wanted { node, go_type }, place)
            }
            _ => {
                let found = &mut self.findings;
                let value = scalar::decode(wanted.node, wanted.go_type, &token, place, found);
                self.reader.skip(&token)?;
                Ok(value)
            }
        }
    }

    fn map(&mut self, wanted: Wanted<'_>, place: &Place<'_>) -> Result<Value, Malformed> {
        let mut map = Map::new();
        let mut is_first = true;
        while let Some(key) = self.reader.next_key(is_first)? {
            is_first = false;
            if map.contains_key(key.as_ref()) {
                self.findings.strict.duplicate(place, &key);
            }
            let value = self.value(wanted, &place.key(&key))?;
            map.insert(key.into_owned(), value);
        }
        Ok(Value::Object(map))
    }

    pub(super) fn list(
        &mut self,
        wanted: Wanted<'_>,
        place: &Place<'_>,
    ) -> Result<Value, Malformed> {
        let mut list = Vec::new();
        while self.reader.next_item(list.is_empty())? {
            let value = self.value(wanted, &place.index(list.len()))?;
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    /// A value of no known type, whose beginning is taken: only its keys are looked at.
    pub(super) fn any(&mut self, token: Token<'_>, place: &Place<'_>) -> Result<Value, Malformed> {
        Ok(match token {
            Token::Null => Value::Null,
            Token::Bool(value) => Value::Bool(value),
            Token::Number(text) => {
                if self.bounds_numbers && !text.parse().is_ok_and(f64::is_finite) {
                    let found = format!("number {text}");
                    self.findings.save(|| place.of_type(&found, "float64"));
                }
                (self.number)(text)
            }
            Token::Text(text) => Value::String(text.into_owned()),
            Token::List => {
                let mut list = Vec::new();
                while self.reader.next_item(list.is_empty())? {
                    let token = self.reader.token()?;
                    let value = self.any(token, &place.index(list.len()))?;
                    list.push(value);
                }
                Value::Array(list)
            }
            Token::Object => {
                let mut map = Map::new();
                let mut is_first = true;
                while let Some(key) = self.reader.next_key(is_first)? {
                    is_first = false;
                    self.any_field(&mut map, key, place)?;
                }
                Value::Object(map)
            }
        })
    }

    /// One field of an object of no known type: its key is taken, its value follows.
    pub(super) fn any_field(
        &mut self,
        map: &mut Map<String, Value>,
        key: Cow<'_, str>,
        place: &Place<'_>,
    ) -> Result<(), Malformed> {
        if map.contains_key(key.as_ref()) {
            self.findings.strict.duplicate(place, &key);
        }
        let token = self.reader.token()?;
        let value = self.any(token, &place.key(&key))?;
        map.insert(key.into_owned(), value);
        Ok(())
    }
}

/// Stores a field. Go decodes a struct or map that stands there twice into the same place, so that
/// both count.
fn insert(map: &mut Map<String, Value>, key: &str, value: Value) {
    match (map.get_mut(key), value) {
        (Some(Value::Object(old)), Value::Object(new)) => {
            for (key, value) in new {
                insert(old, &key, value);
            }
        }
        (Some(old), value) => *old = value,
        (None, value) => {
            map.insert(key.to_owned(), value);
        }
    }
}

/// `string` of `map[string]string`.
pub(super) fn value_type(go_type: &str) -> &str {
    go_type.split_once(']').map_or_else(
        || form::element(go_type),
        |(_, value)| value.trim_start_matches('*'),
    )
}

/// `v1.Container` of `[]v1.Container`.
pub(super) fn item_type(go_type: &str) -> &str {
    let named = || match form::element(go_type) {
        "" => "string",
        named => named,
    };
    go_type
        .strip_prefix("[]")
        .map_or_else(named, |item| item.trim_start_matches('*'))
}
