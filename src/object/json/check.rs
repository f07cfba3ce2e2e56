//! What is wrong with a text that is no JSON, in Go's words.
//!
//! *Upstream:* `encoding/json/scanner.go`.

use super::DEPTH_MAX;
use crate::object::quote::quoted;

/// What is wrong with a JSON text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SyntaxError(pub String);

/// The first thing that is wrong with a text that is known to be malformed.
pub fn syntax_error(bytes: &[u8]) -> SyntaxError {
    let mut scanner = Scanner {
        bytes,
        at: 0,
        open: Vec::new(),
    };
    match scanner.document() {
        Err(Stop::At(context)) => SyntaxError(format!(
            "invalid character {} {context}",
            character(bytes.get(scanner.at).copied().unwrap_or(b' '))
        )),
        Err(Stop::End) | Ok(()) => SyntaxError("unexpected end of JSON input".to_owned()),
    }
}

/// A byte as Go shows it: a Latin-1 character in single quotes.
fn character(byte: u8) -> String {
    match byte {
        b'\'' => "'\\''".to_owned(),
        b'"' => "'\"'".to_owned(),
        _ => {
            let text = quoted(&char::from(byte).to_string());
            format!("'{}'", &text[1..text.len() - 1])
        }
    }
}

/// Why the scan stopped.
enum Stop {
    /// At a character that may not stand there.
    At(String),
    /// At the end of the text, too early.
    End,
}

impl Stop {
    fn at<T>(context: &str) -> Result<T, Self> {
        Err(Self::At(context.to_owned()))
    }
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The closing brackets that are awaited.
    open: Vec<u8>,
}

impl Scanner<'_> {
    /// The byte at hand.
    fn byte(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// The next byte that is no space.
    fn solid(&mut self) -> Result<u8, Stop> {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.byte() {
            self.at += 1;
        }
        self.byte().ok_or(Stop::End)
    }

    fn document(&mut self) -> Result<(), Stop> {
        self.begin_value()?;
        while let Some(closing) = self.open.last().copied() {
            match (self.solid()?, closing) {
                (b',', b']') => {
                    self.at += 1;
                    self.begin_value()?;
                }
                (b',', _) => {
                    self.at += 1;
                    self.key()?;
                }
                (byte, _) if byte == closing => {
                    self.at += 1;
                    self.open.pop();
                }
                (_, b']') => return Stop::at("after array element"),
                _ => return Stop::at("after object key:value pair"),
            }
        }
        match self.solid() {
            Ok(_) => Stop::at("after top-level value"),
            Err(_) => Ok(()),
        }
    }

    /// A scalar, or everything up to the first scalar of a list or object.
    fn begin_value(&mut self) -> Result<(), Stop> {
        loop {
            match self.solid()? {
                b'{' => {
                    self.push(b'}')?;
                    if self.solid()? == b'}' {
                        self.at += 1;
                        self.open.pop();
                        return Ok(());
                    }
                    return self.key();
                }
                b'[' => {
                    self.push(b']')?;
                    if self.solid()? == b']' {
                        self.at += 1;
                        self.open.pop();
                        return Ok(());
                    }
                }
                b'"' => return self.text(),
                b'-' | b'0'..=b'9' => return self.number(),
                b't' => return self.literal("true"),
                b'f' => return self.literal("false"),
                b'n' => return self.literal("null"),
                _ => return Stop::at("looking for beginning of value"),
            }
        }
    }

    fn push(&mut self, closing: u8) -> Result<(), Stop> {
        self.open.push(closing);
        if self.open.len() > DEPTH_MAX {
            return Stop::at("exceeded max depth");
        }
        self.at += 1;
        Ok(())
    }

    /// A key, its colon, and the beginning of its value.
    fn key(&mut self) -> Result<(), Stop> {
        if self.solid()? != b'"' {
            return Stop::at("looking for beginning of object key string");
        }
        self.text()?;
        if self.solid()? != b':' {
            return Stop::at("after object key");
        }
        self.at += 1;
        // Each key is a level of nesting at most, and those are counted.
        self.begin_value()
    }

    fn text(&mut self) -> Result<(), Stop> {
        loop {
            self.at += 1;
            match self.byte().ok_or(Stop::End)? {
                b'"' => break,
                b'\\' => self.escape()?,
                0..=0x1f => return Stop::at("in string literal"),
                _ => {}
            }
        }
        self.at += 1;
        Ok(())
    }

    fn escape(&mut self) -> Result<(), Stop> {
        self.at += 1;
        match self.byte().ok_or(Stop::End)? {
            b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"' => Ok(()),
            b'u' => {
                for _ in 0..4 {
                    self.at += 1;
                    if !self.byte().ok_or(Stop::End)?.is_ascii_hexdigit() {
                        return Stop::at("in \\u hexadecimal character escape");
                    }
                }
                Ok(())
            }
            _ => Stop::at("in string escape code"),
        }
    }

    /// As Go does at the end of the text: it steps over a space to see whether a number or a word
    /// may end there, and blames the space.
    fn digit(&mut self, context: &str) -> Result<(), Stop> {
        match self.byte() {
            Some(byte) if byte.is_ascii_digit() => {
                while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
                    self.at += 1;
                }
                Ok(())
            }
            _ => Stop::at(context),
        }
    }

    fn number(&mut self) -> Result<(), Stop> {
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        if self.byte() == Some(b'0') {
            self.at += 1;
        } else {
            self.digit("in numeric literal")?;
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digit("after decimal point in numeric literal")?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.at += 1;
            }
            self.digit("in exponent of numeric literal")?;
        }
        Ok(())
    }

    fn literal(&mut self, word: &str) -> Result<(), Stop> {
        for expected in word.bytes() {
            if self.byte() != Some(expected) {
                let expected = char::from(expected);
                return Stop::at(&format!("in literal {word} (expecting '{expected}')"));
            }
            self.at += 1;
        }
        Ok(())
    }
}
