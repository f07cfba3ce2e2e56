//! Text to tree.
//!
//! *Upstream:* `cel-go/parser`, the language definition's grammar.

mod escape;
mod lexer;
mod macros;
mod parser;
mod print;
mod refusal;

pub(super) use self::parser::RESERVED;
pub use self::parser::parse;
pub use self::print::{Issue, NOWHERE, print};

/// A part of an expression, and where in the text it stands.
#[derive(Debug)]
pub struct Expr {
    /// Its number; no two parts of an expression share one.
    pub id: u32,
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
    /// `operand.field`, or `has(operand.field)`.
    Select {
        /// What has the field.
        operand: Box<Expr>,
        /// Its name.
        field: String,
        /// Whether it only asks if there is one.
        is_test: bool,
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
        /// Its fields, each with its place in the text.
        fields: Vec<(usize, String, Element)>,
    },
    /// What macros expand to: a loop.
    Comprehension(Box<Comprehension>),
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
}

/// An item of a list or value of a map literal.
#[derive(Debug)]
pub struct Element {
    /// The value.
    pub value: Expr,
    /// Whether an empty optional leaves it out.
    pub is_optional: bool,
}

/// A loop over a list or map: the accumulator begins as `init`, becomes `step` for each item for
/// as long as `condition` holds, and makes the `result`.
#[derive(Debug)]
pub struct Comprehension {
    /// What it goes over.
    pub range: Expr,
    /// The variable of the item or key; with a second one, of the index or key.
    pub variable: String,
    /// The variable of the item or value.
    pub second: Option<String>,
    /// The accumulator's name.
    pub accumulator: String,
    /// What it begins as.
    pub init: Expr,
    /// Whether to go on.
    pub condition: Expr,
    /// What it becomes.
    pub step: Expr,
    /// What it comes to.
    pub result: Expr,
}

/// The accumulator of the macros that loop; no text can name it.
pub const ACCUMULATOR: &str = "@result";
/// The variable of a loop over nothing, which only binds a name.
pub const UNUSED: &str = "#unused";
/// The function behind `a.?b`.
pub const OPT_SELECT: &str = "_?._";

impl Expr {
    /// Calls `visit` for this part and every part inside it, outer ones first.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Self)) {
        visit(self);
        match &self.kind {
            Kind::Literal(_) | Kind::Ident(_) => {}
            Kind::Select { operand, .. } => operand.walk(visit),
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
                for (_, _, field) in fields {
                    field.value.walk(visit);
                }
            }
            Kind::Comprehension(inner) => inner.parts().for_each(|part| part.walk(visit)),
        }
    }

    /// `a.b.c` as text, where the expression is nothing else.
    pub fn dotted(&self) -> Option<String> {
        match &self.kind {
            Kind::Ident(name) => Some(name.clone()),
            Kind::Select {
                operand,
                field,
                is_test: false,
            } => Some(format!("{}.{field}", operand.dotted()?)),
            _ => None,
        }
    }
}

impl Comprehension {
    /// Its parts in the order they are looked at.
    pub fn parts(&self) -> impl Iterator<Item = &Expr> {
        [
            &self.range,
            &self.init,
            &self.condition,
            &self.step,
            &self.result,
        ]
        .into_iter()
    }

    /// Whether it only gives a value a name.
    pub fn is_bind(&self) -> bool {
        let is_empty = matches!(&self.range.kind, Kind::List(items) if items.is_empty());
        let is_never = matches!(&self.condition.kind, Kind::Literal(Literal::Bool(false)));
        is_empty && is_never && self.accumulator != ACCUMULATOR
    }
}
