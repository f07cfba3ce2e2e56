//! `anyOf`, `oneOf`, `allOf` and `not`.
//!
//! *Upstream:* `kube-openapi/pkg/validation/validate/schema_props.go`.

use serde_json::Value;

use super::outcome::Outcome;
use super::walk::Walk;
use crate::object::FieldPath;
use crate::schema::{Checks, NodeId};

impl Walk<'_> {
    /// What the combinations of a place find.
    pub(super) fn alternatives(
        &self,
        checks: &Checks,
        value: &Value,
        old: Option<&Value>,
        path: &FieldPath,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        if !checks.any_of.is_empty() {
            outcome.merge(self.any_of(&checks.any_of, value, old, path));
        }
        if !checks.one_of.is_empty() {
            outcome.merge(self.one_of(&checks.one_of, value, old, path));
        }
        if !checks.all_of.is_empty() {
            outcome.merge(self.all_of(&checks.all_of, value, old, path));
        }
        if let Some(not) = checks.not
            && self.branch(not, value, old, path).is_valid()
        {
            outcome.fail_somewhere(format!("\"{path}\" must not validate the schema (not)"));
        }
        outcome
    }

    fn branch(&self, id: NodeId, value: &Value, old: Option<&Value>, path: &FieldPath) -> Outcome {
        self.place(self.schema.node(id), value, old, path)
    }

    fn any_of(
        &self,
        branches: &[NodeId],
        value: &Value,
        old: Option<&Value>,
        path: &FieldPath,
    ) -> Outcome {
        let mut best: Option<Outcome> = None;
        for id in branches {
            let found = self.branch(*id, value, old, path);
            if found.is_valid() {
                return found;
            }
            keep_better(&mut best, found);
        }
        let mut outcome = Outcome::default();
        outcome.fail_somewhere(format!(
            "\"{path}\" must validate at least one schema (anyOf)"
        ));
        outcome.merge(best.unwrap_or_default());
        outcome
    }

    fn one_of(
        &self,
        branches: &[NodeId],
        value: &Value,
        old: Option<&Value>,
        path: &FieldPath,
    ) -> Outcome {
        let mut best: Option<Outcome> = None;
        let mut first: Option<Outcome> = None;
        let mut valid = 0;
        for id in branches {
            let found = self.branch(*id, value, old, path);
            if found.is_valid() {
                valid += 1;
                best = None;
                first.get_or_insert(found);
            } else if valid == 0 {
                keep_better(&mut best, found);
            }
        }
        if valid == 1 {
            return first.unwrap_or_default();
        }
        let found = if valid == 0 {
            "Found none valid".to_owned()
        } else {
            format!("Found {valid} valid alternatives")
        };
        let mut outcome = Outcome::default();
        outcome.fail_somewhere(format!(
            "\"{path}\" must validate one and only one schema (oneOf). {found}"
        ));
        outcome.merge(best.unwrap_or_default());
        outcome
    }

    fn all_of(
        &self,
        branches: &[NodeId],
        value: &Value,
        old: Option<&Value>,
        path: &FieldPath,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        let mut valid = 0;
        for id in branches {
            let found = self.branch(*id, value, old, path);
            if found.is_valid() {
                valid += 1;
            }
            outcome.merge(found);
        }
        if valid != branches.len() {
            let none = if valid == 0 { ". None validated" } else { "" };
            outcome.fail_somewhere(format!(
                "\"{path}\" must validate all the schemas (allOf){none}"
            ));
        }
        outcome
    }
}

fn keep_better(best: &mut Option<Outcome>, found: Outcome) {
    if best
        .as_ref()
        .is_none_or(|best| found.matches > best.matches)
    {
        *best = Some(found);
    }
}
