//! Who may change or refuse a write on its way in.
//!
//! Plugins run in the order of the table in `plugins`, which is kube-apiserver's: first all that
//! change the object, then, after validation, all that may still refuse it.
//!
//! *Invariant:* reads the store, never writes it; does not know the registry.
//! *Upstream:* `apiserver/pkg/admission`.

pub mod plugins;

use jiff::Timestamp;

use crate::auth::User;
use crate::error::ApiError;
use crate::object::Object;
use crate::schema::Resource;
use crate::storage::Reader;

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A new object.
    Create,
    /// A new state of an object.
    Update,
    /// An object goes.
    Delete,
    /// A subresource that acts (exec, eviction, …).
    Connect,
}

/// A write on its way in.
pub struct Attributes<'a> {
    /// What is being done.
    pub operation: Operation,
    /// To an object of which resource.
    pub resource: &'a Resource,
    /// Through which subresource; empty where none.
    pub subresource: &'a str,
    /// In which namespace; empty where none.
    pub namespace: &'a str,
    /// The object's name; empty where it is yet to be generated.
    pub name: &'a str,
    /// The object before the write.
    pub old: Option<&'a Object>,
    /// Whether nothing will be written.
    pub is_dry_run: bool,
    /// Who asks.
    pub user: &'a User,
    /// The store, to read.
    pub reader: &'a dyn Reader,
    /// The time of the request.
    pub now: Timestamp,
}

/// An admission plugin.
pub trait Plugin: Send + Sync {
    /// Its name, as `--enable-admission-plugins` knows it.
    fn name(&self) -> &'static str;

    /// Changes the object, or refuses the write, before validation.
    fn mutate(&self, _write: &Attributes, _object: &mut Object) -> Result<(), ApiError> {
        Ok(())
    }

    /// Refuses the write after validation; `object` is `None` for a deletion.
    fn validate(&self, _write: &Attributes, _object: Option<&Object>) -> Result<(), ApiError> {
        Ok(())
    }
}

/// The plugins of a cluster, in order.
#[derive(Default)]
pub struct Chain(Vec<Box<dyn Plugin>>);

impl Chain {
    /// A chain of these plugins, in this order.
    pub fn new(plugins: Vec<Box<dyn Plugin>>) -> Self {
        Self(plugins)
    }

    /// Lets every plugin change the object.
    pub fn mutate(&self, write: &Attributes, object: &mut Object) -> Result<(), ApiError> {
        self.0
            .iter()
            .try_for_each(|plugin| plugin.mutate(write, object))
    }

    /// Lets every plugin refuse the write.
    pub fn validate(&self, write: &Attributes, object: Option<&Object>) -> Result<(), ApiError> {
        self.0
            .iter()
            .try_for_each(|plugin| plugin.validate(write, object))
    }
}
