//! `metadata.managedFields`: who wrote which fields, how and when.
//!
//! *Upstream:* `apimachinery/pkg/util/managedfields/internal/{managedfields,capmanagers}.go`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::field_set::FieldSet;
use crate::object::quote::quoted;
use crate::object::time;

/// Writers by update that are told apart; older ones become one.
const UPDATERS_MAX: usize = 10;
/// What the older ones are called.
const ANCIENT: &str = "ancient-changes";

/// How a manager writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// By server-side apply.
    Apply,
    /// By anything else.
    Update,
}

/// Who writes: two entries with the same are one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Manager {
    /// How it writes.
    pub operation: Operation,
    /// Its name.
    pub name: String,
    /// The version it writes in; empty for appliers, who are the same in every version.
    pub api_version: String,
    /// The subresource it writes to; empty where none.
    pub subresource: String,
}

impl Manager {
    /// The manager as a conflict names it.
    pub(super) fn shown(&self) -> String {
        let mut shown = quoted(&self.name);
        if !self.subresource.is_empty() {
            shown = format!("{shown} with subresource {}", quoted(&self.subresource));
        }
        if self.operation == Operation::Update {
            shown = format!("{shown} using {}", self.api_version);
        }
        shown
    }
}

/// What a manager owns.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Owned {
    pub(super) fields: FieldSet,
    /// The version the fields are named in.
    pub(super) api_version: String,
    /// When it last changed something.
    pub(super) time: Option<String>,
}

/// All managers of an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Managers(pub(super) BTreeMap<Manager, Owned>);

impl Managers {
    /// The managers that `metadata.managedFields` lists; `None` where it is malformed.
    pub(super) fn from_json(entries: &[Value]) -> Option<Self> {
        let mut managers = BTreeMap::new();
        for entry in entries {
            let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or("");
            let operation = match text("operation") {
                "Apply" => Operation::Apply,
                "Update" => Operation::Update,
                _ => return None,
            };
            let api_version = text("apiVersion").to_owned();
            if api_version.is_empty() || text("fieldsType") != "FieldsV1" {
                return None;
            }
            let manager = Manager {
                operation,
                name: text("manager").to_owned(),
                api_version: match operation {
                    Operation::Apply => String::new(),
                    Operation::Update => api_version.clone(),
                },
                subresource: text("subresource").to_owned(),
            };
            let fields = entry.get("fieldsV1").and_then(Value::as_object);
            let owned = Owned {
                fields: fields.map(FieldSet::from_json).unwrap_or_default(),
                api_version,
                time: Some(text("time").to_owned()).filter(|time| !time.is_empty()),
            };
            managers.insert(manager, owned);
        }
        Some(Self(managers))
    }

    /// The entries of `metadata.managedFields`, in order.
    pub(super) fn to_json(&self) -> Vec<Value> {
        let mut entries: Vec<(&Manager, &Owned)> = self.0.iter().collect();
        entries.sort_by_key(|(manager, owned)| {
            (
                manager.operation,
                seconds(owned),
                manager.name.clone(),
                owned.api_version.clone(),
                manager.subresource.clone(),
            )
        });
        entries.into_iter().map(entry).collect()
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes fields away from a manager, and the manager out where nothing is left to it.
    pub(super) fn take_from(&mut self, manager: &Manager, fields: &FieldSet) {
        if let Some(owned) = self.0.get_mut(manager) {
            owned.fields = owned.fields.difference(fields);
            if owned.fields.is_empty() {
                self.0.remove(manager);
            }
        }
    }

    /// Makes the oldest updaters one where they are too many.
    pub(super) fn cap(&mut self) {
        let mut updaters: Vec<(i64, Manager)> = self
            .0
            .iter()
            .filter(|(manager, _)| manager.operation == Operation::Update)
            .map(|(manager, owned)| (seconds(owned), manager.clone()))
            .collect();
        let mut count = updaters.len();
        updaters.sort();
        let mut firsts: BTreeMap<String, Manager> = BTreeMap::new();
        for (_, manager) in updaters {
            if count <= UPDATERS_MAX {
                return;
            }
            let Some(owned) = self.0.get(&manager).cloned() else {
                continue;
            };
            let version = owned.api_version.clone();
            let Some(first) = firsts.get(&version) else {
                firsts.insert(version, manager);
                continue;
            };
            let bucket = Manager {
                operation: Operation::Update,
                name: ANCIENT.to_owned(),
                api_version: version,
                subresource: String::new(),
            };
            let earlier = self.0.remove(&bucket).or_else(|| self.0.remove(first));
            let mut merged = earlier.unwrap_or_default();
            self.0.remove(&manager);
            merged.fields.extend(owned.fields);
            merged.time = owned.time;
            merged.api_version = owned.api_version;
            self.0.insert(bucket, merged);
            count -= 1;
        }
    }
}

fn seconds(owned: &Owned) -> i64 {
    let parsed = owned.time.as_deref().and_then(time::parse);
    parsed.map_or(0, jiff::Timestamp::as_second)
}

fn entry((manager, owned): (&Manager, &Owned)) -> Value {
    let mut out: Map<String, Value> = Map::new();
    let mut put = |name: &str, value: Value| out.insert(name.to_owned(), value);
    put("manager", json!(manager.name));
    put(
        "operation",
        json!(match manager.operation {
            Operation::Apply => "Apply",
            Operation::Update => "Update",
        }),
    );
    put("apiVersion", json!(owned.api_version));
    put("fieldsType", json!("FieldsV1"));
    put("fieldsV1", Value::Object(owned.fields.to_json()));
    if let Some(time) = &owned.time {
        put("time", json!(time));
    }
    if !manager.subresource.is_empty() {
        put("subresource", json!(manager.subresource));
    }
    Value::Object(out)
}
