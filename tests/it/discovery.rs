//! Discovery says what a default kube-apiserver 1.37 says (`tests/cases/discovery/`, recorded).

use mockernetes::object::GroupVersion;
use mockernetes::schema::publish::discovery::{self, Root};
use mockernetes::schema::{Catalog, tables};
use serde_json::Value;

/// The recorded exchanges of a case file: path and body.
fn recorded(file: &str) -> Vec<(String, Value)> {
    let path = format!("{}/tests/cases/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect("a case file");
    let exchanges = text.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).expect("an exchange");
        let path = line["path"].as_str().expect("a path").to_owned();
        (path, line["body"].take())
    });
    exchanges.collect()
}

#[test]
fn every_legacy_document_equals_the_recorded_one() {
    let state = Catalog::built_in().state();
    for (path, expected) in recorded("discovery/legacy.jsonl") {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let body = match parts.as_slice() {
            ["apis"] => Some(discovery::group_list(&state)),
            ["apis", group] => discovery::group(&state, group),
            ["apis", group, version] => {
                discovery::resource_list(&state, &GroupVersion::new(*group, *version))
            }
            ["api", version] => discovery::resource_list(&state, &GroupVersion::new("", *version)),
            _ => None,
        };
        assert_eq!(body, Some(expected), "{path}");
    }
}

#[test]
fn aggregated_documents_equal_the_recorded_ones() {
    let state = Catalog::built_in().state();
    for (path, expected) in recorded("discovery/aggregated.jsonl") {
        let root = if path == "/api" {
            Root::Core
        } else {
            Root::Groups
        };
        assert_eq!(discovery::aggregated(&state, root), expected, "{path}");
    }
}

#[test]
fn versions_switched_on_by_name_are_listed_after_the_stable_ones() {
    let catalog = Catalog::default();
    tables::install(&catalog, |name| {
        (name == "scheduling.k8s.io/v1beta1").then_some(true)
    });
    let group = discovery::group(&catalog.state(), "scheduling.k8s.io").expect("served");
    let versions: Vec<&Value> = group["versions"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| &entry["version"])
        .collect();
    assert_eq!(versions, ["v1", "v1beta1"]);
    assert_eq!(group["preferredVersion"]["version"], "v1");
}

#[test]
fn what_is_not_served_has_no_document() {
    let state = Catalog::built_in().state();
    assert_eq!(discovery::group(&state, "nobody.example.com"), None);
    assert_eq!(discovery::group(&state, ""), None);
    let version = GroupVersion::new("scheduling.k8s.io", "v1beta1");
    assert_eq!(discovery::resource_list(&state, &version), None);
}
