//! Which names a definition may use: those no other definition of its group uses.
//!
//! *Upstream:* `apiextensions-apiserver/pkg/controller/status/naming_controller.go`.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::object::Object;
use crate::registry::Registry;

/// The names a definition may use, and why not all it asks for where it may not.
pub(super) struct Names {
    pub(super) accepted: Map<String, Value>,
    /// Reason and message of a conflict.
    pub(super) conflict: Option<(&'static str, String)>,
}

/// What of a definition says its names; all else is passed over, since definitions are long.
#[derive(Default, Deserialize)]
struct Named {
    #[serde(default)]
    status: NamedStatus,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NamedStatus {
    #[serde(default)]
    accepted_names: Value,
}

/// Names that are taken in a group.
#[derive(Default)]
struct Taken {
    resources: BTreeSet<String>,
    kinds: BTreeSet<String>,
}

/// Works out the names of a definition among all others.
pub(super) fn decide(registry: &Registry, definition: &Object) -> Names {
    let taken = taken(registry, definition.text(&["spec", "group"]));
    let empty = Map::new();
    let names = |path: &[&str]| {
        definition
            .get(path)
            .and_then(Value::as_object)
            .unwrap_or(&empty)
            .clone()
    };
    let asked = names(&["spec", "names"]);
    let had = names(&["status", "acceptedNames"]);
    let mut out = Names {
        accepted: had.clone(),
        conflict: None,
    };
    one(&mut out, &asked, &had, "plural", &taken.resources);
    one(&mut out, &asked, &had, "singular", &taken.resources);
    short_names(&asked, &had, &taken, &mut out);
    one(&mut out, &asked, &had, "kind", &taken.kinds);
    one(&mut out, &asked, &had, "listKind", &taken.kinds);
    keep(&mut out.accepted, "categories", asked.get("categories"));
    out
}

/// Gives one name, where it is the definition's already or nobody's.
fn one(
    out: &mut Names,
    asked: &Map<String, Value>,
    had: &Map<String, Value>,
    field: &str,
    used: &BTreeSet<String>,
) {
    let text = |map: &Map<String, Value>| {
        map.get(field)
            .and_then(Value::as_str)
            .unwrap_or("")
            .to_owned()
    };
    let (wanted, held) = (text(asked), text(had));
    if wanted == held || !used.contains(&wanted) {
        out.accepted.insert(field.to_owned(), wanted.into());
        return;
    }
    let reason = match field {
        "plural" => "PluralConflict",
        "singular" => "SingularConflict",
        "kind" => "KindConflict",
        _ => "ListKindConflict",
    };
    out.conflict = Some((reason, in_use(&wanted)));
}

fn short_names(
    asked: &Map<String, Value>,
    had: &Map<String, Value>,
    taken: &Taken,
    out: &mut Names,
) {
    let (wanted, held) = (asked.get("shortNames"), had.get("shortNames"));
    if wanted == held {
        return;
    }
    let mut conflicts: Vec<String> = Vec::new();
    for name in texts(wanted) {
        let is_own = texts(held).any(|held| held == name);
        if !is_own && taken.resources.contains(name) {
            conflicts.push(in_use(name));
        }
    }
    match conflicts.len() {
        0 => keep(&mut out.accepted, "shortNames", wanted),
        1 => out.conflict = Some(("ShortNamesConflict", conflicts.remove(0))),
        _ => out.conflict = Some(("ShortNamesConflict", format!("[{}]", conflicts.join(", ")))),
    }
}

fn keep(names: &mut Map<String, Value>, field: &str, value: Option<&Value>) {
    match value {
        Some(value) => names.insert(field.to_owned(), value.clone()),
        None => names.remove(field),
    };
}

fn in_use(name: &str) -> String {
    format!("\"{name}\" is already in use")
}

fn texts(value: Option<&Value>) -> impl Iterator<Item = &str> {
    value
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

/// The names that definitions of a group were given.
fn taken(registry: &Registry, group: &str) -> Taken {
    let mut taken = Taken::default();
    let Ok(all) = registry.reader.snapshot(&super::definitions(), None) else {
        return taken;
    };
    for stored in all.objects(None, None) {
        let is_of_group = stored
            .key
            .name()
            .split_once('.')
            .is_some_and(|(_, other)| other == group);
        if !is_of_group {
            continue;
        }
        let Ok(named) = serde_json::from_slice::<Named>(stored.json()) else {
            continue;
        };
        let names = &named.status.accepted_names;
        let text = |field: &str| names[field].as_str().unwrap_or("").to_owned();
        taken.resources.extend([text("plural"), text("singular")]);
        let short = texts(names.get("shortNames")).map(str::to_owned);
        taken.resources.extend(short);
        taken.kinds.extend([text("kind"), text("listKind")]);
    }
    taken
}
