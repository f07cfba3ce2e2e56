//! Types of expressions, and the types that a schema gives to what it describes.
//!
//! *Upstream:* `apiserver/pkg/cel/common/schemas.go`, `cel-go/common/types/types.go`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::schema::{NodeId, Schema, Shape};

/// A type.
#[derive(Clone, Debug)]
pub enum Type {
    /// Anything; checked when it runs.
    Dyn,
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
    /// A type.
    Type,
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
    /// A type yet to be found out.
    Parameter(u8),
}

/// An object with declared fields.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Its name.
    pub name: String,
    /// Its fields by name.
    pub fields: BTreeMap<String, Type>,
}

/// An object with the fields of a schema.
#[derive(Clone, Debug)]
pub struct Object {
    /// The schema.
    pub schema: Schema,
    /// Where in it.
    pub node: NodeId,
    /// Whether it is a whole resource, which always has a type and metadata.
    pub is_resource: bool,
}

impl Type {
    /// The type of what a node describes; `None` where expressions cannot reach it.
    pub fn of(schema: &Schema, id: NodeId, is_root: bool) -> Option<Self> {
        let node = schema.node(id);
        let is_resource = is_root || node.is_embedded_resource;
        let inner = |id| Self::of(schema, id, false);
        if node.is_untyped {
            return None;
        }
        Some(match &node.shape {
            Shape::Any => return None,
            Shape::IntOrString => Self::Dyn,
            Shape::Boolean => Self::Bool,
            Shape::Integer(_) => Self::Int,
            Shape::Number => Self::Double,
            Shape::String(_) => match node.checks.as_ref().map_or("", |c| c.format.as_ref()) {
                "byte" => Self::Bytes,
                "duration" => Self::Duration,
                "date" | "date-time" => Self::Timestamp,
                _ => Self::String,
            },
            Shape::List(items) => Self::List(Arc::new(inner(*items)?)),
            Shape::Map(values) if matches!(schema.node(*values).shape, Shape::Any) => {
                Self::Object(Object {
                    schema: schema.clone(),
                    node: id,
                    is_resource,
                })
            }
            Shape::Map(values) => Self::Map(Arc::new(Self::String), Arc::new(inner(*values)?)),
            Shape::Struct(_) => Self::Object(Object {
                schema: schema.clone(),
                node: id,
                is_resource,
            }),
        })
    }

    /// A list of these.
    pub fn list(items: Self) -> Self {
        Self::List(Arc::new(items))
    }

    /// An optional one of these.
    pub fn optional(inner: Self) -> Self {
        Self::Optional(Arc::new(inner))
    }

    /// As a declaration names it, which differs from how the checker prints it.
    pub fn declared(&self) -> String {
        match self {
            Self::Null => "null_type".to_owned(),
            Self::Duration => "google.protobuf.Duration".to_owned(),
            Self::Timestamp => "google.protobuf.Timestamp".to_owned(),
            Self::List(items) => format!("list({})", items.declared()),
            Self::Map(keys, values) => format!("map({}, {})", keys.declared(), values.declared()),
            Self::Optional(inner) => format!("optional_type({})", inner.declared()),
            other => other.to_string(),
        }
    }

    /// Whether both are the same type, names of objects aside.
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::List(a), Self::List(b)) | (Self::Optional(a), Self::Optional(b)) => a.is(b),
            (Self::Map(a, b), Self::Map(c, d)) => a.is(c) && b.is(d),
            (Self::Object(a), Self::Object(b)) => a.node == b.node,
            (Self::Record(a), Self::Record(b)) => a.name == b.name,
            (Self::Opaque(a), Self::Opaque(b)) => a == b,
            (Self::Parameter(a), Self::Parameter(b)) => a == b,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

impl Object {
    /// The type of a field by its name in expressions; `None` where there is none.
    pub fn field(&self, name: &str) -> Option<Type> {
        let name = super::names::unescape(name)?;
        if self.is_resource {
            match name.as_str() {
                "apiVersion" | "kind" => return Some(Type::String),
                "metadata" => {
                    return Some(Type::Object(Self {
                        schema: self.schema.clone(),
                        node: self.schema.meta()?,
                        is_resource: false,
                    }));
                }
                _ => {}
            }
        }
        if Some(self.node) == self.schema.meta()
            && !matches!(name.as_str(), "name" | "generateName")
        {
            return None;
        }
        let node = self.schema.node(self.node);
        let field = self.schema.field(node, &name)?;
        Type::of(&self.schema, field.node, false)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dyn => f.write_str("dyn"),
            Self::Null => f.write_str("null"),
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int"),
            Self::Uint => f.write_str("uint"),
            Self::Double => f.write_str("double"),
            Self::String => f.write_str("string"),
            Self::Bytes => f.write_str("bytes"),
            Self::Duration => f.write_str("duration"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Type => f.write_str("type"),
            Self::List(items) => write!(f, "list({items})"),
            Self::Map(keys, values) => write!(f, "map({keys}, {values})"),
            Self::Optional(inner) => write!(f, "optional_type({inner})"),
            Self::Object(_) => f.write_str("object"),
            Self::Record(record) => f.write_str(&record.name),
            Self::Opaque(name) => f.write_str(name),
            Self::Parameter(index) => write!(f, "{}", char::from(b'A' + index)),
        }
    }
}
