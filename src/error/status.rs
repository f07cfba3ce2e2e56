//! An error as the `Status` object that every client reads.
//!
//! *Upstream:* `apimachinery/pkg/apis/meta/v1/types.go` (`Status`).

use serde_json::{Map, Value, json};

use super::{ApiError, Details};

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
        if !self.reason().as_str().is_empty() {
            status.insert("reason".to_owned(), self.reason().as_str().into());
        }
        if let Some(details) = self.details() {
            status.insert("details".to_owned(), details.to_value());
        }
        status.insert("code".to_owned(), self.code().into());
        Value::Object(status)
    }
}

impl Details {
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
