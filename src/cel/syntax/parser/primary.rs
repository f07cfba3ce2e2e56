//! What an expression begins with: names, constants, lists, maps, messages, parentheses.

use super::{Parsed, Parser, RESERVED, token_length};
use crate::cel::syntax::lexer::{Token, TokenKind};
use crate::cel::syntax::refusal::{self, OPERAND};
use crate::cel::syntax::{Element, Expr, Issue, Kind, Literal, escape};

impl Parser<'_> {
    pub(super) fn primary(&mut self) -> Parsed {
        let token = self.token().clone();
        let at = token.at;
        match token.kind {
            TokenKind::Ident => {
                self.advance();
                self.named(&token, token.text)
            }
            TokenKind::Symbol("(") => {
                self.advance();
                let inner = self.inside(&[")"], Self::expression)?;
                self.expect(")");
                Ok(inner)
            }
            TokenKind::Symbol(".") => {
                self.advance();
                let name = self.token().clone();
                if name.kind != TokenKind::Ident {
                    let read = &self.source[at..self.at() + token_length(&name)];
                    self.report(refusal::no_viable(read, &name));
                    return Ok(self.nothing());
                }
                self.advance();
                self.named(&name, &format!(".{}", name.text))
            }
            TokenKind::Symbol("[") => {
                self.advance();
                self.list(at)
            }
            TokenKind::Symbol("{") => {
                self.advance();
                self.map(at)
            }
            TokenKind::Symbol("-") => {
                self.advance();
                let number = self.token().clone();
                if !matches!(number.kind, TokenKind::Int | TokenKind::Double) {
                    self.report(refusal::mismatched(&number, OPERAND));
                    return Ok(self.nothing());
                }
                self.advance();
                Ok(self.literal(at, &number, &format!("-{}", number.text)))
            }
            TokenKind::End | TokenKind::Symbol(_) | TokenKind::Quoted => {
                if token.kind != TokenKind::End && refusal::begins_operand(self.after().kind) {
                    self.report(refusal::extraneous(&token, OPERAND));
                    self.advance();
                    return self.primary();
                }
                self.report(refusal::mismatched(&token, OPERAND));
                Ok(self.nothing())
            }
            _ => {
                self.advance();
                Ok(self.literal(at, &token, token.text))
            }
        }
    }

    /// A variable, or the call of a function.
    pub(super) fn named(&mut self, token: &Token, name: &str) -> Parsed {
        let open = self.at();
        let is_reserved = RESERVED.contains(&token.text);
        if is_reserved {
            let message = format!("reserved identifier: {}", token.text);
            self.issues.push(Issue::new(token.at, message));
        }
        if self.accepts("(") {
            let args = self.arguments()?;
            if is_reserved {
                return Ok(self.make(open, Kind::Literal(Literal::Null)));
            }
            return self.call(open, name, None, args);
        }
        Ok(self.make(token.at, Kind::Ident(name.to_owned())))
    }

    pub(super) fn list(&mut self, at: usize) -> Parsed {
        let mut items = Vec::new();
        if self.accepts("]") || (self.accepts(",") && self.expect("]")) {
            return Ok(self.make(at, Kind::List(items)));
        }
        loop {
            let is_optional = self.accepts("?");
            let value = self.inside(&["]", ","], Self::expression)?;
            items.push(Element { value, is_optional });
            if !self.another("]", "{']', ','}") {
                break;
            }
        }
        Ok(self.make(at, Kind::List(items)))
    }

    pub(super) fn map(&mut self, at: usize) -> Parsed {
        let mut entries = Vec::new();
        if self.accepts("}") || (self.accepts(",") && self.expect("}")) {
            return Ok(self.make(at, Kind::Map(entries)));
        }
        loop {
            let is_optional = self.accepts("?");
            let key = self.inside(&["}", ",", ":"], Self::expression)?;
            if !self.expect(":") {
                self.enclosing.push(&["}", ","]);
                self.recover();
                self.enclosing.pop();
                if self.accepts(",") {
                    self.expect("}");
                } else {
                    self.accepts("}");
                }
                break;
            }
            let value = self.inside(&["}", ","], Self::expression)?;
            entries.push((key, Element { value, is_optional }));
            if !self.another("}", "{'}', ','}") {
                break;
            }
        }
        Ok(self.make(at, Kind::Map(entries)))
    }

    /// A constant; `text`: with its sign.
    pub(super) fn literal(&mut self, at: usize, token: &Token, text: &str) -> Expr {
        let read = match token.kind {
            TokenKind::Null => Ok(Literal::Null),
            TokenKind::True => Ok(Literal::Bool(true)),
            TokenKind::False => Ok(Literal::Bool(false)),
            TokenKind::Int => integer(text).map(Literal::Int).ok_or("invalid int literal"),
            TokenKind::Uint => unsigned(text)
                .map(Literal::Uint)
                .ok_or("invalid uint literal"),
            TokenKind::Double => match text.parse::<f64>() {
                Ok(value) if value.is_finite() => Ok(Literal::Double(value)),
                _ => Err("invalid double literal"),
            },
            TokenKind::Bytes => escape::unescape(&text[1..], true).map(Literal::Bytes),
            _ => escape::unescape(text, false)
                .map(|bytes| Literal::String(String::from_utf8_lossy(&bytes).into_owned())),
        };
        let literal = read.unwrap_or_else(|why| {
            self.issues.push(Issue::new(at, why));
            Literal::Null
        });
        self.make(at, Kind::Literal(literal))
    }
}

fn integer(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text),
    };
    match digits.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(&format!("{sign}{hex}"), 16).ok(),
        None => text.parse().ok(),
    }
}

fn unsigned(text: &str) -> Option<u64> {
    let text = &text[..text.len() - 1];
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}
