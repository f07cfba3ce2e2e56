//! Commands: simple ones, and those that hold others.

use std::sync::{Arc, OnceLock};

use super::reader::{Document, Outcome, Reader, ends_word, is_name};
use super::{Arm, Assign, Command, Kind, Part, Redirect, RedirectKind, Script, Word};

const RESERVED: &[&str] = &[
    "then", "else", "elif", "fi", "do", "done", "esac", "}", "]]",
];

impl Reader {
    pub(super) fn command(&mut self) -> Outcome<Command> {
        self.deeper()?;
        self.blanks();
        let line = self.line;
        let Some(kind) = self.compound()? else {
            return self.simple(line);
        };
        let mut redirects = Vec::new();
        while let Some(redirect) = self.redirect()? {
            redirects.push(redirect);
        }
        self.shallower();
        Ok(Command {
            line,
            kind,
            redirects,
        })
    }

    fn compound(&mut self) -> Outcome<Option<Kind>> {
        if RESERVED.iter().any(|word| self.at_word(word)) {
            return self.unexpected();
        }
        if self.starts_with("((") {
            let start = (self.at, self.line);
            self.take("((");
            if let Some(word) = self.arithmetic_body()? {
                return Ok(Some(Kind::Arithmetic(word)));
            }
            (self.at, self.line) = start;
        }
        if self.take("(") {
            let body = self.list(&[])?;
            if !self.take(")") {
                return self.unexpected();
            }
            return Ok(Some(Kind::Subshell(Arc::new(body))));
        }
        let kind = match self.bare_word().as_str() {
            "{" => {
                self.take("{");
                let body = self.list(&["}"])?;
                self.expect("}")?;
                Kind::Group(Arc::new(body))
            }
            "if" => self.conditional()?,
            "for" => self.for_loop()?,
            "while" | "until" => {
                let until = self.take_word("until");
                let _ = until || self.take_word("while");
                let condition = self.list(&["do"])?;
                let body = self.do_group()?;
                Kind::While {
                    until,
                    condition,
                    body,
                }
            }
            "case" => self.case()?,
            "[[" => {
                self.take("[[");
                Kind::Test(self.test_expression()?)
            }
            "function" => {
                self.take_word("function");
                self.blanks();
                let name = self.bare_word();
                self.take(&name);
                self.blanks();
                self.take("(");
                self.blanks();
                self.take(")");
                self.function_body(name)?
            }
            word => match self.function_name(word) {
                Some(name) => self.function_body(name)?,
                None => return Ok(None),
            },
        };
        Ok(Some(kind))
    }

    pub(super) fn expect(&mut self, word: &str) -> Outcome<()> {
        if self.take_word(word) {
            Ok(())
        } else {
            self.unexpected()
        }
    }

    /// `name ()`, passed over.
    fn function_name(&mut self, word: &str) -> Option<String> {
        if word.is_empty() || word.contains(['$', '\'', '"', '=', '`', '\\']) {
            return None;
        }
        let mut ahead = word.chars().count();
        while matches!(self.peek_at(ahead), Some(' ' | '\t')) {
            ahead += 1;
        }
        if self.peek_at(ahead) != Some('(') {
            return None;
        }
        ahead += 1;
        while matches!(self.peek_at(ahead), Some(' ' | '\t')) {
            ahead += 1;
        }
        if self.peek_at(ahead) != Some(')') {
            return None;
        }
        self.at += ahead + 1;
        Some(word.to_owned())
    }

    fn function_body(&mut self, name: String) -> Outcome<Kind> {
        self.newlines()?;
        let body = Arc::new(self.command()?);
        Ok(Kind::Function { name, body })
    }

    fn conditional(&mut self) -> Outcome<Kind> {
        self.expect("if")?;
        let mut branches = Vec::new();
        let mut otherwise = None;
        loop {
            let condition = self.list(&["then"])?;
            self.expect("then")?;
            let body = self.list(&["elif", "else", "fi"])?;
            branches.push((condition, body));
            if self.take_word("elif") {
                continue;
            }
            if self.take_word("else") {
                otherwise = Some(self.list(&["fi"])?);
            }
            self.expect("fi")?;
            return Ok(Kind::If {
                branches,
                otherwise,
            });
        }
    }

    fn do_group(&mut self) -> Outcome<Script> {
        self.newlines()?;
        self.expect("do")?;
        let body = self.list(&["done"])?;
        self.expect("done")?;
        Ok(body)
    }

    fn for_loop(&mut self) -> Outcome<Kind> {
        self.expect("for")?;
        self.blanks();
        if self.take("((") {
            return self.for_arithmetic();
        }
        let name = self.bare_word();
        if !is_name(&name) {
            return self.unexpected();
        }
        self.take(&name);
        self.newlines()?;
        let mut words = None;
        if self.take_word("in") {
            let mut found = Vec::new();
            loop {
                self.blanks();
                match self.word()? {
                    Some(word) => found.push(word),
                    None => break,
                }
            }
            words = Some(found);
        }
        self.blanks();
        self.take(";");
        let body = self.do_group()?;
        Ok(Kind::For { name, words, body })
    }

    fn for_arithmetic(&mut self) -> Outcome<Kind> {
        let first = self.word_until(&[";"])?;
        let second = self.word_until(&[";"])?;
        let third = self.word_until(&["))"])?;
        self.blanks();
        self.take(";");
        let body = self.do_group()?;
        Ok(Kind::ForArithmetic {
            parts: [first, second, third],
            body,
        })
    }

    fn case(&mut self) -> Outcome<Kind> {
        self.expect("case")?;
        self.blanks();
        let Some(subject) = self.word()? else {
            return self.unexpected();
        };
        self.newlines()?;
        self.expect("in")?;
        let mut arms = Vec::new();
        loop {
            self.newlines()?;
            if self.take_word("esac") {
                return Ok(Kind::Case { subject, arms });
            }
            self.take("(");
            let mut patterns = Vec::new();
            loop {
                self.blanks();
                match self.word()? {
                    Some(word) => patterns.push(word),
                    None => return self.unexpected(),
                }
                self.blanks();
                if !self.take("|") {
                    break;
                }
            }
            if !self.take(")") {
                return self.unexpected();
            }
            let body = self.list(&[";;", ";&", "esac"])?;
            let falls_through = self.take(";&");
            if !falls_through {
                self.take(";;");
            }
            arms.push(Arm {
                patterns,
                body,
                falls_through,
            });
        }
    }

    fn simple(&mut self, line: usize) -> Outcome<Command> {
        let mut assigns = Vec::new();
        let mut words: Vec<Word> = Vec::new();
        let mut redirects = Vec::new();
        loop {
            self.blanks();
            if let Some(redirect) = self.redirect()? {
                redirects.push(redirect);
                continue;
            }
            if words.is_empty()
                && let Some(assign) = self.assignment()?
            {
                assigns.push(assign);
                continue;
            }
            match self.word()? {
                Some(word) => words.push(word),
                None => break,
            }
        }
        if assigns.is_empty() && words.is_empty() && redirects.is_empty() {
            return self.unexpected();
        }
        self.shallower();
        Ok(Command {
            line,
            kind: Kind::Simple { assigns, words },
            redirects,
        })
    }

    fn assignment(&mut self) -> Outcome<Option<Assign>> {
        let mut ahead = 0;
        while self
            .peek_at(ahead)
            .is_some_and(|c| c == '_' || c.is_ascii_alphanumeric())
        {
            ahead += 1;
        }
        let name: String = self.text[self.at..self.at + ahead].iter().collect();
        let append = self.peek_at(ahead) == Some('+') && self.peek_at(ahead + 1) == Some('=');
        if !is_name(&name) || !(append || self.peek_at(ahead) == Some('=')) {
            return Ok(None);
        }
        self.at += ahead + 1 + usize::from(append);
        let value = self.word()?.unwrap_or_default();
        Ok(Some(Assign {
            name,
            append,
            value,
        }))
    }

    pub(super) fn redirect(&mut self) -> Outcome<Option<Redirect>> {
        self.blanks();
        let mut ahead = 0;
        while self.peek_at(ahead).is_some_and(|c| c.is_ascii_digit()) {
            ahead += 1;
        }
        let both = ahead == 0 && self.starts_with("&>");
        if !both && !matches!(self.peek_at(ahead), Some('<' | '>')) {
            return Ok(None);
        }
        let digits: String = self.text[self.at..self.at + ahead].iter().collect();
        self.at += ahead;
        let fd = digits.parse().ok();
        let kind = [
            ("&>>", RedirectKind::BothAppend),
            ("&>", RedirectKind::Both),
            ("<<<", RedirectKind::Line),
            ("<<", RedirectKind::Document),
            ("<&", RedirectKind::Duplicate),
            ("<>", RedirectKind::ReadWrite),
            ("<", RedirectKind::Read),
            (">>", RedirectKind::Append),
            (">&", RedirectKind::Duplicate),
            (">|", RedirectKind::Clobber),
            (">", RedirectKind::Write),
        ]
        .into_iter()
        .find(|(text, _)| self.starts_with(text));
        let Some((text, kind)) = kind else {
            return self.unexpected();
        };
        self.take(text);
        let strip = kind == RedirectKind::Document && self.take("-");
        self.blanks();
        let Some(target) = self.word()? else {
            return self.unexpected();
        };
        let body = Arc::new(OnceLock::new());
        if kind == RedirectKind::Document {
            self.documents.push(Document {
                body: body.clone(),
                quoted: !target.iter().all(|part| matches!(part, Part::Plain(_))),
                end: plain(&target),
                strip,
            });
        }
        // `>&file` is what `&>file` is.
        let named = plain(&target);
        let dup_to_file = kind == RedirectKind::Duplicate
            && text == ">&"
            && fd.is_none()
            && !named.is_empty()
            && named != "-"
            && named.parse::<i32>().is_err();
        let fd = fd.or((text.starts_with('>')).then_some(1));
        Ok(Some(Redirect {
            fd,
            kind: if dup_to_file {
                RedirectKind::Both
            } else {
                kind
            },
            target,
            body,
        }))
    }
}

/// The text of a word whose quotes are taken away and nothing else is done.
pub(super) fn plain(word: &Word) -> String {
    let mut out = String::new();
    for part in word {
        match part {
            Part::Plain(text) | Part::Quoted(text) => out.push_str(text),
            Part::Double(inner) => out.push_str(&plain(inner)),
            _ => {}
        }
    }
    out
}

/// Whether a word may go on with this character.
pub(super) const fn continues(c: char) -> bool {
    !ends_word(c)
}
