//! API servers that stand behind this one: who is registered by an `APIService`, whether they can
//! be reached, and what they say of themselves.
//!
//! What is registered stands in the store; a [`Keeper`] follows the store's log, writes whether
//! each can be reached into the status of its `APIService`, and keeps what requests are to know in
//! an [`Aggregator`], so that a request costs a look at a map, and nothing where nobody is
//! registered.
//!
//! *Invariant:* writes the status of `APIService` objects and nothing else, as any client would.
//! *Upstream:* `kube-aggregator/pkg`.

mod availability;
mod keeper;
mod merge;
mod registered;
pub mod usage;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use serde_json::Value;

pub use self::keeper::Keeper;
pub use self::merge::Form;
pub use self::registered::{Registered, identify};
use crate::object::GroupVersion;

/// What is registered as of now.
#[derive(Debug, Default)]
pub struct State {
    /// Counts the changes.
    pub generation: u64,
    /// Registered group versions that are not served from here.
    pub versions: BTreeMap<GroupVersion, Arc<Registered>>,
}

/// What requests are to know of the API servers behind this one.
#[derive(Debug, Default)]
pub struct Aggregator {
    state: Mutex<Arc<State>>,
    has_any: AtomicBool,
}

impl Aggregator {
    /// What is registered as of now; `None` where nothing is.
    pub fn state(&self) -> Option<Arc<State>> {
        self.has_any
            .load(Ordering::Acquire)
            .then(|| Arc::clone(&self.state.lock()))
    }

    /// How often what is registered has changed.
    pub fn generation(&self) -> u64 {
        self.state.lock().generation
    }

    /// Who answers for a group version instead of this server.
    pub fn remote(&self, group: &str, version: &str) -> Option<Arc<Registered>> {
        let state = self.state()?;
        let found = state.versions.get(&GroupVersion::new(group, version))?;
        found.is_remote().then(|| Arc::clone(found))
    }

    /// Adds what is registered to a list of groups, in the order of their priorities.
    pub fn merge(&self, groups: &mut Vec<Value>, form: Form) {
        if let Some(state) = self.state() {
            merge::add(groups, &state, form);
        }
    }

    /// Adds what is registered to a document of `OpenAPI` 2; a definition that is there stays.
    ///
    /// Differs: upstream gives definitions that are there and say something else another name.
    pub fn merge_swagger(&self, document: &mut Value) {
        let Some(state) = self.state() else {
            return;
        };
        for one in state.versions.values() {
            for part in ["paths", "definitions"] {
                let more = one.swagger.as_ref().and_then(|own| own[part].as_object());
                let all = document[part].as_object_mut();
                let (Some(more), Some(all)) = (more, all) else {
                    continue;
                };
                for (key, value) in more {
                    all.entry(key).or_insert_with(|| value.clone());
                }
            }
        }
    }

    fn replace(&self, versions: BTreeMap<GroupVersion, Arc<Registered>>) {
        let mut state = self.state.lock();
        if state.versions == versions {
            return;
        }
        self.has_any.store(!versions.is_empty(), Ordering::Release);
        *state = Arc::new(State {
            generation: state.generation + 1,
            versions,
        });
    }
}
