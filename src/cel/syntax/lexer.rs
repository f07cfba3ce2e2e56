//! Text to tokens.
//!
//! *Upstream:* `cel-go/parser/gen/CEL.g4`, its lexer rules.

use super::Issue;

/// A token and where it begins.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token<'a> {
    pub(super) at: usize,
    pub(super) kind: TokenKind,
    /// As written.
    pub(super) text: &'a str,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    Int,
    Uint,
    Double,
    String,
    Bytes,
    True,
    False,
    Null,
    Ident,
    /// An identifier in backticks, which may be any field's name.
    Quoted,
    /// `==`, `(`, `in`, …
    Symbol(&'static str),
    End,
}

/// Symbols, longer ones first.
const SYMBOLS: &[&str] = &[
    "==", "!=", "<=", ">=", "&&", "||", "(", ")", "[", "]", "{", "}", ".", ",", "-", "!", "?", ":",
    "+", "*", "/", "%", "<", ">",
];

/// The tokens of a text, the last being the end; and what is no token.
pub(super) fn tokens(source: &str) -> (Vec<Token<'_>>, Vec<Issue>) {
    let (mut tokens, mut issues) = (Vec::new(), Vec::new());
    let mut at = 0;
    while let Some(first) = source[at..].chars().next() {
        let rest = &source[at..];
        if matches!(first, ' ' | '\t' | '\r' | '\n' | '\u{c}') {
            at += 1;
            continue;
        }
        if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        }
        match token(rest) {
            Ok((kind, length)) => {
                let text = &rest[..length];
                tokens.push(Token { at, kind, text });
                at += length;
            }
            Err(read) => {
                // What was read, and the character that did not go on from there, are skipped.
                let stopped = rest[read..].chars().next().map_or(0, char::len_utf8);
                let text = &rest[..read + stopped];
                let message = format!("Syntax error: token recognition error at: '{text}'");
                issues.push(Issue::new(at, message));
                at += text.len();
            }
        }
    }
    tokens.push(Token {
        at: source.len(),
        kind: TokenKind::End,
        text: "<EOF>",
    });
    (tokens, issues)
}

/// The token a text begins with and its length; or how much of one could be read.
fn token(rest: &str) -> Result<(TokenKind, usize), usize> {
    let bytes = rest.as_bytes();
    let is_digit = |index: usize| bytes.get(index).is_some_and(u8::is_ascii_digit);
    if is_digit(0) || (bytes[0] == b'.' && is_digit(1)) {
        return Ok(number(rest));
    }
    if let Some(found) = text(rest) {
        return found;
    }
    if bytes[0].is_ascii_alphabetic() || bytes[0] == b'_' {
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        let kind = match &rest[..end] {
            "true" => TokenKind::True,
            "false" => TokenKind::False,
            "null" => TokenKind::Null,
            "in" => TokenKind::Symbol("in"),
            _ => TokenKind::Ident,
        };
        return Ok((kind, end));
    }
    if bytes[0] == b'`' {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "_.-/ ".contains(c);
        let end = rest[1..]
            .find(|c| !is_part(c))
            .map_or(rest.len(), |at| at + 1);
        return if end > 1 && rest[end..].starts_with('`') {
            Ok((TokenKind::Quoted, end + 1))
        } else {
            Err(end)
        };
    }
    match SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
        Some(symbol) => Ok((TokenKind::Symbol(symbol), symbol.len())),
        None => Err(usize::from(matches!(bytes[0], b'=' | b'&' | b'|'))),
    }
}

fn number(rest: &str) -> (TokenKind, usize) {
    let bytes = rest.as_bytes();
    let is_unsigned = |end: usize| matches!(bytes.get(end), Some(b'u' | b'U'));
    let run = |from: usize, is_part: fn(&u8) -> bool| {
        from + bytes[from..]
            .iter()
            .take_while(|byte| is_part(byte))
            .count()
    };
    if rest.starts_with("0x") {
        let end = run(2, u8::is_ascii_hexdigit);
        if end > 2 {
            return if is_unsigned(end) {
                (TokenKind::Uint, end + 1)
            } else {
                (TokenKind::Int, end)
            };
        }
    }
    let whole = run(0, u8::is_ascii_digit);
    let mut end = whole;
    if bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
        end = run(end + 1, u8::is_ascii_digit);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let digits = (end + 1 + sign).min(bytes.len());
        let exponent = run(digits, u8::is_ascii_digit);
        if exponent > digits {
            end = exponent;
        }
    }
    if end > whole {
        (TokenKind::Double, end)
    } else if is_unsigned(end) {
        (TokenKind::Uint, end + 1)
    } else {
        (TokenKind::Int, end)
    }
}

/// A text or bytes literal with its prefix; `None` where there is none.
fn text(rest: &str) -> Option<Result<(TokenKind, usize), usize>> {
    let is = |index: usize, of: [u8; 2]| {
        rest.as_bytes()
            .get(index)
            .is_some_and(|byte| of.contains(byte))
    };
    let bytes = usize::from(is(0, [b'b', b'B']));
    let raw = usize::from(is(bytes, [b'r', b'R']));
    let open = bytes + raw;
    if !is(open, [b'\'', b'"']) {
        return None;
    }
    let kind = if bytes > 0 {
        TokenKind::Bytes
    } else {
        TokenKind::String
    };
    let quote = &rest[open..=open];
    let triple = quote.repeat(3);
    if rest[open..].starts_with(&triple)
        && let Ok(length) = end_of_text(&rest[open + 3..], &triple, raw > 0)
    {
        return Some(Ok((kind, open + 3 + length)));
    }
    Some(match end_of_text(&rest[open + 1..], quote, raw > 0) {
        Ok(length) => Ok((kind, open + 1 + length)),
        Err(read) => Err(open + 1 + read),
    })
}

/// Where a text ends, its closing quote included; or where it cannot go on.
fn end_of_text(body: &str, quote: &str, is_raw: bool) -> Result<usize, usize> {
    let mut at = 0;
    while let Some(c) = body[at..].chars().next() {
        let rest = &body[at..];
        if rest.starts_with(quote) {
            return Ok(at + quote.len());
        }
        if quote.len() == 1 && matches!(c, '\n' | '\r') {
            return Err(at);
        }
        if c == '\\' && !is_raw {
            at += escaped(rest).map_err(|read| at + read)?;
        } else {
            at += c.len_utf8();
        }
    }
    Err(at)
}

/// The length of an escape sequence with its backslash; or how much of one could be read.
fn escaped(rest: &str) -> Result<usize, usize> {
    let bytes = rest.as_bytes();
    let run = |from: usize, wanted: usize, is_digit: fn(&u8) -> bool| {
        let found = bytes[from..]
            .iter()
            .take(wanted)
            .take_while(|b| is_digit(b))
            .count();
        if found == wanted {
            Ok(from + wanted)
        } else {
            Err(from + found)
        }
    };
    match bytes.get(1) {
        Some(
            b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'"' | b'\'' | b'\\' | b'?' | b'`',
        ) => Ok(2),
        Some(b'x' | b'X') => run(2, 2, u8::is_ascii_hexdigit),
        Some(b'u') => run(2, 4, u8::is_ascii_hexdigit),
        Some(b'U') => run(2, 8, u8::is_ascii_hexdigit),
        Some(b'0'..=b'3') => run(2, 2, |byte| (b'0'..=b'7').contains(byte)),
        _ => Err(1),
    }
}
