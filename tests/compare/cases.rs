//! The manifests and mutations of `tests/cases`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use mockernetes::object::yaml;
use serde_json::Value;

use crate::edit::{self, Edit};

/// The manifests of an API group, with their mutations.
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) manifests: BTreeMap<String, Manifest>,
}

/// An object as people write it.
pub(crate) struct Manifest {
    pub(crate) object: Value,
    pub(crate) mutations: Vec<Mutation>,
}

/// A request that differs from creating the manifest.
pub(crate) struct Mutation {
    /// The line it stands on.
    pub(crate) text: String,
    pub(crate) act: Act,
    /// `status`, `scale`, or empty.
    pub(crate) subresource: String,
}

/// What a mutation does.
pub(crate) enum Act {
    /// Creates the edited manifest, for a dry run.
    Create(Vec<Edit>),
    /// The same, refusing fields that are unknown.
    Strict(Vec<Edit>),
    /// Creates the edited manifest and takes it away again.
    Store(Vec<Edit>),
    /// Replaces the stored object by an edited one, for a dry run.
    Update(Vec<Edit>),
    /// Patches the stored object by a merge patch, for a dry run.
    Merge(Value),
    /// Patches it by a strategic merge patch.
    Strategic(Value),
}

/// A folder of cases.
pub(crate) fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cases")
        .join(name)
}

/// The groups there are, in order.
pub(crate) fn groups() -> Vec<String> {
    let entries = fs::read_dir(folder("manifests")).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Reads a group.
pub(crate) fn group(name: &str) -> Group {
    let mut manifests = BTreeMap::new();
    for entry in fs::read_dir(folder("manifests").join(name)).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read(&path).unwrap();
        let object = yaml::first_document(&text)
            .unwrap_or_else(|e| panic!("{}: {e}", path.display()))
            .value;
        let mutations = Vec::new();
        manifests.insert(stem, Manifest { object, mutations });
    }
    read_mutations(name, &mut manifests);
    Group {
        name: name.to_owned(),
        manifests,
    }
}

/// Hangs the lines of `mutations/GROUP.txt` on the manifests that their headings name.
fn read_mutations(group: &str, manifests: &mut BTreeMap<String, Manifest>) {
    let path = folder("mutations").join(format!("{group}.txt"));
    let text = fs::read_to_string(&path).unwrap_or_default();
    let mut heading = ("", "", "");
    for (number, line) in text.lines().enumerate() {
        let wrong = |why: &str| -> ! { panic!("{}:{}: {why}", path.display(), number + 1) };
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        if !line.starts_with(' ') {
            let (verb, name) = line.split_once(' ').unwrap_or_else(|| wrong("no heading"));
            let (name, subresource) = name.split_once('/').unwrap_or((name, ""));
            heading = (verb, name, subresource);
            continue;
        }
        let (verb, name, subresource) = heading;
        let manifest = manifests
            .get_mut(name)
            .unwrap_or_else(|| wrong("no such manifest"));
        let text = line.trim();
        let edits = || edit::parse(text).unwrap_or_else(|e| wrong(&e));
        let patch = || serde_json::from_str(text).unwrap_or_else(|_| wrong("no JSON"));
        let act = match verb {
            "create" => Act::Create(edits()),
            "store" => Act::Store(edits()),
            "strict" => Act::Strict(edits()),
            "update" => Act::Update(edits()),
            "merge" => Act::Merge(patch()),
            "strategic" => Act::Strategic(patch()),
            _ => wrong("no such verb"),
        };
        let kind = if subresource.is_empty() {
            String::new()
        } else {
            format!("/{subresource}")
        };
        manifest.mutations.push(Mutation {
            text: format!("{verb}{kind} {text}"),
            act,
            subresource: subresource.to_owned(),
        });
    }
}
