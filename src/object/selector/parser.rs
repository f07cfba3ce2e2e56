//! The grammar of a label selector's query syntax.
//!
//! *Upstream:* `Parser` of `apimachinery/pkg/labels/selector.go`.

use super::SelectorError;
use super::lexer::{self, Token};
use super::requirement::{Operator, Requirement, into_one, push_key_error};

/// The requirements of a selector's text, in the order written.
pub(super) fn parse(text: &str) -> Result<Vec<Requirement>, SelectorError> {
    let mut parser = Parser {
        tokens: lexer::scan(text),
        position: 0,
    };
    parser.parse()
}

struct Parser<'a> {
    tokens: Vec<(Token, &'a str)>,
    position: usize,
}

impl<'a> Parser<'a> {
    /// The token at hand; the last one, [`Token::End`], for ever.
    fn peek(&self) -> (Token, &'a str) {
        self.tokens
            .get(self.position)
            .copied()
            .unwrap_or((Token::End, ""))
    }

    fn peek_value(&self) -> (Token, &'a str) {
        let (token, literal) = self.peek();
        (token.as_value(), literal)
    }

    fn take(&mut self) -> (Token, &'a str) {
        let taken = self.peek();
        self.position += 1;
        taken
    }

    fn take_value(&mut self) -> (Token, &'a str) {
        let (token, literal) = self.take();
        (token.as_value(), literal)
    }

    fn parse(&mut self) -> Result<Vec<Requirement>, SelectorError> {
        let mut requirements = Vec::new();
        loop {
            match self.peek_value() {
                (Token::End, _) => return Ok(requirements),
                (Token::Identifier | Token::Not, _) => {}
                (_, literal) => {
                    return Err(found(
                        literal,
                        ", expected: !, identifier, or 'end of string'",
                    ));
                }
            }
            let requirement = self.requirement().map_err(|error| {
                SelectorError(format!("unable to parse requirement: {}", error.0))
            })?;
            requirements.push(requirement);
            match self.take_value() {
                (Token::End, _) => return Ok(requirements),
                (Token::Comma, _) => {
                    let (token, literal) = self.peek_value();
                    if !matches!(token, Token::Identifier | Token::Not) {
                        return Err(found(literal, ", expected: identifier after ','"));
                    }
                }
                (_, literal) => return Err(found(literal, ", expected: ',' or 'end of string'")),
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, SelectorError> {
        let (mut token, mut key) = self.take_value();
        let is_negated = token == Token::Not;
        if is_negated {
            (token, key) = self.take_value();
        }
        if token != Token::Identifier {
            return Err(found(key, ", expected: identifier"));
        }
        let mut errors = Vec::new();
        push_key_error(&mut errors, "<nil>", key);
        into_one(errors)?;
        if is_negated {
            return Requirement::new(key, Operator::DoesNotExist, Vec::new());
        }
        if matches!(self.peek_value().0, Token::End | Token::Comma) {
            return Requirement::new(key, Operator::Exists, Vec::new());
        }
        let operator = self.operator()?;
        let mut values = match operator {
            Operator::In | Operator::NotIn => self.values()?,
            _ => vec![self.exact_value()?],
        };
        values.sort_unstable();
        values.dedup();
        let values = values.into_iter().map(str::to_owned).collect();
        Requirement::new(key, operator, values)
    }

    fn operator(&mut self) -> Result<Operator, SelectorError> {
        match self.take() {
            (Token::In, _) => Ok(Operator::In),
            (Token::NotIn, _) => Ok(Operator::NotIn),
            (Token::Equals, _) => Ok(Operator::Equals),
            (Token::DoubleEquals, _) => Ok(Operator::DoubleEquals),
            (Token::NotEquals, _) => Ok(Operator::NotEquals),
            (Token::Greater, _) => Ok(Operator::Gt),
            (Token::Less, _) => Ok(Operator::Lt),
            (_, literal) => Err(found(literal, ", expected: in, notin, =, ==, !=, gt, lt")),
        }
    }

    fn exact_value(&mut self) -> Result<&'a str, SelectorError> {
        if matches!(self.peek_value().0, Token::End | Token::Comma) {
            return Ok("");
        }
        match self.take_value() {
            (Token::Identifier, literal) => Ok(literal),
            (_, literal) => Err(found(literal, ", expected: identifier")),
        }
    }

    /// `(a,b)`; an empty place between commas is the empty value.
    fn values(&mut self) -> Result<Vec<&'a str>, SelectorError> {
        let (token, literal) = self.take_value();
        if token != Token::Open {
            // Upstream has no comma in this one message.
            return Err(found(literal, " expected: '('"));
        }
        let mut values = Vec::new();
        match self.peek_value() {
            (Token::Close, _) => values.push(""),
            (Token::Identifier | Token::Comma, _) => self.identifiers(&mut values)?,
            (_, literal) => return Err(found(literal, ", expected: ',', ')' or identifier")),
        }
        self.take_value();
        Ok(values)
    }

    /// Everything up to the closing parenthesis, which stays to be taken.
    fn identifiers(&mut self, values: &mut Vec<&'a str>) -> Result<(), SelectorError> {
        loop {
            match self.take_value() {
                (Token::Identifier, literal) => {
                    values.push(literal);
                    match self.peek_value() {
                        (Token::Comma, _) => {}
                        (Token::Close, _) => return Ok(()),
                        (_, literal) => return Err(found(literal, ", expected: ',' or ')'")),
                    }
                }
                (Token::Comma, _) => {
                    if values.is_empty() {
                        values.push("");
                    }
                    match self.peek_value().0 {
                        Token::Close => {
                            values.push("");
                            return Ok(());
                        }
                        Token::Comma => values.push(""),
                        _ => {}
                    }
                }
                (_, literal) => return Err(found(literal, ", expected: ',', or identifier")),
            }
        }
    }
}

fn found(literal: &str, expected: &str) -> SelectorError {
    SelectorError(format!("found '{literal}'{expected}"))
}
