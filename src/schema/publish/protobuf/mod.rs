//! The OpenAPI documents as protobuf: for clients that read no JSON of them.
//!
//! *Invariant:* what a document says is said by its message, or the document says nothing that the
//! message knows. Differs: what Go prints as YAML inside of a message (extensions, enumerated
//! values) is printed as JSON, which is YAML too.
//! *Upstream:* `gnostic-models/{openapiv2/OpenAPIv2,openapiv3/OpenAPIv3}.proto`.

mod v2;
mod v3;

use serde_json::{Map, Value};

pub use self::v2::document as v2;
pub use self::v3::document as v3;
use crate::schema::protobuf::{bytes, nested, put};

/// How a value is written.
#[derive(Clone, Copy)]
enum Form {
    /// By the name that the type has in protobuf; with a star before it, a list.
    Plain(&'static str),
    /// A value of any type.
    Any,
    /// A list of those.
    Anys,
    /// A message.
    One(Write),
    /// A list of messages.
    Many(Write),
    /// A message whose only field holds the entries of a map.
    Entries(Write),
}

/// Writes what a value says into its message.
type Write = fn(&mut Vec<u8>, &Value);

/// A message: the number, JSON name and form of its fields, in order of their numbers.
struct Message {
    fields: &'static [(u32, &'static str, Form)],
    /// The field of what begins with `x-`.
    extensions: u32,
}

const TEXT: Form = Form::Plain("string");
const TEXTS: Form = Form::Plain("*string");
const FLAG: Form = Form::Plain("bool");
const WHOLE: Form = Form::Plain("int64");
const NUMBER: Form = Form::Plain("double");

impl Message {
    /// Writes what there is of it.
    fn write(&self, out: &mut Vec<u8>, value: &Value) {
        let Some(map) = value.as_object() else {
            return;
        };
        for (number, name, form) in self.fields {
            if let Some(value) = map.get(*name) {
                field(out, *number, *form, value);
            }
        }
        extensions(out, self.extensions, map);
    }
}

fn field(out: &mut Vec<u8>, number: u32, form: Form, value: &Value) {
    let items = || value.as_array().into_iter().flatten();
    match form {
        Form::Plain(kind) => put(out, number, kind, value, 0),
        Form::Any => nested(out, number, |out| any(out, value)),
        Form::Anys => items().for_each(|item| nested(out, number, |out| any(out, item))),
        Form::One(write) => nested(out, number, |out| write(out, value)),
        Form::Many(write) => items().for_each(|item| nested(out, number, |out| write(out, item))),
        Form::Entries(write) => nested(out, number, |out| entries(out, 1, value, write)),
    }
}

/// The entries of a map, each a message of a name and a value.
fn entries(out: &mut Vec<u8>, number: u32, map: &Value, write: Write) {
    for (name, value) in map.as_object().into_iter().flatten() {
        entry(out, number, name, |out| write(out, value));
    }
}

fn entry(out: &mut Vec<u8>, number: u32, name: &str, write: impl FnOnce(&mut Vec<u8>)) {
    nested(out, number, |out| {
        bytes(out, 1, name.as_bytes());
        nested(out, 2, write);
    });
}

fn extensions(out: &mut Vec<u8>, number: u32, map: &Map<String, Value>) {
    for (name, value) in map.iter().filter(|(name, _)| name.starts_with("x-")) {
        entry(out, number, name, |out| any(out, value));
    }
}

/// A value of any type, as text.
fn any(out: &mut Vec<u8>, value: &Value) {
    bytes(out, 2, format!("{value}\n").as_bytes());
}

/// What a security scheme is asked for, for each.
fn security(out: &mut Vec<u8>, value: &Value) {
    entries(out, 1, value, |out, scopes| {
        put(out, 1, "*string", scopes, 0);
    });
}
