//! What is wrong with an object's fields: a list of every cause.
//!
//! *Upstream:* `apimachinery/pkg/util/validation/field/errors.go`.

use serde_json::Value;

use super::shown;
use crate::object::FieldPath;
use crate::object::quote::quoted;

/// The kind of a [`FieldError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldErrorKind {
    /// It must be there.
    Required,
    /// It is there twice.
    Duplicate,
    /// The value is wrong.
    Invalid,
    /// The value is none of those supported.
    NotSupported,
    /// It may not be set.
    Forbidden,
    /// Text or data is too long.
    TooLong,
    /// The list has too many items.
    TooMany,
    /// The value is of the wrong type.
    TypeInvalid,
    /// What it names is not there.
    NotFound,
    /// Could not be checked.
    Internal,
}

impl FieldErrorKind {
    /// `Cause.reason` on the wire.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Required => "FieldValueRequired",
            Self::Duplicate => "FieldValueDuplicate",
            Self::Invalid => "FieldValueInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Forbidden => "FieldValueForbidden",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
            Self::TypeInvalid => "FieldValueTypeInvalid",
            Self::NotFound => "FieldValueNotFound",
            Self::Internal => "InternalError",
        }
    }

    /// The words a message begins with.
    const fn words(self) -> &'static str {
        match self {
            Self::Required => "Required value",
            Self::Duplicate => "Duplicate value",
            Self::Invalid | Self::TypeInvalid => "Invalid value",
            Self::NotSupported => "Unsupported value",
            Self::Forbidden => "Forbidden",
            Self::TooLong => "Too long",
            Self::TooMany => "Too many",
            Self::NotFound => "Not found",
            Self::Internal => "Internal error",
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// What kind of wrong.
    pub kind: FieldErrorKind,
    /// Where, as text; `<nil>` where it is nowhere in particular.
    pub field: String,
    /// The offending value as the message prints it; empty where it does not.
    pub value: String,
    /// What would be right.
    pub detail: String,
}

impl FieldError {
    /// The message without the field: `Invalid value: "x": must be …`.
    pub fn body(&self) -> String {
        let mut text = self.kind.words().to_owned();
        if !self.value.is_empty() {
            text.push_str(": ");
            text.push_str(&self.value);
        }
        if !self.detail.is_empty() {
            text.push_str(": ");
            text.push_str(&self.detail);
        }
        text
    }
}

/// Every cause found; empty means valid.
///
/// What upstream finds by the rules declared in its types it lists after all that it finds by
/// hand, so the two are kept apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldErrors {
    found: Vec<FieldError>,
    declared: Vec<FieldError>,
}

impl FieldErrors {
    /// No errors yet.
    pub const fn new() -> Self {
        Self {
            found: Vec::new(),
            declared: Vec::new(),
        }
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty() && self.declared.is_empty()
    }

    /// How many causes there are.
    pub fn len(&self) -> usize {
        self.found.len() + self.declared.len()
    }

    /// The errors in the order upstream lists them.
    pub fn iter(&self) -> impl Iterator<Item = &FieldError> {
        self.found.iter().chain(&self.declared)
    }

    /// Drops what was found more than once by hand.
    pub fn remove_repeated(&mut self) {
        for i in (1..self.found.len()).rev() {
            if self.found[..i].contains(&self.found[i]) {
                self.found.remove(i);
            }
        }
    }

    /// What is shown of a list or map that was sent empty, or of what it stands in, shows it where
    /// it was found by hand.
    pub fn show_empty(&mut self, path: &str, printed: &str) {
        for error in &mut self.found {
            if let Some(value) = shown::filled(&error.value, &error.field, path, printed) {
                error.value = value;
            }
        }
    }

    /// Appends the errors of another list.
    pub fn extend(&mut self, other: Self) {
        self.found.extend(other.found);
        self.declared.extend(other.declared);
    }

    /// Appends what another list has found by declared rules.
    pub fn extend_declared(&mut self, other: Self) {
        self.declared.extend(other.declared);
    }

    /// Adds an error in full.
    pub fn push(&mut self, error: FieldError) {
        self.found.push(error);
    }

    /// Adds what `check` finds as found by a declared rule.
    pub fn declared(&mut self, check: impl FnOnce(&mut Self)) {
        let mut errors = Self::new();
        check(&mut errors);
        self.declared.extend(errors);
    }

    fn add(&mut self, kind: FieldErrorKind, path: &FieldPath, value: String, detail: String) {
        let field = path.to_string();
        let field = if field.is_empty() {
            "<nil>".to_owned()
        } else {
            field
        };
        self.found.push(FieldError {
            kind,
            field,
            value,
            detail,
        });
    }

    /// It must be there.
    pub fn required(&mut self, path: &FieldPath, detail: impl Into<String>) {
        self.add(FieldErrorKind::Required, path, String::new(), detail.into());
    }

    /// The value is wrong; the value is printed as Go prints it.
    pub fn invalid(&mut self, path: &FieldPath, value: &Value, detail: impl Into<String>) {
        self.add(FieldErrorKind::Invalid, path, printed(value), detail.into());
    }

    /// The value, given as text that is already in its printed form, is wrong.
    pub fn invalid_text(
        &mut self,
        path: &FieldPath,
        printed: impl Into<String>,
        detail: impl Into<String>,
    ) {
        self.add(FieldErrorKind::Invalid, path, printed.into(), detail.into());
    }

    /// The value is of the wrong type.
    pub fn type_invalid(&mut self, path: &FieldPath, value: &Value, detail: impl Into<String>) {
        self.add(
            FieldErrorKind::TypeInvalid,
            path,
            printed(value),
            detail.into(),
        );
    }

    /// It is there twice.
    pub fn duplicate(&mut self, path: &FieldPath, value: &Value) {
        self.add(
            FieldErrorKind::Duplicate,
            path,
            printed(value),
            String::new(),
        );
    }

    /// It is there twice; the value is given in its printed form.
    pub fn duplicate_text(&mut self, path: &FieldPath, printed: impl Into<String>) {
        self.add(
            FieldErrorKind::Duplicate,
            path,
            printed.into(),
            String::new(),
        );
    }

    /// It may not be set.
    pub fn forbidden(&mut self, path: &FieldPath, detail: impl Into<String>) {
        self.add(
            FieldErrorKind::Forbidden,
            path,
            String::new(),
            detail.into(),
        );
    }

    /// What it names is not there.
    pub fn not_found(&mut self, path: &FieldPath, value: &Value) {
        self.add(
            FieldErrorKind::NotFound,
            path,
            printed(value),
            String::new(),
        );
    }

    /// What it names is not there, for a reason.
    pub fn not_found_because(
        &mut self,
        path: &FieldPath,
        value: &Value,
        detail: impl Into<String>,
    ) {
        self.add(
            FieldErrorKind::NotFound,
            path,
            printed(value),
            detail.into(),
        );
    }

    /// The value is none of `supported`, which are listed in the order given (upstream lists the
    /// sets among them sorted).
    pub fn not_supported(&mut self, path: &FieldPath, value: &Value, supported: &[&str]) {
        let quoted: Vec<String> = supported.iter().map(|v| quoted(v)).collect();
        let detail = if quoted.is_empty() {
            String::new()
        } else {
            format!("supported values: {}", quoted.join(", "))
        };
        // Upstream's enumerations are types of their own, which it prints as JSON.
        self.add(FieldErrorKind::NotSupported, path, go_json(value), detail);
    }

    /// Longer than `max` bytes.
    pub fn too_long(&mut self, path: &FieldPath, max: usize) {
        let unit = if max == 1 { "byte" } else { "bytes" };
        let detail = format!("may not be more than {max} {unit}");
        self.add(FieldErrorKind::TooLong, path, String::new(), detail);
    }

    /// Longer than `max` characters.
    pub fn too_long_characters(&mut self, path: &FieldPath, max: usize) {
        let unit = if max == 1 { "character" } else { "characters" };
        let detail = format!("may not be more than {max} {unit}");
        self.add(FieldErrorKind::TooLong, path, String::new(), detail);
    }

    /// Something that should not have happened.
    pub fn internal(&mut self, path: &FieldPath, detail: impl Into<String>) {
        self.add(FieldErrorKind::Internal, path, String::new(), detail.into());
    }

    /// More than `max` items.
    pub fn too_many(&mut self, path: &FieldPath, actual: usize, max: usize) {
        let unit = if max == 1 { "item" } else { "items" };
        let detail = format!("must have at most {max} {unit}");
        self.add(FieldErrorKind::TooMany, path, actual.to_string(), detail);
    }
}

impl IntoIterator for FieldErrors {
    type Item = FieldError;
    type IntoIter =
        std::iter::Chain<std::vec::IntoIter<FieldError>, std::vec::IntoIter<FieldError>>;

    fn into_iter(self) -> Self::IntoIter {
        self.found.into_iter().chain(self.declared)
    }
}

/// A value as Go's error list prints it: text quoted, numbers plain, null as such, else JSON.
fn printed(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::String(text) => quoted(text),
        other => go_json(other),
    }
}

/// A value as Go's JSON writes it: what means something in HTML is escaped.
fn go_json(value: &Value) -> String {
    let text = value.to_string();
    if !text.contains(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            _ => out.push(c),
        }
    }
    out
}
