//! A pull reader over JSON text: the caller recurses, so that it can know what should come.
//!
//! It finds out *that* a text is malformed, fast; `check` says *how*, once it is known to be.

use std::borrow::Cow;

use serde_json::Value;

use super::DEPTH_MAX;

/// The text is no JSON, or is nested too deeply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// The beginning of a value, or all of it where it is a scalar.
#[derive(Clone, Debug)]
pub enum Token<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number as written.
    Number(&'a str),
    /// A text without its escapes.
    Text(Cow<'a, str>),
    /// `[`.
    List,
    /// `{`.
    Object,
}

/// A position in a JSON text.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    /// At the beginning of a text.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            depth: 0,
        }
    }

    /// The next byte that is no space, not taken.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\n' | b'\t' | b'\r') => self.at += 1,
                other => return other.copied(),
            }
        }
    }

    fn take(&mut self, wanted: u8) -> Result<(), Malformed> {
        if self.peek() == Some(wanted) {
            self.at += 1;
            Ok(())
        } else {
            Err(Malformed)
        }
    }

    /// The next value: all of a scalar, the beginning of a list or object.
    pub fn token(&mut self) -> Result<Token<'a>, Malformed> {
        match self.peek() {
            Some(b'"') => self.text().map(Token::Text),
            Some(b'{') => self.open(Token::Object),
            Some(b'[') => self.open(Token::List),
            Some(b't') => self.literal("true", Token::Bool(true)),
            Some(b'f') => self.literal("false", Token::Bool(false)),
            Some(b'n') => self.literal("null", Token::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(Malformed),
        }
    }

    fn open(&mut self, token: Token<'a>) -> Result<Token<'a>, Malformed> {
        self.at += 1;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Malformed);
        }
        Ok(token)
    }

    fn literal(&mut self, text: &str, token: Token<'a>) -> Result<Token<'a>, Malformed> {
        if self.bytes[self.at..].starts_with(text.as_bytes()) {
            self.at += text.len();
            Ok(token)
        } else {
            Err(Malformed)
        }
    }

    /// Inside a list: whether another item follows. `is_first` before any item.
    pub fn next_item(&mut self, is_first: bool) -> Result<bool, Malformed> {
        match self.peek() {
            Some(b']') => {
                self.at += 1;
                self.depth -= 1;
                Ok(false)
            }
            Some(b',') if !is_first => {
                self.at += 1;
                Ok(true)
            }
            Some(_) if is_first => Ok(true),
            _ => Err(Malformed),
        }
    }

    /// Inside an object: the next key, its colon taken; `None` at the end. `is_first` before any
    /// key.
    pub fn next_key(&mut self, is_first: bool) -> Result<Option<Cow<'a, str>>, Malformed> {
        match self.peek() {
            Some(b'}') => {
                self.at += 1;
                self.depth -= 1;
                return Ok(None);
            }
            Some(b',') if !is_first => {
                self.at += 1;
                self.peek();
            }
            Some(_) if is_first => {}
            _ => return Err(Malformed),
        }
        if self.bytes.get(self.at) != Some(&b'"') {
            return Err(Malformed);
        }
        let key = self.text()?;
        self.take(b':')?;
        Ok(Some(key))
    }

    /// After the value: nothing but space may follow.
    pub fn end(&mut self) -> Result<(), Malformed> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(Malformed),
        }
    }

    /// The next value without taking it.
    pub fn peek_token(&mut self) -> Result<Token<'a>, Malformed> {
        let (at, depth) = (self.at, self.depth);
        let token = self.token();
        (self.at, self.depth) = (at, depth);
        token
    }

    /// The next value as it is written.
    pub fn written(&mut self) -> Result<&'a [u8], Malformed> {
        self.peek();
        let start = self.at;
        let token = self.token()?;
        self.skip(&token)?;
        Ok(&self.bytes[start..self.at])
    }

    /// Passes over a value whose beginning `token` is taken.
    pub fn skip(&mut self, token: &Token<'_>) -> Result<(), Malformed> {
        match token {
            Token::List => {
                let mut is_first = true;
                while self.next_item(is_first)? {
                    is_first = false;
                    let token = self.token()?;
                    self.skip(&token)?;
                }
            }
            Token::Object => {
                let mut is_first = true;
                while self.next_key(is_first)?.is_some() {
                    is_first = false;
                    let token = self.token()?;
                    self.skip(&token)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Token<'a>, Malformed> {
        let start = self.at;
        if self.bytes[self.at] == b'-' {
            self.at += 1;
        }
        match self.bytes.get(self.at) {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(Malformed),
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.bytes.get(self.at) {
                self.at += 1;
            }
            self.some_digits()?;
        }
        let text = std::str::from_utf8(&self.bytes[start..self.at]).map_err(|_| Malformed)?;
        Ok(Token::Number(text))
    }

    fn digits(&mut self) {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
    }

    fn some_digits(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        self.digits();
        if self.at > start {
            Ok(())
        } else {
            Err(Malformed)
        }
    }

    /// A text; the opening quote is at hand.
    fn text(&mut self) -> Result<Cow<'a, str>, Malformed> {
        self.at += 1;
        let start = self.at;
        let rest = &self.bytes[start..];
        let length = rest
            .iter()
            .position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f))
            .ok_or(Malformed)?;
        self.at += length;
        match rest[length] {
            b'"' => {
                self.at += 1;
                Ok(String::from_utf8_lossy(&rest[..length]))
            }
            b'\\' => self.escaped_text(start).map(Cow::Owned),
            _ => Err(Malformed),
        }
    }

    fn escaped_text(&mut self, start: usize) -> Result<String, Malformed> {
        let mut out = Vec::from(&self.bytes[start..self.at]);
        loop {
            let byte = *self.bytes.get(self.at).ok_or(Malformed)?;
            self.at += 1;
            match byte {
                b'"' => break,
                b'\\' => self.escape(&mut out)?,
                0..=0x1f => return Err(Malformed),
                other => out.push(other),
            }
        }
        // Go puts the replacement character where the bytes are no UTF-8.
        Ok(String::from_utf8(out)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Result<(), Malformed> {
        let byte = *self.bytes.get(self.at).ok_or(Malformed)?;
        self.at += 1;
        out.push(match byte {
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'"' | b'\\' | b'/' => byte,
            b'u' => {
                let c = self.unicode()?;
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            _ => return Err(Malformed),
        });
        Ok(())
    }

    /// The character of one `\u` escape, or of two that belong together; half a pair is replaced.
    fn unicode(&mut self) -> Result<char, Malformed> {
        let first = self.hex()?;
        let is_high = (0xd800..0xdc00).contains(&first);
        if is_high && self.bytes[self.at..].starts_with(b"\\u") {
            let after_first = self.at;
            self.at += 2;
            let second = self.hex()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = after_first;
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex(&mut self) -> Result<u32, Malformed> {
        let digits = self.bytes.get(self.at..self.at + 4).ok_or(Malformed)?;
        let mut value = 0;
        for digit in digits {
            value = value * 16 + char::from(*digit).to_digit(16).ok_or(Malformed)?;
        }
        self.at += 4;
        Ok(value)
    }
}

/// The value of a number that no type is known for: whole where it is written without a point and
/// fits, else a float, which Go prints without a point too where it is whole.
pub fn number(text: &str) -> Value {
    if let Ok(whole) = text.parse::<i64>() {
        return whole.into();
    }
    whole(text.parse().unwrap_or(0.0))
}

/// The same, but a float stays one, so that it can still be told from a whole number.
pub fn number_as_written(text: &str) -> Value {
    match text.parse::<i64>() {
        Ok(whole) => whole.into(),
        Err(_) => Value::from(text.parse::<f64>().unwrap_or(0.0)),
    }
}

/// A float as a whole number, where it is one.
pub fn whole(float: f64) -> Value {
    // Beyond this, a float holds no exact whole numbers.
    if float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0 {
        return (float as i64).into();
    }
    Value::from(float)
}
