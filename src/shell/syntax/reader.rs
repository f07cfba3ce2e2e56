//! Reads a script, character by character, in one pass.

use std::sync::{Arc, OnceLock};

use super::{Item, Join, Pipeline, Script, Word};

/// How deep constructs may be nested.
const DEPTH_MAX: usize = 60;

/// Why a script cannot be read.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It stops in the middle of something; `None` stands for the end of file.
    Incomplete(&'static str),
    /// It has something where nothing such may be.
    Unexpected(usize, String),
}

pub(super) type Outcome<T> = Result<T, Trouble>;

pub(super) struct Document {
    pub(super) body: Arc<OnceLock<Word>>,
    pub(super) end: String,
    pub(super) quoted: bool,
    pub(super) strip: bool,
}

pub(crate) struct Reader {
    pub(super) text: Vec<char>,
    pub(super) at: usize,
    pub(super) line: usize,
    pub(super) documents: Vec<Document>,
    /// Whether what is read stands in double quotes.
    pub(super) double: bool,
    depth: usize,
}

pub(super) fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars
        .next()
        .is_some_and(|first| first == '_' || first.is_ascii_alphabetic())
        && chars.all(|c| c == '_' || c.is_ascii_alphanumeric())
}

pub(super) const fn ends_word(c: char) -> bool {
    matches!(
        c,
        ' ' | '\t' | '\n' | '\r' | ';' | '&' | '|' | '<' | '>' | '(' | ')'
    )
}

impl Reader {
    pub(crate) fn new(text: &str, line: usize) -> Self {
        Self {
            text: text.chars().collect(),
            at: 0,
            line,
            documents: Vec::new(),
            double: false,
            depth: 0,
        }
    }

    pub(super) fn deeper(&mut self) -> Outcome<()> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Trouble::Unexpected(
                self.line,
                "nested too deeply".to_owned(),
            ));
        }
        Ok(())
    }

    pub(super) fn shallower(&mut self) {
        self.depth -= 1;
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    pub(super) fn peek_at(&self, ahead: usize) -> Option<char> {
        self.text.get(self.at + ahead).copied()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        if c == '\n' {
            self.line += 1;
        }
        Some(c)
    }

    pub(super) fn starts_with(&self, text: &str) -> bool {
        text.chars()
            .enumerate()
            .all(|(ahead, c)| self.peek_at(ahead) == Some(c))
    }

    pub(super) fn take(&mut self, text: &str) -> bool {
        let found = self.starts_with(text);
        if found {
            for _ in text.chars() {
                self.next();
            }
        }
        found
    }

    /// Passes over blanks, joined lines and comments, not over the end of a line.
    pub(super) fn blanks(&mut self) {
        loop {
            match self.peek() {
                Some(' ' | '\t' | '\r') => {
                    self.next();
                }
                Some('\\') if self.peek_at(1) == Some('\n') => {
                    self.next();
                    self.next();
                }
                Some('#') => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.next();
                    }
                }
                _ => return,
            }
        }
    }

    /// Passes over ends of lines too, and over the documents that begin after them.
    pub(super) fn newlines(&mut self) -> Outcome<()> {
        loop {
            self.blanks();
            if self.peek() != Some('\n') {
                return Ok(());
            }
            self.end_line()?;
        }
    }

    pub(super) fn end_line(&mut self) -> Outcome<()> {
        if self.peek() == Some('\n') {
            self.next();
        }
        self.read_documents()
    }

    pub(super) fn unexpected<T>(&self) -> Outcome<T> {
        let what = match self.peek() {
            None => return Err(Trouble::Incomplete("end of file unexpected")),
            Some('\n') => "newline".to_owned(),
            Some(c) if ends_word(c) => {
                let doubled = matches!(c, ';' | '&' | '|') && self.peek_at(1) == Some(c);
                let text = if doubled {
                    format!("{c}{c}")
                } else {
                    c.to_string()
                };
                format!("\"{text}\"")
            }
            Some(_) => format!("\"{}\"", self.bare_word()),
        };
        Err(Trouble::Unexpected(self.line, format!("{what} unexpected")))
    }

    /// The unquoted word that stands here, without taking it.
    pub(super) fn bare_word(&self) -> String {
        self.text[self.at..]
            .iter()
            .take_while(|c| !ends_word(**c))
            .collect()
    }

    /// Whether a reserved word stands here.
    pub(super) fn at_word(&self, word: &str) -> bool {
        self.starts_with(word) && self.peek_at(word.chars().count()).is_none_or(ends_word)
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        self.at_word(word) && self.take(word)
    }

    /// Reads the next complete line of commands; none at the end.
    pub(crate) fn line(&mut self) -> Outcome<Option<Script>> {
        self.newlines()?;
        if self.peek().is_none() {
            return Ok(None);
        }
        let mut script = Script::default();
        loop {
            script.items.push(Arc::new(self.item()?));
            self.blanks();
            match self.peek() {
                None => break,
                Some('\n') => {
                    self.end_line()?;
                    break;
                }
                Some(')' | ';' | '&' | '|') => return self.unexpected(),
                Some(_) => {}
            }
        }
        if !self.documents.is_empty() {
            self.read_documents()?;
        }
        Ok(Some(script))
    }

    /// Commands up to one of these words, or up to `)` where there are none.
    pub(super) fn list(&mut self, ends: &[&str]) -> Outcome<Script> {
        self.deeper()?;
        let mut script = Script::default();
        loop {
            self.newlines()?;
            let ended = ends.iter().any(|end| {
                if *end == ";;" || *end == ";&" {
                    self.starts_with(end)
                } else {
                    self.at_word(end)
                }
            });
            if ended || self.peek() == Some(')') {
                break;
            }
            if self.peek().is_none() {
                return Err(Trouble::Incomplete("end of file unexpected"));
            }
            script.items.push(Arc::new(self.item()?));
        }
        self.shallower();
        Ok(script)
    }

    fn item(&mut self) -> Outcome<Item> {
        let start = self.at;
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        loop {
            self.blanks();
            let join = if self.take("&&") {
                Join::And
            } else if self.take("||") {
                Join::Or
            } else {
                break;
            };
            self.newlines()?;
            rest.push((join, self.pipeline()?));
        }
        let text = self.text[start..self.at].iter().collect();
        let mut background = false;
        if self.peek() == Some('&') && self.peek_at(1) != Some('&') {
            self.next();
            background = true;
        } else if self.peek() == Some(';') && !matches!(self.peek_at(1), Some(';' | '&')) {
            self.next();
        }
        Ok(Item {
            first,
            rest,
            background,
            text,
        })
    }

    fn pipeline(&mut self) -> Outcome<Pipeline> {
        self.blanks();
        let mut negated = false;
        while self.take_word("!") {
            negated = !negated;
            self.blanks();
        }
        let mut commands = vec![Arc::new(self.command()?)];
        loop {
            self.blanks();
            if self.peek() != Some('|') || self.peek_at(1) == Some('|') {
                break;
            }
            self.next();
            self.take("&");
            self.newlines()?;
            commands.push(Arc::new(self.command()?));
        }
        Ok(Pipeline { negated, commands })
    }
}
