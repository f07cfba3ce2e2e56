//! Patches and what they make: a patch is JSON of no kind, its result an object of one.
//!
//! *Upstream:* `apiserver/pkg/endpoints/handlers/patch.go` (`applyJSPatch`,
//! `applyPatchToCurrentObject`, `applyPatchToObject`).

use serde_json::Value;

use super::place::Place;
use super::strict::Strict;
use super::typed::Decoder;
use super::{Decoded, Refusal, Target, decode, read as read_body, tree, warning_lines};
use crate::error::ApiError;
use crate::object::Object;
use crate::object::json::{Malformed, SyntaxError, syntax_error};
use crate::registry::Context;
use crate::registry::request::FieldValidation;
use crate::schema::Schema;

/// A patch as a value, and the fields that stand in it twice. Its floats stay floats where it
/// changes the text of an object, rather than the object.
pub(crate) fn any(
    text: &[u8],
    schema: &Schema,
    is_textual: bool,
) -> Result<(Value, Vec<String>), SyntaxError> {
    let decoder = Decoder::new(text, schema);
    let decoder = if is_textual {
        decoder.keeping_floats()
    } else {
        decoder
    };
    read(decoder).map_err(|Malformed| syntax_error(text))
}

fn read(mut decoder: Decoder<'_>) -> Result<(Value, Vec<String>), Malformed> {
    let token = decoder.reader.token()?;
    let value = decoder.any(token, &Place::ROOT)?;
    decoder.reader.end()?;
    Ok((value, decoder.findings.strict.reports().to_vec()))
}

/// A tree as an object of a kind, decoded as its text would be. The text is looked at only where
/// there is more to say of it.
pub(crate) fn of_tree(
    tree: Value,
    text: impl FnOnce() -> Vec<u8>,
    target: Target<'_>,
) -> Result<Decoded, ApiError> {
    match tree::decode(tree, target) {
        Some(decoded) => Ok(decoded),
        None => decode("application/json", &text(), target),
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
        Some(decoded) => decoded,
        None => read_body("application/json", text().as_bytes(), target).map_err(Refusal::why)?,
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
