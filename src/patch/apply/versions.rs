//! An object in the versions that its managers wrote in: what a manager owns is named in its own.
//!
//! *Invariant:* asks [`Versions`] and waits for nobody; who must wait tells so by
//! [`Unconverted::Pending`], and the write is tried again.
//! *Upstream:* `apimachinery/pkg/util/managedfields/internal/versionconverter.go`,
//! `structured-merge-diff/merge/update.go`.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::compare::{self, Comparison};
use super::field_set::FieldSet;
use super::managers::{Manager, Managers};
use super::place::Place;
use super::{Writer, own, reconcile};
use crate::schema::{Origin, Schema};

/// The versions of a kind, as far as they are known to whoever writes.
pub trait Versions {
    /// An object in another version.
    fn convert(
        &self,
        object: &Map<String, Value>,
        into: &str,
    ) -> Result<Map<String, Value>, Unconverted>;

    /// What an object of a version may be.
    fn schema(&self, version: &str) -> Option<Schema>;
}

/// Why there is no object in another version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unconverted {
    /// The kind has no such version: whoever wrote in it owns nothing.
    Missing,
    /// The object cannot be brought into it.
    Failed(String),
    /// Somebody has to be asked first; then all is to be done again.
    Pending,
}

impl Unconverted {
    /// The same, with what was being done.
    pub(super) fn within(self, what: &str) -> Self {
        match self {
            Self::Failed(why) => Self::Failed(format!("{what}: {why}")),
            other => other,
        }
    }
}

/// A kind of which only the version at hand is known.
#[derive(Clone, Copy, Debug)]
pub struct OneVersion;

impl Versions for OneVersion {
    fn convert(
        &self,
        _object: &Map<String, Value>,
        _into: &str,
    ) -> Result<Map<String, Value>, Unconverted> {
        Err(Unconverted::Missing)
    }

    fn schema(&self, _version: &str) -> Option<Schema> {
        None
    }
}

/// Brings objects into versions.
#[derive(Clone, Copy)]
pub(super) struct Forms<'a> {
    versions: &'a dyn Versions,
    /// The version at hand.
    own: &'a str,
    schema: &'a Schema,
}

/// An object in a version.
pub(super) struct Form<'a> {
    pub(super) fields: Cow<'a, Map<String, Value>>,
    schema: Cow<'a, Schema>,
}

impl Form<'_> {
    pub(super) fn place(&self) -> Place<'_> {
        Place::root(&self.schema)
    }
}

impl<'a> Forms<'a> {
    pub(super) fn of(writer: &Writer<'a>, schema: &'a Schema) -> Self {
        Self {
            versions: writer.versions,
            own: writer.api_version,
            schema,
        }
    }

    /// An object of any version in a version.
    pub(super) fn convert<'o>(
        &self,
        object: &'o Map<String, Value>,
        into: &str,
    ) -> Result<Form<'o>, Unconverted>
    where
        'a: 'o,
    {
        let own = object.get("apiVersion").and_then(Value::as_str);
        let is_there = own.unwrap_or(self.own) == into;
        let schema = if into == self.own {
            Cow::Borrowed(self.schema)
        } else if let Some(schema) = self.versions.schema(into) {
            Cow::Owned(schema)
        } else {
            // Who does not know the version says how it does not.
            let tried = self.versions.convert(object, into);
            return Err(tried.err().unwrap_or(Unconverted::Missing));
        };
        if is_there {
            return Ok(Form {
                fields: Cow::Borrowed(object),
                schema,
            });
        }
        let fields = self.versions.convert(object, into)?;
        if let Some(why) = own::wrong(Place::root(&schema), &fields) {
            return Err(Unconverted::Failed(why));
        }
        Ok(Form {
            fields: Cow::Owned(fields),
            schema,
        })
    }

    /// The versions of managers that are not the one at hand, each once.
    fn others(&self, managers: &Managers<'_>, writer: Option<&Manager<'_>>) -> Vec<String> {
        let mut versions: Vec<String> = Vec::new();
        for (manager, owned) in managers.iter() {
            let version = owned.api_version.as_ref();
            let is_known = version == self.own || versions.iter().any(|known| known == version);
            if !is_known && Some(manager) != writer {
                versions.push(version.to_owned());
            }
        }
        versions
    }

    /// Brings the sets of managers up to the schemas of now, and drops managers of versions that
    /// the kind does not have any more. Whether that changed something. Sets of built-in kinds
    /// are as the schema has it, unless a client `sent` them.
    pub(super) fn reconcile(
        &self,
        managers: &mut Managers<'_>,
        live: &Map<String, Value>,
        is_sent: bool,
    ) -> Result<bool, Unconverted> {
        let mut is_changed = false;
        let is_needed = is_sent || self.schema.origin() == Origin::Custom;
        if is_needed {
            is_changed |= managers.reconcile(self.own, |set| {
                reconcile::set(Place::root(self.schema), set)
            });
        }
        for version in self.others(managers, None) {
            match self.convert(live, &version) {
                Ok(form) => {
                    is_changed |=
                        managers.reconcile(&version, |set| reconcile::set(form.place(), set));
                }
                Err(Unconverted::Missing) => {
                    managers.drop_version(&version);
                    is_changed = true;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(is_changed)
    }
}

/// Two states of an object in the versions of its managers, but for the version at hand.
pub(super) struct Elsewhere<'a>(Vec<(String, Form<'a>, Form<'a>)>);

impl<'a> Elsewhere<'a> {
    /// Managers of versions that the kind does not have are dropped.
    pub(super) fn of(
        forms: &Forms<'a>,
        managers: &mut Managers<'_>,
        writer: Option<&Manager<'_>>,
        old: &'a Map<String, Value>,
        new: &'a Map<String, Value>,
    ) -> Result<Self, Unconverted> {
        let mut states = Vec::new();
        for version in forms.others(managers, writer) {
            let convert = |object, what: &str| {
                let form = forms.convert(object, &version);
                form.map_err(|error| error.within(what))
            };
            let both = convert(old, "failed to convert old object").and_then(|old| {
                let new = convert(new, "failed to convert new object")?;
                Ok((old, new))
            });
            match both {
                Ok((old, new)) => states.push((version, old, new)),
                Err(Unconverted::Missing) => managers.drop_version(&version),
                Err(error) => return Err(error),
            }
        }
        Ok(Self(states))
    }

    /// What changed, version by version.
    pub(super) fn compare(&self, ignored: &FieldSet<'_>) -> Vec<Seen<'_>> {
        let states = self.0.iter();
        states
            .map(|(version, old, new)| {
                let compared = compare::objects(old.place(), &old.fields, &new.fields, ignored);
                Seen::new(version, compared)
            })
            .collect()
    }
}

/// What changed, by the names of a version.
pub(super) struct Seen<'v> {
    pub(super) version: &'v str,
    /// What stands there now and did not so before.
    pub(super) written: FieldSet<'v>,
    /// That, and what stands there no more.
    pub(super) taken: FieldSet<'v>,
}

impl<'v> Seen<'v> {
    pub(super) fn new(version: &'v str, compared: Comparison<'v>) -> Self {
        let written = compared.modified.union(compared.added);
        let taken = written.clone().union(compared.removed);
        Self {
            version,
            written,
            taken,
        }
    }
}
