//! Property names as expressions write them: `a__dash__b`, `__namespace__`.
//!
//! *Upstream:* `apiserver/pkg/cel/escaping.go`.

use super::syntax::RESERVED;

/// Words of the grammar itself, which no identifier may be either.
const GRAMMAR: [&str; 4] = ["true", "false", "null", "in"];

/// Whether no identifier may be this word.
fn is_reserved(word: &str) -> bool {
    GRAMMAR.contains(&word) || RESERVED.contains(&word)
}

/// The property an identifier names; `None` where it names none.
pub(super) fn unescape(name: &str) -> Option<String> {
    if !name.contains("__") {
        // Words that the grammar itself uses are never read as names.
        return Some(name.to_owned());
    }
    if let Some(word) = name
        .strip_prefix("__")
        .and_then(|rest| rest.strip_suffix("__"))
        && is_reserved(word)
    {
        return Some(word.to_owned());
    }
    let mut out = String::new();
    let mut rest = name;
    while let Some(start) = rest.find("__") {
        out.push_str(&rest[..start]);
        let after = &rest[start + 2..];
        let end = after.find("__")?;
        out.push_str(match &after[..end] {
            "underscores" => "__",
            "dot" => ".",
            "dash" => "-",
            "slash" => "/",
            _ => return None,
        });
        rest = &after[end + 2..];
    }
    out.push_str(rest);
    Some(out)
}

/// The identifier of a property.
pub(super) fn escape(property: &str) -> String {
    if is_reserved(property) {
        return format!("__{property}__");
    }
    property
        .replace("__", "__underscores__")
        .replace('.', "__dot__")
        .replace('-', "__dash__")
        .replace('/', "__slash__")
}
