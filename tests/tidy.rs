//! The code base itself: layers, limits, tables complete, docs present.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Hard stop of a file, in lines; the aim is 400.
const FILE_LINES_MAX: usize = 600;
/// Longest line of code, in characters.
const LINE_LENGTH_MAX: usize = 100;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file under a folder of the project, with its text.
fn rust_files(folder: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    collect(&root().join(folder), &mut found);
    found
}

fn collect(folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root()).unwrap().display().to_string();
            found.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
}

/// The layers, lowest first: the order in which `lib.rs` declares its modules.
fn layers() -> Vec<String> {
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    lib.lines()
        .filter_map(|line| {
            let line = line.trim();
            let name = line
                .strip_prefix("pub mod ")
                .or_else(|| line.strip_prefix("mod "))?;
            Some(name.trim_end_matches(';').to_owned())
        })
        .collect()
}

/// The modules that a text names as `crate::NAME`.
fn imports(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split("crate::").skip(1))
        .map(|rest| {
            rest.chars()
                .take_while(|c| c.is_ascii_lowercase() || *c == '_')
                .collect::<String>()
        })
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn a_module_imports_only_modules_above_it() {
    let layers = layers();
    assert!(
        layers.len() > 8,
        "lib.rs declares the layers, found {layers:?}"
    );
    let place = |name: &str| layers.iter().position(|layer| layer == name);
    let mut wrong = Vec::new();
    for (file, text) in rust_files("src") {
        let module = file
            .trim_start_matches("src/")
            .split(['/', '.'])
            .next()
            .unwrap()
            .to_owned();
        let Some(own) = place(&module) else { continue };
        for import in imports(&text) {
            if place(&import).is_some_and(|other| other > own) {
                wrong.push(format!(
                    "{file} imports crate::{import}, which is below {module}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_are_short_enough_to_read() {
    let mut wrong = Vec::new();
    for folder in ["src", "codegen/src", "tests"] {
        for (file, text) in rust_files(folder) {
            let lines = text.lines().count();
            if lines > FILE_LINES_MAX {
                wrong.push(format!(
                    "{file} has {lines} lines; at most {FILE_LINES_MAX}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn lines_fit_a_page() {
    let mut wrong = Vec::new();
    for (file, text) in rust_files("src") {
        for (number, line) in text.lines().enumerate() {
            // A text of the wire or a pattern stands as it is.
            if line.chars().count() > LINE_LENGTH_MAX && !line.contains('"') {
                wrong.push(format!("{file}:{}", number + 1));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "longer than {LINE_LENGTH_MAX}:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn every_file_says_what_it_is() {
    let mut wrong = Vec::new();
    for folder in ["src", "codegen/src", "tests"] {
        for (file, text) in rust_files(folder) {
            if !text.starts_with("//!") {
                wrong.push(file);
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "no `//!` at the head of:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn the_architecture_document_has_a_word_on_every_layer() {
    let document = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for layer in layers() {
        assert!(
            document.contains(&format!("`{layer}`")),
            "ARCHITECTURE.md does not name {layer}"
        );
    }
}

#[test]
fn http_stays_in_the_server() {
    let crates = ["axum::", "hyper::", "hyper_util::", "tower::"];
    let mut wrong = Vec::new();
    for (file, text) in rust_files("src") {
        let is_home = [
            "src/server/",
            "src/webhook/",
            "src/inspector/",
            "src/nodes/",
            "src/cluster/",
            // A server of its own, with no cluster behind it.
            "src/cli/personality/etcd.rs",
        ]
        .iter()
        .any(|home| file.starts_with(home));
        let code = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        if !is_home
            && code
                .into_iter()
                .any(|line| crates.iter().any(|name| line.contains(name)))
        {
            wrong.push(file);
        }
    }
    assert!(
        wrong.is_empty(),
        "HTTP crates outside the server:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn only_the_shared_tail_commits_to_the_store() {
    let mut wrong = Vec::new();
    for (file, text) in rust_files("src") {
        let is_home = file.starts_with("src/storage/") || file.starts_with("src/registry/write");
        let code = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        if !is_home && code.into_iter().any(|line| line.contains(".commit(")) {
            wrong.push(file);
        }
    }
    assert!(
        wrong.is_empty(),
        "commits outside registry/write:\n{}",
        wrong.join("\n")
    );
}
