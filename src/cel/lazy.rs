//! Variables that are evaluated when they are first named.
//!
//! *Upstream:* `apiserver/pkg/cel/lazy`, `apiserver/pkg/admission/plugin/cel/composition.go`.

use std::cell::{Cell, OnceCell};

use super::Program;
use super::eval::{Failure, Names, Outcome};
use super::value::Value;

/// What all variables of a policy go by.
pub(super) const LAZIES: &str = "variables";

/// Variables that are evaluated when they are first named.
#[derive(Debug)]
pub struct Lazies<'a> {
    entries: Vec<Lazy<'a>>,
    cost: Cell<u64>,
}

#[derive(Debug)]
struct Lazy<'a> {
    name: &'a str,
    program: Result<&'a Program, &'a str>,
    outcome: OnceCell<Outcome<'a>>,
}

impl<'a> Lazies<'a> {
    /// Variables by name; each with its program, or why it does not compile.
    pub fn new(entries: impl Iterator<Item = (&'a str, Result<&'a Program, &'a str>)>) -> Self {
        let lazy = |(name, program)| Lazy {
            name,
            program,
            outcome: OnceCell::new(),
        };
        Self {
            entries: entries.map(lazy).collect(),
            cost: Cell::new(0),
        }
    }

    /// What they have cost since this was last asked.
    pub fn take_cost(&self) -> u64 {
        self.cost.take()
    }

    /// Whether there is one of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.name == name)
    }

    /// The value of one.
    pub(super) fn get(&self, name: &str, names: &Names<'a>) -> Outcome<'a> {
        let Some(entry) = self.entries.iter().find(|entry| entry.name == name) else {
            return Err(Failure::no_key(&Value::text(name)));
        };
        if let Some(outcome) = entry.outcome.get() {
            return outcome.clone();
        }
        let outcome = match entry.program {
            Err(why) => Err(Failure::new(format!(
                "composited variable {name:?} fails to compile: {why}"
            ))),
            Ok(program) => {
                let (outcome, cost) = program.run(names, Some(self));
                self.cost.set(self.cost.get().saturating_add(cost));
                outcome.map_err(|why| {
                    Failure::new(format!(
                        "composited variable {name:?} fails to evaluate: {why}"
                    ))
                })
            }
        };
        entry.outcome.get_or_init(|| outcome).clone()
    }
}
