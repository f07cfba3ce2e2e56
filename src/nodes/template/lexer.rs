//! Text and actions, and the tokens of an action.
//!
//! *Upstream:* `text/template/parse/lex.go`.

use serde_json::{Number, Value};

use super::{Refusal, Result};

/// A piece of a template.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    /// What is written as it stands.
    Text(String),
    /// What stands between braces.
    Action(Vec<Token>),
}

/// A token, and whether nothing stands between it and the one before.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) is_glued: bool,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// A keyword or the name of a function.
    Word(String),
    /// `.name`
    Field(String),
    /// `$name`; `$` is the empty name.
    Variable(String),
    /// `.`
    Dot,
    /// A string, number or truth.
    Literal(Value),
    /// `|`, `(`, `)`, `,`, `:=`, `=`
    Sign(&'static str),
}

/// Cuts a template into pieces. Where an action asks for it, space around it is left out.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let mut is_trimmed = false;
    loop {
        let (before, action) = match rest.split_once("{{") {
            Some((before, action)) => (before, Some(action)),
            None => (rest, None),
        };
        let trims_before = action.is_some_and(|action| {
            action.starts_with('-') && action[1..].starts_with(char::is_whitespace)
        });
        let mut before = before;
        if is_trimmed {
            before = before.trim_start();
        }
        if trims_before {
            before = before.trim_end();
        }
        if !before.is_empty() {
            pieces.push(Piece::Text(before.to_owned()));
        }
        let Some(action) = action else {
            return Ok(pieces);
        };
        let action = if trims_before { &action[1..] } else { action };
        let (inside, after) = close(action)?;
        is_trimmed = inside.ends_with('-')
            && (inside[..inside.len() - 1].ends_with(char::is_whitespace) || is_comment(inside));
        let inside = if is_trimmed {
            &inside[..inside.len() - 1]
        } else {
            inside
        };
        if !is_comment(inside) {
            pieces.push(Piece::Action(tokens(inside)?));
        }
        rest = after;
    }
}

fn is_comment(inside: &str) -> bool {
    inside.trim_start().starts_with("/*")
}

/// What stands before and behind the braces that close an action.
fn close(action: &str) -> Result<(&str, &str)> {
    let unclosed = || Refusal::new("unclosed action");
    if is_comment(action) {
        let end = action.find("*/").ok_or_else(unclosed)?;
        let close = action[end..].find("}}").ok_or_else(unclosed)? + end;
        return Ok((&action[..close], &action[close + 2..]));
    }
    let mut quote = None;
    let mut characters = action.char_indices();
    while let Some((at, character)) = characters.next() {
        match (quote, character) {
            (Some('"' | '\''), '\\') => {
                characters.next();
            }
            (Some(open), _) if open == character => quote = None,
            (None, '"' | '\'' | '`') => quote = Some(character),
            (None, '}') if action[at..].starts_with("}}") => {
                return Ok((&action[..at], &action[at + 2..]));
            }
            _ => {}
        }
    }
    Err(unclosed())
}

fn is_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Cuts an action into tokens.
fn tokens(text: &str) -> Result<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        let trimmed = rest.trim_start();
        let is_glued = trimmed.len() == rest.len();
        rest = trimmed;
        let Some(first) = rest.chars().next() else {
            return Ok(tokens);
        };
        let (kind, length) = token(rest, first)?;
        tokens.push(Token { kind, is_glued });
        rest = &rest[length..];
    }
}

fn token(rest: &str, first: char) -> Result<(Kind, usize)> {
    let name = |from: usize| {
        let length = rest[from..].find(|one| !is_name(one));
        let end = length.map_or(rest.len(), |length| from + length);
        (rest[from..end].to_owned(), end)
    };
    for sign in [":=", "=", "|", "(", ")", ","] {
        if rest.starts_with(sign) {
            return Ok((Kind::Sign(sign), sign.len()));
        }
    }
    let second = rest[first.len_utf8()..].chars().next();
    match first {
        '"' | '\'' | '`' => quoted(rest, first),
        '$' => {
            let (name, end) = name(1);
            Ok((Kind::Variable(name), end))
        }
        '.' if second.is_some_and(|one| one.is_ascii_digit()) => number(rest),
        '.' if second.is_some_and(is_name) => {
            let (name, end) = name(1);
            Ok((Kind::Field(name), end))
        }
        '.' => Ok((Kind::Dot, 1)),
        '0'..='9' | '+' | '-' => number(rest),
        _ if is_name(first) => {
            let (word, end) = name(0);
            let kind = match word.as_str() {
                "true" => Kind::Literal(true.into()),
                "false" => Kind::Literal(false.into()),
                "nil" => Kind::Literal(Value::Null),
                _ => Kind::Word(word),
            };
            Ok((kind, end))
        }
        _ => Err(Refusal::new(format!(
            "unexpected {first:?} in an action: {rest}"
        ))),
    }
}

fn number(rest: &str) -> Result<(Kind, usize)> {
    let belongs = |(at, one): (usize, char)| {
        one.is_ascii_alphanumeric()
            || matches!(one, '.' | '_')
            || (matches!(one, '+' | '-') && (at == 0 || rest[..at].ends_with(['e', 'E'])))
    };
    let end = rest.char_indices().find(|one| !belongs(*one));
    let end = end.map_or(rest.len(), |(at, _)| at);
    let text = rest[..end].replace('_', "");
    let value = super::value::integer(&text).map(Value::from).or_else(|| {
        let float = text.parse().ok().and_then(Number::from_f64);
        float.map(Value::Number)
    });
    let value =
        value.ok_or_else(|| Refusal::new(format!("bad number syntax: {:?}", &rest[..end])))?;
    Ok((Kind::Literal(value), end))
}

/// A string or a character, as Go quotes it.
fn quoted(rest: &str, quote: char) -> Result<(Kind, usize)> {
    let unclosed = || Refusal::new("unterminated quoted string");
    if quote == '`' {
        let end = rest[1..].find('`').ok_or_else(unclosed)?;
        return Ok((Kind::Literal(rest[1..=end].into()), end + 2));
    }
    let mut text = String::new();
    let mut characters = rest.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        if character == quote {
            let value = if quote == '\'' {
                text.chars()
                    .next()
                    .map_or(Value::Null, |one| u32::from(one).into())
            } else {
                text.into()
            };
            return Ok((Kind::Literal(value), at + 1));
        }
        if character != '\\' {
            text.push(character);
            continue;
        }
        let (_, escape) = characters.next().ok_or_else(unclosed)?;
        let mut code = |digits: usize| {
            let hex: String = characters
                .by_ref()
                .take(digits)
                .map(|(_, one)| one)
                .collect();
            u32::from_str_radix(&hex, 16).ok().and_then(char::from_u32)
        };
        let character = match escape {
            'n' => Some('\n'),
            't' => Some('\t'),
            'r' => Some('\r'),
            'x' => code(2),
            'u' => code(4),
            'U' => code(8),
            other => Some(other),
        };
        text.push(character.ok_or_else(|| Refusal::new("invalid escape in a string"))?);
    }
    Err(unclosed())
}
