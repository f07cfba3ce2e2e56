//! Custom resources: any JSON, of which the schema drops what it does not know; metadata alone is
//! a Go struct.
//!
//! *Upstream:* `apiextensions-apiserver/pkg/apiserver/customresource_handler.go`
//! (`unstructuredSchemaCoercer`), `apiserver/schema/objectmeta/coerce.go`.

use serde_json::{Map, Value};

use super::Raw;
use super::head::{self, Head};
use super::strict::Strict;
use super::typed::Decoder;
use crate::object::Object;
use crate::object::json::Malformed;
use crate::schema::{Schema, normalise, prune};

/// A body as a custom resource, pruned.
pub(super) fn decode(text: &[u8], schema: &Schema) -> Result<(Head, Raw), Malformed> {
    let mut decoder = Decoder::new(text, schema).keeping_floats();
    let (head, mut map) = head::read(&mut decoder, |decoder, place, map, key| {
        decoder.any_field(map, key, place)
    })?;
    let mut strict = decoder.findings.strict;
    let error = metadata(&mut map, schema, &mut strict)?;
    let unknown = prune::apply_reporting(&mut map, schema);
    for path in unknown {
        strict.push(format!("unknown field \"{path}\""));
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

/// Decodes `metadata` anew as the struct it is; its error where it cannot be.
fn metadata(
    map: &mut Map<String, Value>,
    schema: &Schema,
    strict: &mut Strict,
) -> Result<Option<String>, Malformed> {
    let (Some(value), Some(node)) = (map.get_mut("metadata"), schema.meta()) else {
        return Ok(None);
    };
    normalise::numbers(value);
    let text = value.to_string();
    let (decoded, findings) = Decoder::new(text.as_bytes(), schema).root(node, "v1.ObjectMeta")?;
    if let Some(error) = findings.error() {
        return Ok(Some(error.to_owned()));
    }
    strict.append(findings.strict.under("metadata"));
    *value = decoded;
    Ok(None)
}
