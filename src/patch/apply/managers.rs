//! `metadata.managedFields`: who wrote which fields, how and when.
//!
//! Read from its text and written to it; names and steps borrow from the text.
//!
//! *Upstream:* `apimachinery/pkg/util/managedfields/internal/{managedfields,capmanagers}.go`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::field_set::FieldSet;
use crate::object::json::{self, Malformed, Reader, Token};
use crate::object::quote::quoted;
use crate::object::{ManagedFields, time};

/// Writers by update that are told apart; older ones become one.
const UPDATERS_MAX: usize = 10;
/// What the older ones are called.
const ANCIENT: &str = "ancient-changes";
/// Room for what an entry is written as, beside its fields.
const ENTRY_LENGTH_USUAL: usize = 1024;

/// How a manager writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operation {
    /// By server-side apply.
    Apply,
    /// By anything else.
    Update,
}

impl Operation {
    const fn name(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

/// Who writes: two entries with the same are one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Manager<'a> {
    /// How it writes.
    pub(super) operation: Operation,
    /// Its name.
    pub(super) name: Cow<'a, str>,
    /// The version it writes in; empty for appliers, who are the same in every version.
    pub(super) api_version: Cow<'a, str>,
    /// The subresource it writes to; empty where none.
    pub(super) subresource: Cow<'a, str>,
}

impl Manager<'_> {
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
pub(super) struct Owned<'a> {
    pub(super) fields: FieldSet<'a>,
    /// The version the fields are named in.
    pub(super) api_version: Cow<'a, str>,
    /// When it last changed something, as it is written; empty where that is not known.
    pub(super) time: Cow<'a, str>,
}

/// All managers of an object, in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Managers<'a>(Vec<(Manager<'a>, Owned<'a>)>);

impl<'a> Managers<'a> {
    /// The managers of an object that has these entries; `None` where they are malformed.
    pub(super) fn read(entries: &'a ManagedFields) -> Option<Self> {
        let mut reader = Reader::new(entries.text());
        let mut managers = Self::default();
        let token = reader.token().ok()?;
        if !matches!(token, Token::List) {
            return Some(managers);
        }
        let mut is_first = true;
        while reader.next_item(is_first).ok()? {
            is_first = false;
            let (manager, owned) = Entry::read(&mut reader).ok()?.known()?;
            managers.set(manager, owned);
        }
        Some(managers)
    }

    /// Whether these are the same in the same order, whatever the times.
    pub(super) fn is_but_for_times(&self, entries: Option<&ManagedFields>) -> bool {
        let Some(others) = entries.and_then(Managers::read) else {
            return false;
        };
        let (own, others) = (self.sorted(), others.sorted());
        let mut pairs = own.iter().zip(&others);
        own.len() == others.len()
            && pairs.all(|((own, of_own), (other, of_other))| {
                own == other
                    && of_own.api_version == of_other.api_version
                    && of_own.fields == of_other.fields
            })
    }

    /// The entries in the order they are written in.
    fn sorted(&self) -> Vec<&(Manager<'a>, Owned<'a>)> {
        let mut entries: Vec<&(Manager<'a>, Owned<'a>)> = self.0.iter().collect();
        entries.sort_by(|(a, of_a), (b, of_b)| {
            let order = a.operation.cmp(&b.operation);
            // Times in their printed form are ordered as texts.
            order
                .then_with(|| of_a.time.cmp(&of_b.time))
                .then_with(|| a.name.cmp(&b.name))
                .then_with(|| of_a.api_version.cmp(&of_b.api_version))
                .then_with(|| a.subresource.cmp(&b.subresource))
        });
        entries
    }

    /// The entries as they are written; `None` where there are none.
    pub(super) fn write(&self) -> Option<ManagedFields> {
        if self.0.is_empty() {
            return None;
        }
        let entries = self.sorted();
        let mut out = Vec::with_capacity(entries.len() * ENTRY_LENGTH_USUAL);
        let mut opening = b'[';
        for (manager, owned) in entries {
            out.push(opening);
            opening = b',';
            write_entry(manager, owned, &mut out);
        }
        out.push(b']');
        Some(ManagedFields::from_text(out.into()))
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The managers and what each owns.
    pub(super) fn iter(&self) -> impl Iterator<Item = &(Manager<'a>, Owned<'a>)> {
        self.0.iter()
    }

    fn find(&self, manager: &Manager<'_>) -> Result<usize, usize> {
        self.0.binary_search_by(|(own, _)| {
            let own: &Manager<'_> = own;
            own.cmp(manager)
        })
    }

    /// What a manager owns.
    pub(super) fn get(&self, manager: &Manager<'_>) -> Option<&Owned<'a>> {
        self.find(manager).ok().map(|place| &self.0[place].1)
    }

    /// What a manager owns, to change; a manager that is new owns nothing yet.
    pub(super) fn entry(&mut self, manager: Manager<'a>) -> &mut Owned<'a> {
        let place = self.find(&manager).unwrap_or_else(|place| {
            self.0.insert(place, (manager, Owned::default()));
            place
        });
        &mut self.0[place].1
    }

    /// Says what a manager owns.
    pub(super) fn set(&mut self, manager: Manager<'a>, owned: Owned<'a>) {
        *self.entry(manager) = owned;
    }

    /// Adds what a manager owns as an entry of its own, even where it has one.
    pub(super) fn add(&mut self, manager: Manager<'a>, owned: Owned<'a>) {
        let (Ok(place) | Err(place)) = self.find(&manager);
        self.0.insert(place, (manager, owned));
    }

    /// Removes a manager.
    pub(super) fn remove(&mut self, manager: &Manager<'_>) -> Option<Owned<'a>> {
        let place = self.find(manager).ok()?;
        Some(self.0.remove(place).1)
    }

    /// Takes fields away from managers, and managers out to which nothing is left. `taken` says
    /// which fields a manager loses, in the version it names them in. Whether there was one.
    pub(super) fn take<'f>(
        &mut self,
        taken: impl Fn(&Manager<'_>, &str) -> Option<&'f FieldSet<'f>>,
    ) -> bool {
        let mut is_changed = false;
        self.0.retain_mut(|(manager, owned)| {
            let Some(taken) = taken(manager, &owned.api_version) else {
                return true;
            };
            let is_taken = owned.fields.remove_all(taken);
            let is_gone = owned.fields.is_empty();
            is_changed |= is_taken || is_gone;
            !is_gone
        });
        is_changed
    }

    /// Drops those who wrote in a version.
    pub(super) fn drop_version(&mut self, version: &str) {
        self.0.retain(|(_, owned)| owned.api_version != version);
    }

    /// Has the sets of a version changed; whether one was.
    pub(super) fn reconcile(
        &mut self,
        version: &str,
        mut change: impl FnMut(&mut FieldSet<'a>) -> bool,
    ) -> bool {
        let mut is_changed = false;
        for (_, owned) in &mut self.0 {
            is_changed |= owned.api_version == version && change(&mut owned.fields);
        }
        is_changed
    }

    /// Makes the oldest updaters one where they are too many; whether they were.
    pub(super) fn cap(&mut self) -> bool {
        let is_updater = |manager: &Manager<'_>| manager.operation == Operation::Update;
        let mut count = self
            .0
            .iter()
            .filter(|(manager, _)| is_updater(manager))
            .count();
        if count <= UPDATERS_MAX {
            return false;
        }
        let mut updaters: Vec<(Cow<'a, str>, Manager<'a>)> = self
            .0
            .iter()
            .filter(|(manager, _)| is_updater(manager))
            .map(|(manager, owned)| (owned.time.clone(), manager.clone()))
            .collect();
        updaters.sort();
        let mut firsts: BTreeMap<Cow<'a, str>, Manager<'a>> = BTreeMap::new();
        for (_, manager) in updaters {
            if count <= UPDATERS_MAX {
                break;
            }
            let Some(owned) = self.get(&manager).cloned() else {
                continue;
            };
            let version = owned.api_version.clone();
            let Some(first) = firsts.get(&version) else {
                firsts.insert(version, manager);
                continue;
            };
            let bucket = Manager {
                operation: Operation::Update,
                name: ANCIENT.into(),
                api_version: version,
                subresource: Cow::default(),
            };
            let earlier = self.remove(&bucket).or_else(|| self.remove(first));
            let mut merged = earlier.unwrap_or_default();
            self.remove(&manager);
            count -= 1;
            // Upstream loses those who are one already where another is older than they are.
            if manager == bucket {
                continue;
            }
            merged.fields.extend(owned.fields);
            merged.time = owned.time;
            merged.api_version = owned.api_version;
            self.set(bucket, merged);
        }
        true
    }
}

/// An entry as it stands in the text; what is missing is empty.
#[derive(Default)]
struct Entry<'a> {
    manager: Cow<'a, str>,
    operation: Cow<'a, str>,
    api_version: Cow<'a, str>,
    fields_type: Cow<'a, str>,
    fields: FieldSet<'a>,
    time: Cow<'a, str>,
    subresource: Cow<'a, str>,
}

impl<'a> Entry<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let mut entry = Self::default();
        let token = reader.token()?;
        if !matches!(token, Token::Object) {
            reader.skip(&token)?;
            return Ok(entry);
        }
        let mut is_first = true;
        while let Some(key) = reader.next_key(is_first)? {
            is_first = false;
            let place = match (key.as_ref(), reader.token()?) {
                ("fieldsV1", Token::Object) => {
                    entry.fields = FieldSet::read(reader)?.0;
                    continue;
                }
                ("fieldsV1", Token::Null) => continue,
                ("fieldsV1", _) => return Err(Malformed),
                ("manager", token) => (&mut entry.manager, token),
                ("operation", token) => (&mut entry.operation, token),
                ("apiVersion", token) => (&mut entry.api_version, token),
                ("fieldsType", token) => (&mut entry.fields_type, token),
                ("time", token) => (&mut entry.time, token),
                ("subresource", token) => (&mut entry.subresource, token),
                (_, token) => {
                    reader.skip(&token)?;
                    continue;
                }
            };
            match place {
                (place, Token::Text(text)) => *place = text,
                (_, token) => reader.skip(&token)?,
            }
        }
        Ok(entry)
    }

    /// The manager and what it owns; `None` where the entry says no such thing.
    fn known(self) -> Option<(Manager<'a>, Owned<'a>)> {
        let operation = match self.operation.as_ref() {
            "Apply" => Operation::Apply,
            "Update" => Operation::Update,
            _ => return None,
        };
        if self.api_version.is_empty() || self.fields_type != "FieldsV1" {
            return None;
        }
        let manager = Manager {
            operation,
            name: self.manager,
            api_version: match operation {
                Operation::Apply => Cow::default(),
                Operation::Update => self.api_version.clone(),
            },
            subresource: self.subresource,
        };
        let canonical = time::canonical_seconds(&self.time);
        let owned = Owned {
            fields: self.fields,
            api_version: self.api_version,
            time: canonical.map_or(self.time, Cow::Owned),
        };
        Some((manager, owned))
    }
}

fn write_entry(manager: &Manager<'_>, owned: &Owned<'_>, out: &mut Vec<u8>) {
    let text = |out: &mut Vec<u8>, name: &str, value: &str| {
        out.extend_from_slice(name.as_bytes());
        json::write(out, value);
    };
    text(out, r#"{"apiVersion":"#, &owned.api_version);
    out.extend_from_slice(br#","fieldsType":"FieldsV1","fieldsV1":"#);
    owned.fields.write(false, out);
    text(out, r#","manager":"#, &manager.name);
    text(out, r#","operation":"#, manager.operation.name());
    if !manager.subresource.is_empty() {
        text(out, r#","subresource":"#, &manager.subresource);
    }
    if !owned.time.is_empty() {
        text(out, r#","time":"#, &owned.time);
    }
    out.push(b'}');
}
