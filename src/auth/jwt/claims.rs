//! The claims that every token has, as Go reads them.
//!
//! *Upstream:* `coreos/go-oidc/v3/oidc` (`idToken`, `audience`, `jsonTime`).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::object::json::go_name;

/// What is read of a token before anything is checked.
pub(super) struct Registered {
    /// For whom it is meant.
    pub(super) audiences: Vec<String>,
    /// Its last second, where it says.
    pub(super) expiry: Option<i64>,
    /// Its first second, where it says.
    pub(super) begin: Option<i64>,
}

impl Registered {
    pub(super) fn read(claims: &Value) -> Result<Self, String> {
        let wrong = |why: String| format!("oidc: failed to unmarshal claims: {why}");
        let field = |name: &str| match &claims[name] {
            Value::String(_) | Value::Null => Ok(()),
            other => Err(mistaken(other, name, "string")),
        };
        for name in ["iss", "sub", "nonce", "at_hash"] {
            field(name).map_err(wrong)?;
        }
        Ok(Self {
            audiences: audiences(&claims["aud"]).map_err(wrong)?,
            expiry: second(claims, "exp").map_err(wrong)?,
            begin: {
                second(claims, "iat").map_err(wrong)?;
                second(claims, "nbf").map_err(wrong)?
            },
        })
    }
}

/// What Go says of a value that a field of its struct cannot hold.
fn mistaken(value: &Value, field: &str, of: &str) -> String {
    let name = go_name(value);
    format!("json: cannot unmarshal {name} into Go struct field idToken.{field} of type {of}")
}

fn audiences(value: &Value) -> Result<Vec<String>, String> {
    let items = match value {
        Value::Null => return Ok(Vec::new()),
        Value::String(one) => return Ok(vec![one.clone()]),
        Value::Array(items) => items,
        other => return Err(mistaken(other, "aud", "[]string")),
    };
    let texts = items.iter().map(|item| match item {
        Value::String(text) => Ok(text.clone()),
        Value::Null => Ok(String::new()),
        other => Err(mistaken(other, "aud", "string")),
    });
    texts.collect()
}

/// A second: a number, whole or not, or the text of one.
fn second(claims: &Value, name: &str) -> Result<Option<i64>, String> {
    match &claims[name] {
        Value::Null => Ok(None),
        Value::Number(number) => Ok(number.as_f64().map(|second| second as i64)),
        Value::String(text) => match text.parse::<f64>() {
            Ok(second) if text.bytes().all(|byte| b"0123456789+-.eE".contains(&byte)) => {
                Ok(Some(second as i64))
            }
            _ => Err(format!(
                "json: invalid number literal, trying to unmarshal {:?} into Number",
                format!("{text:?}")
            )),
        },
        other => Err(mistaken(other, name, "json.Number")),
    }
}

/// Refuses a token one of whose claims stands elsewhere: it is not fetched, and what it would say
/// may count.
pub(super) fn refuse_elsewhere(claims: &Map<String, Value>, claim: &str) -> Result<(), String> {
    let Some(names) = claims.get("_claim_names") else {
        return Ok(());
    };
    if claims.contains_key(claim) {
        return Ok(());
    }
    let sources = claims
        .get("_claim_sources")
        .ok_or("oidc: no claim sources")?;
    let Some(source) = names.get(claim).and_then(Value::as_str) else {
        return Ok(());
    };
    let Some(found) = sources.get(source) else {
        return Err(format!(
            "id token _claim_names contained a source {source} missing in _claims_sources"
        ));
    };
    match found["endpoint"].as_str() {
        None | Some("") => Ok(()),
        Some(_) => Err(format!(
            "while getting distributed claim {claim:?}: claims that stand elsewhere are not fetched"
        )),
    }
}

/// The bytes of a signature.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, String> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let at = text.bytes().position(|byte| !is_letter(byte));
        // What is too short breaks off at its last group.
        let at = at.unwrap_or(text.len() / 4 * 4);
        format!("oidc: malformed jwt: illegal base64 data at input byte {at}")
    })
}
