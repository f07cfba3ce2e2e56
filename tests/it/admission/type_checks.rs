//! What the status of a policy says of its expressions, as Kubernetes 1.37 says it.
//!
//! `tests/cases/type-checks.jsonl` has policies and the statuses that the controller of a real
//! control plane wrote.

use mockernetes::admission::type_check;
use mockernetes::object::Object;
use mockernetes::schema::{Catalog, tables};
use serde_json::{Value, json};

const CASES: &str = include_str!("../../cases/type-checks.jsonl");

fn catalog() -> Catalog {
    let catalog = Catalog::default();
    tables::install(&catalog, |_| None);
    catalog
}

fn policy(case: &Value, generation: i64) -> Object {
    let policy = json!({
        "metadata": {"name": case["name"], "generation": generation},
        "spec": case["spec"],
        "status": {"observedGeneration": 1},
    });
    Object::from_value(policy).unwrap()
}

#[test]
fn expressions_are_checked_against_the_kinds_that_a_policy_is_about() {
    let catalog = catalog();
    for line in CASES.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let status = type_check(&policy(&case, 2), &catalog).unwrap();
        let mut expected = case["status"].clone();
        expected["observedGeneration"] = 2.into();
        assert_eq!(status, expected, "{}", case["name"]);
    }
    assert_eq!(CASES.lines().count(), 14);
}

#[test]
fn a_policy_that_was_checked_is_not_checked_again() {
    let case = json!({"name": "a", "spec": {"validations": [{"expression": "object.x == 1"}]}});
    assert_eq!(type_check(&policy(&case, 1), &catalog()), None);
}
