//! What functions there are and what they take: the standard ones, the optional ones and those
//! that Kubernetes adds.
//!
//! A line of `functions.txt` is `name: (parameters) -> result` for a function,
//! `name: target.(parameters) -> result` for a method; capital letters alone are types to be found
//! out. `name|overload` names the way to call it where costs tell it from others.
//!
//! *Upstream:* `cel-go/common/stdlib`, `cel-go/ext`, `apiserver/pkg/cel/library`.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::cel::types::Type;

/// One way to call a function.
#[derive(Debug)]
pub struct Overload {
    /// What it is called where costs depend on it; empty where they do not.
    pub id: &'static str,
    /// Whether the first argument is its target.
    pub(super) is_method: bool,
    /// What it takes, the target first.
    pub(super) args: Vec<Type>,
    pub(super) result: Type,
}

/// A function.
#[derive(Debug)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// The ways to call it.
    pub overloads: Vec<Overload>,
}

/// A function by its name.
pub(in crate::cel) fn function(name: &str) -> Option<&'static Function> {
    static ALL: OnceLock<BTreeMap<&'static str, Function>> = OnceLock::new();
    ALL.get_or_init(read).get(name)
}

fn read() -> BTreeMap<&'static str, Function> {
    let mut all: BTreeMap<&'static str, Function> = BTreeMap::new();
    for line in include_str!("functions.txt").lines() {
        if let Some((name, overload)) = declaration(line) {
            let function = all.entry(name).or_insert_with(|| Function {
                name,
                overloads: Vec::new(),
            });
            function.overloads.push(overload);
        }
    }
    all
}

fn declaration(line: &'static str) -> Option<(&'static str, Overload)> {
    let (name, rest) = line.split_once(": ")?;
    let (name, id) = match name.rsplit_once('|') {
        // The operator `_||_` is no overload of its own.
        Some((name, id)) if !id.starts_with('_') => (name, id),
        _ => (name, ""),
    };
    let (call, result) = rest.rsplit_once(" -> ")?;
    // A method's parameters are the last thing in brackets, after a dot.
    let (target, args) = match call.rfind(".(") {
        Some(dot) => (Some(read_type(&call[..dot])?), &call[dot + 1..]),
        None => (None, call),
    };
    let args = args.strip_prefix('(')?.strip_suffix(')')?;
    let args = split(args).into_iter().map(read_type);
    let is_method = target.is_some();
    let overload = Overload {
        id,
        is_method,
        args: target
            .map(Some)
            .into_iter()
            .chain(args)
            .collect::<Option<_>>()?,
        result: read_type(result)?,
    };
    Some((name, overload))
}

/// The parts between commas that stand in no brackets.
fn split(text: &'static str) -> Vec<&'static str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (index, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text[start..index].trim());
                start = index + 1;
            }
            _ => {}
        }
    }
    if !text[start..].trim().is_empty() {
        parts.push(text[start..].trim());
    }
    parts
}

fn read_type(text: &'static str) -> Option<Type> {
    if let Some((name, inner)) = text.strip_suffix(')').and_then(|text| text.split_once('(')) {
        let parts: Vec<Type> = split(inner)
            .into_iter()
            .map(read_type)
            .collect::<Option<_>>()?;
        let mut parts = parts.into_iter();
        return Some(match name {
            "list" => Type::list(parts.next()?),
            "map" => Type::map(parts.next()?, parts.next()?),
            "type" => parts.next()?.of_type(),
            _ => Type::optional(parts.next()?),
        });
    }
    Some(match text {
        "dyn" => Type::Dyn,
        "null" => Type::Null,
        "bool" => Type::Bool,
        "int" => Type::Int,
        "uint" => Type::Uint,
        "double" => Type::Double,
        "string" => Type::String,
        "bytes" => Type::Bytes,
        "duration" => Type::Duration,
        "timestamp" => Type::Timestamp,
        "A" => Type::Parameter(0),
        "B" => Type::Parameter(1),
        name => Type::Opaque(name),
    })
}
