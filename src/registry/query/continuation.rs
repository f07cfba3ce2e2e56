//! Continue tokens: where the next page of a list begins, and at which version.
//!
//! *Upstream:* `apiserver/pkg/storage/continue.go`.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use serde_json::{Value, json};

use crate::object::Key;
use crate::object::quote::quoted;
use crate::storage::Revision;

const VERSION: &str = "meta.k8s.io/v1";

/// As Go reads it: bits that are left over are not looked at.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&URL_SAFE, NO_PAD.with_decode_allow_trailing_bits(true));

/// What a continue token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Continuation {
    /// The version of the first page; `None` goes on in the present.
    pub revision: Option<Revision>,
    /// The first key of the page, without the namespace of the list and a slash.
    start: String,
}

impl Continuation {
    /// The page after an object of a list at a version.
    pub fn after(revision: Revision, namespace: &str, last: &Key) -> Self {
        let own = last.as_str().strip_prefix(namespace).unwrap_or_default();
        let start = format!("/{}\0", own.trim_start_matches('/'));
        Self {
            revision: Some(revision),
            start,
        }
    }

    /// The same page of the present.
    pub fn in_the_present(self) -> Self {
        Self {
            revision: None,
            start: self.start.trim_start_matches('/').to_owned(),
        }
    }

    /// The first key that may be on the page.
    pub fn from(&self, namespace: &str) -> Key {
        let start = self.start.trim_start_matches('/');
        if namespace.is_empty() {
            Key::from_text(start)
        } else {
            Key::from_text(&format!("{namespace}/{start}"))
        }
    }

    /// The token's text.
    pub fn encode(&self) -> String {
        let revision = self.revision.map_or(-1, |revision| revision.0 as i64);
        let start = Value::from(self.start.as_str());
        // In the order in which upstream writes it.
        let json = format!(r#"{{"v":"{VERSION}","rv":{revision},"start":{start}}}"#);
        BASE64.encode(json)
    }

    /// A token from its text, or why it is none.
    pub fn decode(text: &str) -> Result<Self, String> {
        let bytes = BASE64.decode(text).map_err(|error| {
            let at = match error {
                base64::DecodeError::InvalidByte(at, _)
                | base64::DecodeError::InvalidLastSymbol(at, _) => at,
                base64::DecodeError::InvalidLength(length) => length,
                base64::DecodeError::InvalidPadding => text.len(),
            };
            invalid(&format!("illegal base64 data at input byte {at}"))
        })?;
        let token = parse(&bytes).map_err(|why| invalid(&why))?;
        let (version, revision, start) = (token.0, token.1, token.2);
        if version != VERSION {
            let why = format!("server does not recognize this encoded version {version}");
            return Err(invalid(&why));
        }
        if revision == 0 {
            return Err(invalid(&format!(
                "incorrect encoded start resourceVersion (version {VERSION})"
            )));
        }
        if start.is_empty() {
            return Err(invalid(&format!(
                "encoded start key empty (version {VERSION})"
            )));
        }
        if !is_clean(&start) {
            return Err(invalid(&start));
        }
        Ok(Self {
            revision: u64::try_from(revision).ok().map(Revision),
            start,
        })
    }
}

fn invalid(why: &str) -> String {
    format!("continue key is not valid: {why}")
}

/// Whether a path stays where it is, written as short as can be: no `.`, no `..`, no double or last
/// slash.
fn is_clean(path: &str) -> bool {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.split('/').all(|step| !matches!(step, "" | "." | ".."))
}

/// The token's three fields, or what Go says of JSON that has others.
fn parse(bytes: &[u8]) -> Result<(String, i64, String), String> {
    let token: Value =
        serde_json::from_slice(bytes).map_err(|error| go_syntax_error(bytes, &error))?;
    let Value::Object(fields) = &token else {
        if token.is_null() {
            return Ok(Default::default());
        }
        let kind = json_kind(&token);
        return Err(format!(
            "json: cannot unmarshal {kind} into Go value of type storage.continueToken"
        ));
    };
    let mismatch = |name: &str, value: &Value, go_type: &str| {
        let kind = json_kind(value);
        format!(
            "json: cannot unmarshal {kind} into Go struct field continueToken.{name} of type \
             {go_type}"
        )
    };
    let text = |name: &str| match fields.get(name) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(other) => Err(mismatch(name, other, "string")),
    };
    let revision = match fields.get("rv") {
        None | Some(Value::Null) => 0,
        Some(value) => value
            .as_i64()
            .ok_or_else(|| mismatch("rv", value, "int64"))?,
    };
    Ok((text("v")?, revision, text("start")?))
}

fn json_kind(value: &Value) -> String {
    match value {
        Value::Number(number) if number.is_f64() => format!("number {}", json!(number)),
        _ => crate::object::json::go_name(value).to_owned(),
    }
}

fn go_syntax_error(bytes: &[u8], error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "unexpected end of JSON input".to_owned();
    }
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(byte) if !matches!(byte, b'{' | b'[' | b'"' | b'-' | b'0'..=b'9') => {
            let shown = match *byte {
                b'\'' => r"'\''".to_owned(),
                b'"' => "'\"'".to_owned(),
                byte => {
                    let text = quoted(char::from(byte).encode_utf8(&mut [0; 4]));
                    format!("'{}'", text.trim_matches('"'))
                }
            };
            format!("invalid character {shown} looking for beginning of value")
        }
        _ => error.to_string(),
    }
}
