//! A field that a policy's status tells of, as a JSON path without braces.
//!
//! *Upstream:* `client-go/util/jsonpath/parser.go`,
//! `pkg/apis/admissionregistration/validation/validation.go` (`validateFieldRef`).

use std::iter::Peekable;
use std::str::Chars;

use crate::error::FieldErrors;
use crate::object::FieldPath;

/// Checks a reference; spaces around it count for nothing.
pub(super) fn validate(errors: &mut FieldErrors, path: &FieldPath, text: &str) {
    let text = text.trim();
    if text.is_empty() {
        errors.required(path, "");
    } else if let Err(why) = parse(text) {
        errors.invalid(path, &text.into(), format!("invalid JSONPath: {why}"));
    }
}

fn parse(text: &str) -> Result<(), String> {
    // The text stands in braces; what follows them is no path any more.
    let braced = format!("{text}}}");
    let mut rest = braced.chars().peekable();
    let mut was_recursive = false;
    loop {
        let is_dotted = |rest: &Peekable<Chars<'_>>| rest.clone().take(2).eq("..".chars());
        let is_recursive = is_dotted(&rest);
        match rest.next() {
            None | Some('\r' | '\n') => return Err("unclosed action".to_owned()),
            Some('}') => return Ok(()),
            Some(' ' | '@' | '$') => continue,
            Some('[') => bracket(&mut rest)?,
            Some(quote @ ('"' | '\'')) => quoted(&mut rest, quote)?,
            Some('.') if is_recursive => {
                if was_recursive {
                    return Err("invalid multiple recursive descent".to_owned());
                }
                rest.next();
                if rest.peek().is_some_and(|c| is_word(*c)) {
                    word(&mut rest);
                }
            }
            Some('.') => word(&mut rest),
            Some(c @ ('+' | '-')) => number(&mut rest, c)?,
            Some(c) if c.is_numeric() => number(&mut rest, c)?,
            Some(c) if is_word(c) => word(&mut rest),
            Some(c) => {
                let code = u32::from(c);
                return Err(format!(
                    "unrecognized character in action: U+{code:04X} '{c}'"
                ));
            }
        }
        was_recursive = is_recursive;
    }
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// A name up to what ends it; a backslash takes the next letter as it is.
fn word(rest: &mut Peekable<Chars<'_>>) {
    while let Some(c) = rest.next_if(|c| !" \t\r\n.,[]$@{}".contains(*c)) {
        if c == '\\' {
            rest.next();
        }
    }
}

fn number(rest: &mut Peekable<Chars<'_>>, first: char) -> Result<(), String> {
    let mut text = String::from(first);
    while let Some(c) = rest.next_if(|c| *c == '.' || c.is_numeric()) {
        text.push(c);
    }
    if text.parse::<f64>().is_ok() {
        Ok(())
    } else {
        Err(format!("cannot parse number {text}"))
    }
}

fn quoted(rest: &mut Peekable<Chars<'_>>, quote: char) -> Result<(), String> {
    let mut before = quote;
    for c in rest {
        match c {
            '\n' => break,
            c if c == quote && before != '\\' => return Ok(()),
            c => before = c,
        }
    }
    Err("unterminated quoted string".to_owned())
}

/// An index, a slice, a key or a filter.
fn bracket(rest: &mut Peekable<Chars<'_>>) -> Result<(), String> {
    if rest.clone().take(2).eq("?(".chars()) {
        let has_end = rest.any(|c| c == ')');
        return match rest.next() {
            _ if !has_end => Err("unterminated filter".to_owned()),
            Some(']') => Ok(()),
            _ => Err("unclosed array expect ]".to_owned()),
        };
    }
    let mut inside = String::new();
    loop {
        match rest.next() {
            None | Some('\n') => return Err("unterminated array".to_owned()),
            Some(']') => break,
            Some(c) => inside.push(c),
        }
    }
    let is_number = |part: &str| {
        let digits = part.strip_prefix('-').unwrap_or(part);
        digits.chars().all(|c| c.is_ascii_digit())
    };
    let has_form = |part: &str| {
        let key = part
            .strip_prefix('\'')
            .and_then(|key| key.strip_suffix('\''));
        let numbers: Vec<&str> = part.split(':').collect();
        part == "*"
            || key.is_some_and(|key| !key.contains('\''))
            || numbers.len() <= 3 && numbers.into_iter().all(is_number)
    };
    match inside
        .split(',')
        .map(str::trim)
        .find(|part| !has_form(part))
    {
        Some(part) => Err(format!("invalid array index {part}")),
        None => Ok(()),
    }
}
