//! Values of expressions. What comes from an object stays where it is and is read on demand.
//!
//! *Upstream:* `apiserver/pkg/cel/common/values.go`, `cel-go/common/types`.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::net::IpAddr;
use std::sync::Arc;

use serde_json::{Map as JsonMap, Value as Json};

use super::admission::authorizer::Question;
use super::eval::Failure;
use super::library;
use super::library::{semver::Semver, url::Url};
use super::moment::Moment;
use super::types::Type;
use crate::object::quantity::Quantity;
use crate::object::{duration, time};
use crate::schema::{ListKind, Node, NodeId, Schema, Shape, Text};

/// A value.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    /// null
    Null,
    /// true, false
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// An unsigned integer.
    Uint(u64),
    /// A floating point number.
    Double(f64),
    /// Text.
    String(Cow<'a, str>),
    /// Bytes.
    Bytes(Arc<[u8]>),
    /// Nanoseconds.
    Duration(i64),
    /// A point in time.
    Timestamp(Moment),
    /// A list.
    List(List<'a>),
    /// A map or an object.
    Map(Map<'a>),
    /// An optional.
    Optional(Option<Arc<Value<'a>>>),
    /// A type by its name.
    Type(Cow<'static, str>),
    /// A quantity.
    Quantity(Arc<Quantity>),
    /// An address.
    Ip(IpAddr),
    /// A network: address and prefix length.
    Cidr(IpAddr, u8),
    /// A URL.
    Url(Arc<Url>),
    /// A semantic version.
    Semver(Arc<Semver>),
    /// A named format.
    Format(&'static str),
    /// An object made by an expression: `Object.spec{replicas: 1}`.
    Struct(Arc<Struct<'a>>),
    /// An authorizer, or what was begun to be asked of it.
    Question(Arc<Question<'a>>),
}

/// An object made by an expression.
#[derive(Clone, Debug)]
pub struct Struct<'a> {
    /// The name of its type.
    pub name: String,
    /// Its fields, as written.
    pub fields: Vec<(String, Value<'a>)>,
}

impl<'a> Struct<'a> {
    /// A field by its name.
    pub fn get(&self, name: &str) -> Option<Value<'a>> {
        let found = self.fields.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    }
}

/// Where in a schema a value stands.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The schema.
    pub schema: &'a Schema,
    /// What describes the value.
    pub node: &'a Node,
    /// Whether the value is a whole resource.
    pub is_root: bool,
}

impl Place<'_> {
    fn at(self, id: NodeId) -> Self {
        Self {
            schema: self.schema,
            node: self.schema.node(id),
            is_root: false,
        }
    }
}

/// A list.
#[derive(Clone, Debug)]
pub enum List<'a> {
    /// From an object.
    Json(&'a [Json], Option<Place<'a>>),
    /// Made by an expression.
    Own(Arc<Vec<Value<'a>>>),
}

/// A map.
#[derive(Clone, Debug)]
pub enum Map<'a> {
    /// From an object.
    Json(&'a JsonMap<String, Json>, Option<Place<'a>>),
    /// Made by an expression.
    Own(Arc<Vec<(Value<'a>, Value<'a>)>>),
}

impl<'a> List<'a> {
    /// How many items.
    pub fn len(&self) -> usize {
        match self {
            Self::Json(items, _) => items.len(),
            Self::Own(items) => items.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The item at an index.
    pub fn get(&self, index: usize) -> Option<Value<'a>> {
        match self {
            Self::Json(items, place) => {
                let items_place = place.and_then(|place| {
                    let id = place.schema.items(place.node)?;
                    Some(place.at(id))
                });
                items
                    .get(index)
                    .map(|item| Value::from_json(item, items_place))
            }
            Self::Own(items) => items.get(index).cloned(),
        }
    }

    /// The items in order.
    pub fn iter(&self) -> impl Iterator<Item = Value<'a>> + '_ {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    /// The keys that tell items of an object's list apart: `None` for a list of which they do not;
    /// none for a set.
    pub fn keys(&self) -> Option<&'a [Text]> {
        match self {
            Self::Json(_, Some(place)) => match &place.node.list {
                ListKind::Atomic => None,
                ListKind::Set => Some(&[]),
                ListKind::Map(keys) => Some(keys),
            },
            _ => None,
        }
    }

    /// Whether the order of items means nothing.
    fn is_unordered(&self) -> bool {
        match self {
            Self::Json(_, Some(place)) => place.node.list != ListKind::Atomic,
            _ => false,
        }
    }
}

impl<'a> Map<'a> {
    /// How many entries.
    pub fn len(&self) -> usize {
        match self {
            Self::Json(map, _) => map.len(),
            Self::Own(entries) => entries.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a key.
    pub fn get(&self, key: &Value) -> Option<Value<'a>> {
        match (self, key) {
            (Self::Json(map, place), Value::String(key)) => {
                let value = map.get(key.as_ref())?;
                // A field of an object that is null is not there.
                if value.is_null() && self.is_object() {
                    return None;
                }
                Some(Value::from_json(value, child(*place, key)))
            }
            (Self::Json(..), _) => None,
            (Self::Own(entries), key) => entries
                .iter()
                .find(|(known, _)| known.equals(key))
                .map(|(_, value)| value.clone()),
        }
    }

    /// Whether it has the fields of a schema.
    fn is_object(&self) -> bool {
        match self {
            Self::Json(_, Some(place)) => !matches!(place.node.shape, Shape::Map(_)),
            _ => false,
        }
    }

    /// The field an identifier names: an object's property by its escaped name, a map's key as is.
    pub fn field(&self, name: &str) -> Option<Value<'a>> {
        if self.is_object() {
            let name = super::names::unescape(name)?;
            return self.get(&Value::String(name.into()));
        }
        self.get(&Value::String(Cow::Borrowed(name)))
    }

    /// Keys and values.
    pub fn entries(&self) -> Box<dyn Iterator<Item = (Value<'a>, Value<'a>)> + '_> {
        match self {
            Self::Json(map, place) => {
                let place = *place;
                Box::new(map.iter().map(move |(key, value)| {
                    let value = Value::from_json(value, child(place, key));
                    (Value::String(Cow::Borrowed(key)), value)
                }))
            }
            Self::Own(entries) => Box::new(entries.iter().cloned()),
        }
    }
}

fn child<'a>(place: Option<Place<'a>>, name: &str) -> Option<Place<'a>> {
    let place = place?;
    let id = place.schema.child(place.node, name)?;
    Some(place.at(id))
}

impl<'a> Value<'a> {
    /// A value of an object, typed by what describes it; without that, as JSON types it.
    pub fn from_json(json: &'a Json, place: Option<Place<'a>>) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => {
                let is_double =
                    place.is_some_and(|place| matches!(place.node.shape, Shape::Number));
                match number.as_i64() {
                    Some(value) if is_double => Self::Double(value as f64),
                    Some(value) => Self::Int(value),
                    None => Self::Double(number.as_f64().unwrap_or_default()),
                }
            }
            Json::String(text) => {
                let checks = place.and_then(|place| place.node.checks.as_deref());
                let format = checks.map_or("", |checks| checks.format.as_ref());
                formatted(text, format).unwrap_or(Self::String(Cow::Borrowed(text)))
            }
            Json::Array(items) => Self::List(List::Json(items, place)),
            Json::Object(map) => Self::Map(Map::Json(map, place)),
        }
    }

    /// An object as a value.
    pub fn object(map: &'a JsonMap<String, Json>, place: Option<Place<'a>>) -> Self {
        Self::Map(Map::Json(map, place))
    }

    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::String(Cow::Owned(text.into()))
    }

    /// A version, if it is one.
    pub fn semver(text: &str) -> Option<Self> {
        let version = Semver::parse(text).ok()?;
        Some(Self::Semver(Arc::new(version)))
    }

    /// A list made by an expression.
    pub fn list(items: Vec<Self>) -> Self {
        Self::List(List::Own(Arc::new(items)))
    }

    /// A type as a value.
    pub fn type_of(of: &Type) -> Self {
        let name = match of {
            Type::List(_) => "list".to_owned(),
            Type::Map(..) => "map".to_owned(),
            Type::Optional(_) => "optional_type".to_owned(),
            Type::Type(_) => "type".to_owned(),
            other => other.declared(),
        };
        Self::Type(name.into())
    }

    /// What a field reads; `None`: there is none. `is_asked`: whether there is one is what is
    /// asked, which may be asked of anything.
    pub fn field(&self, name: &str, is_asked: bool) -> Result<Option<Self>, Failure> {
        match self {
            Self::Map(map) => Ok(map.field(name)),
            Self::Struct(object) => Ok(object.get(name)),
            Self::List(_) => Err(Failure::new("unsupported index type 'string' in list")),
            _ if is_asked => Ok(None),
            _ => Err(Failure::no_key(&Value::text(name))),
        }
    }

    /// What stands at an index or key; `None`: nothing, where that `is_asked`.
    pub fn index(&self, key: &Value, is_asked: bool) -> Result<Option<Self>, Failure> {
        match self {
            Self::Map(map) => match map.get(key) {
                None if matches!(map, Map::Json(..)) && !matches!(key, Value::String(_)) => {
                    Err(Failure::no_overload())
                }
                None if !is_asked => Err(Failure::no_key(key)),
                found => Ok(found),
            },
            Self::List(list) => {
                let shown = || library::display(key);
                let unsupported =
                    || Failure::new(format!("unsupported index value {} in list", shown()));
                let index = match key {
                    Value::Int(index) => *index,
                    Value::Uint(index) => i64::try_from(*index).map_err(|_| unsupported())?,
                    Value::Double(index) if index.fract() == 0.0 => *index as i64,
                    Value::Double(_) => return Err(unsupported()),
                    other => {
                        let kind = other.type_name();
                        let why = format!("unsupported index type '{kind}' in list");
                        return Err(Failure::new(why));
                    }
                };
                let found = usize::try_from(index)
                    .ok()
                    .and_then(|index| list.get(index));
                let is_whole = matches!(key, Value::Int(_));
                if found.is_some() && !is_whole && matches!(list, List::Json(..)) {
                    return Err(Failure::new(format!("unsupported index: {}", shown())));
                }
                if found.is_none() && !is_asked {
                    return Err(Failure::new(format!("index out of bounds: {}", shown())));
                }
                Ok(found)
            }
            Self::Struct(object) => match key {
                Value::String(name) => Ok(object.get(name)),
                _ => Err(Failure::no_key(key)),
            },
            _ if is_asked => Ok(None),
            _ => Err(Failure::no_key(key)),
        }
    }

    /// An optional that is there.
    pub fn some(value: Self) -> Self {
        Self::Optional(Some(Arc::new(value)))
    }

    /// Something of an authorizer.
    pub fn question(question: Question<'a>) -> Self {
        Self::Question(Arc::new(question))
    }

    /// The name of its type.
    pub fn type_name(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Null => "null_type",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::String(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::Duration(_) => "google.protobuf.Duration",
            Self::Timestamp(_) => "google.protobuf.Timestamp",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Optional(_) => "optional_type",
            Self::Type(_) => "type",
            Self::Quantity(_) => "kubernetes.Quantity",
            Self::Ip(_) => "net.IP",
            Self::Cidr(..) => "net.CIDR",
            Self::Url(_) => "kubernetes.URL",
            Self::Semver(_) => "kubernetes.Semver",
            Self::Format(_) => "kubernetes.NamedFormat",
            Self::Struct(object) => return object.name.clone().into(),
            Self::Question(question) => question.type_name(),
        })
    }

    /// Whether both are equal, or may not even be compared: what a library makes compares with its
    /// like only.
    pub fn try_equals(&self, other: &Value) -> Result<bool, Failure> {
        let is_made = matches!(
            self,
            Self::Quantity(_)
                | Self::Ip(_)
                | Self::Cidr(..)
                | Self::Url(_)
                | Self::Semver(_)
                | Self::Format(_)
        );
        let is_like = self.type_name() == other.type_name() || matches!(other, Value::Null);
        if is_made && !is_like {
            return Err(Failure::no_overload());
        }
        Ok(self.equals(other))
    }

    /// Whether both are equal; values of different types are not, numbers aside.
    pub fn equals(&self, other: &Value) -> bool {
        match (self, other) {
            (Self::Null, Value::Null) => true,
            (Self::Bool(a), Value::Bool(b)) => a == b,
            (Self::String(a), Value::String(b)) => a == b,
            (Self::Bytes(a), Value::Bytes(b)) => a == b,
            (Self::List(a), Value::List(b)) => lists_equal(a, b),
            (Self::Map(a), Value::Map(b)) => {
                a.len() == b.len()
                    && a.entries()
                        .all(|(key, value)| b.get(&key).is_some_and(|other| value.equals(&other)))
            }
            (Self::Optional(a), Value::Optional(b)) => match (a, b) {
                (None, None) => true,
                (Some(a), Some(b)) => a.equals(b),
                _ => false,
            },
            (Self::Type(a), Value::Type(b)) => a == b,
            (Self::Ip(a), Value::Ip(b)) => a == b,
            (Self::Cidr(a, b), Value::Cidr(c, d)) => a == c && b == d,
            (Self::Url(a), Value::Url(b)) => a == b,
            (Self::Semver(a), Value::Semver(b)) => a == b,
            (Self::Format(a), Value::Format(b)) => a == b,
            (Self::Struct(a), Value::Struct(b)) => {
                a.name == b.name
                    && a.fields.len() == b.fields.len()
                    && a.fields
                        .iter()
                        .all(|(name, value)| b.get(name).is_some_and(|other| value.equals(&other)))
            }
            _ => self.compare(other) == Some(Ordering::Equal),
        }
    }

    /// Which of two values of an ordered type comes first.
    pub fn compare(&self, other: &Value) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
            (Self::Int(a), Value::Int(b)) => Some(a.cmp(b)),
            (Self::Uint(a), Value::Uint(b)) => Some(a.cmp(b)),
            (Self::Double(a), Value::Double(b)) => a.partial_cmp(b),
            (Self::Int(a), Value::Uint(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
            (Self::Uint(a), Value::Int(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
            (Self::Int(a), Value::Double(b)) => (*a as f64).partial_cmp(b),
            (Self::Double(a), Value::Int(b)) => a.partial_cmp(&(*b as f64)),
            (Self::Uint(a), Value::Double(b)) => (*a as f64).partial_cmp(b),
            (Self::Double(a), Value::Uint(b)) => a.partial_cmp(&(*b as f64)),
            (Self::String(a), Value::String(b)) => Some(a.cmp(b)),
            (Self::Bytes(a), Value::Bytes(b)) => Some(a.cmp(b)),
            (Self::Duration(a), Value::Duration(b)) => Some(a.cmp(b)),
            (Self::Timestamp(a), Value::Timestamp(b)) => Some(a.cmp(b)),
            (Self::Quantity(a), Value::Quantity(b)) => Some(a.as_ref().cmp(b.as_ref())),
            _ => None,
        }
    }
}

fn lists_equal(a: &List, b: &List) -> bool {
    if a.len() != b.len() {
        return false;
    }
    if a.is_unordered() || b.is_unordered() {
        return a
            .iter()
            .all(|value| b.iter().any(|other| value.equals(&other)));
    }
    a.iter().zip(b.iter()).all(|(a, b)| a.equals(&b))
}

/// A text in a format that is a type of its own.
fn formatted<'a>(text: &str, format: &str) -> Option<Value<'a>> {
    match format {
        "duration" => duration::parse(text).ok().map(Value::Duration),
        "date-time" => Moment::parse(text)
            .or_else(|| time::parse(text).map(Moment::from))
            .map(Value::Timestamp),
        "date" => Moment::parse(&format!("{text}T00:00:00Z")).map(Value::Timestamp),
        "byte" => {
            use base64::Engine;
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(text)
                .ok()?;
            Some(Value::Bytes(bytes.into()))
        }
        _ => None,
    }
}
