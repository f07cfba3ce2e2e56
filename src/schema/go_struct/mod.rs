//! Values as Go prints the structs that kube-apiserver holds them in.
//!
//! Inside kube-apiserver an object is a struct without JSON tags, and where an error or an
//! annotation carries a part of it, every field is there, under its Go name, in the struct's
//! order, and `null` or zero where nothing is set. The tables know the structs.
//!
//! *Invariant:* knows the structs by name only; which one a value is, the caller says.
//! *Upstream:* `apimachinery/pkg/util/validation/field/errors.go` (`ErrorBody`),
//! `apimachinery/pkg/util/diff/diff.go`.

mod diff;
mod dump;
#[cfg(test)]
mod tests;

pub use dump::dump;
use serde_json::Value;

use super::tables;

/// A value as Go's `json.Marshal` prints a struct, pointer, list or map: `core.PodSpec`,
/// `*core.Taint`, `[]core.Toleration`.
pub fn print(kind: &str, value: &Value) -> String {
    let mut printer = Printer {
        out: String::new(),
        indent: None,
    };
    printer.value(kind, value);
    printer.out
}

/// What differs between two values of a kind, as a unified diff of their lines.
pub fn difference(kind: &str, old: &Value, new: &Value) -> String {
    diff::unified(&lines(kind, old), &lines(kind, new))
}

/// A value over many lines, one step for each level.
fn lines(kind: &str, value: &Value) -> String {
    let mut printer = Printer {
        out: String::new(),
        indent: Some(0),
    };
    printer.value(kind, value);
    printer.out
}

struct Printer {
    out: String,
    /// How deep the line at hand stands; `None` where all goes on one line.
    indent: Option<usize>,
}

impl Printer {
    fn value(&mut self, kind: &str, value: &Value) {
        if let Some(kind) = kind.strip_prefix('*') {
            return match value {
                Value::Null => self.out.push_str("null"),
                value => self.value(kind, value),
            };
        }
        if let Some(kind) = kind.strip_prefix("[]") {
            return match value.as_array() {
                None => self.out.push_str("null"),
                Some(items) => self.block(*b"[]", items.iter(), |printer, item| {
                    printer.value(kind, item);
                }),
            };
        }
        if let Some(kind) = kind.strip_prefix("map:") {
            return match value.as_object() {
                None => self.out.push_str("null"),
                Some(map) => self.block(*b"{}", map.iter(), |printer, (key, item)| {
                    printer.key(key);
                    printer.value(kind, item);
                }),
            };
        }
        match (kind, value) {
            ("string" | "duration" | "quantity", Value::String(text)) => self.text(text),
            ("string", _) => self.out.push_str("\"\""),
            ("bool", value) => self
                .out
                .push_str(if *value == true { "true" } else { "false" }),
            ("quantity", _) => self.out.push_str("\"0\""),
            ("duration", _) => self.out.push_str("\"0s\""),
            ("int" | "int-or-string" | "float", Value::Null) => self.out.push('0'),
            ("int" | "int-or-string" | "float" | "time" | "bytes" | "any", value) => {
                self.whatever(value);
            }
            (kind, value) => self.fields(kind, value),
        }
    }

    fn fields(&mut self, kind: &str, value: &Value) {
        let fields = tables::go_struct(kind).iter().filter_map(|text| {
            let mut words = text.split(' ');
            let (name, kind, at) = (words.next()?, words.next()?, words.next()?);
            let value = at.split('.').try_fold(value, |value, step| value.get(step));
            let (name, options) = name.split_once(',').unwrap_or((name, ""));
            let value = value.unwrap_or(&Value::Null);
            // A time is a struct, which only `omitzero` leaves out.
            let is_kept = kind == "time" && options == "omitempty";
            let is_left_out = !options.is_empty() && !is_kept && is_zero(value);
            (!is_left_out).then_some((name, kind, value))
        });
        self.block(*b"{}", fields, |printer, (name, kind, value)| {
            printer.key(name);
            printer.value(kind, value);
        });
    }

    /// Whatever is printed as it stands: what has JSON methods of its own.
    fn whatever(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.text(text),
            Value::Array(items) => {
                self.block(*b"[]", items.iter(), Self::whatever);
            }
            Value::Object(map) => self.block(*b"{}", map.iter(), |printer, (key, item)| {
                printer.key(key);
                printer.whatever(item);
            }),
            other => self.out.push_str(&other.to_string()),
        }
    }

    fn block<T>(
        &mut self,
        [open, close]: [u8; 2],
        items: impl Iterator<Item = T>,
        mut print: impl FnMut(&mut Self, T),
    ) {
        self.out.push(char::from(open));
        self.indent = self.indent.map(|depth| depth + 1);
        let mut is_empty = true;
        for item in items {
            if !is_empty {
                self.out.push(',');
            }
            is_empty = false;
            self.line();
            print(self, item);
        }
        self.indent = self.indent.map(|depth| depth - 1);
        if !is_empty {
            self.line();
        }
        self.out.push(char::from(close));
    }

    fn line(&mut self) {
        if let Some(depth) = self.indent {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n(' ', depth));
        }
    }

    fn key(&mut self, key: &str) {
        self.text(key);
        self.out
            .push_str(if self.indent.is_some() { ": " } else { ":" });
    }

    /// A text in quotes; Go escapes what HTML would mind.
    fn text(&mut self, text: &str) {
        for c in Value::from(text).to_string().chars() {
            match c {
                '<' => self.out.push_str("\\u003c"),
                '>' => self.out.push_str("\\u003e"),
                '&' => self.out.push_str("\\u0026"),
                '\u{2028}' => self.out.push_str("\\u2028"),
                '\u{2029}' => self.out.push_str("\\u2029"),
                c => self.out.push(c),
            }
        }
    }
}

/// What `omitempty` leaves out.
fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(value) => value.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}
