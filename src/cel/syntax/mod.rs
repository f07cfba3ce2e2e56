//! Text to tree.
//!
//! *Upstream:* `cel-go/parser`, the language definition's grammar.

mod lexer;
mod macros;
mod parser;

use std::sync::OnceLock;

use regex::Regex;

pub use self::parser::parse;

/// A part of an expression, and where in the text it stands.
#[derive(Debug)]
pub struct Expr {
    /// Byte offset in the text.
    pub at: usize,
    /// What it is.
    pub kind: Kind,
}

/// What a part of an expression is.
#[derive(Debug)]
pub enum Kind {
    /// A constant.
    Literal(Literal),
    /// A variable or a type's name.
    Ident(String),
    /// `operand.field`; `operand.?field` where optional.
    Select {
        /// What has the field.
        operand: Box<Expr>,
        /// Its name.
        field: String,
        /// Whether a missing field makes an empty optional.
        is_optional: bool,
    },
    /// `has(operand.field)`.
    Has {
        /// What may have the field.
        operand: Box<Expr>,
        /// Its name.
        field: String,
    },
    /// A function or operator.
    Call(Call),
    /// `[a, ?b]`.
    List(Vec<Element>),
    /// `{a: b}`.
    Map(Vec<(Expr, Element)>),
    /// `Object.spec{field: value}`.
    Struct {
        /// The name of its type.
        name: String,
        /// Its fields.
        fields: Vec<(String, Element)>,
    },
    /// A macro over the items of a list or the keys of a map.
    Comprehension(Box<Comprehension>),
    /// `cel.bind(name, value, body)`, and `optMap` which is much the same.
    Bind(Box<Bind>),
}

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// null
    Null,
    /// true, false
    Bool(bool),
    /// 1
    Int(i64),
    /// 1u
    Uint(u64),
    /// 1.0
    Double(f64),
    /// 'a'
    String(String),
    /// b'a'
    Bytes(Vec<u8>),
}

/// A function or operator and what it is given.
#[derive(Debug)]
pub struct Call {
    /// Its name; operators as upstream names them (`_+_`).
    pub name: String,
    /// What it is a method of.
    pub target: Option<Box<Expr>>,
    /// What it is given.
    pub args: Vec<Expr>,
    /// A constant pattern, compiled at its first use.
    pub regex: OnceLock<Option<Regex>>,
}

/// An item of a list or value of a map literal.
#[derive(Debug)]
pub struct Element {
    /// The value.
    pub value: Expr,
    /// Whether an empty optional leaves it out.
    pub is_optional: bool,
}

/// A macro over the items of a list or the keys of a map.
#[derive(Debug)]
pub struct Comprehension {
    /// What it comes to.
    pub kind: ComprehensionKind,
    /// What it goes over.
    pub range: Expr,
    /// The variable of the item or key; with a second one, of the index or key.
    pub variable: String,
    /// The variable of the item or value.
    pub second: Option<String>,
    /// Which items count.
    pub condition: Option<Expr>,
    /// What becomes of each.
    pub body: Option<Expr>,
}

/// What a macro comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComprehensionKind {
    /// Whether all hold.
    All,
    /// Whether one holds.
    Exists,
    /// Whether exactly one holds.
    ExistsOne,
    /// A list of what becomes of each.
    Map,
    /// A list of those that hold.
    Filter,
    /// A map of what becomes of each.
    TransformMap,
}

/// A name for a value inside an expression.
#[derive(Debug)]
pub struct Bind {
    /// The name.
    pub variable: String,
    /// The value.
    pub value: Expr,
    /// Where it is known.
    pub body: Expr,
    /// What it binds.
    pub kind: BindKind,
}

/// What a bind does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindKind {
    /// `cel.bind`.
    Value,
    /// `optMap`: the value inside an optional; the result is optional too.
    OptMap,
    /// `optFlatMap`: the same, the body being optional itself.
    OptFlatMap,
}

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// Byte offset in the text.
    pub at: usize,
    /// What is wrong.
    pub message: String,
}

impl Issue {
    /// An issue at a place.
    pub fn new(at: usize, message: impl Into<String>) -> Self {
        Self {
            at,
            message: message.into(),
        }
    }
}

/// Issues as upstream prints them: each with its line and a mark under the place.
pub fn print(source: &str, issues: &[Issue]) -> String {
    let mut out: Vec<String> = Vec::new();
    for issue in issues {
        let before = source.get(..issue.at).unwrap_or(source);
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let column = before[start..].chars().count();
        let text = source[start..].lines().next().unwrap_or("");
        out.push(format!(
            "ERROR: <input>:{line}:{}: {}\n | {text}\n | {}^",
            column + 1,
            issue.message,
            ".".repeat(column)
        ));
    }
    out.join("\n")
}

impl Expr {
    /// Calls `visit` for this part and every part inside it.
    pub fn walk(&self, visit: &mut dyn FnMut(&Expr)) {
        visit(self);
        match &self.kind {
            Kind::Literal(_) | Kind::Ident(_) => {}
            Kind::Select { operand, .. } | Kind::Has { operand, .. } => operand.walk(visit),
            Kind::Call(call) => {
                if let Some(target) = &call.target {
                    target.walk(visit);
                }
                call.args.iter().for_each(|arg| arg.walk(visit));
            }
            Kind::List(items) => items.iter().for_each(|item| item.value.walk(visit)),
            Kind::Map(entries) => {
                for (key, value) in entries {
                    key.walk(visit);
                    value.value.walk(visit);
                }
            }
            Kind::Struct { fields, .. } => {
                for (_, field) in fields {
                    field.value.walk(visit);
                }
            }
            Kind::Comprehension(inner) => {
                inner.range.walk(visit);
                for part in [&inner.condition, &inner.body].into_iter().flatten() {
                    part.walk(visit);
                }
            }
            Kind::Bind(bind) => {
                bind.value.walk(visit);
                bind.body.walk(visit);
            }
        }
    }
}
