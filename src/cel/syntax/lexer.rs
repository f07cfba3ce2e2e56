//! Text to tokens.

use super::{Issue, Literal};

/// A token and where it begins.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) at: usize,
    pub(super) kind: TokenKind,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TokenKind {
    Literal(Literal),
    Ident(String),
    /// An identifier in backticks, which may be any field's name.
    Quoted(String),
    /// `==`, `(`, …
    Symbol(&'static str),
    End,
}

/// Symbols, longer ones first.
const SYMBOLS: &[&str] = &[
    "==", "!=", "<=", ">=", "&&", "||", "[?", "(", ")", "[", "]", "{", "}", ".", ",", "-", "!",
    "?", ":", "+", "*", "/", "%", "<", ">",
];

/// The tokens of a text; the last is the end.
pub(super) fn tokens(source: &str) -> Result<Vec<Token>, Issue> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < source.len() {
        let rest = &source[at..];
        let first = rest.chars().next().unwrap_or(' ');
        if first.is_whitespace() {
            at += first.len_utf8();
        } else if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
        } else {
            let (kind, length) = token(rest).map_err(|message| Issue::new(at, message))?;
            tokens.push(Token { at, kind });
            at += length;
        }
    }
    tokens.push(Token {
        at: source.len(),
        kind: TokenKind::End,
    });
    Ok(tokens)
}

fn token(rest: &str) -> Result<(TokenKind, usize), String> {
    let bytes = rest.as_bytes();
    let is_digit = |index: usize| bytes.get(index).is_some_and(u8::is_ascii_digit);
    if is_digit(0) || (bytes[0] == b'.' && is_digit(1)) {
        return number(rest);
    }
    if let Some(found) = text(rest)? {
        return Ok(found);
    }
    if bytes[0].is_ascii_alphabetic() || bytes[0] == b'_' {
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        let word = &rest[..end];
        let kind = match word {
            "true" => TokenKind::Literal(Literal::Bool(true)),
            "false" => TokenKind::Literal(Literal::Bool(false)),
            "null" => TokenKind::Literal(Literal::Null),
            "in" => TokenKind::Symbol("in"),
            _ => TokenKind::Ident(word.to_owned()),
        };
        return Ok((kind, end));
    }
    if bytes[0] == b'`' {
        let end = rest[1..]
            .find('`')
            .ok_or("Syntax error: token recognition error")?;
        return Ok((TokenKind::Quoted(rest[1..=end].to_owned()), end + 2));
    }
    let symbol = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol));
    match symbol {
        Some(symbol) => Ok((TokenKind::Symbol(symbol), symbol.len())),
        None => Err(format!(
            "Syntax error: token recognition error at: '{}'",
            rest.chars().next().unwrap_or(' ')
        )),
    }
}

fn number(rest: &str) -> Result<(TokenKind, usize), String> {
    if let Some(hex) = rest.strip_prefix("0x") {
        let end = hex
            .find(|c: char| !c.is_ascii_hexdigit())
            .unwrap_or(hex.len());
        let is_unsigned = hex[end..].starts_with(['u', 'U']);
        let value = u64::from_str_radix(&hex[..end], 16).map_err(|_| "invalid int literal")?;
        return if is_unsigned {
            Ok((TokenKind::Literal(Literal::Uint(value)), end + 3))
        } else {
            let value = i64::try_from(value).map_err(|_| "invalid int literal")?;
            Ok((TokenKind::Literal(Literal::Int(value)), end + 2))
        };
    }
    let bytes = rest.as_bytes();
    let digits = |mut index: usize| {
        while bytes.get(index).is_some_and(u8::is_ascii_digit) {
            index += 1;
        }
        index
    };
    let whole = digits(0);
    let mut end = whole;
    if bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
        end = digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + sign);
        if exponent > end + 1 + sign {
            end = exponent;
        }
    }
    let text = &rest[..end];
    if end > whole {
        let value = text.parse().map_err(|_| "invalid double literal")?;
        return Ok((TokenKind::Literal(Literal::Double(value)), end));
    }
    if rest[end..].starts_with(['u', 'U']) {
        let value = text.parse().map_err(|_| "invalid uint literal")?;
        return Ok((TokenKind::Literal(Literal::Uint(value)), end + 1));
    }
    // The most negative number is read as the negation of one that does not fit.
    let value: u64 = text.parse().map_err(|_| "invalid int literal")?;
    Ok((TokenKind::Literal(Literal::Int(value as i64)), end))
}

/// A text or bytes literal with its prefix; `None` where there is none.
fn text(rest: &str) -> Result<Option<(TokenKind, usize)>, String> {
    let prefix: usize = rest
        .bytes()
        .take_while(|byte| matches!(byte, b'r' | b'R' | b'b' | b'B'))
        .count();
    let (flags, quoted) = rest.split_at(prefix);
    if prefix > 2 || !quoted.starts_with(['\'', '"']) {
        return Ok(None);
    }
    let is_raw = flags.contains(['r', 'R']);
    let is_bytes = flags.contains(['b', 'B']);
    let quote = if quoted.starts_with("\"\"\"") || quoted.starts_with("'''") {
        &quoted[..3]
    } else {
        &quoted[..1]
    };
    let body = &quoted[quote.len()..];
    let end = end_of_text(body, quote, is_raw)
        .ok_or_else(|| format!("Syntax error: token recognition error at: '{quoted}'"))?;
    let length = prefix + quote.len() * 2 + end;
    let body = &body[..end];
    let bytes = if is_raw {
        body.as_bytes().to_vec()
    } else {
        unescape(body, is_bytes)?
    };
    let literal = if is_bytes {
        Literal::Bytes(bytes)
    } else {
        Literal::String(String::from_utf8_lossy(&bytes).into_owned())
    };
    Ok(Some((TokenKind::Literal(literal), length)))
}

fn end_of_text(body: &str, quote: &str, is_raw: bool) -> Option<usize> {
    let mut index = 0;
    while index < body.len() {
        let rest = &body[index..];
        if rest.starts_with(quote) {
            return Some(index);
        }
        let c = rest.chars().next()?;
        if c == '\\' && !is_raw {
            index += 1 + rest[1..].chars().next()?.len_utf8();
        } else {
            index += c.len_utf8();
        }
    }
    None
}

fn unescape(body: &str, is_bytes: bool) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let mut rest = body;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c != '\\' {
            out.extend(c.to_string().bytes());
            continue;
        }
        let kind = rest.chars().next().ok_or("unterminated escape")?;
        rest = &rest[kind.len_utf8()..];
        let simple = match kind {
            'a' => Some(7),
            'b' => Some(8),
            'f' => Some(12),
            'n' => Some(b'\n'),
            'r' => Some(b'\r'),
            't' => Some(b'\t'),
            'v' => Some(11),
            '\\' | '\'' | '"' | '`' | '?' => Some(kind as u8),
            _ => None,
        };
        if let Some(byte) = simple {
            out.push(byte);
            continue;
        }
        let (digits, radix) = match kind {
            'x' | 'X' => (2, 16),
            'u' => (4, 16),
            'U' => (8, 16),
            '0'..='3' => (2, 8),
            _ => return Err(format!("invalid escape sequence \\{kind}")),
        };
        let text = rest.get(..digits).ok_or("unterminated escape")?;
        rest = &rest[digits..];
        let text = if radix == 8 {
            format!("{kind}{text}")
        } else {
            text.to_owned()
        };
        let code = u32::from_str_radix(&text, radix).map_err(|_| "invalid escape")?;
        if is_bytes && digits <= 2 {
            out.push(code as u8);
        } else {
            let c = char::from_u32(code).ok_or("invalid unicode code point")?;
            out.extend(c.to_string().bytes());
        }
    }
    Ok(out)
}
