//! jq: what Stages look at objects with.
//!
//! *Upstream:* kwok's `pkg/utils/expression/query.go`, which has `gojq` behind it.

use jaq_core::data::JustLut;
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Filter, Vars, unwrap_valr};
use jaq_json::Val;
use serde_json::Value;

/// A query that can be run.
pub(super) struct Query {
    filter: Filter<JustLut<Val>>,
    text: String,
}

impl std::fmt::Debug for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Query").field(&self.text).finish()
    }
}

impl Query {
    /// Reads a query.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let refused = || format!("{text}: not a query that jq reads");
        let definitions = jaq_core::defs()
            .chain(jaq_std::defs())
            .chain(jaq_json::defs());
        let functions = jaq_core::funs()
            .chain(jaq_std::funs())
            .chain(jaq_json::funs());
        let arena = Arena::default();
        let program = File {
            code: text,
            path: (),
        };
        let modules = Loader::new(definitions).load(&arena, program);
        let modules = modules.map_err(|_| refused())?;
        let filter = Compiler::default().with_funs(functions).compile(modules);
        Ok(Self {
            filter: filter.map_err(|_| refused())?,
            text: text.to_owned(),
        })
    }

    /// What it finds in an object, without nulls; nothing at all where it comes to an error.
    pub(super) fn run(&self, object: &[u8]) -> Vec<Value> {
        let Ok(input) = jaq_json::read::parse_single(object) else {
            return Vec::new();
        };
        let context = Ctx::<JustLut<Val>>::new(&self.filter.lut, Vars::new([]));
        let mut found = Vec::new();
        for one in self.filter.id.run((context, input)).map(unwrap_valr) {
            let Ok(one) = one else {
                return Vec::new();
            };
            let value: Value = serde_json::from_str(&one.to_string()).unwrap_or_default();
            if !value.is_null() {
                found.push(value);
            }
        }
        found
    }
}
