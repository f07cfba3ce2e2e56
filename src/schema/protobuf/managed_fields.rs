//! `metadata.managedFields`, from the text they are kept as to messages: what they own is text in
//! a message as well, so it is copied as it stands.
//!
//! *Upstream:* `ManagedFieldsEntry`, `FieldsV1` (`apimachinery/pkg/apis/meta/v1/generated.proto`).

use serde_json::{Map, Value};

use super::write::{bytes, nested, put};
use crate::object::ManagedFields;
use crate::object::json::{Malformed, Reader, Token, get};
use crate::schema::tables;

/// The JSON name of the field that holds the entries.
const ENTRIES: &str = "managedFields";
/// The JSON name of the field that holds what an entry owns.
const OWNED: &str = "fieldsV1";

/// The fields of a metadata message, with its managed fields.
pub(super) fn metadata(
    out: &mut Vec<u8>,
    name: &str,
    metadata: &Map<String, Value>,
    managed: &ManagedFields,
) {
    for (number, field, kind) in tables::message(name).unwrap_or(&[]) {
        if *field == ENTRIES {
            let entry = kind.trim_start_matches('*');
            // The text was written by this server.
            let _ = entries(out, *number, entry, managed.text());
        } else if let Some(value) = get(metadata, field) {
            put(out, *number, kind, value, 1);
        }
    }
}

/// All entries, each a message of its own.
fn entries(out: &mut Vec<u8>, number: u32, name: &str, text: &[u8]) -> Result<(), Malformed> {
    let mut reader = Reader::new(text);
    if !matches!(reader.token()?, Token::List) {
        return Ok(());
    }
    let mut is_first = true;
    while reader.next_item(is_first)? {
        is_first = false;
        let entry = Entry::read(&mut reader)?;
        nested(out, number, |out| entry.write(out, name));
    }
    Ok(())
}

/// One entry: what it owns as it is written, and everything else.
#[derive(Default)]
struct Entry<'a> {
    owned: Option<&'a [u8]>,
    rest: Map<String, Value>,
}

impl<'a> Entry<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let mut entry = Self::default();
        let token = reader.token()?;
        if !matches!(token, Token::Object) {
            reader.skip(&token)?;
            return Ok(entry);
        }
        let mut is_first = true;
        while let Some(key) = reader.next_key(is_first)? {
            is_first = false;
            if key == OWNED {
                entry.owned = Some(reader.written()?);
                continue;
            }
            let token = reader.token()?;
            reader.skip(&token)?;
            if let Token::Text(text) = token {
                entry.rest.insert(key.into_owned(), text.into());
            }
        }
        Ok(entry)
    }

    fn write(&self, out: &mut Vec<u8>, name: &str) {
        for (number, field, kind) in tables::message(name).unwrap_or(&[]) {
            if *field == OWNED {
                if let Some(owned) = self.owned {
                    nested(out, *number, |out| bytes(out, 1, owned));
                }
            } else if let Some(value) = get(&self.rest, field) {
                put(out, *number, kind, value, 2);
            }
        }
    }
}
