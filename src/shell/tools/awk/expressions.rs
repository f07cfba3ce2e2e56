//! Expressions, by how tightly their operators bind.

use super::lexer::Token;
use super::parser::{DEPTH_MAX, Parsed, Parser};
use super::syntax::{Expr, Operator};

const BUILTINS: &[&str] = &[
    "length", "substr", "index", "split", "sub", "gsub", "gensub", "match", "sprintf", "tolower",
    "toupper", "sin", "cos", "atan2", "exp", "log", "sqrt", "int", "rand", "srand", "system",
    "close", "fflush", "strftime", "systime", "and", "or", "xor", "lshift", "rshift", "toupper",
];

impl Parser {
    pub(super) fn expr(&mut self) -> Parsed<Expr> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("nested too deeply".to_owned());
        }
        let expr = self.ternary();
        self.depth -= 1;
        let expr = expr?;
        let operator = match self.peek() {
            Token::Sign("=") => None,
            Token::Sign("+=") => Some(Operator::Add),
            Token::Sign("-=") => Some(Operator::Subtract),
            Token::Sign("*=") => Some(Operator::Multiply),
            Token::Sign("/=") => Some(Operator::Divide),
            Token::Sign("%=") => Some(Operator::Remainder),
            Token::Sign("^=") => Some(Operator::Power),
            _ => return Ok(expr),
        };
        if !matches!(expr, Expr::Variable(_) | Expr::Element(..) | Expr::Field(_)) {
            return Err("assignment to something that is no variable".to_owned());
        }
        self.at += 1;
        self.newlines();
        let value = self.expr()?;
        Ok(Expr::Assign(Box::new(expr), operator, Box::new(value)))
    }

    fn ternary(&mut self) -> Parsed<Expr> {
        let condition = self.or()?;
        if !self.take("?") {
            return Ok(condition);
        }
        self.newlines();
        let yes = self.expr()?;
        self.newlines();
        self.expect(":")?;
        self.newlines();
        let no = self.expr()?;
        Ok(Expr::Choice(
            Box::new(condition),
            Box::new(yes),
            Box::new(no),
        ))
    }

    fn or(&mut self) -> Parsed<Expr> {
        let mut left = self.and()?;
        while self.take("||") {
            self.newlines();
            left = Expr::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Parsed<Expr> {
        let mut left = self.membership()?;
        while self.take("&&") {
            self.newlines();
            left = Expr::And(Box::new(left), Box::new(self.membership()?));
        }
        Ok(left)
    }

    fn membership(&mut self) -> Parsed<Expr> {
        let mut left = self.matching()?;
        while !self.no_in && self.take_word("in") {
            let Token::Name(name) = self.next() else {
                return Err("array expected after in".to_owned());
            };
            left = Expr::In(vec![left], self.slot(&name));
        }
        Ok(left)
    }

    fn matching(&mut self) -> Parsed<Expr> {
        let mut left = self.comparison()?;
        loop {
            let negated = self.sees("!~");
            if !negated && !self.sees("~") {
                return Ok(left);
            }
            self.at += 1;
            left = Expr::Match(Box::new(left), negated, Box::new(self.comparison()?));
        }
    }

    fn comparison(&mut self) -> Parsed<Expr> {
        let left = self.concat()?;
        let operator = match self.peek() {
            Token::Sign("<") => Operator::Less,
            Token::Sign("<=") => Operator::LessEqual,
            Token::Sign("==") => Operator::Equal,
            Token::Sign("!=") => Operator::NotEqual,
            Token::Sign(">") if !self.in_print => Operator::Greater,
            Token::Sign(">=") => Operator::GreaterEqual,
            _ => return Ok(left),
        };
        self.at += 1;
        Ok(Expr::Binary(
            operator,
            Box::new(left),
            Box::new(self.concat()?),
        ))
    }

    pub(super) fn concat(&mut self) -> Parsed<Expr> {
        let mut left = self.additive()?;
        loop {
            let begins = match self.peek() {
                Token::Number(_)
                | Token::Text(_)
                | Token::Regex(_)
                | Token::Name(_)
                | Token::Call(_) => true,
                Token::Sign(sign) => matches!(*sign, "$" | "!" | "(" | "-" | "+" | "++" | "--"),
                _ => false,
            };
            if !begins {
                return Ok(left);
            }
            left = Expr::Concat(Box::new(left), Box::new(self.additive()?));
        }
    }

    fn additive(&mut self) -> Parsed<Expr> {
        let mut left = self.multiplicative()?;
        loop {
            let operator = match self.peek() {
                Token::Sign("+") => Operator::Add,
                Token::Sign("-") => Operator::Subtract,
                _ => return Ok(left),
            };
            self.at += 1;
            let right = self.multiplicative()?;
            left = Expr::Binary(operator, Box::new(left), Box::new(right));
        }
    }

    fn multiplicative(&mut self) -> Parsed<Expr> {
        let mut left = self.unary()?;
        loop {
            let operator = match self.peek() {
                Token::Sign("*") => Operator::Multiply,
                Token::Sign("/") => Operator::Divide,
                Token::Sign("%") => Operator::Remainder,
                _ => return Ok(left),
            };
            self.at += 1;
            left = Expr::Binary(operator, Box::new(left), Box::new(self.unary()?));
        }
    }

    fn unary(&mut self) -> Parsed<Expr> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("nested too deeply".to_owned());
        }
        let expr = if self.take("!") {
            Expr::Not(Box::new(self.unary()?))
        } else if self.take("-") {
            Expr::Negative(Box::new(self.unary()?))
        } else if self.take("+") {
            Expr::Positive(Box::new(self.unary()?))
        } else {
            self.power()?
        };
        self.depth -= 1;
        Ok(expr)
    }

    fn power(&mut self) -> Parsed<Expr> {
        let base = self.postfix()?;
        if !self.take("^") {
            return Ok(base);
        }
        let exponent = self.unary()?;
        Ok(Expr::Binary(
            Operator::Power,
            Box::new(base),
            Box::new(exponent),
        ))
    }

    fn postfix(&mut self) -> Parsed<Expr> {
        for (sign, step) in [("++", 1.0), ("--", -1.0)] {
            if self.take(sign) {
                let inner = self.primary()?;
                return Ok(Expr::Step(Box::new(inner), true, step));
            }
        }
        let inner = self.primary()?;
        if matches!(
            inner,
            Expr::Variable(_) | Expr::Element(..) | Expr::Field(_)
        ) {
            for (sign, step) in [("++", 1.0), ("--", -1.0)] {
                if self.take(sign) {
                    return Ok(Expr::Step(Box::new(inner), false, step));
                }
            }
        }
        Ok(inner)
    }

    fn primary(&mut self) -> Parsed<Expr> {
        match self.next() {
            Token::Number(number) => Ok(Expr::Number(number)),
            Token::Text(text) => Ok(Expr::Text(text)),
            Token::Regex(text) => {
                let regex = crate::shell::tools::regular(&text, true, false)
                    .map_err(|_| format!("bad regular expression /{text}/"))?;
                self.program.regexes.push(regex);
                Ok(Expr::Regex(self.program.regexes.len() - 1))
            }
            Token::Sign("$") => {
                let inner = if self.sees("++") || self.sees("--") {
                    self.postfix()?
                } else if self.take("-") {
                    Expr::Negative(Box::new(self.primary()?))
                } else {
                    self.primary()?
                };
                Ok(Expr::Field(Box::new(inner)))
            }
            Token::Sign("(") => {
                let outer = std::mem::replace(&mut self.in_print, false);
                let mut list = self.list(")")?;
                self.in_print = outer;
                if self.sees_word("in") && list.len() > 1 {
                    self.at += 1;
                    let Token::Name(name) = self.next() else {
                        return Err("array expected after in".to_owned());
                    };
                    return Ok(Expr::In(list, self.slot(&name)));
                }
                match (list.pop(), list.is_empty()) {
                    // Parentheses keep what is in them from being assigned to.
                    (Some(inner @ (Expr::Variable(_) | Expr::Field(_))), true) => Ok(inner),
                    (Some(inner), true) => Ok(inner),
                    _ => Err("unexpected list".to_owned()),
                }
            }
            Token::Word("getline") => self.getline(),
            Token::Name(name) if name == "length" => Ok(Expr::Builtin(name, Vec::new())),
            Token::Name(name) => {
                let slot = self.slot(&name);
                if self.take("[") {
                    let outer = std::mem::replace(&mut self.in_print, false);
                    let index = self.list("]")?;
                    self.in_print = outer;
                    return Ok(Expr::Element(slot, index));
                }
                Ok(Expr::Variable(slot))
            }
            Token::Call(name) => {
                self.expect("(")?;
                let outer = std::mem::replace(&mut self.in_print, false);
                let arguments = self.list(")")?;
                self.in_print = outer;
                if let Some(number) = self.functions.get(&name) {
                    return Ok(Expr::Call(*number, arguments));
                }
                if BUILTINS.contains(&name.as_str()) {
                    return Ok(Expr::Builtin(name, arguments));
                }
                Err(format!("calling undefined function {name}"))
            }
            other => Err(format!("unexpected {other:?}")),
        }
    }

    fn getline(&mut self) -> Parsed<Expr> {
        let into = if matches!(self.peek(), Token::Name(_)) || self.sees("$") {
            Some(Box::new(self.primary()?))
        } else {
            None
        };
        let from = if self.take("<") {
            Some(Box::new(self.primary()?))
        } else {
            self.program.getline = true;
            None
        };
        Ok(Expr::Getline(into, from))
    }
}
