//! Text as Go's `%q` prints it, which messages of the API server carry.
//!
//! *Upstream:* `strconv.Quote`.

use std::fmt::Write;

/// The text in double quotes with Go's escapes.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        push_escaped(&mut out, c);
    }
    out.push('"');
    out
}

fn push_escaped(out: &mut String, c: char) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\x0c' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\x0b' => out.push_str("\\v"),
        ' '..='~' => out.push(c),
        _ if is_printable(c) => out.push(c),
        _ => {
            let code = u32::from(c);
            let written = match code {
                0..=0x7f => write!(out, "\\x{code:02x}"),
                0x80..=0xffff => write!(out, "\\u{code:04x}"),
                _ => write!(out, "\\U{code:08x}"),
            };
            debug_assert!(written.is_ok(), "writing to a String cannot fail");
        }
    }
}

/// Whether Go calls a character printable.
///
/// Rust escapes in its own debug form what is not, combining marks aside; Go prints those as they
/// are.
pub fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~')
        || !c.is_control() && (c.is_alphanumeric() || c.escape_debug().len() == 1)
}
