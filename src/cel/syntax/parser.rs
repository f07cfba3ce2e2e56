//! Tokens to tree: precedence climbing.

use std::sync::OnceLock;

use super::lexer::{Token, TokenKind, tokens};
use super::{Call, Element, Expr, Issue, Kind, Literal, macros};

/// How deep an expression may nest.
const DEPTH_MAX: usize = 250;

/// Operators of two sides, the weakest first: token, name, strength.
const OPERATORS: &[(&str, &str, u8)] = &[
    ("||", "_||_", 1),
    ("&&", "_&&_", 2),
    ("==", "_==_", 3),
    ("!=", "_!=_", 3),
    ("<", "_<_", 3),
    ("<=", "_<=_", 3),
    (">", "_>_", 3),
    (">=", "_>=_", 3),
    ("in", "@in", 3),
    ("+", "_+_", 4),
    ("-", "_-_", 4),
    ("*", "_*_", 5),
    ("/", "_/_", 5),
    ("%", "_%_", 5),
];

/// Names that group functions: what follows their dot is part of the function's name.
const NAMESPACES: &[&str] = &[
    "optional",
    "sets",
    "math",
    "format",
    "cel",
    "ip",
    "cidr",
    "base64",
    "jsonpatch",
    "strings",
    "lists",
];

/// Reads an expression.
pub fn parse(source: &str) -> Result<Expr, Vec<Issue>> {
    let tokens = tokens(source).map_err(|issue| vec![issue])?;
    let mut parser = Parser {
        tokens,
        next: 0,
        depth: 0,
    };
    let expr = parser.expression().map_err(|issue| vec![issue])?;
    if *parser.peek() != TokenKind::End {
        return Err(vec![parser.unexpected("<EOF>")]);
    }
    Ok(expr)
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
}

/// The call of a name.
pub(super) fn call(
    at: usize,
    name: impl Into<String>,
    target: Option<Expr>,
    args: Vec<Expr>,
) -> Expr {
    Expr {
        at,
        kind: Kind::Call(Call {
            name: name.into(),
            target: target.map(Box::new),
            args,
            regex: OnceLock::new(),
        }),
    }
}

impl Parser {
    fn peek(&self) -> &TokenKind {
        &self.tokens[self.next].kind
    }

    fn at(&self) -> usize {
        self.tokens[self.next].at
    }

    fn advance(&mut self) -> Token {
        let token = self.tokens[self.next].clone();
        if self.next + 1 < self.tokens.len() {
            self.next += 1;
        }
        token
    }

    fn accepts(&mut self, symbol: &str) -> bool {
        let is_there = matches!(self.peek(), TokenKind::Symbol(found) if *found == symbol);
        if is_there {
            self.advance();
        }
        is_there
    }

    fn expect(&mut self, symbol: &str) -> Result<usize, Issue> {
        let at = self.at();
        if self.accepts(symbol) {
            Ok(at)
        } else {
            Err(self.unexpected(&format!("'{symbol}'")))
        }
    }

    fn unexpected(&self, expected: &str) -> Issue {
        let found = match self.peek() {
            TokenKind::End => "<EOF>".to_owned(),
            TokenKind::Symbol(symbol) => (*symbol).to_owned(),
            TokenKind::Ident(name) | TokenKind::Quoted(name) => name.clone(),
            TokenKind::Literal(literal) => printed(literal),
        };
        let verb = if expected == "<EOF>" {
            "extraneous"
        } else {
            "mismatched"
        };
        Issue::new(
            self.at(),
            format!("Syntax error: {verb} input '{found}' expecting {expected}"),
        )
    }

    fn expression(&mut self) -> Result<Expr, Issue> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Issue::new(
                self.at(),
                format!("expression recursion limit exceeded: {DEPTH_MAX}"),
            ));
        }
        let condition = self.binary(1)?;
        let at = self.at();
        let expr = if self.accepts("?") {
            let then = self.binary(1)?;
            self.expect(":")?;
            let otherwise = self.expression()?;
            call(at, "_?_:_", None, vec![condition, then, otherwise])
        } else {
            condition
        };
        self.depth -= 1;
        Ok(expr)
    }

    fn binary(&mut self, weakest: u8) -> Result<Expr, Issue> {
        let mut left = self.unary()?;
        loop {
            let TokenKind::Symbol(symbol) = self.peek() else {
                return Ok(left);
            };
            let operator = OPERATORS
                .iter()
                .find(|(token, _, strength)| token == symbol && *strength >= weakest);
            let Some((_, name, strength)) = operator else {
                return Ok(left);
            };
            let at = self.advance().at;
            let right = self.binary(strength + 1)?;
            left = call(at, *name, None, vec![left, right]);
        }
    }

    fn unary(&mut self) -> Result<Expr, Issue> {
        let at = self.at();
        let mut nots = 0;
        while self.accepts("!") {
            nots += 1;
        }
        if nots > 0 {
            let operand = self.member()?;
            return Ok(if nots % 2 == 0 {
                operand
            } else {
                call(at, "!_", None, vec![operand])
            });
        }
        let mut minuses = 0;
        while self.accepts("-") {
            minuses += 1;
        }
        let operand = self.member()?;
        if minuses % 2 == 0 {
            return Ok(operand);
        }
        Ok(match operand.kind {
            Kind::Literal(Literal::Int(value)) => literal(at, Literal::Int(value.wrapping_neg())),
            Kind::Literal(Literal::Double(value)) => literal(at, Literal::Double(-value)),
            _ => call(at, "-_", None, vec![operand]),
        })
    }

    fn member(&mut self) -> Result<Expr, Issue> {
        let mut expr = self.primary()?;
        loop {
            let at = self.at();
            if self.accepts(".") {
                let is_optional = self.accepts("?");
                let token = self.advance();
                let field = match token.kind {
                    TokenKind::Ident(name) | TokenKind::Quoted(name) => name,
                    TokenKind::Symbol("in") => "in".to_owned(),
                    _ => {
                        self.next -= 1;
                        return Err(self.unexpected("IDENTIFIER"));
                    }
                };
                let open = self.at();
                if !is_optional && self.accepts("(") {
                    let args = self.arguments(")")?;
                    expr = method(open, expr, &field, args)?;
                } else {
                    expr = Expr {
                        at,
                        kind: Kind::Select {
                            operand: Box::new(expr),
                            field,
                            is_optional,
                        },
                    };
                }
            } else if self.accepts("[?") {
                let index = self.expression()?;
                self.expect("]")?;
                expr = call(at, "_[?_]", None, vec![expr, index]);
            } else if self.accepts("[") {
                let index = self.expression()?;
                self.expect("]")?;
                expr = call(at, "_[_]", None, vec![expr, index]);
            } else if matches!(self.peek(), TokenKind::Symbol("{"))
                && let Some(name) = dotted(&expr)
            {
                self.advance();
                expr = self.object(at, name)?;
            } else {
                return Ok(expr);
            }
        }
    }

    /// The fields of an object, after its opening bracket.
    fn object(&mut self, at: usize, name: String) -> Result<Expr, Issue> {
        let mut fields = Vec::new();
        while !self.accepts("}") {
            let is_optional = self.accepts("?");
            let (TokenKind::Ident(field) | TokenKind::Quoted(field)) = self.advance().kind else {
                self.next -= 1;
                return Err(self.unexpected("IDENTIFIER"));
            };
            self.expect(":")?;
            let value = self.expression()?;
            fields.push((field, Element { value, is_optional }));
            if !self.accepts(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(Expr {
            at,
            kind: Kind::Struct { name, fields },
        })
    }

    fn arguments(&mut self, close: &str) -> Result<Vec<Expr>, Issue> {
        let mut args = Vec::new();
        if self.accepts(close) {
            return Ok(args);
        }
        loop {
            args.push(self.expression()?);
            if !self.accepts(",") {
                break;
            }
        }
        self.expect(close)?;
        Ok(args)
    }

    fn primary(&mut self) -> Result<Expr, Issue> {
        const EXPECTED: &str = "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, \
                                NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";
        let Token { at, kind } = self.advance();
        match kind {
            TokenKind::Literal(value) => Ok(literal(at, value)),
            TokenKind::Ident(name) => {
                let open = self.at();
                if self.accepts("(") {
                    let args = self.arguments(")")?;
                    return macros::global(open, &name, args);
                }
                Ok(Expr {
                    at,
                    kind: Kind::Ident(name),
                })
            }
            TokenKind::Symbol("(") => {
                let inner = self.expression()?;
                self.expect(")")?;
                Ok(inner)
            }
            TokenKind::Symbol(".") => self.primary(),
            TokenKind::Symbol(open @ ("[" | "[?")) => self.list(at, open == "[?"),
            TokenKind::Symbol("{") => self.map(at),
            _ => {
                if kind != TokenKind::End {
                    self.next -= 1;
                }
                Err(self.unexpected(EXPECTED))
            }
        }
    }

    fn list(&mut self, at: usize, mut is_optional: bool) -> Result<Expr, Issue> {
        let mut items = Vec::new();
        while is_optional || !self.accepts("]") {
            is_optional |= self.accepts("?");
            let value = self.expression()?;
            items.push(Element { value, is_optional });
            is_optional = false;
            if !self.accepts(",") {
                self.expect("]")?;
                break;
            }
        }
        Ok(Expr {
            at,
            kind: Kind::List(items),
        })
    }

    fn map(&mut self, at: usize) -> Result<Expr, Issue> {
        let mut entries = Vec::new();
        while !self.accepts("}") {
            let is_optional = self.accepts("?");
            let key = self.expression()?;
            self.expect(":")?;
            let value = self.expression()?;
            entries.push((key, Element { value, is_optional }));
            if !self.accepts(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(Expr {
            at,
            kind: Kind::Map(entries),
        })
    }
}

/// `a.b.c` as text, where the expression is nothing else.
fn dotted(expr: &Expr) -> Option<String> {
    match &expr.kind {
        Kind::Ident(name) => Some(name.clone()),
        Kind::Select {
            operand,
            field,
            is_optional: false,
        } => Some(format!("{}.{field}", dotted(operand)?)),
        _ => None,
    }
}

fn literal(at: usize, value: Literal) -> Expr {
    Expr {
        at,
        kind: Kind::Literal(value),
    }
}

fn printed(literal: &Literal) -> String {
    match literal {
        Literal::Null => "null".to_owned(),
        Literal::Bool(value) => value.to_string(),
        Literal::Int(value) => value.to_string(),
        Literal::Uint(value) => format!("{value}u"),
        Literal::Double(value) => value.to_string(),
        Literal::String(text) => format!("'{text}'"),
        Literal::Bytes(_) => "b''".to_owned(),
    }
}

fn method(at: usize, target: Expr, name: &str, args: Vec<Expr>) -> Result<Expr, Issue> {
    if let Kind::Ident(space) = &target.kind
        && NAMESPACES.contains(&space.as_str())
    {
        return macros::global(at, &format!("{space}.{name}"), args);
    }
    macros::method(at, target, name, args)
}
