//! A program as a tree.

/// A place for a value: of the whole program, or of the function that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Global(usize),
    Local(usize),
}

#[derive(Clone, Debug)]
pub(super) enum Expr {
    Number(f64),
    Text(String),
    Regex(usize),
    Field(Box<Expr>),
    Variable(Slot),
    Element(Slot, Vec<Expr>),
    Assign(Box<Expr>, Option<Operator>, Box<Expr>),
    /// Whether before, and by how much.
    Step(Box<Expr>, bool, f64),
    Not(Box<Expr>),
    Negative(Box<Expr>),
    Positive(Box<Expr>),
    Binary(Operator, Box<Expr>, Box<Expr>),
    Concat(Box<Expr>, Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Match(Box<Expr>, bool, Box<Expr>),
    In(Vec<Expr>, Slot),
    Choice(Box<Expr>, Box<Expr>, Box<Expr>),
    Builtin(String, Vec<Expr>),
    Call(usize, Vec<Expr>),
    /// Into what, and from which file.
    Getline(Option<Box<Expr>>, Option<Box<Expr>>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
    Less,
    LessEqual,
    Equal,
    NotEqual,
    Greater,
    GreaterEqual,
}

#[derive(Clone, Debug)]
pub(super) enum Target {
    File(Expr),
    Append(Expr),
    Pipe(Expr),
}

#[derive(Clone, Debug)]
pub(super) enum Statement {
    Expr(Expr),
    Print(Vec<Expr>, Option<Target>),
    Printf(Vec<Expr>, Option<Target>),
    If(Expr, Box<Statement>, Option<Box<Statement>>),
    While(Expr, Box<Statement>),
    Do(Box<Statement>, Expr),
    For(
        Option<Box<Statement>>,
        Option<Expr>,
        Option<Box<Statement>>,
        Box<Statement>,
    ),
    ForIn(Slot, Slot, Box<Statement>),
    Block(Vec<Statement>),
    Next,
    NextFile,
    Exit(Option<Expr>),
    Return(Option<Expr>),
    Break,
    Continue,
    Delete(Slot, Option<Vec<Expr>>),
    Nothing,
}

#[derive(Clone, Debug)]
pub(super) enum Pattern {
    Begin,
    End,
    Always,
    When(Expr),
    Range(Expr, Expr),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Function {
    pub(super) parameters: usize,
    pub(super) body: Vec<Statement>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Program {
    pub(super) rules: Vec<(Pattern, Option<Vec<Statement>>)>,
    pub(super) functions: Vec<Function>,
    pub(super) globals: Vec<String>,
    pub(super) regexes: Vec<regex::bytes::Regex>,
    /// Whether it reads on in its input by itself.
    pub(super) getline: bool,
}
