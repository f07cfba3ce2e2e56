//! Tiny facts in, reviewable rows out; and every mistake in the facts stops the build by name.

#![allow(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and reads and rewrites its goldens"
)]

use std::path::{Path, PathBuf};

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(path)
}

/// Compares with a golden file; `UPDATE=1` rewrites it.
fn check(golden: &str, text: &str) {
    let file = here("golden").join(golden);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, text).expect("written");
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(
        text, expected,
        "{golden} is stale: run again with UPDATE=1 and review the diff"
    );
}

/// A copy of the tiny facts with one text replaced in one file.
fn altered(name: &str, file: &str, from: &str, to: &str) -> PathBuf {
    let copy = std::env::temp_dir().join(format!("codegen-{}-{name}", std::process::id()));
    for part in [
        "overlay/defaults.toml",
        "overlay/schema-alone.toml",
        "overlay/unsupported.toml",
        "v0.1/columns.json",
        "v0.1/go-dumps.json",
        "v0.1/go-structs.json",
        "v0.1/custom-resources.json",
        "v0.1/discovery.json",
        "v0.1/go-fields.json",
        "v0.1/protobuf.json",
        "v0.1/openapi-v3/apis__toys__v1.json",
    ] {
        let mut text = std::fs::read_to_string(here("specs").join(part)).expect("a spec");
        if part == file {
            assert!(text.contains(from), "{file} does not say {from}");
            text = text.replacen(from, to, 1);
        }
        let target = copy.join(part);
        std::fs::create_dir_all(target.parent().expect("a folder")).expect("made");
        std::fs::write(target, text).expect("written");
    }
    copy
}

fn refused(name: &str, file: &str, from: &str, to: &str) -> String {
    let folder = altered(name, file, from, to);
    let error = mockernetes_codegen::generate(&folder, "v0.1").expect_err("refused");
    std::fs::remove_dir_all(folder).expect("removed");
    format!("{error:#}")
}

const DOCUMENT: &str = "v0.1/openapi-v3/apis__toys__v1.json";

#[test]
fn tiny_facts_become_rows() {
    let rows = mockernetes_codegen::generate(&here("specs"), "v0.1").expect("rows");
    check("v0.1.rs", &rows);
}

#[test]
fn tiny_facts_become_a_report() {
    let model = mockernetes_codegen::model(&here("specs"), "v0.1").expect("a model");
    check(
        "v0.1.report.txt",
        &mockernetes_codegen::report::report(&model),
    );
    check(
        "v0.1.coverage.md",
        &mockernetes_codegen::report::coverage(&model, "0.1"),
    );
}

#[test]
fn an_unknown_schema_keyword_is_refused() {
    let error = refused("keyword", DOCUMENT, "\"format\":\"int32\"", "\"minimum\":1");
    assert!(error.contains("unknown keyword minimum"), "{error}");
}

#[test]
fn an_unknown_operation_keyword_is_refused() {
    let error = refused("operation", DOCUMENT, "\"tags\":", "\"callbacks\":");
    assert!(error.contains("unknown keyword callbacks"), "{error}");
}

#[test]
fn an_unknown_format_is_refused() {
    let error = refused(
        "format",
        DOCUMENT,
        "\"format\":\"int32\"",
        "\"format\":\"int8\"",
    );
    assert!(error.contains("integer format"), "{error}");
}

#[test]
fn a_field_that_go_does_not_have_is_refused() {
    let error = refused("field", "v0.1/go-fields.json", "\"size\"", "\"volume\"");
    assert!(error.contains("Go has no field size"), "{error}");
}

#[test]
fn a_default_for_an_unknown_field_is_refused() {
    let error = refused("default", "overlay/defaults.toml", "size = 3", "weight = 3");
    assert!(
        error.contains("no io.k8s.api.toys.v1.Toy.weight"),
        "{error}"
    );
}

#[test]
fn a_default_of_another_type_is_refused() {
    let error = refused("type", "overlay/defaults.toml", "size = 3", "size = \"3\"");
    assert!(error.contains("does not fit"), "{error}");
}

#[test]
fn a_default_the_document_has_is_refused() {
    let (from, to) = (
        "schema = \"io.k8s.api.toys.v1.Toy\"",
        "schema = \"io.k8s.api.toys.v1.ToyPart\"",
    );
    let folder = altered("known", "overlay/defaults.toml", from, to);
    let file = folder.join("overlay/defaults.toml");
    let text = std::fs::read_to_string(&file)
        .expect("read")
        .replace("size = 3", "colour = \"red\"");
    std::fs::write(file, text).expect("written");
    let error = mockernetes_codegen::generate(&folder, "v0.1").expect_err("refused");
    std::fs::remove_dir_all(folder).expect("removed");
    assert!(
        format!("{error:#}").contains("already has this default"),
        "{error:#}"
    );
}

#[test]
fn an_unsupported_row_for_nothing_is_refused() {
    let error = refused(
        "row",
        "overlay/unsupported.toml",
        "toys/throw",
        "toys/catch",
    );
    assert!(error.contains("no toys/catch in group `toys`"), "{error}");
}

#[test]
fn a_storage_version_nobody_knows_is_refused() {
    let error = refused(
        "hash",
        "v0.1/discovery.json",
        "storageVersionHash\": \"",
        "storageVersionHash\": \"x",
    );
    assert!(error.contains("storage version hash"), "{error}");
}

#[test]
fn a_fixup_that_no_longer_applies_is_refused() {
    let mut facts = mockernetes_codegen::spec::read(&here("specs"), "v0.1").expect("facts");
    let error = mockernetes_codegen::fixups::apply("v1.37", &mut facts).expect_err("refused");
    assert!(
        format!("{error:#}").contains("no longer applies: remove it"),
        "{error:#}"
    );
}
