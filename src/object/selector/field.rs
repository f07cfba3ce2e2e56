//! Field selectors in the query's syntax: `metadata.name=a,spec.nodeName!=b`.
//!
//! Which fields a resource lets select is the caller's to check, over [`FieldSelector::terms`].
//!
//! *Upstream:* `apimachinery/pkg/fields/selector.go`.

use std::fmt;

use super::SelectorError;

/// A parsed field selector; the default matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSelector {
    terms: Vec<FieldTerm>,
}

/// One condition on one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldTerm {
    /// The field's label: `metadata.name`.
    pub field: String,
    /// Whether the value must be equal, or must not be.
    pub is_equal: bool,
    /// The value, without escapes.
    pub value: String,
}

impl FieldSelector {
    /// Matches every object.
    pub fn everything() -> Self {
        Self::default()
    }

    /// One field that must be equal to a value.
    pub fn equals(field: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            terms: vec![FieldTerm {
                field: field.into(),
                is_equal: true,
                value: value.into(),
            }],
        }
    }

    /// A selector from a query's text; empty text matches everything.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let mut parts = split_terms(text);
        parts.sort_unstable();
        let mut terms = Vec::new();
        for part in parts.into_iter().filter(|part| !part.is_empty()) {
            let Some((field, is_equal, value)) = split_term(part) else {
                return Err(SelectorError(format!(
                    "invalid selector: '{text}'; can't understand '{part}'"
                )));
            };
            let term = FieldTerm {
                field: field.to_owned(),
                is_equal,
                value: unescape(value)?,
            };
            // Neither field nor value means nothing, whatever stands between them.
            if !(term.field.is_empty() && term.value.is_empty()) {
                terms.push(term);
            }
        }
        Ok(Self { terms })
    }

    /// The same conditions on the fields that `map` names in place of these.
    pub fn try_map_fields<E>(&self, map: impl Fn(&str) -> Result<String, E>) -> Result<Self, E> {
        let terms = self.terms.iter().map(|term| {
            Ok(FieldTerm {
                field: map(&term.field)?,
                ..term.clone()
            })
        });
        Ok(Self {
            terms: terms.collect::<Result<_, E>>()?,
        })
    }

    /// The conditions.
    pub fn terms(&self) -> &[FieldTerm] {
        &self.terms
    }

    /// Whether it restricts nothing.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// The one value a field must have, where the selector says so.
    pub fn exact(&self, field: &str) -> Option<&str> {
        self.terms
            .iter()
            .find(|term| term.is_equal && term.field == field)
            .map(|term| term.value.as_str())
    }

    /// Whether the field values that `value` looks up are selected; a missing field is empty.
    pub fn matches<T: AsRef<str>>(&self, value: impl Fn(&str) -> T) -> bool {
        self.terms
            .iter()
            .all(|term| (value(&term.field).as_ref() == term.value) == term.is_equal)
    }
}

impl fmt::Display for FieldSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, term) in self.terms.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            let operator = if term.is_equal { "=" } else { "!=" };
            write!(f, "{}{operator}", term.field)?;
            for c in term.value.chars() {
                if matches!(c, '\\' | ',' | '=') {
                    f.write_str("\\")?;
                }
                write!(f, "{c}")?;
            }
        }
        Ok(())
    }
}

/// The text between commas that are not escaped; escapes stay in.
fn split_terms(text: &str) -> Vec<&str> {
    let mut terms = Vec::new();
    let mut start = 0;
    let mut is_escaped = false;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b',' => {
                terms.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    terms.push(&text[start..]);
    terms
}

/// Field, whether it must be equal, and the value with its escapes; split at the first operator.
fn split_term(term: &str) -> Option<(&str, bool, &str)> {
    for (index, _) in term.char_indices() {
        let (field, rest) = term.split_at(index);
        for (operator, is_equal) in [("!=", false), ("==", true), ("=", true)] {
            if let Some(value) = rest.strip_prefix(operator) {
                return Some((field, is_equal, value));
            }
        }
    }
    None
}

fn unescape(text: &str) -> Result<String, SelectorError> {
    let wrong = |sequence: &str| {
        SelectorError(format!(
            "invalid field selector: invalid escape sequence: {sequence}"
        ))
    };
    let mut value = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(escaped @ ('\\' | ',' | '=')) => value.push(escaped),
                Some(other) => return Err(wrong(&format!("\\{other}"))),
                None => return Err(wrong("\\")),
            },
            ',' | '=' => {
                return Err(SelectorError(format!(
                    "invalid field selector: unescaped character in value: {}",
                    u32::from(c)
                )));
            }
            other => value.push(other),
        }
    }
    Ok(value)
}
