//! Templates as Go's `text/template` reads them: what Stages write patches with.
//!
//! Of the crates there are, the one that speaks the language has had no release for years and
//! lacks `break`, `else with` and comparing with what is not there; so this is our own.
//!
//! *Invariant:* knows values and text; what a function does that is not one of the language or of
//! sprig is the caller's ([`Functions`]).
//! *Upstream:* `text/template`, `github.com/Masterminds/sprig`.

mod functions;
mod lexer;
mod library;
mod parser;
mod run;
mod value;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use self::parser::Node;
use crate::sim::Entropy;

/// Why a template cannot be read, or comes to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Refusal(String);

impl Refusal {
    fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

/// What a function comes to.
pub(super) type Result<T> = std::result::Result<T, Refusal>;

/// What a template may ask beyond what is the same for all.
pub(super) trait Functions {
    /// Calls a function; `None` where there is none of this name.
    fn call(&mut self, name: &str, arguments: &[Value]) -> Option<Value>;

    /// The time.
    fn now(&self) -> Timestamp;

    /// Chance.
    fn entropy(&self) -> &Entropy;
}

/// A template that can be read.
#[derive(Clone, Debug)]
pub(super) struct Template {
    nodes: Vec<Node>,
    /// Those that it defines, by name.
    defined: BTreeMap<String, Vec<Node>>,
}

impl Template {
    /// Reads a template.
    pub(super) fn parse(text: &str) -> Result<Self> {
        parser::parse(text)
    }

    /// Writes it out for some data.
    pub(super) fn render(&self, data: &Value, functions: &mut dyn Functions) -> Result<String> {
        run::run(self, data, functions)
    }
}

#[cfg(test)]
mod tests;
