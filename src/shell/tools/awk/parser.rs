//! From words to a tree.

use std::collections::BTreeMap;

use super::lexer::{Token, tokens};
use super::run::NAMED;
use super::syntax::{Expr, Function, Pattern, Program, Slot, Statement, Target};

pub(super) const DEPTH_MAX: usize = 100;

pub(super) type Parsed<T> = Result<T, String>;

pub(super) struct Parser {
    pub(super) tokens: Vec<Token>,
    pub(super) at: usize,
    pub(super) program: Program,
    pub(super) functions: BTreeMap<String, usize>,
    pub(super) locals: Vec<String>,
    pub(super) depth: usize,
    /// Whether `>` leads to a file and `in` belongs to a loop.
    pub(super) in_print: bool,
    pub(super) no_in: bool,
}

pub(super) fn parse(source: &str) -> Parsed<Program> {
    let mut parser = Parser {
        tokens: tokens(source)?,
        at: 0,
        program: Program {
            globals: NAMED.iter().map(|name| (*name).to_owned()).collect(),
            ..Program::default()
        },
        functions: BTreeMap::new(),
        locals: Vec::new(),
        depth: 0,
        in_print: false,
        no_in: false,
    };
    parser.name_functions();
    parser.rules()?;
    Ok(parser.program)
}

impl Parser {
    pub(super) fn peek(&self) -> &Token {
        self.tokens.get(self.at).unwrap_or(&Token::End)
    }

    pub(super) fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    pub(super) fn sees(&self, sign: &str) -> bool {
        matches!(self.peek(), Token::Sign(seen) if *seen == sign)
    }

    pub(super) fn sees_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Word(seen) if *seen == word)
    }

    pub(super) fn take(&mut self, sign: &str) -> bool {
        let found = self.sees(sign);
        self.at += usize::from(found);
        found
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let found = self.sees_word(word);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, sign: &str) -> Parsed<()> {
        if self.take(sign) {
            Ok(())
        } else {
            Err(format!("expected {sign} near {:?}", self.peek()))
        }
    }

    pub(super) fn newlines(&mut self) {
        while matches!(self.peek(), Token::Newline) {
            self.at += 1;
        }
    }

    pub(super) fn ends(&mut self) {
        while matches!(self.peek(), Token::Newline) || self.sees(";") {
            self.at += 1;
        }
    }

    /// Functions may be called before they are defined.
    pub(super) fn name_functions(&mut self) {
        for pair in self.tokens.windows(2) {
            if let [
                Token::Word("function"),
                Token::Call(name) | Token::Name(name),
            ] = pair
            {
                let number = self.functions.len();
                self.functions.entry(name.clone()).or_insert(number);
            }
        }
        self.program.functions = vec![Function::default(); self.functions.len()];
    }

    pub(super) fn rules(&mut self) -> Parsed<()> {
        loop {
            self.ends();
            if matches!(self.peek(), Token::End) {
                return Ok(());
            }
            if self.take_word("function") {
                self.function()?;
                continue;
            }
            let pattern = if self.take_word("BEGIN") {
                Pattern::Begin
            } else if self.take_word("END") {
                Pattern::End
            } else if self.sees("{") {
                Pattern::Always
            } else {
                let first = self.expr()?;
                if self.take(",") {
                    self.newlines();
                    Pattern::Range(first, self.expr()?)
                } else {
                    Pattern::When(first)
                }
            };
            let body = if self.sees("{") {
                Some(self.block()?)
            } else {
                None
            };
            self.program.rules.push((pattern, body));
        }
    }

    pub(super) fn function(&mut self) -> Parsed<()> {
        let (Token::Call(name) | Token::Name(name)) = self.next() else {
            return Err("function name expected".to_owned());
        };
        self.expect("(")?;
        let mut parameters = Vec::new();
        while !self.take(")") {
            match self.next() {
                Token::Name(name) => parameters.push(name),
                other => return Err(format!("unexpected {other:?} in parameters")),
            }
            self.take(",");
            self.newlines();
        }
        self.newlines();
        let count = parameters.len();
        self.locals = parameters;
        let body = self.block()?;
        self.locals.clear();
        if let Some(number) = self.functions.get(&name) {
            self.program.functions[*number] = Function {
                parameters: count,
                body,
            };
        }
        Ok(())
    }

    pub(super) fn block(&mut self) -> Parsed<Vec<Statement>> {
        self.expect("{")?;
        let mut out = Vec::new();
        loop {
            self.ends();
            if self.take("}") {
                return Ok(out);
            }
            if matches!(self.peek(), Token::End) {
                return Err("unexpected end of program".to_owned());
            }
            out.push(self.statement()?);
        }
    }

    pub(super) fn body(&mut self) -> Parsed<Box<Statement>> {
        self.newlines();
        if self.take(";") {
            return Ok(Box::new(Statement::Nothing));
        }
        Ok(Box::new(self.statement()?))
    }

    pub(super) fn statement(&mut self) -> Parsed<Statement> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("nested too deeply".to_owned());
        }
        let statement = self.statement_inner();
        self.depth -= 1;
        statement
    }

    pub(super) fn statement_inner(&mut self) -> Parsed<Statement> {
        if self.sees("{") {
            return Ok(Statement::Block(self.block()?));
        }
        let Token::Word(word) = self.peek().clone() else {
            return self.simple();
        };
        match word {
            "if" => {
                self.at += 1;
                let condition = self.condition()?;
                let then = self.body()?;
                let before = self.at;
                self.ends();
                if self.take_word("else") {
                    let otherwise = self.body()?;
                    return Ok(Statement::If(condition, then, Some(otherwise)));
                }
                self.at = before;
                Ok(Statement::If(condition, then, None))
            }
            "while" => {
                self.at += 1;
                let condition = self.condition()?;
                if self.take(";") {
                    return Ok(Statement::While(condition, Box::new(Statement::Nothing)));
                }
                Ok(Statement::While(condition, self.body()?))
            }
            "do" => {
                self.at += 1;
                let body = self.body()?;
                self.ends();
                if !self.take_word("while") {
                    return Err("while expected after do".to_owned());
                }
                Ok(Statement::Do(body, self.condition()?))
            }
            "for" => self.for_loop(),
            _ => self.simple(),
        }
    }

    pub(super) fn condition(&mut self) -> Parsed<Expr> {
        self.expect("(")?;
        let condition = self.expr()?;
        self.expect(")")?;
        Ok(condition)
    }

    pub(super) fn for_loop(&mut self) -> Parsed<Statement> {
        self.at += 1;
        self.expect("(")?;
        if let [
            Token::Name(key),
            Token::Word("in"),
            Token::Name(array),
            Token::Sign(")"),
        ] = &self.tokens[self.at..(self.at + 4).min(self.tokens.len())]
        {
            let (key, array) = (key.clone(), array.clone());
            self.at += 4;
            let (key, array) = (self.slot(&key), self.slot(&array));
            return Ok(Statement::ForIn(key, array, self.body()?));
        }
        let first = if self.sees(";") {
            None
        } else {
            Some(Box::new(self.simple()?))
        };
        self.expect(";")?;
        self.newlines();
        let condition = if self.sees(";") {
            None
        } else {
            Some(self.expr()?)
        };
        self.expect(";")?;
        self.newlines();
        let step = if self.sees(")") {
            None
        } else {
            Some(Box::new(self.simple()?))
        };
        self.expect(")")?;
        Ok(Statement::For(first, condition, step, self.body()?))
    }

    pub(super) fn simple(&mut self) -> Parsed<Statement> {
        let Token::Word(word) = self.peek().clone() else {
            return Ok(Statement::Expr(self.expr()?));
        };
        if word == "getline" {
            return Ok(Statement::Expr(self.expr()?));
        }
        self.at += 1;
        let over = |parser: &Self| {
            matches!(parser.peek(), Token::Newline | Token::End)
                || parser.sees(";")
                || parser.sees("}")
        };
        Ok(match word {
            "print" | "printf" => {
                let outer = std::mem::replace(&mut self.in_print, true);
                let mut values = Vec::new();
                if !over(self) && !self.sees(">") && !self.sees(">>") && !self.sees("|") {
                    values = self.printed()?;
                }
                let target = self.target()?;
                self.in_print = outer;
                if word == "print" {
                    Statement::Print(values, target)
                } else {
                    Statement::Printf(values, target)
                }
            }
            "next" => Statement::Next,
            "nextfile" => Statement::NextFile,
            "break" => Statement::Break,
            "continue" => Statement::Continue,
            "exit" if over(self) => Statement::Exit(None),
            "exit" => Statement::Exit(Some(self.expr()?)),
            "return" if over(self) => Statement::Return(None),
            "return" => Statement::Return(Some(self.expr()?)),
            "delete" => {
                let Token::Name(name) = self.next() else {
                    return Err("array expected after delete".to_owned());
                };
                let slot = self.slot(&name);
                if self.take("[") {
                    Statement::Delete(slot, Some(self.list("]")?))
                } else {
                    Statement::Delete(slot, None)
                }
            }
            other => return Err(format!("unexpected {other}")),
        })
    }

    /// What is printed: a list, which may stand in parentheses.
    pub(super) fn printed(&mut self) -> Parsed<Vec<Expr>> {
        if self.sees("(") {
            let start = self.at;
            self.at += 1;
            let outer = std::mem::replace(&mut self.in_print, false);
            let list = self.list(")");
            self.in_print = outer;
            let over = matches!(self.peek(), Token::Newline | Token::End)
                || [";", "}", ">", ">>", "|"]
                    .iter()
                    .any(|sign| self.sees(sign));
            if let Ok(list) = list
                && over
            {
                return Ok(list);
            }
            self.at = start;
        }
        let mut values = vec![self.expr()?];
        while self.take(",") {
            self.newlines();
            values.push(self.expr()?);
        }
        Ok(values)
    }

    pub(super) fn target(&mut self) -> Parsed<Option<Target>> {
        Ok(if self.take(">>") {
            Some(Target::Append(self.concat()?))
        } else if self.take(">") {
            Some(Target::File(self.concat()?))
        } else if self.take("|") {
            Some(Target::Pipe(self.concat()?))
        } else {
            None
        })
    }

    pub(super) fn list(&mut self, end: &str) -> Parsed<Vec<Expr>> {
        let mut out = Vec::new();
        self.newlines();
        while !self.take(end) {
            out.push(self.expr()?);
            self.newlines();
            if !self.sees(end) {
                self.expect(",")?;
                self.newlines();
            }
        }
        Ok(out)
    }

    pub(super) fn slot(&mut self, name: &str) -> Slot {
        if let Some(place) = self.locals.iter().position(|local| local == name) {
            return Slot::Local(place);
        }
        if let Some(place) = self
            .program
            .globals
            .iter()
            .position(|global| global == name)
        {
            return Slot::Global(place);
        }
        self.program.globals.push(name.to_owned());
        Slot::Global(self.program.globals.len() - 1)
    }
}
