//! Tokens to tree: precedence climbing.

mod primary;

use super::lexer::{Token, TokenKind, tokens};
use super::macros::{Expanded, Maker};
use super::refusal::{self, OPERAND};
use super::{Call, Element, Expr, Issue, Kind, Literal, NOWHERE, OPT_SELECT};

/// How deep an expression may nest.
const DEPTH_MAX: usize = 250;
/// How deep one is read. Differs: without optimisation the stack of a thread ends before.
const DEPTH_READ: usize = if cfg!(debug_assertions) {
    120
} else {
    DEPTH_MAX
};
/// How many characters an expression may have.
const LENGTH_MAX: usize = 100_000;
/// How many parts macros may expand to.
const PARTS_MAX: u32 = 200_000;

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

/// Words that no variable may be called.
pub(in crate::cel) const RESERVED: &[&str] = &[
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// An expression and how many numbers its parts have.
///
/// `has_bindings`: `cel.bind` is a macro.
pub fn parse(source: &str, has_bindings: bool) -> Result<(Expr, u32), Vec<Issue>> {
    let length = source.chars().count();
    if length > LENGTH_MAX {
        return Err(vec![Issue::new(
            NOWHERE,
            format!("expression code point size exceeds limit: size: {length}, limit {LENGTH_MAX}"),
        )]);
    }
    let (tokens, issues) = tokens(source);
    let mut parser = Parser {
        source,
        tokens,
        next: 0,
        next_id: 0,
        depth: 0,
        has_bindings,
        is_recovering: false,
        enclosing: Vec::new(),
        issues,
    };
    let parsed = parser.whole();
    let next_id = parser.next_id;
    match parsed {
        Ok(expr) if parser.issues.is_empty() => Ok((expr, next_id)),
        Ok(_) => Err(parser.issues),
        Err(issue) => {
            parser.issues.push(issue);
            Err(parser.issues)
        }
    }
}

struct Parser<'s> {
    source: &'s str,
    tokens: Vec<Token<'s>>,
    next: usize,
    next_id: u32,
    depth: usize,
    has_bindings: bool,
    /// Whether nothing was read yet since something was wrong, which is said once only.
    is_recovering: bool,
    /// What may end or go on what is being read, the innermost last.
    enclosing: Vec<&'static [&'static str]>,
    /// What is wrong, though it did not keep the rest from being read.
    issues: Vec<Issue>,
}

type Parsed = Result<Expr, Issue>;

impl<'s> Parser<'s> {
    fn token(&self) -> &Token<'s> {
        &self.tokens[self.next]
    }

    fn after(&self) -> &Token<'s> {
        &self.tokens[(self.next + 1).min(self.tokens.len() - 1)]
    }

    fn at(&self) -> usize {
        self.token().at
    }

    fn advance(&mut self) -> Token<'s> {
        self.is_recovering = false;
        let token = self.tokens[self.next].clone();
        if self.next + 1 < self.tokens.len() {
            self.next += 1;
        }
        token
    }

    fn is(&self, symbol: &str) -> bool {
        matches!(self.token().kind, TokenKind::Symbol(found) if found == symbol)
    }

    fn accepts(&mut self, symbol: &str) -> bool {
        let is_there = self.is(symbol);
        if is_there {
            self.advance();
        }
        is_there
    }

    /// Says what is wrong, unless that is what was wrong before.
    fn report(&mut self, issue: Issue) {
        if !self.is_recovering {
            self.issues.push(issue);
        }
        self.is_recovering = true;
    }

    /// Reads one of these symbols; what is wrong with another is said, and read over where one of
    /// them follows.
    fn expect(&mut self, symbol: &'static str) -> bool {
        if self.accepts(symbol) {
            return true;
        }
        let expected = format!("'{symbol}'");
        let token = self.token().clone();
        if self.after().kind == TokenKind::Symbol(symbol) {
            self.report(refusal::extraneous(&token, &expected));
            self.advance();
            return self.accepts(symbol);
        }
        let would_fit = if symbol == ":" {
            refusal::begins_operand(token.kind)
        } else {
            self.may_follow(token.kind)
        };
        if would_fit {
            self.report(refusal::missing(&expected, &token));
            return true;
        }
        self.report(refusal::mismatched(&token, &expected));
        false
    }

    /// Whether a token may follow a value here.
    fn may_follow(&self, kind: TokenKind) -> bool {
        match kind {
            TokenKind::End => self.enclosing.is_empty(),
            TokenKind::Symbol("." | "[" | "?") => true,
            TokenKind::Symbol(symbol) => {
                let ends = self
                    .enclosing
                    .last()
                    .is_some_and(|ends| ends.contains(&symbol));
                ends || OPERATORS.iter().any(|(token, ..)| *token == symbol)
            }
            _ => false,
        }
    }

    /// Goes on with the next token that may follow a value, here or further out.
    fn recover(&mut self) {
        loop {
            let is_end = match self.token().kind {
                TokenKind::End => true,
                TokenKind::Symbol("?") => true,
                TokenKind::Symbol(symbol) => {
                    self.enclosing.iter().any(|ends| ends.contains(&symbol))
                        || OPERATORS.iter().any(|(token, ..)| *token == symbol)
                }
                _ => false,
            };
            if is_end {
                return;
            }
            self.next += 1;
        }
    }

    /// In the place of a value that cannot be read.
    fn nothing(&mut self) -> Expr {
        let at = self.at();
        self.recover();
        self.make(at, Kind::Literal(Literal::Null))
    }

    /// Reads something that these symbols end or go on.
    fn inside<T>(
        &mut self,
        ends: &'static [&'static str],
        read: impl FnOnce(&mut Self) -> Result<T, Issue>,
    ) -> Result<T, Issue> {
        self.enclosing.push(ends);
        let found = read(self);
        self.enclosing.pop();
        found
    }

    /// After an item: whether another follows. Reads the end where none does.
    fn another(&mut self, close: &'static str, expecting: &str) -> bool {
        if self.accepts(",") {
            if self.accepts(close) {
                return false;
            }
            let is_item =
                refusal::begins_operand(self.token().kind) || self.is("?") || self.at_quoted();
            if !is_item {
                self.expect(close);
            }
            return is_item;
        }
        if self.accepts(close) {
            return false;
        }
        let token = self.token().clone();
        let after = self.after().kind;
        let fits = after == TokenKind::Symbol(",") || after == TokenKind::Symbol(close);
        if fits {
            self.report(refusal::extraneous(&token, expecting));
            self.advance();
            return self.another(close, expecting);
        }
        self.report(refusal::mismatched(&token, expecting));
        self.recover();
        false
    }

    fn at_quoted(&self) -> bool {
        self.token().kind == TokenKind::Quoted
    }

    fn make(&mut self, at: usize, kind: Kind) -> Expr {
        self.next_id += 1;
        Expr {
            id: self.next_id,
            at,
            kind,
        }
    }

    /// A call, or what it expands to where it is a macro.
    fn call(&mut self, at: usize, name: &str, target: Option<Expr>, args: Vec<Expr>) -> Parsed {
        if self.next_id > PARTS_MAX {
            return Err(too_deep());
        }
        let mut maker = Maker {
            next_id: &mut self.next_id,
            at,
            has_bindings: self.has_bindings,
        };
        let (target, args) = match maker.expand(name, target, args) {
            Expanded::Macro(expr) => return Ok(expr),
            Expanded::Wrong(issue) => {
                self.issues.push(issue);
                return Ok(self.make(at, Kind::Literal(Literal::Null)));
            }
            Expanded::Call(target, args) => (target, args),
        };
        let call = Call {
            name: name.to_owned(),
            target: target.map(Box::new),
            args,
        };
        Ok(self.make(at, Kind::Call(call)))
    }

    fn whole(&mut self) -> Parsed {
        let expr = self.expression()?;
        let token = self.token().clone();
        if token.kind == TokenKind::End {
            return Ok(expr);
        }
        let issue = if self.after().kind == TokenKind::End {
            refusal::extraneous(&token, "<EOF>")
        } else {
            refusal::mismatched(&token, "<EOF>")
        };
        self.report(issue);
        Ok(expr)
    }

    /// Goes one level deeper; the caller comes back up by itself.
    fn deeper(&mut self) -> Result<(), Issue> {
        self.depth += 1;
        if self.depth > DEPTH_READ {
            return Err(too_deep());
        }
        Ok(())
    }

    fn expression(&mut self) -> Parsed {
        self.deeper()?;
        let condition = self.binary(1)?;
        let at = self.at();
        let expr = if self.accepts("?") {
            let then = self.inside(&[":"], |parser| parser.binary(1))?;
            if !self.expect(":") {
                self.recover();
                self.depth -= 1;
                return Ok(condition);
            }
            let otherwise = self.expression()?;
            self.call(at, "_?_:_", None, vec![condition, then, otherwise])?
        } else {
            condition
        };
        self.depth -= 1;
        Ok(expr)
    }

    fn binary(&mut self, weakest: u8) -> Parsed {
        let mut left = self.unary()?;
        let before = self.depth;
        while let TokenKind::Symbol(symbol) = self.token().kind {
            let operator = OPERATORS
                .iter()
                .find(|(token, _, strength)| *token == symbol && *strength >= weakest);
            let Some((_, name, strength)) = operator else {
                break;
            };
            let at = self.advance().at;
            let right = self.binary(strength + 1)?;
            // A chain of the same connective is one call, however long.
            if *strength < 3
                && let Kind::Call(call) = &mut left.kind
                && call.name == *name
            {
                call.args.push(right);
                continue;
            }
            self.deeper()?;
            left = self.call(at, name, None, vec![left, right])?;
        }
        self.depth = before;
        Ok(left)
    }

    fn unary(&mut self) -> Parsed {
        let at = self.at();
        let mut nots = 0;
        while self.accepts("!") {
            nots += 1;
        }
        if nots > 0 {
            self.after_signs();
            let operand = self.member()?;
            return if nots % 2 == 0 {
                Ok(operand)
            } else {
                self.call(at, "!_", None, vec![operand])
            };
        }
        let mut minuses = 0;
        while self.is("-") {
            let is_signed = matches!(self.after().kind, TokenKind::Int | TokenKind::Double);
            if is_signed && minuses == 0 {
                break;
            }
            self.advance();
            minuses += 1;
        }
        if minuses > 0 {
            self.after_signs();
        }
        let operand = self.member()?;
        if minuses % 2 == 0 {
            return Ok(operand);
        }
        self.call(at, "-_", None, vec![operand])
    }

    /// A value has to follow signs.
    fn after_signs(&mut self) {
        let token = self.token().clone();
        if !refusal::begins_operand(token.kind) || self.is("!") {
            self.report(refusal::extraneous(&token, OPERAND));
            self.recover();
        }
    }

    fn member(&mut self) -> Parsed {
        let mut expr = self.primary()?;
        let before = self.depth;
        loop {
            let at = self.at();
            if self.accepts(".") {
                expr = self.selected(at, expr)?;
            } else if self.accepts("[") {
                let name = if self.accepts("?") { "_[?_]" } else { "_[_]" };
                let token = self.token().clone();
                if !refusal::begins_operand(token.kind) {
                    let expecting = OPERAND.replace("'!'", "'!', '?'");
                    let expecting = if name == "_[_]" { &expecting } else { OPERAND };
                    self.report(refusal::mismatched(&token, expecting));
                }
                let index = self.inside(&["]"], Self::expression)?;
                self.expect("]");
                expr = self.call(at, name, None, vec![expr, index])?;
            } else if self.is("{")
                && let Some(name) = expr.dotted()
            {
                self.advance();
                expr = self.object(at, name)?;
            } else {
                self.depth = before;
                return Ok(expr);
            }
            self.deeper()?;
        }
    }

    /// What follows a dot.
    fn selected(&mut self, at: usize, operand: Expr) -> Parsed {
        let is_optional = self.accepts("?");
        let token = self.token().clone();
        let field = match token.kind {
            TokenKind::Ident => token.text,
            TokenKind::Quoted => token.text.trim_matches('`'),
            _ => {
                let read = &self.source[at..self.at() + token_length(&token)];
                let is_word = matches!(
                    token.kind,
                    TokenKind::True | TokenKind::False | TokenKind::Null
                );
                if is_optional {
                    let expecting = "{IDENTIFIER, ESC_IDENTIFIER}";
                    self.report(refusal::mismatched(&token, expecting));
                    self.issues
                        .push(Issue::new(token.at, "unsupported ident kind"));
                } else if is_word {
                    self.report(refusal::mismatched(&token, "IDENTIFIER"));
                } else {
                    self.report(refusal::no_viable(read, &token));
                }
                self.recover();
                return Ok(operand);
            }
        };
        self.advance();
        let open = self.at();
        if token.kind == TokenKind::Ident && !is_optional && self.accepts("(") {
            let args = self.arguments()?;
            return self.call(open, field, Some(operand), args);
        }
        if is_optional {
            let name = self.make(token.at, Kind::Literal(Literal::String(field.to_owned())));
            return self.call(at, OPT_SELECT, None, vec![operand, name]);
        }
        let select = Kind::Select {
            operand: Box::new(operand),
            field: field.to_owned(),
            is_test: false,
        };
        Ok(self.make(at, select))
    }

    /// The fields of an object, after its opening bracket.
    fn object(&mut self, at: usize, name: String) -> Parsed {
        let mut fields = Vec::new();
        if self.accepts("}") || (self.accepts(",") && self.expect("}")) {
            return Ok(self.make(at, Kind::Struct { name, fields }));
        }
        loop {
            let is_optional = self.accepts("?");
            let token = self.token().clone();
            if !matches!(token.kind, TokenKind::Ident | TokenKind::Quoted) {
                let expecting = "{'}', ',', '?', IDENTIFIER, ESC_IDENTIFIER}";
                self.report(refusal::mismatched(&token, expecting));
                self.recover();
                break;
            }
            self.advance();
            let colon = self.at();
            if !self.expect(":") {
                self.recover();
            }
            let value = self.inside(&["}", ","], Self::expression)?;
            let field = token.text.trim_matches('`').to_owned();
            fields.push((colon, field, Element { value, is_optional }));
            if !self.another("}", "{'}', ','}") {
                break;
            }
        }
        Ok(self.make(at, Kind::Struct { name, fields }))
    }

    /// What a call is given, after its opening bracket.
    fn arguments(&mut self) -> Result<Vec<Expr>, Issue> {
        let mut args = Vec::new();
        if self.accepts(")") {
            return Ok(args);
        }
        let token = self.token().clone();
        if !refusal::begins_operand(token.kind) {
            let expecting = OPERAND.replace("'('", "'(', ')'");
            if self.after().kind == TokenKind::Symbol(")") {
                self.report(refusal::extraneous(&token, &expecting));
                self.advance();
                self.advance();
                return Ok(args);
            }
            self.report(refusal::mismatched(&token, &expecting));
        }
        loop {
            args.push(self.inside(&[")", ","], Self::expression)?);
            if !self.accepts(",") {
                break;
            }
        }
        self.expect(")");
        Ok(args)
    }
}

fn too_deep() -> Issue {
    Issue::new(
        NOWHERE,
        format!("expression recursion limit exceeded: {DEPTH_MAX}"),
    )
}

fn token_length(token: &Token) -> usize {
    if token.kind == TokenKind::End {
        0
    } else {
        token.text.len()
    }
}
