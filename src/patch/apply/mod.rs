//! Server-side apply: every field has its managers, and an applier changes what it owns.
//!
//! Pure: the live object, the new or applied one, and who writes go in; the object with its
//! `managedFields` comes out, or the conflicts.
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
mod prune;
mod reconcile;
pub mod scale;
mod step;
mod versions;

use std::borrow::Cow;

pub use conflict::Conflicts;
pub use field_set::FieldSet;
use jiff::Timestamp;
pub use overlay::overlay;
use serde_json::{Map, Value};

use self::compare::Comparison;
use self::managers::{Manager, Managers, Operation, Owned};
use self::place::Place;
use self::step::Step;
use self::versions::{Elsewhere, Forms, Seen};
pub use self::versions::{OneVersion, Unconverted, Versions};
use crate::object::json::{Malformed, Reader, Token};
use crate::object::{ManagedFields, Object, time};
use crate::schema::Schema;

/// Who writes, when, and where.
#[derive(Clone, Copy)]
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
    pub ignored: &'a FieldSet<'a>,
    /// The same by the names of other versions.
    pub ignored_elsewhere: &'a FieldSet<'a>,
    /// The versions of the kind, by which fields of other managers are named.
    pub versions: &'a dyn Versions,
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
    /// It, or what becomes of it, is none of a version that somebody wrote in.
    #[error("{0}")]
    Failed(String),
    /// A conversion has to be waited for; then it is to be applied again.
    #[error("a conversion is to be waited for")]
    Pending,
}

/// A conversion has to be waited for; then all is to be done again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending;

impl From<Unconverted> for ApplyError {
    fn from(error: Unconverted) -> Self {
        match error {
            Unconverted::Pending => Self::Pending,
            Unconverted::Failed(why) => Self::Failed(why),
            Unconverted::Missing => Self::Failed("no such version".to_owned()),
        }
    }
}

impl<'a> Writer<'a> {
    fn manager(&self, operation: Operation) -> Manager<'a> {
        let name = if self.name.is_empty() {
            "unknown"
        } else {
            self.name
        };
        Manager {
            operation,
            name: name.into(),
            api_version: match operation {
                Operation::Apply => Cow::default(),
                Operation::Update => self.api_version.into(),
            },
            subresource: self.subresource.into(),
        }
    }

    fn time(&self) -> String {
        time::seconds(self.now)
    }
}

/// Enters into `managedFields` of a new state what an update, a patch or a creation changed. The
/// live object of a creation is the empty object of the kind. Where versions cannot be converted,
/// the managers stay as they were.
pub fn update(
    live: &Object,
    new: &mut Object,
    schema: &Schema,
    writer: &Writer<'_>,
) -> Result<(), Pending> {
    let entries = match updated(live, new, schema, writer) {
        Ok(entries) => entries,
        Err(Unconverted::Pending) => return Err(Pending),
        Err(_) => live.managed_fields().cloned(),
    };
    new.set_managed_fields(entries);
    Ok(())
}

/// The entries of a new state; `None` where it has none.
fn updated(
    live: &Object,
    new: &Object,
    schema: &Schema,
    writer: &Writer<'_>,
) -> Result<Option<ManagedFields>, Unconverted> {
    let Some(Known {
        mut managers,
        entries,
        is_sent,
    }) = of_live_or_new(live, new, writer)
    else {
        return Ok(None);
    };
    let is_creation = live.uid().is_empty();
    if managers.is_empty() && !is_creation {
        return Ok(None);
    }
    let (old, next) = (live.as_map(), new.as_map());
    let forms = Forms::of(writer, schema);
    let is_reconciled = forms.reconcile(&mut managers, old, is_sent)?;
    let elsewhere = Elsewhere::of(&forms, &mut managers, None, old, next)?;
    let compared = compare::objects(Place::root(schema), old, next, writer.ignored);
    let is_changed = enter(
        &mut managers,
        compared,
        &elsewhere.compare(writer.ignored_elsewhere),
        writer,
        writer.manager(Operation::Update),
    );
    let is_capped = managers.cap();
    let is_new = is_changed || is_capped || is_reconciled;
    if !is_new && entries == live.managed_fields() {
        return Ok(entries.cloned());
    }
    // Times alone are no change.
    if is_sent && old == next && managers.is_but_for_times(live.managed_fields()) {
        return Ok(live.managed_fields().cloned());
    }
    Ok(managers.write())
}

/// Gives the manager what was changed, and takes it from all others, by the names of the version
/// each wrote in. Whether there was something to give or to take.
fn enter<'v>(
    managers: &mut Managers<'v>,
    compared: Comparison<'v>,
    elsewhere: &[Seen<'_>],
    writer: &Writer<'v>,
    manager: Manager<'v>,
) -> bool {
    let Comparison {
        removed,
        modified,
        added,
    } = compared;
    let mut written = modified.union(added);
    let mut is_changed = false;
    if !managers.is_empty() {
        let taken = written.clone().union(removed.clone());
        // An updater's own earlier fields stay with it; those removed do not.
        let lost = removed.difference(&written);
        is_changed = managers.take(|other, version| {
            let seen = elsewhere.iter().find(|seen| seen.version == version);
            Some(match seen {
                _ if *other == manager => &lost,
                Some(seen) => &seen.taken,
                None => &taken,
            })
        });
    }
    strip(&mut written);
    if written.is_empty() {
        return is_changed;
    }
    let owned = managers.entry(manager);
    owned.fields.extend(written);
    owned.api_version = writer.api_version.into();
    owned.time = writer.time().into();
    true
}

/// Fields of the metadata that nobody owns.
const UNOWNED: [Step<'static>; 9] = [
    Step::field("name"),
    Step::field("namespace"),
    Step::field("creationTimestamp"),
    Step::field("selfLink"),
    Step::field("uid"),
    Step::field("clusterName"),
    Step::field("generation"),
    Step::field("managedFields"),
    Step::field("resourceVersion"),
];
const METADATA: Step<'static> = Step::field("metadata");

/// Takes out the fields that nobody owns: the object would be none without them.
fn strip(set: &mut FieldSet<'_>) {
    for step in UNOWNED {
        set.remove_path(&[METADATA, step]);
    }
    for step in [Step::field("apiVersion"), Step::field("kind"), METADATA] {
        set.remove_path(&[step]);
    }
}

/// The managers to start from, with the entries they were read from.
#[derive(Default)]
struct Known<'o> {
    managers: Managers<'o>,
    entries: Option<&'o ManagedFields>,
    /// Whether a client sent them, and not the store had them.
    is_sent: bool,
}

/// The managers a client sends back, else those of the live object. `None` where the client resets
/// them.
fn of_live_or_new<'o>(live: &'o Object, new: &'o Object, writer: &Writer<'_>) -> Option<Known<'o>> {
    if let Some(entries) = new.managed_fields()
        && writer.subresource.is_empty()
    {
        if is_reset(entries) == Ok(true) {
            // A reset of a new object is nothing to reset.
            return live.uid().is_empty().then(Default::default);
        }
        let managers = Managers::read(entries).filter(|managers| !managers.is_empty());
        if let Some(managers) = managers {
            return Some(Known {
                managers,
                entries: Some(entries),
                is_sent: live.managed_fields() != Some(entries),
            });
        }
    }
    let entries = live.managed_fields();
    Some(Known {
        managers: entries.and_then(Managers::read).unwrap_or_default(),
        entries,
        is_sent: false,
    })
}

/// Whether entries are none, or an empty one.
fn is_reset(entries: &ManagedFields) -> Result<bool, Malformed> {
    let mut reader = Reader::new(entries.text());
    if !matches!(reader.token()?, Token::List) {
        return Ok(false);
    }
    if !reader.next_item(true)? {
        return Ok(true);
    }
    if !matches!(reader.token()?, Token::Object) {
        return Ok(false);
    }
    let mut is_first = true;
    while reader.next_key(is_first)?.is_some() {
        is_first = false;
        match reader.token()? {
            Token::Null => {}
            Token::Text(text) if text.is_empty() => {}
            _ => return Ok(false),
        }
    }
    Ok(!reader.next_item(false)?)
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
    if let Some(why) = own::wrong(place, applied) {
        return Err(ApplyError::Untyped(why));
    }
    let old = live.as_map();
    let entries = live.managed_fields();
    let mut managers = entries.and_then(Managers::read).unwrap_or_default();
    if managers.is_empty() {
        let first = Manager {
            operation: Operation::Update,
            name: "before-first-apply".into(),
            api_version: writer.api_version.into(),
            subresource: writer.subresource.into(),
        };
        let compared = compare::objects(place, empty.as_map(), old, writer.ignored);
        enter(&mut managers, compared, &[], writer, first);
    }
    let forms = Forms::of(writer, schema);
    forms.reconcile(&mut managers, old, false)?;
    let manager = writer.manager(Operation::Apply);
    let last = managers.get(&manager).cloned();
    let mut fields = own::fields(place, applied);
    fields.remove_trees(writer.ignored);
    let owned = Owned {
        fields,
        api_version: writer.api_version.into(),
        time: last
            .as_ref()
            .map(|last| last.time.clone())
            .unwrap_or_default(),
    };
    managers.set(manager.clone(), owned);
    let mut merged = old.clone();
    merge::maps(place, &mut merged, applied);
    let new = prune::prune(&forms, merged, &managers, last.as_ref(), writer.api_version)
        .map_err(|error| error.within("failed to prune fields"))?;
    let elsewhere = Elsewhere::of(&forms, &mut managers, Some(&manager), old, &new)?;
    let compared = compare::objects(place, old, &new, writer.ignored);
    let here = Seen::new(writer.api_version, compared);
    let elsewhere = elsewhere.compare(writer.ignored_elsewhere);
    settle(&mut managers, &here, &elsewhere, &manager, force)?;
    let is_changed = new != *old;
    let owned = managers.entry(manager.clone());
    strip(&mut owned.fields);
    if is_changed {
        owned.time = writer.time().into();
    }
    if owned.fields.is_empty() {
        managers.remove(&manager);
    }
    let entries = managers.write();
    let mut object = Object::from_map(new);
    object.set_managed_fields(entries);
    Ok(object)
}

/// Finds the conflicts, or takes the changed fields from their owners: each has them by the names
/// of its own version.
fn settle(
    managers: &mut Managers<'_>,
    here: &Seen<'_>,
    elsewhere: &[Seen<'_>],
    manager: &Manager<'_>,
    force: bool,
) -> Result<(), ApplyError> {
    let seen = |version: &str| {
        let seen = elsewhere.iter().find(|seen| seen.version == version);
        seen.unwrap_or(here)
    };
    let mut conflicts = Conflicts::default();
    let mut owners: Vec<_> = managers.iter().collect();
    // Owners are told of by name, whatever they did.
    owners.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    for (other, owned) in owners {
        let contested = owned.fields.intersection(&seen(&owned.api_version).written);
        if other != manager && !contested.is_empty() {
            conflicts.add(other, &contested);
        }
    }
    if !force && !conflicts.is_empty() {
        return Err(ApplyError::Conflicts(conflicts));
    }
    managers.take(|other, version| (other != manager).then_some(&seen(version).taken));
    Ok(())
}
