//! Types of expressions, and the types that a schema gives to what it describes.
//!
//! *Upstream:* `apiserver/pkg/cel/common/schemas.go`, `apiserver/pkg/cel/types.go`,
//! `cel-go/common/types/types.go`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::names;
use crate::schema::node::{Format, Origin};
use crate::schema::{NodeId, Schema, Shape};

/// A type.
#[derive(Clone, Debug)]
pub enum Type {
    /// Anything; checked when it runs.
    Dyn,
    /// A message of any type: as good as anything, but for nothing to go through item by item.
    Any,
    /// The type of what is wrong.
    Error,
    /// The type of null.
    Null,
    /// true and false.
    Bool,
    /// Signed integers.
    Int,
    /// Unsigned integers.
    Uint,
    /// Floating point.
    Double,
    /// Text.
    String,
    /// Bytes.
    Bytes,
    /// A length of time.
    Duration,
    /// A point in time.
    Timestamp,
    /// A type, and of which one where that is known.
    Type(Option<Arc<Type>>),
    /// A list.
    List(Arc<Type>),
    /// A map.
    Map(Arc<Type>, Arc<Type>),
    /// An optional.
    Optional(Arc<Type>),
    /// An object with the fields of a schema.
    Object(Object),
    /// An object with declared fields.
    Record(Arc<Record>),
    /// A type of a library, by name.
    Opaque(&'static str),
    /// A type that a declaration leaves open.
    Parameter(u8),
    /// A type yet to be found out.
    Unknown(u32),
}

/// An object with declared fields.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Its name.
    pub name: String,
    /// Its fields by name.
    pub fields: BTreeMap<String, Type>,
    /// Whether it has every field, of any type.
    pub is_open: bool,
}

/// An object with the fields of a schema.
#[derive(Clone, Debug)]
pub struct Object {
    /// Its name: where it stands in the type that rules are written on.
    pub name: Arc<str>,
    /// The schema.
    pub schema: Schema,
    /// Where in it.
    pub node: NodeId,
    /// Whether it is a whole resource, which always has a type and metadata.
    pub is_resource: bool,
    /// Whether all of its metadata is seen, as policies see it; rules of definitions see names.
    pub is_whole: bool,
}

impl Type {
    /// The type of what a node describes; `None` where expressions cannot reach it. Objects in it
    /// are named after the place it stands in.
    pub fn of(schema: &Schema, id: NodeId, is_root: bool, name: &str) -> Option<Self> {
        let node = schema.node(id);
        let is_resource = is_root || node.is_embedded_resource;
        if node.is_untyped {
            return None;
        }
        let object = || {
            Self::Object(Object {
                name: name.into(),
                schema: schema.clone(),
                node: id,
                is_resource,
                is_whole: false,
            })
        };
        Some(match &node.shape {
            Shape::Any => return None,
            Shape::IntOrString => Self::Dyn,
            Shape::Boolean => Self::Bool,
            Shape::Integer(_) => Self::Int,
            Shape::Number => Self::Double,
            Shape::String(Format::Quantity) => return None,
            Shape::String(Format::DateTime | Format::MicroTime) => Self::Timestamp,
            Shape::String(Format::Byte) => Self::Bytes,
            Shape::String(_) => match node.checks.as_ref().map_or("", |c| c.format.as_ref()) {
                "byte" => Self::Bytes,
                "duration" => Self::Duration,
                "date" | "date-time" => Self::Timestamp,
                _ => Self::String,
            },
            Shape::List(items) => {
                let items = Self::of(schema, *items, false, &format!("{name}.@idx"))?;
                Self::list(items)
            }
            // Of any values at all, rather than of values of which no type is said.
            Shape::Map(values)
                if matches!(schema.node(*values).shape, Shape::Any)
                    && !schema.node(*values).is_untyped =>
            {
                object()
            }
            Shape::Map(values) => {
                let values = Self::of(schema, *values, false, &format!("{name}.@elem"))?;
                Self::map(Self::String, values)
            }
            Shape::Struct(_) => object(),
        })
    }

    /// The type of a whole object, as policies see it.
    pub fn of_object(schema: &Schema, name: &str) -> Option<Self> {
        let mut of = Self::of(schema, schema.root_id(), true, name);
        if let Some(Self::Object(object)) = &mut of {
            object.is_whole = true;
        }
        of
    }

    /// A list of these.
    pub fn list(items: Self) -> Self {
        Self::List(Arc::new(items))
    }

    /// A map of these.
    pub fn map(keys: Self, values: Self) -> Self {
        Self::Map(Arc::new(keys), Arc::new(values))
    }

    /// An optional one of these.
    pub fn optional(inner: Self) -> Self {
        Self::Optional(Arc::new(inner))
    }

    /// The type of this type, as a value.
    pub fn of_type(self) -> Self {
        Self::Type(Some(Arc::new(self)))
    }

    /// Whether both are the same type; objects go by their names.
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::List(a), Self::List(b)) | (Self::Optional(a), Self::Optional(b)) => a.is(b),
            (Self::Map(a, b), Self::Map(c, d)) => a.is(c) && b.is(d),
            (Self::Object(a), Self::Object(b)) => a.name == b.name,
            (Self::Record(a), Self::Record(b)) => a.name == b.name,
            (Self::Opaque(a), Self::Opaque(b)) => a == b,
            (Self::Parameter(a), Self::Parameter(b)) => a == b,
            (Self::Unknown(a), Self::Unknown(b)) => a == b,
            (Self::Type(a), Self::Type(b)) => match (a, b) {
                (Some(a), Some(b)) => a.is(b),
                (None, None) => true,
                _ => false,
            },
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }

    /// As a declaration names it, which differs from how the checker prints it.
    pub fn declared(&self) -> String {
        match self {
            Self::Null => "null_type".to_owned(),
            Self::Duration => "google.protobuf.Duration".to_owned(),
            Self::Timestamp => "google.protobuf.Timestamp".to_owned(),
            Self::Type(Some(inner)) => format!("type({})", inner.declared()),
            Self::List(items) => format!("list({})", items.declared()),
            Self::Map(keys, values) => format!("map({}, {})", keys.declared(), values.declared()),
            Self::Optional(inner) => format!("optional_type({})", inner.declared()),
            other => other.to_string(),
        }
    }
}

impl Object {
    /// The type of a field by its name in expressions; `None` where there is none.
    pub fn field(&self, name: &str) -> Option<Type> {
        let property = names::unescape(name)?;
        // A name that has to be escaped is known escaped only, a reserved word either way.
        if names::escape(&property) != name && property != name {
            return None;
        }
        if property.contains(['-', '.', '/']) && property == name {
            return None;
        }
        if self.is_resource && self.schema.origin() == Origin::Custom {
            match property.as_str() {
                "apiVersion" | "kind" => return Some(Type::String),
                "metadata" => {
                    return Some(Type::Object(Self {
                        name: format!("{}.metadata", self.name).into(),
                        schema: self.schema.clone(),
                        node: self.schema.meta()?,
                        is_resource: false,
                        is_whole: self.is_whole,
                    }));
                }
                _ => {}
            }
        }
        if Some(self.node) == self.schema.meta()
            && !self.is_whole
            && !matches!(property.as_str(), "name" | "generateName")
        {
            return None;
        }
        let node = self.schema.node(self.node);
        let field = self.schema.field(node, &property)?;
        Type::of(
            &self.schema,
            field.node,
            false,
            &format!("{}.{name}", self.name),
        )
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dyn => f.write_str("dyn"),
            Self::Any => f.write_str("any"),
            Self::Error => f.write_str("!error!"),
            Self::Null => f.write_str("null"),
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int"),
            Self::Uint => f.write_str("uint"),
            Self::Double => f.write_str("double"),
            Self::String => f.write_str("string"),
            Self::Bytes => f.write_str("bytes"),
            Self::Duration => f.write_str("duration"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Type(None) => f.write_str("type"),
            Self::Type(Some(inner)) => write!(f, "type({inner})"),
            Self::List(items) => write!(f, "list({items})"),
            Self::Map(keys, values) => write!(f, "map({keys}, {values})"),
            Self::Optional(inner) => write!(f, "optional_type({inner})"),
            Self::Object(object) => f.write_str(&object.name),
            Self::Record(record) => f.write_str(&record.name),
            Self::Opaque(name) => f.write_str(name),
            Self::Parameter(index) => write!(f, "{}", char::from(b'A' + index)),
            Self::Unknown(index) => write!(f, "_var{index}"),
        }
    }
}
