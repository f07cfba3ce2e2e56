//! Go types that read one of several forms by hand: a schema or a truth, a schema or a list.
//!
//! What stands in such a place is read by a decoder of its own, which is not strict: fields it
//! does not know go without a word, and its first complaint ends the whole reading.
//!
//! *Upstream:* `apiextensions-apiserver/pkg/apis/apiextensions/v1/marshal.go`.

use std::mem;

use serde_json::{Map, Value};

use super::place::Place;
use super::scalar;
use super::typed::{Decoder, Findings, Wanted};
use crate::object::json::{Malformed, Token};
use crate::schema::{Format, Node, Shape};

/// What may stand at a place beside an object of the struct around it.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// true or false.
    OrBool,
    /// A list of such objects; of all else, nothing is kept.
    OrList,
    /// A map of such objects, each of which may be a list of texts instead.
    MapOrTexts,
}

impl Form {
    /// The forms of a Go type; `None` for nearly all.
    pub(super) fn of(go_type: &str) -> Option<Self> {
        Some(match go_type {
            "v1.JSONSchemaPropsOrBool" => Self::OrBool,
            "v1.JSONSchemaPropsOrArray" => Self::OrList,
            DEPENDENCIES => Self::MapOrTexts,
            _ => return None,
        })
    }
}

/// What an object is called in an error.
const GO_TYPE: &str = "v1.JSONSchemaProps";
/// What the map of objects or texts is called.
const DEPENDENCIES: &str = "v1.JSONSchemaDependencies";
/// What is said of neither a truth nor an object.
const NEITHER: &str = "boolean or JSON schema expected";

/// What is in a list or map that has a name of its own.
pub(super) fn element(named: &str) -> &str {
    match named {
        "v1.JSONSchemaDefinitions" => GO_TYPE,
        "v1.ValidationRules" => "v1.ValidationRule",
        _ => "",
    }
}

impl Findings {
    /// What a decoder of its own found, as the decoder around it takes it.
    pub(super) fn refuse_as(&mut self, inner: &Self) {
        if let Some(error) = inner.error() {
            self.refuse(|| error.to_owned());
        }
    }
}

impl Decoder<'_> {
    /// The value of a field of the struct `node`, in one of its forms.
    pub(super) fn form(
        &mut self,
        form: Form,
        node: &Node,
        place: &Place<'_>,
    ) -> Result<Value, Malformed> {
        let wanted = Wanted {
            node,
            go_type: GO_TYPE,
        };
        let outer = mem::take(&mut self.findings);
        let value = self.in_form(form, wanted, &place.apart());
        let inner = mem::replace(&mut self.findings, outer);
        self.findings.refuse_as(&inner);
        value
    }

    fn in_form(
        &mut self,
        form: Form,
        wanted: Wanted<'_>,
        place: &Place<'_>,
    ) -> Result<Value, Malformed> {
        let token = self.reader.token()?;
        match (form, token) {
            (_, Token::Null) => Ok(Value::Null),
            (Form::MapOrTexts, Token::Object) => self.dependencies(wanted, place),
            (Form::MapOrTexts, token) => {
                let map = Node::of(Shape::Struct(Vec::new()));
                let found = &mut self.findings;
                let value = scalar::decode(&map, DEPENDENCIES, &token, place, found);
                self.reader.skip(&token)?;
                Ok(value)
            }
            (_, Token::Object) => Ok(Value::Object(self.fields(wanted.node, place)?)),
            (Form::OrList, Token::List) => {
                let list = self.list(wanted, place)?;
                // None are as good as no list.
                let is_empty = list.as_array().is_none_or(Vec::is_empty);
                Ok(if is_empty { Value::Null } else { list })
            }
            (Form::OrBool, Token::Bool(value)) => Ok(Value::Bool(value)),
            (Form::OrBool, token) => {
                self.reader.skip(&token)?;
                self.findings.refuse(|| NEITHER.to_owned());
                Ok(Value::Null)
            }
            (Form::OrList, token) => {
                self.reader.skip(&token)?;
                Ok(Value::Null)
            }
        }
    }

    fn dependencies(&mut self, wanted: Wanted<'_>, place: &Place<'_>) -> Result<Value, Malformed> {
        let text = Node::of(Shape::String(Format::Plain));
        let texts = Wanted {
            node: &text,
            go_type: "string",
        };
        let mut map = Map::new();
        let mut is_first = true;
        while let Some(key) = self.reader.next_key(is_first)? {
            is_first = false;
            let place = place.key(&key);
            let token = self.reader.token()?;
            let value = match token {
                Token::Object => Value::Object(self.fields(wanted.node, &place)?),
                Token::List => self.list(texts, &place)?,
                token => {
                    self.reader.skip(&token)?;
                    Value::Null
                }
            };
            map.insert(key.into_owned(), value);
        }
        Ok(Value::Object(map))
    }
}
