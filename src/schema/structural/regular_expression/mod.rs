//! Regular expressions in Go's syntax, for a library that reads nearly the same.
//!
//! Go's `\d`, `\w`, `\s` and `\b` know ASCII only, a `[` inside a class and a `{` that counts
//! nothing stand for themselves.
//!
//! *Upstream:* `regexp/syntax`.

mod go_syntax;

use std::iter::Peekable;
use std::str::Chars;

use regex::{Regex, RegexBuilder};
use regex_syntax::ast::parse::ParserBuilder;
use regex_syntax::ast::{Ast, ErrorKind, RepetitionKind, RepetitionRange};

use self::go_syntax::Wrong;

/// How deep groups may nest.
const NESTING_MAX: u32 = 1000;
/// How often a part may be repeated.
const REPEATED_MAX: u32 = 1000;

/// Compiles a pattern written for Go.
pub fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(&translate(pattern))
        .size_limit(64 << 20)
        .build()
}

/// Why a pattern is none, in Go's words; it is read only, which costs little.
pub fn check(pattern: &str) -> Result<(), String> {
    if pattern.is_empty() {
        return Ok(());
    }
    let said = |why: Wrong| format!("error parsing regexp: {why}");
    go_syntax::check(pattern).map_err(said)?;
    let translated = translate(pattern);
    let parsed = ParserBuilder::new()
        .nest_limit(NESTING_MAX)
        .build()
        .parse(&translated);
    let ast = parsed.map_err(|error| {
        said(match error.kind() {
            ErrorKind::NestLimitExceeded(_) => Wrong("expression nests too deeply", pattern),
            ErrorKind::GroupNameDuplicate { .. } => {
                let span = error.span();
                let name = &translated[span.start.offset..span.end.offset];
                Wrong("duplicate capture group name", name)
            }
            _ => Wrong("invalid or unsupported Perl syntax", pattern),
        })
    })?;
    repetitions(&ast, &translated).map_err(said)?;
    if pattern.contains("\\p") || pattern.contains("\\P") {
        let named = regex_syntax::parse(&translated);
        if let Err(regex_syntax::Error::Translate(error)) = named {
            let span = error.span();
            let class = &translated[span.start.offset..span.end.offset];
            return Err(said(Wrong("invalid character class range", class)));
        }
    }
    Ok(())
}

/// Counted repetitions inside of counted repetitions must not come to too many.
fn repetitions<'t>(ast: &Ast, text: &'t str) -> Result<(), Wrong<'t>> {
    match ast {
        Ast::Group(group) => repetitions(&group.ast, text),
        Ast::Concat(concat) => concat
            .asts
            .iter()
            .try_for_each(|ast| repetitions(ast, text)),
        Ast::Alternation(either) => either
            .asts
            .iter()
            .try_for_each(|ast| repetitions(ast, text)),
        Ast::Repetition(repetition) => {
            repetitions(&repetition.ast, text)?;
            if fits(ast, REPEATED_MAX) {
                return Ok(());
            }
            let span = &repetition.op.span;
            let part = &text[span.start.offset..span.end.offset];
            Err(Wrong("invalid repeat count", part))
        }
        _ => Ok(()),
    }
}

/// Whether a pattern repeats its parts no more often than this.
fn fits(ast: &Ast, max: u32) -> bool {
    match ast {
        Ast::Group(group) => fits(&group.ast, max),
        Ast::Concat(concat) => concat.asts.iter().all(|ast| fits(ast, max)),
        Ast::Alternation(either) => either.asts.iter().all(|ast| fits(ast, max)),
        Ast::Repetition(repetition) => {
            let times = match &repetition.op.kind {
                RepetitionKind::Range(
                    RepetitionRange::Exactly(times)
                    | RepetitionRange::AtLeast(times)
                    | RepetitionRange::Bounded(_, times),
                ) => *times,
                _ => 1,
            };
            times <= max && fits(&repetition.ast, max / times.max(1))
        }
        _ => true,
    }
}

/// The same pattern as the library reads it.
fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => escape(&mut chars, &mut out, false),
            '[' => class(&mut chars, &mut out),
            '{' if !is_repetition(&chars) => out.push_str("\\{"),
            '(' => group(&mut chars, &mut out),
            _ => out.push(c),
        }
    }
    out
}

/// `(?P<name>` and `(?<name>` are read by both; nothing else needs a change.
fn group(chars: &mut Peekable<Chars>, out: &mut String) {
    out.push('(');
    if chars.peek() == Some(&'?') {
        out.push('?');
        chars.next();
    }
}

fn escape(chars: &mut Peekable<Chars>, out: &mut String, is_in_class: bool) {
    let Some(c) = chars.next() else {
        out.push('\\');
        return;
    };
    let (open, close) = if is_in_class { ("", "") } else { ("[", "]") };
    match c {
        'd' => out.extend([open, "0-9", close]),
        'w' => out.extend([open, "0-9A-Za-z_", close]),
        's' => out.extend([open, "\\t\\n\\f\\r ", close]),
        'D' => out.push_str("[^0-9]"),
        'W' => out.push_str("[^0-9A-Za-z_]"),
        'S' => out.push_str("[^\\t\\n\\f\\r ]"),
        'b' if !is_in_class => out.push_str("(?-u:\\b)"),
        'Q' => quoted(chars, out),
        'p' | 'P' => {
            out.push('\\');
            out.push(c);
            // The braces around a name count nothing.
            if chars.peek() == Some(&'{') {
                for c in chars.by_ref() {
                    out.push(c);
                    if c == '}' {
                        break;
                    }
                }
            }
        }
        _ => {
            out.push('\\');
            out.push(c);
        }
    }
}

/// `\Q…\E`: what is between stands for itself.
fn quoted(chars: &mut Peekable<Chars>, out: &mut String) {
    let rest: String = chars.clone().collect();
    let literal = rest.split("\\E").next().unwrap_or(&rest);
    out.push_str(&regex::escape(literal));
    let has_end = literal.len() < rest.len();
    let skipped = literal.chars().count() + if has_end { 2 } else { 0 };
    for _ in 0..skipped {
        chars.next();
    }
}

fn class(chars: &mut Peekable<Chars>, out: &mut String) {
    out.push('[');
    if chars.peek() == Some(&'^') {
        out.push('^');
        chars.next();
    }
    // A bracket that comes first is one of the characters.
    if chars.peek() == Some(&']') {
        out.push_str("\\]");
        chars.next();
    }
    while let Some(c) = chars.next() {
        match c {
            ']' => {
                out.push(']');
                return;
            }
            '\\' => escape(chars, out, true),
            '[' if chars.peek() == Some(&':') => {
                out.push('[');
                for c in chars.by_ref() {
                    out.push(c);
                    if c == ']' {
                        break;
                    }
                }
            }
            '[' | '&' | '~' => {
                out.push('\\');
                out.push(c);
            }
            '-' if chars.peek() == Some(&'-') => out.push_str("\\-"),
            _ => out.push(c),
        }
    }
}

/// Whether what follows a `{` makes it a repetition.
fn is_repetition(chars: &Peekable<Chars>) -> bool {
    let inside: String = chars.clone().take_while(|c| *c != '}').collect();
    let is_closed = chars.clone().any(|c| c == '}');
    let mut parts = inside.splitn(2, ',');
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let has_min = parts.next().is_some_and(is_number);
    let has_max = parts
        .next()
        .is_none_or(|max| max.is_empty() || is_number(max));
    is_closed && has_min && has_max
}
