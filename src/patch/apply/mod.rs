//! Server-side apply: every field has its managers, and an applier changes what it owns.
//!
//! Pure: the live object, the new or applied one, and who writes go in; the object with its
//! `managedFields` comes out, or the conflicts.
//!
//! Differs: fields that were written in another version of the kind are compared by the same
//! names in the version at hand.
//!
//! *Upstream:* `apimachinery/pkg/util/managedfields`, `structured-merge-diff/merge/update.go`.

mod compare;
mod conflict;
mod field_set;
mod last_applied;
mod managers;
mod merge;
mod overlay;
mod own;
mod place;

pub use conflict::Conflicts;
pub use field_set::FieldSet;
use jiff::Timestamp;
pub use managers::{Manager, Operation};
pub use overlay::overlay;
use serde_json::{Map, Value};

use self::compare::Comparison;
use self::managers::{Managers, Owned};
use self::place::Place;
use crate::object::{Object, time};
use crate::schema::Schema;

/// Who writes, when, and where.
#[derive(Clone, Copy, Debug)]
pub struct Writer<'a> {
    /// The field manager's name.
    pub name: &'a str,
    /// The version written in.
    pub api_version: &'a str,
    /// The subresource written to; empty where none.
    pub subresource: &'a str,
    /// The time of the request.
    pub now: Timestamp,
    /// Fields that this face of the resource resets, whatever is sent.
    pub ignored: &'a FieldSet,
}

/// Why an apply does not go through.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ApplyError {
    /// Others own fields that it would change.
    #[error("{0}")]
    Conflicts(Conflicts),
    /// The applied object is none of its kind.
    #[error("{0}")]
    Untyped(String),
}

impl Writer<'_> {
    fn manager(&self, operation: Operation) -> Manager {
        let name = if self.name.is_empty() {
            "unknown"
        } else {
            self.name
        };
        Manager {
            operation,
            name: name.to_owned(),
            api_version: match operation {
                Operation::Apply => String::new(),
                Operation::Update => self.api_version.to_owned(),
            },
            subresource: self.subresource.to_owned(),
        }
    }

    /// Upstream enters no time for what comes by way of a Scale.
    fn time(&self) -> Option<String> {
        (self.subresource != "scale").then(|| time::seconds(self.now))
    }
}

/// Enters into `managedFields` of a new state what an update, a patch or a creation changed. The
/// live object of a creation is the empty object of the kind.
pub fn update(live: &Object, new: &mut Object, schema: &Schema, writer: &Writer<'_>) {
    let Some(mut managers) = of_live_or_new(live, new, writer) else {
        take_managed_fields(new);
        return;
    };
    take_managed_fields(new);
    let is_creation = live.uid().is_empty();
    if managers.is_empty() && !is_creation {
        return;
    }
    let before = managers.clone();
    let place = Place::root(schema);
    // That the live object still has its managers makes no difference: nobody owns them.
    let compared = compare::objects(place, live.as_map(), new.as_map()).without(writer.ignored);
    enter(
        &mut managers,
        compared,
        writer,
        writer.manager(Operation::Update),
    );
    managers.cap();
    keep_times(&before, &mut managers);
    put_managed_fields(new, &managers);
}

/// Where only times changed, they do not change either: nothing was written.
fn keep_times(before: &Managers, after: &mut Managers) {
    let is_same = before.0.len() == after.0.len()
        && after.0.iter().all(|(manager, owned)| {
            before
                .0
                .get(manager)
                .is_some_and(|b| b.fields == owned.fields)
        });
    if is_same {
        after.0.clone_from(&before.0);
    }
}

/// Gives the manager what was changed, and takes it from all others.
fn enter(managers: &mut Managers, compared: Comparison, writer: &Writer<'_>, manager: Manager) {
    let Comparison {
        removed,
        modified: mut written,
        added,
    } = compared;
    written.extend(added);
    if !managers.is_empty() {
        let taken = written.union(&removed);
        let others: Vec<Manager> = managers.0.keys().cloned().collect();
        for other in &others {
            // An updater's own earlier fields stay with it; those removed do not.
            let lost = if *other == manager { &removed } else { &taken };
            managers.take_from(other, lost);
        }
    }
    strip(&mut written);
    if written.is_empty() {
        return;
    }
    let owned = managers.0.entry(manager).or_default();
    owned.fields.extend(written);
    writer.api_version.clone_into(&mut owned.api_version);
    owned.time = writer.time();
}

/// Fields of the metadata that nobody owns.
const UNOWNED: [&str; 9] = [
    "f:name",
    "f:namespace",
    "f:creationTimestamp",
    "f:selfLink",
    "f:uid",
    "f:clusterName",
    "f:generation",
    "f:managedFields",
    "f:resourceVersion",
];

/// Takes out the fields that nobody owns: the object would be none without them.
fn strip(set: &mut FieldSet) {
    for name in UNOWNED {
        set.remove_path(&["f:metadata", name]);
    }
    for name in ["f:apiVersion", "f:kind", "f:metadata"] {
        set.remove_path(&[name]);
    }
}

/// The managers to start from: those a client sends back, else those of the live object. `None`
/// where the client resets them.
fn of_live_or_new(live: &Object, new: &Object, writer: &Writer<'_>) -> Option<Managers> {
    let of = |object: &Object| Managers::from_json(object.items(&["metadata", "managedFields"]));
    if writer.subresource.is_empty() {
        if is_reset(new) {
            // A reset of a new object is nothing to reset.
            return live.uid().is_empty().then(Managers::default);
        }
        if let Some(managers) = of(new).filter(|managers| !managers.is_empty()) {
            return Some(managers);
        }
    }
    Some(of(live).unwrap_or_default())
}

/// An empty list, or one empty entry.
fn is_reset(object: &Object) -> bool {
    match object.get(&["metadata", "managedFields"]) {
        Some(Value::Array(entries)) => match entries.as_slice() {
            [] => true,
            [Value::Object(entry)] => entry
                .values()
                .all(|value| value.is_null() || value.as_str().is_some_and(str::is_empty)),
            _ => false,
        },
        _ => false,
    }
}

fn take_managed_fields(object: &mut Object) {
    object.remove(&["metadata", "managedFields"]);
}

fn put_managed_fields(object: &mut Object, managers: &Managers) {
    if !managers.is_empty() {
        object.set(&["metadata", "managedFields"], managers.to_json());
    }
}

/// Applies an object over the live one. `empty` is the empty object of the kind; the live object
/// of a creation is that too. `force` takes fields from their owners.
pub fn apply(
    live: &Object,
    applied: &Map<String, Value>,
    empty: &Object,
    schema: &Schema,
    writer: &Writer<'_>,
    force: bool,
) -> Result<Object, ApplyError> {
    let once = |force| apply_once(live, applied, empty, schema, writer, force);
    if writer.name != last_applied::KUBECTL {
        return once(force);
    }
    let mut object = match once(force) {
        Err(ApplyError::Conflicts(conflicts)) => {
            let own = last_applied::allowed(live, schema).unwrap_or_default();
            let conflicts = conflicts.without(&own);
            if !conflicts.is_empty() {
                return Err(ApplyError::Conflicts(conflicts));
            }
            once(true)?
        }
        other => other?,
    };
    last_applied::sync(&mut object, applied);
    Ok(object)
}

fn apply_once(
    live: &Object,
    applied: &Map<String, Value>,
    empty: &Object,
    schema: &Schema,
    writer: &Writer<'_>,
    force: bool,
) -> Result<Object, ApplyError> {
    let place = Place::root(schema);
    let applied = Value::Object(applied.clone());
    if let Some(why) = own::wrong(place, &applied) {
        return Err(ApplyError::Untyped(why));
    }
    let mut old = live.clone();
    let entries = live.items(&["metadata", "managedFields"]);
    let mut managers = Managers::from_json(entries).unwrap_or_default();
    take_managed_fields(&mut old);
    if managers.is_empty() {
        let first = Manager {
            operation: Operation::Update,
            name: "before-first-apply".to_owned(),
            api_version: writer.api_version.to_owned(),
            subresource: writer.subresource.to_owned(),
        };
        let compared = compare::objects(place, empty.as_map(), old.as_map());
        enter(
            &mut managers,
            compared.without(writer.ignored),
            writer,
            first,
        );
    }
    let old = old.into_value();
    let manager = writer.manager(Operation::Apply);
    let last = managers.0.get(&manager).cloned();
    let set = own::fields(place, &applied).without_trees(writer.ignored);
    managers.0.insert(
        manager.clone(),
        Owned {
            fields: set,
            api_version: writer.api_version.to_owned(),
            time: last.as_ref().and_then(|last| last.time.clone()),
        },
    );
    let merged = merge::values(place, &old, &applied);
    let new = prune(
        place,
        merged,
        &managers,
        last.as_ref().map(|last| &last.fields),
    );
    let maps = (old.as_object(), new.as_object());
    let compared = match maps {
        (Some(old), Some(new)) => compare::objects(place, old, new).without(writer.ignored),
        _ => Comparison::default(),
    };
    settle(&mut managers, &compared, &manager, force)?;
    if let Some(owned) = managers.0.get_mut(&manager) {
        strip(&mut owned.fields);
        if new != old {
            owned.time = writer.time();
        }
        if owned.fields.is_empty() {
            managers.0.remove(&manager);
        }
    }
    let mut object = Object::from_value(new).unwrap_or_default();
    put_managed_fields(&mut object, &managers);
    Ok(object)
}

/// Finds the conflicts, or takes the changed fields from their owners.
fn settle(
    managers: &mut Managers,
    compared: &Comparison,
    manager: &Manager,
    force: bool,
) -> Result<(), ApplyError> {
    let written = compared.modified.union(&compared.added);
    let mut conflicts = Conflicts::default();
    for (other, owned) in &managers.0 {
        let contested = owned.fields.intersection(&written);
        if other != manager && !contested.is_empty() {
            conflicts.add(other, &contested);
        }
    }
    if !force && !conflicts.is_empty() {
        return Err(ApplyError::Conflicts(conflicts));
    }
    let taken = written.union(&compared.removed);
    let others: Vec<Manager> = managers.0.keys().cloned().collect();
    for other in others.iter().filter(|other| *other != manager) {
        managers.take_from(other, &taken);
    }
    Ok(())
}

/// Takes out what the applier applied before and does not any more, unless another owns it too.
fn prune(place: Place<'_>, merged: Value, managers: &Managers, last: Option<&FieldSet>) -> Value {
    let Some(last) = last.filter(|last| !last.is_empty()) else {
        return merged;
    };
    let named = |set: &FieldSet| own::with_named_fields(place, set);
    let without = |fields: &FieldSet| match merge::without(place, &merged, fields) {
        Value::Null => Value::Object(Map::new()),
        kept => kept,
    };
    let last = named(last);
    let all = named(&own::fields(place, &merged));
    let pruned = without(&last);
    let mut owned = FieldSet::default();
    for other in managers.0.values() {
        owned.extend(other.fields.clone());
    }
    // What others own, or this one still does, comes back.
    let kept = named(&own::fields(place, &pruned)).union(&named(&owned));
    let pruned = without(&all.difference(&kept));
    // What was never this one's comes back as well.
    let gone = all.difference(&named(&own::fields(place, &pruned)));
    without(&gone.intersection(&last))
}
