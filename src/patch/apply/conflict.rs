//! The fields that an applier and their owners disagree about.
//!
//! *Upstream:* `apimachinery/pkg/util/managedfields/internal/conflict.go`.

use std::collections::BTreeSet;
use std::fmt;

use super::field_set::FieldSet;
use super::managers::Manager;

/// Each contested field with its owner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conflicts(Vec<(String, String)>);

impl Conflicts {
    pub(super) fn add(&mut self, manager: &Manager<'_>, fields: &FieldSet<'_>) {
        let manager = manager.shown();
        let paths = fields.paths().into_iter();
        self.0.extend(paths.map(|path| (manager.clone(), path)));
    }

    /// Without the fields at these paths.
    pub(super) fn without(self, paths: &BTreeSet<String>) -> Self {
        let conflicts = self.0.into_iter();
        Self(
            conflicts
                .filter(|(_, path)| !paths.contains(path))
                .collect(),
        )
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The owners, as messages name them, and the paths of their contested fields.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(manager, path)| (manager.as_str(), path.as_str()))
    }
}

impl fmt::Display for Conflicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [(manager, path)] = self.0.as_slice() {
            return write!(
                f,
                "Apply failed with 1 conflict: conflict with {manager}: {path}"
            );
        }
        write!(f, "Apply failed with {} conflicts: ", self.0.len())?;
        let mut last = "";
        for (index, (manager, path)) in self.0.iter().enumerate() {
            if manager != last {
                let before = if index == 0 { "" } else { "\n" };
                write!(f, "{before}conflicts with {manager}:")?;
                last = manager;
            }
            write!(f, "\n- {path}")?;
        }
        Ok(())
    }
}
