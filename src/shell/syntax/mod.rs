//! A script as a tree.

mod commands;
mod condition;
mod heredoc;
mod reader;

mod words;

pub(crate) use reader::{Reader, Trouble};

use std::sync::{Arc, OnceLock};

/// A list of commands.
#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) items: Vec<Arc<Item>>,
}

/// Pipelines joined by `&&` and `||`.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) first: Pipeline,
    pub(crate) rest: Vec<(Join, Pipeline)>,
    pub(crate) background: bool,
    pub(crate) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Join {
    And,
    Or,
}

#[derive(Debug)]
pub(crate) struct Pipeline {
    pub(crate) negated: bool,
    pub(crate) commands: Vec<Arc<Command>>,
}

#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) line: usize,
    pub(crate) kind: Kind,
    pub(crate) redirects: Vec<Redirect>,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Simple {
        assigns: Vec<Assign>,
        words: Vec<Word>,
    },
    Group(Arc<Script>),
    Subshell(Arc<Script>),
    If {
        branches: Vec<(Script, Script)>,
        otherwise: Option<Script>,
    },
    For {
        name: String,
        words: Option<Vec<Word>>,
        body: Script,
    },
    ForArithmetic {
        parts: [Word; 3],
        body: Script,
    },
    While {
        until: bool,
        condition: Script,
        body: Script,
    },
    Case {
        subject: Word,
        arms: Vec<Arm>,
    },
    Function {
        name: String,
        body: Arc<Command>,
    },
    Test(Test),
    Arithmetic(Word),
}

#[derive(Debug)]
pub(crate) struct Arm {
    pub(crate) patterns: Vec<Word>,
    pub(crate) body: Script,
    pub(crate) falls_through: bool,
}

#[derive(Debug)]
pub(crate) struct Assign {
    pub(crate) name: String,
    pub(crate) append: bool,
    pub(crate) value: Word,
}

/// What `[[` … `]]` asks.
#[derive(Debug)]
pub(crate) enum Test {
    Or(Box<Test>, Box<Test>),
    And(Box<Test>, Box<Test>),
    Not(Box<Test>),
    Unary(String, Word),
    Binary(Word, String, Word),
}

#[derive(Debug)]
pub(crate) struct Redirect {
    pub(crate) fd: Option<i32>,
    pub(crate) kind: RedirectKind,
    pub(crate) target: Word,
    pub(crate) body: Arc<OnceLock<Word>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RedirectKind {
    Read,
    Write,
    Clobber,
    Append,
    ReadWrite,
    Duplicate,
    Both,
    BothAppend,
    Document,
    Line,
}

pub(crate) type Word = Vec<Part>;

#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// Text that may still mean something: a pattern, a tilde.
    Plain(String),
    /// Text that means itself.
    Quoted(String),
    Double(Word),
    Parameter(Box<Parameter>),
    Substitution(Arc<Script>),
    Arithmetic(Word),
}

#[derive(Clone, Debug)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) indirect: bool,
    pub(crate) operation: Operation,
}

#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Value,
    Length,
    /// `-`, `=`, `?`, `+`; whether an empty value counts as none.
    Unset(char, bool, Word),
    /// `#` or `%`; whether as much as possible.
    Trim(char, bool, Word),
    Replace {
        all: bool,
        anchor: Option<char>,
        pattern: Word,
        with: Word,
    },
    Slice(Word, Option<Word>),
    /// `^` or `,`; whether all letters.
    Case(char, bool),
}
