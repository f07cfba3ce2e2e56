//! Tables and partial metadata.

use jiff::Timestamp;
use mockernetes::object::Object;
use mockernetes::object::json_path::JsonPath;
use mockernetes::resources::print::printer;
use mockernetes::schema::{Catalog, tables};
use serde_json::{Value, json};

/// Objects and the cells a kube-apiserver 1.37.0 printed of them.
const PRINTED: &str = include_str!("../cases/tables/printed.jsonl");

/// Times that the recording counted to its own day read the same on this one.
const NOW: &str = "2026-11-21T12:00:00Z";

#[test]
fn every_kind_prints_the_cells_a_real_server_prints() {
    let now: Timestamp = NOW.parse().unwrap();
    let mut wrong = Vec::new();
    for line in PRINTED.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let (group, plural) = (
            case["group"].as_str().unwrap(),
            case["resource"].as_str().unwrap(),
        );
        let object = Object::from_value(case["object"].clone()).unwrap();
        let printer = printer(group, plural);
        let mut cells = (printer.cells)(&object, now);
        let mut expected = case["cells"].as_array().unwrap().clone();
        // How old an object was when it was recorded is of no interest. IPAddresses have an age
        // without a column.
        let columns = printer.columns();
        for place in 0..expected.len() {
            if columns.get(place).is_none_or(|column| column.name == "Age") {
                expected[place] = Value::Null;
                cells[place] = Value::Null;
            }
        }
        let conditions = printer
            .conditions
            .and_then(|conditions| conditions(&object));
        let is_right = cells == expected && conditions.as_ref() == case.get("conditions");
        if !is_right {
            wrong.push(format!(
                "{plural} {}: {cells:?} for {expected:?}",
                object.name()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_kinds_without_a_printer_upstream_print_name_and_creation() {
    let catalog = Catalog::default();
    tables::install(&catalog, |_| None);
    let mut plain = Vec::new();
    for version in catalog.state().versions.values() {
        for (plural, resource) in version.iter() {
            let group = &resource.storage.group;
            if resource.serves("list") && printer(group, &resource.storage.resource).kind.is_empty()
            {
                plain.push(plural.to_string());
            }
        }
    }
    plain.sort_unstable();
    let without = [
        "clusterroles",
        "csistoragecapacities",
        "limitranges",
        "roles",
    ];
    assert_eq!(plain, without);
}

#[test]
fn paths_of_printer_columns_find_what_client_go_finds() {
    let value = json!({
        "a": { "b.c": 1, "list": ["x", "y", "z"], "empty": [] },
        "conditions": [
            { "type": "Ready", "status": "True", "n": 2 },
            { "type": "It's", "status": "False" },
        ],
    });
    let cases: &[(&str, &[&str])] = &[
        (".a.list[0]", &["\"x\""]),
        (".a.list[-1]", &["\"z\""]),
        (".a.list[0:2]", &["\"x\"", "\"y\""]),
        (".a.list[::2]", &["\"x\"", "\"z\""]),
        (".a.list[0,2]", &["\"x\"", "\"z\""]),
        (".a.list[*]", &["\"x\"", "\"y\"", "\"z\""]),
        (".a.b\\.c", &["1"]),
        (".a['b\\.c']", &["1"]),
        (".a.missing.deeper", &[]),
        (".conditions[?(@.type==\"Ready\")].status", &["\"True\""]),
        (".conditions[?(@.type == 'Ready')].status", &["\"True\""]),
        (".conditions[?(@.type!=\"Ready\")].status", &["\"False\""]),
        (".conditions[?(@.n>1)].type", &["\"Ready\""]),
        (".conditions[?(@.n)].type", &["\"Ready\""]),
        (".conditions[*].status", &["\"True\"", "\"False\""]),
        ("..n", &["2"]),
    ];
    for (path, expected) in cases {
        let parsed = JsonPath::parse(path).unwrap_or_else(|| panic!("{path}"));
        let found = parsed.find(&value).unwrap_or_else(|_| panic!("{path}"));
        let found: Vec<String> = found.into_iter().map(Value::to_string).collect();
        assert_eq!(found, *expected, "{path}");
    }
    for path in [".a.list[7]", ".a[0]", ".conditions[?(@.type==1)]"] {
        assert!(
            JsonPath::parse(path).unwrap().find(&value).is_err(),
            "{path}"
        );
    }
    for path in [".a[", ".a[?(@.b)", ".a[x]", ".a}"] {
        assert_eq!(JsonPath::parse(path), None, "{path}");
    }
}
