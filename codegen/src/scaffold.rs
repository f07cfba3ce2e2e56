//! `cargo codegen new KIND NAME`: the file a newcomer begins with, and the line still missing.
//!
//! Names are given in snake case. Nothing that exists is overwritten or edited.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

/// What can be begun, where it goes and what is left to do.
struct Template {
    kind: &'static str,
    folder: &'static str,
    text: &'static str,
    rest: &'static str,
}

const TEMPLATES: &[Template] = &[
    Template {
        kind: "admission",
        folder: "src/admission/plugins",
        text: include_str!("../templates/admission.rs.txt"),
        rest: "add `mod {name};` and a line to the ordered table in src/admission/plugins/mod.rs \
               (its order is kube-apiserver's and has meaning), then cases in tests/cases/admission/",
    },
    Template {
        kind: "resource",
        folder: "src/resources",
        text: include_str!("../templates/resource.rs.txt"),
        rest: "give the file as GROUP/NAME; add `mod {name};` and its plural to the table in the \
               group's mod.rs, then tests in tests/it/",
    },
    Template {
        kind: "controller",
        folder: "src/controllers",
        text: include_str!("../templates/controller.rs.txt"),
        rest: "add it to the table in src/controllers/mod.rs, then cases in \
               tests/cases/controllers/{name}/",
    },
    Template {
        kind: "fault",
        folder: "src/sim/faults",
        text: include_str!("../templates/fault.rs.txt"),
        rest: "add a variant of `Fault` in src/sim/faults/mod.rs; the compiler then names every \
               site that must say what it does",
    },
];

/// Writes the file; returns what is left to do.
pub fn new(root: &Path, kind: &str, name: &str) -> Result<(PathBuf, String)> {
    let template = TEMPLATES.iter().find(|template| template.kind == kind);
    let known: Vec<&str> = TEMPLATES.iter().map(|template| template.kind).collect();
    let template =
        template.with_context(|| format!("{kind} is not one of {}", known.join(", ")))?;
    let is_word = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase())
            && part
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    ensure!(name.split('/').all(is_word), "{name} is not snake_case");
    let file = root.join(template.folder).join(format!("{name}.rs"));
    let Some(folder) = file.parent().filter(|folder| folder.is_dir()) else {
        bail!("there is no {} yet to add a {kind} to", template.folder);
    };
    ensure!(!file.exists(), "{} exists", file.display());
    ensure!(
        folder.join("mod.rs").is_file(),
        "{} has no mod.rs",
        folder.display()
    );
    let last = name.rsplit('/').next().unwrap_or(name);
    let text = template
        .text
        .replace("{name}", last)
        .replace("{Name}", &camel_case(last));
    let text = text.replace("{NAME}", &last.to_uppercase());
    std::fs::write(&file, text).with_context(|| file.display().to_string())?;
    Ok((file, template.rest.replace("{name}", last)))
}

fn camel_case(name: &str) -> String {
    let parts = name.split('_').map(|part| {
        let mut letters = part.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    parts.collect()
}
