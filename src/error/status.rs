//! An error as the `Status` object that every client reads.
//!
//! *Upstream:* `apimachinery/pkg/apis/meta/v1/types.go` (`Status`).

use serde_json::{Map, Value, json};

use super::{ApiError, Cause, Details, Reason};

impl ApiError {
    /// The `Status` object of this error.
    pub fn to_status(&self) -> Value {
        let mut status = Map::new();
        status.insert("kind".to_owned(), "Status".into());
        status.insert("apiVersion".to_owned(), "v1".into());
        let metadata = match self.continuation() {
            "" => json!({}),
            token => json!({"continue": token}),
        };
        status.insert("metadata".to_owned(), metadata);
        status.insert("status".to_owned(), "Failure".into());
        if !self.message().is_empty() {
            status.insert("message".to_owned(), self.message().into());
        }
        if !self.reason_text().is_empty() {
            status.insert("reason".to_owned(), self.reason_text().into());
        }
        if let Some(details) = self.details() {
            status.insert("details".to_owned(), details.to_value());
        }
        status.insert("code".to_owned(), self.code().into());
        Value::Object(status)
    }

    /// The error that a `Status` of another server is; without a code, that of its reason.
    pub fn from_status(status: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
        let reason = text(&status["reason"]);
        let error = Self::new(Reason::Unknown, text(&status["message"])).with_reason_text(&reason);
        let code = status["code"]
            .as_u64()
            .and_then(|code| u16::try_from(code).ok());
        let code = code.unwrap_or_else(|| error.reason().code());
        let error = error.with_code(code);
        match &status["details"] {
            Value::Object(_) => error.with_details(Details::from_value(&status["details"])),
            _ => error,
        }
    }
}

impl Details {
    /// `Status.details` as another server sent it.
    pub fn from_value(value: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
        let causes = value["causes"].as_array().into_iter().flatten();
        Self {
            name: text(&value["name"]),
            group: text(&value["group"]),
            kind: text(&value["kind"]),
            uid: text(&value["uid"]),
            causes: causes
                .map(|cause| Cause {
                    reason: text(&cause["reason"]),
                    message: text(&cause["message"]),
                    field: text(&cause["field"]),
                })
                .collect(),
            retry_after_seconds: value["retryAfterSeconds"].as_u64().unwrap_or(0) as u32,
        }
    }

    /// `Status.details` on the wire; empty parts are left out.
    pub fn to_value(&self) -> Value {
        let mut out = Map::new();
        let texts = [
            ("name", &self.name),
            ("group", &self.group),
            ("kind", &self.kind),
            ("uid", &self.uid),
        ];
        for (name, text) in texts {
            if !text.is_empty() {
                out.insert(name.to_owned(), text.as_str().into());
            }
        }
        if !self.causes.is_empty() {
            let causes = self.causes.iter().map(|cause| {
                let mut out = Map::new();
                let texts = [
                    ("reason", &cause.reason),
                    ("message", &cause.message),
                    ("field", &cause.field),
                ];
                for (name, text) in texts {
                    if !text.is_empty() {
                        out.insert(name.to_owned(), text.as_str().into());
                    }
                }
                Value::Object(out)
            });
            out.insert("causes".to_owned(), causes.collect());
        }
        if self.retry_after_seconds > 0 {
            out.insert(
                "retryAfterSeconds".to_owned(),
                self.retry_after_seconds.into(),
            );
        }
        Value::Object(out)
    }
}
