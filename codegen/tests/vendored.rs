//! Every vendored version: whole, understood, and reported as reviewed.

#![allow(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and reads and rewrites its goldens"
)]

use std::path::{Path, PathBuf};

use mockernetes_codegen::version::VERSIONS;
use mockernetes_codegen::{check, model, report};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_owned()
}

/// Compares with a file of the project; `UPDATE=1` rewrites it.
fn same(file: &Path, text: &str) {
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(file, text).expect("written");
    }
    let expected = std::fs::read_to_string(file).unwrap_or_default();
    let name = file.display();
    assert!(
        text == expected,
        "{name} is stale: run again with UPDATE=1 and review the diff"
    );
}

#[test]
fn the_report_is_as_reviewed() {
    for version in VERSIONS {
        let model = model(&root().join("openapi"), version.folder).expect("a model");
        let golden = format!("codegen/tests/golden/{}.report.txt", version.folder);
        same(&root().join(golden), &report::report(&model));
    }
}

#[test]
fn the_coverage_page_is_up_to_date() {
    let version = VERSIONS.last().expect("a version");
    let model = model(&root().join("openapi"), version.folder).expect("a model");
    let page = report::coverage(&model, version.folder.trim_start_matches('v'));
    same(&root().join("openapi/COVERAGE.md"), &page);
}

#[test]
fn the_facts_are_as_vendored() {
    check::check(&root().join("openapi")).expect("checked");
}
