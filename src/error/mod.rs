//! What can go wrong, as a client of the API sees it.
//!
//! *Invariant:* no HTTP types; the code of a reason stands in one table, [`Reason::code`].
//! *Upstream:* `apimachinery/pkg/api/errors/errors.go`.

mod constructors;
pub mod field;
pub mod reason;
mod shown;
pub mod status;

use std::fmt;

pub use field::{FieldError, FieldErrors};
pub use reason::Reason;

/// An answer that is not what was asked for: becomes a `Status` object.
#[derive(Clone, Debug)]
pub struct ApiError(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    reason: Reason,
    /// A reason that is none of ours: another server's word, passed on.
    foreign_reason: Option<String>,
    code: u16,
    message: String,
    details: Option<Details>,
    continuation: String,
    cause: Option<String>,
    warnings: Vec<String>,
}

/// What the error is about: `Status.details`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// The object's name.
    pub name: String,
    /// The API group.
    pub group: String,
    /// The kind, or the resource, as upstream fills it.
    pub kind: String,
    /// The object's uid.
    pub uid: String,
    /// One entry for everything that is wrong.
    pub causes: Vec<Cause>,
    /// When to try again, in seconds; 0 where not said.
    pub retry_after_seconds: u32,
}

/// One thing that is wrong: an entry of `Status.details.causes`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    /// Machine-readable: `FieldValueInvalid`, …
    pub reason: String,
    /// Human-readable.
    pub message: String,
    /// The field's path.
    pub field: String,
}

impl ApiError {
    /// An error with no details.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            reason,
            foreign_reason: None,
            code: reason.code(),
            message: message.into(),
            details: None,
            continuation: String::new(),
            cause: None,
            warnings: Vec::new(),
        }))
    }

    /// The same error with these details.
    pub fn with_details(mut self, details: Details) -> Self {
        self.0.details = Some(details);
        self
    }

    /// The same error with a token by which a list may go on all the same: `metadata.continue`.
    pub fn with_continuation(mut self, token: impl Into<String>) -> Self {
        self.0.continuation = token.into();
        self
    }

    /// The same error with what lies behind it, for the log; clients do not see it.
    pub fn with_cause(mut self, cause: impl Into<String>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// The same error with warnings that go with it: what was found before it.
    pub fn with_warnings(mut self, warnings: Vec<String>) -> Self {
        self.0.warnings = warnings;
        self
    }

    /// The warnings that go with it.
    pub fn warnings(&self) -> &[String] {
        &self.0.warnings
    }

    /// The same error under another HTTP code: the few places where upstream's reason and code
    /// differ from the table (an `Unknown` passed on from another server).
    pub fn with_code(mut self, code: u16) -> Self {
        self.0.code = code;
        self
    }

    /// The same error under a reason that is passed on as another server worded it.
    pub fn with_reason_text(mut self, reason: &str) -> Self {
        self.0.reason = Reason::of_text(reason);
        self.0.foreign_reason = Some(reason.to_owned());
        self
    }

    /// The reason on the wire.
    pub fn reason_text(&self) -> &str {
        let foreign = self.0.foreign_reason.as_deref();
        foreign.unwrap_or_else(|| self.0.reason.as_str())
    }

    /// The same error in other words.
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.0.message = message.into();
        self
    }

    /// Why.
    pub fn reason(&self) -> Reason {
        self.0.reason
    }

    /// The HTTP code.
    pub fn code(&self) -> u16 {
        self.0.code
    }

    /// What a human reads.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What it is about.
    pub fn details(&self) -> Option<&Details> {
        self.0.details.as_ref()
    }

    /// The token by which a list may go on all the same; empty where there is none.
    pub fn continuation(&self) -> &str {
        &self.0.continuation
    }

    /// What lies behind it, for the log.
    pub fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// Seconds after which a client may try again.
    pub fn retry_after_seconds(&self) -> Option<u32> {
        self.details()
            .map(|details| details.retry_after_seconds)
            .filter(|seconds| *seconds > 0)
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for ApiError {}
