//! Secrets: the data that each type demands.
//!
//! *Upstream:* `pkg/registry/core/secret/strategy.go`, `pkg/apis/core/validation/validation.go`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::config_map::{SIZE_MAX, decoded_length, immutable};
use crate::error::FieldErrors;
use crate::object::{FieldPath, Object, json};
use crate::registry::Context;
use crate::resources::shared::look::{Look, is_empty};
use crate::resources::shared::names;
use crate::resources::shared::plain::Plain;

const DATA: FieldPath = FieldPath::new("data");
const REDACTED: &str = "<secret contents redacted>";

/// What is special about secrets.
pub static SECRET: Plain = Plain {
    field_labels: &["type"],
    default: |object| {
        encode_string_data(object);
        if object.text(&["type"]).is_empty() {
            object.set(&["type"], "Opaque");
        }
    },
    validate_create: |_, object| validate(object),
    validate_update: |_, object, old| {
        let mut errors = FieldErrors::new();
        if object.text(&["type"]) != old.text(&["type"]) {
            let detail = "field is immutable";
            let path = FieldPath::new("type");
            errors.invalid(&path, object.at("type"), detail);
        }
        errors.extend(immutable(object, old, &["data"]));
        errors.extend(validate(object));
        errors
    },
    warn: |cx, object, _| warn(cx, object),
    ..Plain::DEFAULT
};

/// `stringData` is written only: it becomes data.
fn encode_string_data(object: &mut Object) {
    let Some(Value::Object(texts)) = object.remove(&["stringData"]) else {
        return;
    };
    for (key, text) in texts {
        let encoded = STANDARD.encode(text.as_str().unwrap_or(""));
        object.set(&["data", &key], encoded);
    }
}

fn validate(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let mut size = 0;
    for (key, value) in object.entries("data") {
        names::report(&mut errors, &DATA.key(key), key, names::check_data_key(key));
        size += decoded_length(value);
    }
    if size > SIZE_MAX {
        errors.too_long(&DATA, SIZE_MAX);
    }
    let data = object.at("data");
    let mut require = |key: &str| {
        if data.get(key).is_none() {
            errors.required(&DATA.key(key), "");
        }
    };
    match object.text(&["type"]) {
        "kubernetes.io/service-account-token" => {
            const ACCOUNT: &str = "kubernetes.io/service-account.name";
            let annotations = object.at("metadata").at("annotations");
            if annotations.text(ACCOUNT).is_empty() {
                let path = FieldPath::new("metadata");
                let path = path.child("annotations");
                errors.required(&path.key(ACCOUNT), "");
            }
        }
        "kubernetes.io/dockercfg" => docker_config(&mut errors, data, ".dockercfg"),
        "kubernetes.io/dockerconfigjson" => docker_config(&mut errors, data, ".dockerconfigjson"),
        "kubernetes.io/basic-auth"
            if data.get("username").is_none() && data.get("password").is_none() =>
        {
            require("username");
            require("password");
        }
        "kubernetes.io/ssh-auth" if is_empty(data.at("ssh-privatekey")) => {
            errors.required(&DATA.key("ssh-privatekey"), "");
        }
        "kubernetes.io/tls" => {
            require("tls.crt");
            require("tls.key");
        }
        _ => {}
    }
    errors
}

/// A docker configuration is a JSON object.
fn docker_config(errors: &mut FieldErrors, data: &Value, key: &str) {
    if data.get(key).is_none() {
        errors.required(&DATA.key(key), "");
        return;
    }
    let bytes = STANDARD.decode(data.text(key)).unwrap_or_default();
    let wrong = match json::parse(&bytes) {
        Ok(Value::Object(_) | Value::Null) => return,
        Ok(other) => {
            let kind = crate::object::json::go_name(&other);
            format!("json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}")
        }
        Err(error) => error.to_string(),
    };
    errors.invalid(&DATA.key(key), &REDACTED.into(), wrong);
}

/// A TLS secret that no server could use is let in with a warning.
fn warn(cx: &Context, object: &Object) {
    if object.text(&["type"]) != "kubernetes.io/tls" {
        return;
    }
    let data = object.at("data");
    for (key, what, blocks) in [
        ("tls.crt", "certificate", &["CERTIFICATE"][..]),
        ("tls.key", "key", &["PRIVATE KEY"]),
    ] {
        let bytes = STANDARD.decode(data.text(key)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let has_block = blocks
            .iter()
            .any(|block| text.contains(&format!("{block}-----")) && text.contains("-----BEGIN "));
        if !has_block {
            cx.warn(format!("tls: failed to find any PEM data in {what} input"));
            return;
        }
    }
}
