//! A small reader of Go type declarations: enough for the API packages, and loud where it is not.
//!
//! It knows top-level `type` declarations, struct fields with tags, imports and the receivers of
//! JSON methods. Function bodies are skipped by counting braces.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use anyhow::{Context, Result, bail, ensure};

/// Import alias → import path.
pub(super) type Imports = Rc<BTreeMap<String, String>>;

/// One package: its types and what encodes itself.
#[derive(Default)]
pub(super) struct Package {
    /// The name in the `package` clause.
    pub(super) name: String,
    /// Type name → declaration.
    pub(super) types: BTreeMap<String, Declaration>,
    /// Types with JSON methods of their own.
    pub(super) custom_json: BTreeSet<String>,
}

/// What stands right of `type Name`.
pub(super) enum Declaration {
    /// The lines of a struct and the imports its field types are written with.
    Struct(Vec<String>, Imports),
    /// Any other type, as written.
    Other(String, Imports),
}

/// One struct field.
pub(super) struct Field {
    /// `None` for an embedded field.
    pub(super) name: Option<String>,
    /// The type as written.
    pub(super) text: String,
    /// The `json` tag, empty when there is none.
    pub(super) json: String,
}

impl Package {
    /// Adds one file's declarations.
    pub(super) fn add(&mut self, source: &str) -> Result<()> {
        let text = without_comments(source);
        let mut lines = text.lines().peekable();
        let mut imports = BTreeMap::new();
        let mut pending = Vec::new();
        while let Some(line) = lines.next() {
            if let Some(name) = line.strip_prefix("package ") {
                name.trim().clone_into(&mut self.name);
            } else if line.trim_end() == "import (" {
                for line in lines.by_ref().take_while(|line| line.trim() != ")") {
                    add_import(line, &mut imports)?;
                }
            } else if let Some(one) = line.strip_prefix("import ") {
                add_import(one, &mut imports)?;
            } else if let Some(rest) = line.strip_prefix("func (") {
                self.note_json_method(rest);
            } else if let Some(rest) = line.strip_prefix("type ") {
                ensure!(
                    rest.trim() != "(",
                    "a grouped type declaration is not understood"
                );
                let (name, body) = rest.split_once([' ', '\t']).context(rest.to_owned())?;
                let body = body.trim();
                if body == "struct {" {
                    let body = lines.by_ref().take_while(|line| line.trim_end() != "}");
                    pending.push((name.to_owned(), Err(body.map(str::to_owned).collect())));
                } else if body.replace(' ', "") == "struct{}" {
                    pending.push((name.to_owned(), Err(Vec::new())));
                } else if !body.ends_with('{') {
                    pending.push((name.to_owned(), Ok(body.to_owned())));
                }
            }
        }
        let imports = Rc::new(imports);
        for (name, body) in pending {
            let declaration = match body {
                Ok(text) => Declaration::Other(text, Rc::clone(&imports)),
                Err(lines) => Declaration::Struct(lines, Rc::clone(&imports)),
            };
            self.types.insert(name, declaration);
        }
        Ok(())
    }

    fn note_json_method(&mut self, rest: &str) {
        let Some((receiver, method)) = rest.split_once(") ") else {
            return;
        };
        if method.starts_with("UnmarshalJSON(") || method.starts_with("MarshalJSON(") {
            let name = receiver.rsplit(' ').next().unwrap_or_default();
            self.custom_json
                .insert(name.trim_start_matches('*').to_owned());
        }
    }
}

fn add_import(line: &str, imports: &mut BTreeMap<String, String>) -> Result<()> {
    let line = line.trim();
    if line.is_empty() {
        return Ok(());
    }
    let (alias, rest) = line
        .split_once('"')
        .with_context(|| format!("import {line}"))?;
    let path = rest
        .strip_suffix('"')
        .with_context(|| format!("import {line}"))?;
    let last = path.rsplit('/').next().unwrap_or(path);
    let alias = if alias.trim().is_empty() {
        last
    } else {
        alias.trim()
    };
    imports.insert(alias.to_owned(), path.to_owned());
    Ok(())
}

/// The fields of a struct: a name or an embedded type on each line. Anything else stops.
pub(super) fn fields(lines: &[String]) -> Result<Vec<Field>> {
    let mut found = Vec::new();
    for line in lines
        .iter()
        .map(|line| line.trim())
        .filter(|line| !line.is_empty())
    {
        let (declaration, tag) = match line.split_once('`') {
            Some((declaration, tag)) => (declaration.trim(), tag.trim_end_matches('`')),
            None => (line, ""),
        };
        let json = tag
            .split_once("json:\"")
            .and_then(|(_, rest)| rest.split_once('"'));
        let json = json.map_or(String::new(), |(json, _)| json.to_owned());
        let (name, text) = match declaration.split_once([' ', '\t']) {
            Some((name, text)) => (Some(name.to_owned()), text.trim().to_owned()),
            None => (None, declaration.to_owned()),
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "_.*[]{}".contains(c);
        ensure!(
            !text.is_empty() && text.chars().all(plain),
            "cannot read the field `{line}`"
        );
        found.push(Field { name, text, json });
    }
    Ok(found)
}

/// Drops comments; keeps line breaks, strings and tags.
pub(super) fn without_comments(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(next) = rest.find(['/', '"', '`', '\'']) {
        out.push_str(&rest[..next]);
        rest = &rest[next..];
        if rest.starts_with("//") {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
        } else if rest.starts_with("/*") {
            rest = rest.find("*/").map_or("", |end| &rest[end + 2..]);
        } else {
            let end = literal_end(rest);
            out.push_str(&rest[..end]);
            rest = &rest[end..];
        }
    }
    out.push_str(rest);
    out
}

/// Where the string, tag or rune literal ends that a text starts with.
fn literal_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    let quote = bytes[0];
    if quote == b'/' {
        return 1;
    }
    let mut index = 1;
    while index < bytes.len() && bytes[index] != quote {
        index += if bytes[index] == b'\\' && quote != b'`' {
            2
        } else {
            1
        };
    }
    (index + 1).min(bytes.len())
}

/// A type as `reflect` prints it, which is how `encoding/json` names it in its errors.
pub(super) fn reflect(text: &str, package: &str, imports: &Imports) -> Result<String> {
    let text = text.trim();
    if let Some(rest) = text.strip_prefix('*') {
        return Ok(format!("*{}", reflect(rest, package, imports)?));
    }
    if let Some(rest) = text.strip_prefix("[]") {
        return Ok(format!("[]{}", reflect(rest, package, imports)?));
    }
    if let Some(rest) = text.strip_prefix("map[") {
        let (key, value) = rest.split_once(']').with_context(|| text.to_owned())?;
        let key = reflect(key, package, imports)?;
        return Ok(format!("map[{key}]{}", reflect(value, package, imports)?));
    }
    if let Some((alias, name)) = text.split_once('.') {
        let path = imports
            .get(alias)
            .with_context(|| format!("no import {alias}"))?;
        let last = path.rsplit('/').next().unwrap_or(path);
        return Ok(format!("{last}.{name}"));
    }
    Ok(match text {
        "byte" => "uint8".to_owned(),
        "rune" => "int32".to_owned(),
        "any" | "interface{}" => "interface {}".to_owned(),
        "bool" | "string" | "int" | "int8" | "int16" | "int32" | "int64" | "uint" | "uint8"
        | "uint16" | "uint32" | "uint64" | "float32" | "float64" => text.to_owned(),
        name if name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') => {
            format!("{package}.{name}")
        }
        other => bail!("cannot read the type `{other}`"),
    })
}
