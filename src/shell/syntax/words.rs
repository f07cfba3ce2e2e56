//! Words: quotes, parameters and substitutions in them.

use std::sync::Arc;

use super::reader::{Outcome, Reader, Trouble};
use super::{Operation, Parameter, Part, Word};

const UNTERMINATED: &str = "Unterminated quoted string";

/// Gathers parts, joining text that means the same.
#[derive(Default)]
struct Parts(Word);

impl Parts {
    fn plain(&mut self, c: char) {
        if let Some(Part::Plain(text)) = self.0.last_mut() {
            text.push(c);
        } else {
            self.0.push(Part::Plain(c.to_string()));
        }
    }

    fn quoted(&mut self, c: char) {
        if let Some(Part::Quoted(text)) = self.0.last_mut() {
            text.push(c);
        } else {
            self.0.push(Part::Quoted(c.to_string()));
        }
    }
}

impl Reader {
    /// The word that stands here, if one does.
    pub(super) fn word(&mut self) -> Outcome<Option<Word>> {
        let start = self.at;
        let word = self.parts(&|reader: &Reader| {
            reader.peek().is_none_or(|c| !super::commands::continues(c))
        })?;
        Ok((self.at > start).then_some(word))
    }

    /// Text up to one of these, which is passed over; blanks belong to it.
    pub(super) fn word_until(&mut self, ends: &[&str]) -> Outcome<Word> {
        let word = self.parts(&|reader: &Reader| ends.iter().any(|end| reader.starts_with(end)))?;
        for end in ends {
            if self.take(end) {
                return Ok(word);
            }
        }
        Err(Trouble::Incomplete("Missing '}'"))
    }

    fn parts(&mut self, ended: &dyn Fn(&Reader) -> bool) -> Outcome<Word> {
        self.deeper()?;
        let mut parts = Parts::default();
        while !ended(self) {
            let Some(c) = self.next() else { break };
            match c {
                '\'' if !self.double => {
                    let text = self.single_quoted()?;
                    parts.0.push(Part::Quoted(text));
                }
                '\\' if self.double
                    && !matches!(self.peek(), Some('$' | '`' | '"' | '\\' | '}' | '\n')) =>
                {
                    parts.quoted('\\');
                }
                '"' => {
                    let inner = self.double_quoted()?;
                    parts.0.push(Part::Double(inner));
                }
                '\\' => match self.next() {
                    Some('\n') => {}
                    Some(c) => parts.quoted(c),
                    None => parts.quoted('\\'),
                },
                '$' if self.peek() == Some('\'') => {
                    self.next();
                    let text = self.ansi_quoted()?;
                    parts.0.push(Part::Quoted(text));
                }
                '$' if self.peek() == Some('"') => {}
                '$' => match self.dollar()? {
                    Some(part) => parts.0.push(part),
                    None => parts.plain('$'),
                },
                '`' => {
                    let part = self.backquoted(false)?;
                    parts.0.push(part);
                }
                c => parts.plain(c),
            }
        }
        self.shallower();
        Ok(parts.0)
    }

    fn single_quoted(&mut self) -> Outcome<String> {
        let mut text = String::new();
        loop {
            match self.next() {
                None => return Err(Trouble::Incomplete(UNTERMINATED)),
                Some('\'') => return Ok(text),
                Some(c) => text.push(c),
            }
        }
    }

    fn ansi_quoted(&mut self) -> Outcome<String> {
        let mut raw = String::new();
        loop {
            match self.next() {
                None => return Err(Trouble::Incomplete(UNTERMINATED)),
                Some('\'') => break,
                Some('\\') => {
                    raw.push('\\');
                    match self.next() {
                        Some('\'') => {
                            raw.pop();
                            raw.push('\'');
                        }
                        Some(c) => raw.push(c),
                        None => return Err(Trouble::Incomplete(UNTERMINATED)),
                    }
                }
                Some(c) => raw.push(c),
            }
        }
        let bytes = crate::shell::tools::escapes(&raw).0;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn double_quoted(&mut self) -> Outcome<Word> {
        let outer = std::mem::replace(&mut self.double, true);
        let word = self.quoted_parts(Some('"'));
        self.double = outer;
        word
    }

    /// Text in which only `$`, `` ` `` and `\` mean something, up to a quote or the end.
    pub(super) fn quoted_parts(&mut self, end: Option<char>) -> Outcome<Word> {
        self.deeper()?;
        let mut parts = Parts::default();
        loop {
            let Some(c) = self.next() else {
                if end.is_some() {
                    return Err(Trouble::Incomplete(UNTERMINATED));
                }
                break;
            };
            match c {
                c if Some(c) == end => break,
                '\\' => match self.peek() {
                    Some('\n') => {
                        self.next();
                    }
                    Some(c @ ('$' | '`' | '\\')) => {
                        self.next();
                        parts.quoted(c);
                    }
                    Some('"') if end.is_some() => {
                        self.next();
                        parts.quoted('"');
                    }
                    _ => parts.quoted('\\'),
                },
                '$' => match self.dollar()? {
                    Some(part) => parts.0.push(part),
                    None => parts.quoted('$'),
                },
                '`' => {
                    let part = self.backquoted(end.is_some())?;
                    parts.0.push(part);
                }
                c => parts.quoted(c),
            }
        }
        self.shallower();
        Ok(parts.0)
    }

    /// What follows a `$`; nothing where it stands for itself.
    fn dollar(&mut self) -> Outcome<Option<Part>> {
        let Some(c) = self.peek() else {
            return Ok(None);
        };
        if self.starts_with("((") {
            let start = (self.at, self.line);
            self.take("((");
            if let Some(word) = self.arithmetic_body()? {
                return Ok(Some(Part::Arithmetic(word)));
            }
            (self.at, self.line) = start;
        }
        if self.take("(") {
            let outer = std::mem::replace(&mut self.double, false);
            let script = self.list(&[])?;
            self.double = outer;
            if !self.take(")") {
                return self.unexpected();
            }
            return Ok(Some(Part::Substitution(Arc::new(script))));
        }
        if self.take("{") {
            return self.braced().map(Some);
        }
        let mut name = String::new();
        if c.is_ascii_digit() || matches!(c, '@' | '*' | '#' | '?' | '-' | '$' | '!') {
            self.next();
            name.push(c);
        } else {
            while let Some(c) = self.peek() {
                if c != '_' && !c.is_ascii_alphanumeric() {
                    break;
                }
                self.next();
                name.push(c);
            }
        }
        if name.is_empty() {
            return Ok(None);
        }
        Ok(Some(Part::Parameter(Box::new(Parameter {
            name,
            indirect: false,
            operation: Operation::Value,
        }))))
    }

    /// Up to the `))` that closes; nothing where it turns out to be no arithmetic.
    pub(super) fn arithmetic_body(&mut self) -> Outcome<Option<Word>> {
        let mut depth = 0;
        let mut ahead = 0;
        loop {
            match self.peek_at(ahead) {
                None => return Err(Trouble::Incomplete("Missing '))'")),
                Some('(') => depth += 1,
                Some(')') if depth > 0 => depth -= 1,
                Some(')') if self.peek_at(ahead + 1) == Some(')') => break,
                Some(')') => return Ok(None),
                Some(_) => {}
            }
            ahead += 1;
        }
        let end = self.at + ahead;
        let body: String = self.text[self.at..end].iter().collect();
        self.at = end + 2;
        let word = Reader::new(&body, self.line).quoted_parts(None)?;
        Ok(Some(word))
    }

    fn backquoted(&mut self, in_quotes: bool) -> Outcome<Part> {
        let mut text = String::new();
        loop {
            match self.next() {
                None => return Err(Trouble::Incomplete("EOF in backquote substitution")),
                Some('`') => break,
                Some('\\') => match self.next() {
                    Some(c @ ('$' | '`' | '\\')) => text.push(c),
                    Some('"') if in_quotes => text.push('"'),
                    Some(c) => {
                        text.push('\\');
                        text.push(c);
                    }
                    None => return Err(Trouble::Incomplete(UNTERMINATED)),
                },
                Some(c) => text.push(c),
            }
        }
        self.deeper()?;
        text.push(')');
        let mut inner = Reader::new(&text, self.line);
        let script = inner.list(&[])?;
        self.shallower();
        Ok(Part::Substitution(Arc::new(script)))
    }

    fn braced(&mut self) -> Outcome<Part> {
        let length = self.peek() == Some('#') && !matches!(self.peek_at(1), Some('}' | ':' | '-'));
        if length {
            self.next();
        }
        let indirect = !length && self.peek() == Some('!') && self.peek_at(1) != Some('}');
        if indirect {
            self.next();
        }
        let mut name = String::new();
        while let Some(c) = self.peek() {
            if c == '_' || c.is_ascii_alphanumeric() {
                name.push(c);
                self.next();
            } else {
                break;
            }
        }
        if name.is_empty() {
            match self.next() {
                Some(c @ ('@' | '*' | '#' | '?' | '-' | '$' | '!')) => name.push(c),
                None => return Err(Trouble::Incomplete("Missing '}'")),
                Some(_) => {
                    return Err(Trouble::Unexpected(
                        self.line,
                        "Bad substitution".to_owned(),
                    ));
                }
            }
        }
        let operation = if length {
            if !self.take("}") {
                return Err(Trouble::Unexpected(
                    self.line,
                    "Bad substitution".to_owned(),
                ));
            }
            Operation::Length
        } else {
            self.operation()?
        };
        Ok(Part::Parameter(Box::new(Parameter {
            name,
            indirect,
            operation,
        })))
    }

    fn operation(&mut self) -> Outcome<Operation> {
        let Some(c) = self.next() else {
            return Err(Trouble::Incomplete("Missing '}'"));
        };
        Ok(match c {
            '}' => Operation::Value,
            ':' if matches!(self.peek(), Some('-' | '=' | '?' | '+')) => {
                let kind = self.next().unwrap_or('-');
                Operation::Unset(kind, true, self.word_until(&["}"])?)
            }
            ':' => {
                let offset = self.parts(&|r: &Reader| matches!(r.peek(), Some(':' | '}')))?;
                let length = if self.take(":") {
                    Some(self.word_until(&["}"])?)
                } else {
                    self.take("}");
                    None
                };
                Operation::Slice(offset, length)
            }
            '-' | '=' | '?' | '+' => Operation::Unset(c, false, self.word_until(&["}"])?),
            '#' | '%' => {
                let long = self.peek() == Some(c);
                if long {
                    self.next();
                }
                Operation::Trim(c, long, self.word_until(&["}"])?)
            }
            '/' => {
                let all = self.take("/");
                let anchor = match self.peek() {
                    Some(c @ ('#' | '%')) if !all => {
                        self.next();
                        Some(c)
                    }
                    _ => None,
                };
                let pattern = self.parts(&|r: &Reader| matches!(r.peek(), Some('/' | '}')))?;
                let with = if self.take("/") {
                    self.word_until(&["}"])?
                } else {
                    self.take("}");
                    Word::new()
                };
                Operation::Replace {
                    all,
                    anchor,
                    pattern,
                    with,
                }
            }
            '^' | ',' => {
                let all = self.peek() == Some(c);
                if all {
                    self.next();
                }
                if !self.take("}") {
                    return self.unexpected();
                }
                Operation::Case(c, all)
            }
            _ => {
                return Err(Trouble::Unexpected(
                    self.line,
                    "Bad substitution".to_owned(),
                ));
            }
        })
    }
}
