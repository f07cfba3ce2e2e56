//! From words to fields: substitution, splitting and paths.

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join};

use super::{Shell, Step, VALUE_MAX, braces};
use crate::shell::io::{CHUNK, Fd};
use crate::shell::syntax::{Part, Script, Word};

/// A stretch of an expanded word.
#[derive(Debug)]
pub(super) enum Piece {
    /// Text of the script: patterns in it mean something.
    Plain(String),
    /// Text that means itself.
    Quoted(String),
    /// What a substitution gave: it is split, and patterns in it mean something.
    Split(String),
    /// Where one field ends and another begins.
    Break,
}

#[derive(Default)]
struct Field {
    text: String,
    pattern: String,
    globs: bool,
    real: bool,
}

impl Field {
    fn push(&mut self, text: &str, quoted: bool) {
        self.real = true;
        self.text.push_str(text);
        if quoted {
            super::pattern::escape_into(&mut self.pattern, text);
        } else {
            self.globs |= text.contains(['*', '?', '[']);
            self.pattern.push_str(text);
        }
    }
}

impl Shell {
    /// The fields that words become.
    pub(super) async fn fields(&mut self, words: &[Word]) -> Step<Vec<String>> {
        let mut out = Vec::new();
        for word in words {
            if let [Part::Plain(text)] = word.as_slice()
                && !text.contains(['*', '?', '[', '~', '{'])
            {
                out.push(text.clone());
                continue;
            }
            let words = if self.bash {
                braces::expand(word)
            } else {
                vec![word.clone()]
            };
            for word in &words {
                let pieces = self.pieces(word).await?;
                for field in self.split(pieces) {
                    if field.globs && !self.options.noglob {
                        let paths = self.glob(&field.pattern);
                        if !paths.is_empty() {
                            out.extend(paths);
                            continue;
                        }
                    }
                    out.push(field.text);
                }
            }
        }
        Ok(out)
    }

    fn split(&self, pieces: Vec<Piece>) -> Vec<Field> {
        let separators = self.value("IFS").unwrap_or(" \t\n");
        let mut fields = Vec::new();
        let mut field = Field::default();
        let mut after_blank = false;
        for piece in pieces {
            match piece {
                Piece::Plain(text) => field.push(&text, false),
                Piece::Quoted(text) => field.push(&text, true),
                Piece::Break => {
                    if field.real {
                        fields.push(std::mem::take(&mut field));
                    }
                    after_blank = false;
                    continue;
                }
                Piece::Split(text) => {
                    let mut letter = [0; 4];
                    for c in text.chars() {
                        if !separators.contains(c) {
                            field.push(c.encode_utf8(&mut letter), false);
                            after_blank = false;
                        } else if c.is_ascii_whitespace() {
                            if field.real {
                                fields.push(std::mem::take(&mut field));
                                after_blank = true;
                            }
                        } else if field.real || !after_blank {
                            field.real = true;
                            fields.push(std::mem::take(&mut field));
                            after_blank = false;
                        } else {
                            after_blank = false;
                        }
                    }
                    continue;
                }
            }
            after_blank = false;
        }
        if field.real {
            fields.push(field);
        }
        fields
    }

    /// A word as one text.
    pub(super) async fn expand_text(&mut self, word: &Word) -> Step<String> {
        let pieces = self.pieces(word).await?;
        Ok(joined(pieces))
    }

    /// A word as the value of a variable: a tilde may also stand after a colon.
    pub(super) async fn expand_assigned(&mut self, word: &Word) -> Step<String> {
        let value = self.expand_text(word).await?;
        if value.len() > VALUE_MAX {
            return self.fail("Out of space").await;
        }
        Ok(value)
    }

    /// A word as a pattern, in which quoted text means itself.
    pub(super) async fn expand_pattern(&mut self, word: &Word) -> Step<String> {
        let mut out = String::new();
        for piece in self.pieces(word).await? {
            match piece {
                Piece::Plain(text) | Piece::Split(text) => out.push_str(&text),
                Piece::Quoted(text) => super::pattern::escape_into(&mut out, &text),
                Piece::Break => out.push(' '),
            }
        }
        Ok(out)
    }

    pub(super) async fn pieces(&mut self, word: &Word) -> Step<Vec<Piece>> {
        let mut out = Vec::new();
        for (place, part) in word.iter().enumerate() {
            match part {
                Part::Plain(text) if place == 0 && text.starts_with('~') => {
                    let (head, tail) = text.split_at(text.find('/').unwrap_or(text.len()));
                    let whole = text.contains('/') || word.len() == 1;
                    match self.home(&head[1..]).filter(|_| whole) {
                        Some(home) => {
                            out.push(Piece::Quoted(home));
                            out.push(Piece::Plain(tail.to_owned()));
                        }
                        None => out.push(Piece::Plain(text.clone())),
                    }
                }
                part => self.part(part, false, &mut out).await?,
            }
        }
        Ok(out)
    }

    fn home(&self, user: &str) -> Option<String> {
        if user.is_empty() {
            return self.value("HOME").map(str::to_owned);
        }
        let machine = &self.proc.machine;
        machine.user_named(user).map(|user| user.home)
    }

    pub(super) fn part<'a>(
        &'a mut self,
        part: &'a Part,
        quoted: bool,
        out: &'a mut Vec<Piece>,
    ) -> BoxFuture<'a, Step<()>> {
        async move {
            match part {
                Part::Plain(text) if quoted => out.push(Piece::Quoted(text.clone())),
                Part::Plain(text) => out.push(Piece::Plain(text.clone())),
                Part::Quoted(text) => out.push(Piece::Quoted(text.clone())),
                Part::Double(inner) => {
                    let before = out.len();
                    for part in inner {
                        self.part(part, true, out).await?;
                    }
                    let all = matches!(
                        inner.as_slice(),
                        [Part::Parameter(parameter)] if parameter.name == "@"
                    );
                    if out.len() == before && !all {
                        out.push(Piece::Quoted(String::new()));
                    }
                }
                Part::Parameter(parameter) => self.parameter(parameter, quoted, out).await?,
                Part::Substitution(script) => {
                    let text = self.substitute(script).await?;
                    out.push(given(text, quoted));
                }
                Part::Arithmetic(word) => {
                    let text = self.expand_text(word).await?;
                    let number = self.arithmetic(&text).await?;
                    out.push(given(number.to_string(), quoted));
                }
            }
            Ok(())
        }
        .boxed()
    }

    /// What a script writes, without the newlines at its end.
    async fn substitute(&mut self, script: &Script) -> Step<String> {
        let (reader, writer) = Fd::pipe();
        let mut sub = self.subshell();
        sub.proc.fds.insert(1, writer);
        let run = async move {
            let result = sub.script(script).await;
            sub.finish(result).await
        };
        let gather = async {
            let mut all = Vec::new();
            loop {
                match reader.read_some(CHUNK).await {
                    Ok(chunk) if !chunk.is_empty() && all.len() < VALUE_MAX => all.extend(chunk),
                    _ => break,
                }
            }
            drop(reader);
            all
        };
        let (status, bytes) = join(run, gather).await;
        self.substituted = Some(status);
        self.status = status;
        let mut text = String::from_utf8_lossy(&bytes).replace('\0', "");
        text.truncate(text.trim_end_matches('\n').len());
        Ok(text)
    }
}

pub(super) fn given(text: String, quoted: bool) -> Piece {
    if quoted {
        Piece::Quoted(text)
    } else {
        Piece::Split(text)
    }
}

pub(super) fn joined(pieces: Vec<Piece>) -> String {
    let mut out = String::new();
    for piece in pieces {
        match piece {
            Piece::Plain(text) | Piece::Quoted(text) | Piece::Split(text) => out.push_str(&text),
            Piece::Break => out.push(' '),
        }
    }
    out
}
