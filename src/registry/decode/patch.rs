//! Patches and what they make: a patch is JSON of no kind, its result an object of one.
//!
//! *Upstream:* `apiserver/pkg/endpoints/handlers/patch.go` (`applyJSPatch`,
//! `applyPatchToCurrentObject`, `applyPatchToObject`).

use serde_json::{Map, Value};

use super::head::name;
use super::place::Place;
use super::strict::Strict;
use super::typed::{Decoder, Findings};
use super::{Decoded, Refusal, Target, decode, read as read_body, tree, warning_lines};
use crate::error::ApiError;
use crate::object::Object;
use crate::object::json::{Malformed, SyntaxError, Token, syntax_error};
use crate::registry::Context;
use crate::registry::request::FieldValidation;
use crate::schema::Schema;

/// A patch, read: its value is only what it seems where there is no error.
pub(crate) struct Read {
    /// The patch.
    pub(crate) value: Value,
    /// Fields that stand in it twice, or that nobody knows.
    pub(crate) reports: Vec<String>,
    /// What Go could not have kept.
    pub(crate) error: Option<String>,
}

/// A patch as a value. Its floats stay floats where it changes the text of an object, rather than
/// the object.
pub(crate) fn any(text: &[u8], schema: &Schema, is_textual: bool) -> Result<Read, SyntaxError> {
    let decoder = Decoder::new(text, schema).bounding_numbers();
    let mut decoder = if is_textual {
        decoder.keeping_floats()
    } else {
        decoder
    };
    let value = whole(&mut decoder).map_err(|Malformed| syntax_error(text))?;
    Ok(Read::of(value, &decoder.findings))
}

fn whole(decoder: &mut Decoder<'_>) -> Result<Value, Malformed> {
    let token = decoder.reader.token()?;
    let value = decoder.any(token, &Place::ROOT)?;
    decoder.reader.end()?;
    Ok(value)
}

/// The operations of a JSON patch, each a struct of four fields.
pub(crate) fn operations(text: &[u8], schema: &Schema) -> Result<Read, SyntaxError> {
    let mut decoder = Decoder::new(text, schema)
        .bounding_numbers()
        .keeping_floats();
    let value = list(&mut decoder).map_err(|Malformed| syntax_error(text))?;
    let mut read = Read::of(value, &decoder.findings);
    for report in &mut read.reports {
        report.insert_str(0, "json patch ");
    }
    Ok(read)
}

fn list(decoder: &mut Decoder<'_>) -> Result<Value, Malformed> {
    let token = decoder.reader.token()?;
    if !matches!(token, Token::List) {
        let value = decoder.any(token, &Place::ROOT)?;
        decoder.reader.end()?;
        return Ok(value);
    }
    let mut list = Vec::new();
    while decoder.reader.next_item(list.is_empty())? {
        let token = decoder.reader.token()?;
        let place = Place::ROOT.index(list.len());
        list.push(match token {
            Token::Object => operation(decoder, &place)?,
            other => decoder.any(other, &place)?,
        });
    }
    decoder.reader.end()?;
    Ok(Value::Array(list))
}

/// One operation, whose opening brace is taken.
fn operation(decoder: &mut Decoder<'_>, place: &Place<'_>) -> Result<Value, Malformed> {
    let mut map = Map::new();
    let mut is_first = true;
    while let Some(key) = decoder.reader.next_key(is_first)? {
        is_first = false;
        let field = place.field("jsonPatchOp", &key);
        let is_text = matches!(key.as_ref(), "op" | "path" | "from");
        if is_text {
            let token = decoder.reader.peek_token()?;
            if !matches!(token, Token::Text(_) | Token::Null) {
                let found = name(&token);
                decoder.findings.save(|| field.of_type(found, "string"));
            }
        } else if key != "value" {
            decoder.findings.strict.unknown(place, &key);
            let token = decoder.reader.token()?;
            decoder.reader.skip(&token)?;
            continue;
        }
        if map.contains_key(key.as_ref()) {
            decoder.findings.strict.duplicate(place, &key);
        }
        let token = decoder.reader.token()?;
        let value = decoder.any(token, &field)?;
        map.insert(key.into_owned(), value);
    }
    Ok(Value::Object(map))
}

impl Read {
    /// A patch that is at hand as a tree, without numbers that a text may have in several forms.
    pub(crate) fn at_hand(value: Value) -> Result<Self, Value> {
        if has_floats(&value) {
            return Err(value);
        }
        Ok(Self {
            value,
            reports: Vec::new(),
            error: None,
        })
    }

    fn of(value: Value, findings: &Findings) -> Self {
        Self {
            value,
            error: findings.error().map(str::to_owned),
            reports: findings.strict.reports().to_vec(),
        }
    }
}

fn has_floats(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(has_floats),
        Value::Object(map) => map.values().any(has_floats),
        _ => false,
    }
}

/// A tree as an object of a kind, decoded as its text would be. The text is looked at only where
/// there is more to say of it.
pub(crate) fn of_tree(
    tree: Value,
    text: impl FnOnce() -> Vec<u8>,
    target: Target<'_>,
) -> Result<Decoded, ApiError> {
    match tree::decode(tree, target) {
        Ok(decoded) => Ok(decoded),
        Err(_) => decode("application/json", &text(), target),
    }
}

/// What the decoder itself says, without what a body's error puts around it.
pub(crate) fn without_frame(message: &str) -> &str {
    if let Some((_, rest)) = message.split_once(" cannot be handled as a ") {
        return rest.split_once(": ").map_or(message, |(_, why)| why);
    }
    let rest = message.strip_prefix("the object provided is unrecognized ");
    let why = rest.and_then(|rest| rest.split_once("): ")?.1.rsplit_once(" ("));
    why.map_or(message, |(why, _)| why)
}

/// A patched object, checked as a body is; `earlier` reports are about the patch itself, `text` is
/// the object as text. The error is what is wrong with it, for a message about the patch.
pub(crate) fn patched(
    cx: &Context<'_>,
    tree: Value,
    text: impl FnOnce() -> String,
    target: Target<'_>,
    earlier: &[String],
) -> Result<Object, String> {
    let mut decoded = match tree::decode(tree, target) {
        Ok(decoded) => decoded,
        Err(_) => read_body("application/json", text().as_bytes(), target).map_err(Refusal::why)?,
    };
    let mut first = Strict::default();
    for report in earlier {
        first.push(report.clone());
    }
    decoded.strict.prepend(first);
    let reports = decoded.strict.reports();
    match cx.field_validation {
        FieldValidation::Strict if !reports.is_empty() => {
            return Err(format!("strict decoding error: {}", reports.join(", ")));
        }
        FieldValidation::Warn => {
            for line in reports.iter().flat_map(|report| warning_lines(report)) {
                cx.warn(line);
            }
        }
        _ => {}
    }
    Ok(decoded.object)
}
