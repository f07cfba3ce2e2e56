//! Custom resources: any JSON, of which the schema drops what it does not know; metadata alone is
//! a Go struct.
//!
//! *Upstream:* `apiextensions-apiserver/pkg/apiserver/customresource_handler.go`
//! (`unstructuredSchemaCoercer`), `apiserver/schema/objectmeta/coerce.go`.

use serde_json::{Map, Value};

use super::head::{self, Head};
use super::strict::Strict;
use super::typed::Decoder;
use super::{Raw, Target};
use crate::object::Object;
use crate::object::json::Malformed;
use crate::registry::custom::embedded;
use crate::schema::{Schema, normalise, prune};

/// A body as a custom resource, pruned by the schema where it is of its kind.
pub(super) fn decode(text: &[u8], target: Target<'_>) -> Result<(Head, Raw), Malformed> {
    let schema = target.schema;
    let decoder = Decoder::new(text, schema);
    let mut decoder = decoder.keeping_floats().bounding_numbers();
    let (head, mut map) = head::read(&mut decoder, |decoder, place, map, key| {
        decoder.any_field(map, key, place)
    })?;
    let out_of_range = decoder.findings.error().map(str::to_owned);
    let mut strict = decoder.findings.strict;
    let mut error = own_metadata(&mut map, schema, &mut strict);
    error = out_of_range.or(error);
    let is_own = head.is_of(target.expected);
    if is_own {
        for path in prune::apply_reporting(&mut map, schema) {
            strict.add(format!("unknown field \"{path}\""));
        }
    }
    if error.is_none() && is_own {
        match embedded::coerce_object(&mut map, schema) {
            Ok(unknown) => unknown.into_iter().for_each(|report| strict.add(report)),
            Err(wrong) => error = Some(format!("{}: {}", wrong.field, wrong.body())),
        }
    }
    Ok((
        head,
        Raw {
            object: Object::from_map(map),
            error,
            strict,
        },
    ))
}

/// Decodes the object's own `metadata` anew as the struct it is; its error where it cannot be.
fn own_metadata(
    map: &mut Map<String, Value>,
    schema: &Schema,
    strict: &mut Strict,
) -> Option<String> {
    let value = map.get_mut("metadata")?;
    normalise::numbers(value);
    match metadata(value, &schema.at(schema.meta()?), "metadata") {
        Ok((decoded, reports)) => {
            *value = decoded;
            for report in reports {
                strict.push(report);
            }
            None
        }
        Err(error) => Some(error),
    }
}

/// Metadata that came as a tree, decoded as the struct it is by its schema, and what a strict
/// decoder says of it; `parent` is where it stands.
pub(crate) fn metadata(
    value: &Value,
    schema: &Schema,
    parent: &str,
) -> Result<(Value, Vec<String>), String> {
    let text = value.to_string();
    let decoder = Decoder::new(text.as_bytes(), schema);
    let Ok((decoded, findings)) = decoder.root(schema.root_id(), "v1.ObjectMeta") else {
        // What was a tree is text without faults.
        return Ok((value.clone(), Vec::new()));
    };
    match findings.error() {
        Some(error) => Err(error.to_owned()),
        None => Ok((decoded, findings.strict.under(parent).reports().to_vec())),
    }
}
