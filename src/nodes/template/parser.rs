//! From pieces to nodes.
//!
//! *Upstream:* `text/template/parse/{parse.go,node.go}`.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::vec::IntoIter;

use serde_json::Value;

use super::lexer::{Kind, Piece, Token, pieces};
use super::{Refusal, Result, Template};

/// So deep actions and parentheses stand in each other at most.
const DEPTH_MAX: usize = 100;

fn too_deep() -> Refusal {
    Refusal::new(format!("nested more than {DEPTH_MAX} deep"))
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Text(String),
    Action(Pipeline),
    If(Branch),
    With(Branch),
    Range(Branch),
    Template(String, Option<Pipeline>),
    Break,
    Continue,
}

/// What is written where something holds, and where it does not.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Branch {
    pub(super) pipeline: Pipeline,
    pub(super) body: Vec<Node>,
    pub(super) otherwise: Vec<Node>,
}

/// Commands, each of which takes what the one before came to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pipeline {
    /// The variables that it sets, without their `$`.
    pub(super) variables: Vec<String>,
    /// Whether they are new.
    pub(super) declares: bool,
    pub(super) commands: Vec<Vec<Operand>>,
}

/// A value, or the name of a function.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Operand {
    pub(super) base: Base,
    /// The fields of it that are meant.
    pub(super) fields: Vec<String>,
}

/// Where an operand begins.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Base {
    Literal(Value),
    Dot,
    Variable(String),
    Function(String),
    Pipeline(Box<Pipeline>),
}

/// How a list of nodes came to its end.
enum Stop {
    Text,
    End,
    /// With what stands behind the word.
    Else(Vec<Token>),
}

struct Parser {
    pieces: Peekable<IntoIter<Piece>>,
    /// So many actions are open.
    depth: usize,
    defined: BTreeMap<String, Vec<Node>>,
}

/// Reads a template.
pub(super) fn parse(text: &str) -> Result<Template> {
    let mut parser = Parser {
        pieces: pieces(text)?.into_iter().peekable(),
        depth: 0,
        defined: BTreeMap::new(),
    };
    let (nodes, end) = parser.nodes()?;
    if !matches!(end, Stop::Text) {
        return Err(Refusal::new("unexpected {{end}} or {{else}}"));
    }
    Ok(Template {
        nodes,
        defined: parser.defined,
    })
}

impl Parser {
    /// Reads up to an `end` or `else`.
    fn nodes(&mut self) -> Result<(Vec<Node>, Stop)> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(too_deep());
        }
        let read = self.nodes_within();
        self.depth -= 1;
        read
    }

    fn nodes_within(&mut self) -> Result<(Vec<Node>, Stop)> {
        let mut nodes = Vec::new();
        while let Some(piece) = self.pieces.next() {
            let tokens = match piece {
                Piece::Text(text) => {
                    nodes.push(Node::Text(text));
                    continue;
                }
                Piece::Action(tokens) => tokens,
            };
            let word = match tokens.first().map(|token| &token.kind) {
                Some(Kind::Word(word)) => word.clone(),
                None => return Err(Refusal::new("missing value for command")),
                Some(_) => String::new(),
            };
            let rest = || tokens[1..].to_vec();
            match word.as_str() {
                "end" => return Ok((nodes, Stop::End)),
                "else" => return Ok((nodes, Stop::Else(rest()))),
                "if" => nodes.push(Node::If(self.branch(rest())?)),
                "with" => nodes.push(Node::With(self.branch(rest())?)),
                "range" => nodes.push(Node::Range(self.branch(rest())?)),
                "break" => nodes.push(Node::Break),
                "continue" => nodes.push(Node::Continue),
                "define" => {
                    self.define(&rest())?;
                }
                "block" => {
                    let rest = rest();
                    let name = self.define(&rest)?;
                    let pipeline = Tokens::of(rest[1..].to_vec()).whole_pipeline()?;
                    nodes.push(Node::Template(name, Some(pipeline)));
                }
                "template" => {
                    let name = name_of(tokens.get(1))?;
                    let rest = tokens.get(2..).unwrap_or(&[]).to_vec();
                    let pipeline = (!rest.is_empty())
                        .then(|| Tokens::of(rest).whole_pipeline())
                        .transpose()?;
                    nodes.push(Node::Template(name, pipeline));
                }
                _ => nodes.push(Node::Action(Tokens::of(tokens).whole_pipeline()?)),
            }
        }
        Ok((nodes, Stop::Text))
    }

    fn branch(&mut self, head: Vec<Token>) -> Result<Branch> {
        let pipeline = Tokens::of(head).whole_pipeline()?;
        let (body, end) = self.nodes()?;
        let otherwise = match end {
            Stop::Text => return Err(Refusal::new("unexpected EOF")),
            Stop::End => Vec::new(),
            Stop::Else(tokens) => self.otherwise(&tokens)?,
        };
        Ok(Branch {
            pipeline,
            body,
            otherwise,
        })
    }

    /// What stands behind an `else`, which may be another `if` or `with`.
    fn otherwise(&mut self, tokens: &[Token]) -> Result<Vec<Node>> {
        let word = match tokens.first().map(|token| &token.kind) {
            None => {
                let (nodes, end) = self.nodes()?;
                return match end {
                    Stop::End => Ok(nodes),
                    _ => Err(Refusal::new("expected end after else")),
                };
            }
            Some(Kind::Word(word)) => word.clone(),
            Some(_) => String::new(),
        };
        self.depth += 1;
        let branch = self.branch(tokens[1..].to_vec())?;
        self.depth -= 1;
        match word.as_str() {
            "if" => Ok(vec![Node::If(branch)]),
            "with" => Ok(vec![Node::With(branch)]),
            _ => Err(Refusal::new("unexpected words after else")),
        }
    }

    fn define(&mut self, tokens: &[Token]) -> Result<String> {
        let name = name_of(tokens.first())?;
        let (nodes, end) = self.nodes()?;
        if !matches!(end, Stop::End) {
            return Err(Refusal::new("unexpected EOF"));
        }
        self.defined.insert(name.clone(), nodes);
        Ok(name)
    }
}

fn name_of(token: Option<&Token>) -> Result<String> {
    match token.map(|token| &token.kind) {
        Some(Kind::Literal(Value::String(name))) => Ok(name.clone()),
        _ => Err(Refusal::new("expected the name of a template")),
    }
}

/// The tokens of an action.
struct Tokens {
    rest: Peekable<IntoIter<Token>>,
    /// So many parentheses are open.
    depth: usize,
}

impl Tokens {
    fn of(tokens: Vec<Token>) -> Self {
        Self {
            rest: tokens.into_iter().peekable(),
            depth: 0,
        }
    }

    fn is_next(&mut self, sign: &str) -> bool {
        matches!(self.rest.peek(), Some(Token { kind: Kind::Sign(one), .. }) if *one == sign)
    }

    fn whole_pipeline(mut self) -> Result<Pipeline> {
        let pipeline = self.pipeline()?;
        match self.rest.next() {
            None => Ok(pipeline),
            Some(token) => Err(Refusal::new(format!("unexpected {:?}", token.kind))),
        }
    }

    fn pipeline(&mut self) -> Result<Pipeline> {
        let (variables, declares) = self.variables();
        let mut commands = Vec::new();
        loop {
            commands.push(self.command()?);
            if !self.is_next("|") {
                break;
            }
            self.rest.next();
        }
        Ok(Pipeline {
            variables,
            declares,
            commands,
        })
    }

    /// `$a :=`, `$a, $b :=`, `$a =`
    fn variables(&mut self) -> (Vec<String>, bool) {
        let mut ahead = self.rest.clone();
        let mut names = Vec::new();
        loop {
            match ahead.next().map(|token| token.kind) {
                Some(Kind::Variable(name)) => names.push(name),
                _ => return (Vec::new(), false),
            }
            match ahead.next().map(|token| token.kind) {
                Some(Kind::Sign(",")) => {}
                Some(Kind::Sign(sign @ (":=" | "="))) => {
                    self.rest = ahead;
                    return (names, sign == ":=");
                }
                _ => return (Vec::new(), false),
            }
        }
    }

    fn command(&mut self) -> Result<Vec<Operand>> {
        let mut operands = Vec::new();
        while self.rest.peek().is_some() && !self.is_next("|") && !self.is_next(")") {
            operands.push(self.operand()?);
        }
        if operands.is_empty() {
            return Err(Refusal::new("missing value for command"));
        }
        Ok(operands)
    }

    fn operand(&mut self) -> Result<Operand> {
        let mut fields = Vec::new();
        let base = match self.rest.next().map(|token| token.kind) {
            Some(Kind::Literal(value)) => Base::Literal(value),
            Some(Kind::Dot) => Base::Dot,
            Some(Kind::Field(name)) => {
                fields.push(name);
                Base::Dot
            }
            Some(Kind::Variable(name)) => Base::Variable(name),
            Some(Kind::Word(name)) => Base::Function(name),
            Some(Kind::Sign("(")) => {
                self.depth += 1;
                if self.depth > DEPTH_MAX {
                    return Err(too_deep());
                }
                let inner = self.pipeline()?;
                self.depth -= 1;
                if !self.is_next(")") {
                    return Err(Refusal::new("unclosed left paren"));
                }
                self.rest.next();
                Base::Pipeline(Box::new(inner))
            }
            other => return Err(Refusal::new(format!("unexpected {other:?} in operand"))),
        };
        while let Some(Token {
            kind: Kind::Field(name),
            is_glued: true,
        }) = self.rest.peek()
        {
            fields.push(name.clone());
            self.rest.next();
        }
        Ok(Operand { base, fields })
    }
}
