//! The plugins of a cluster, one after the other, and a second time where one changed what others
//! had seen.
//!
//! *Upstream:* `apiserver/pkg/admission/{chain,reinvocation}.go`.

use std::collections::BTreeSet;

use super::{Attributes, Plugin, settled};
use crate::error::ApiError;
use crate::object::Object;
use crate::storage::Reader;

/// The plugins of a cluster, in order.
#[derive(Default)]
pub struct Chain(Vec<Box<dyn Plugin>>);

/// What is known of a run through the plugins: whether it is the second, and who wants to see the
/// object again.
#[derive(Debug, Default)]
pub struct Round {
    /// Whether this is the second run.
    pub is_second: bool,
    /// Whether there must be one.
    pub is_second_needed: bool,
    /// What policies keep in mind.
    pub policies: Memory,
    /// What webhooks keep in mind.
    pub webhooks: Memory,
}

/// Who was asked, and what came of it.
#[derive(Debug, Default)]
pub struct Memory {
    /// The object after the last of them.
    last: Option<Object>,
    /// Those that were asked and want to be asked again after a change.
    asked: BTreeSet<String>,
    /// Those that must be asked again.
    wanted: BTreeSet<String>,
}

impl Memory {
    /// Begins a run: whoever changed the object since the last of them was asked, those asked
    /// before want to see it again.
    pub(super) fn begin(&mut self, is_second: bool, object: Option<&Object>) {
        if is_second && self.last.as_ref() != object {
            self.note_change();
        }
    }

    /// Somebody changed the object.
    pub(super) fn note_change(&mut self) {
        self.wanted.append(&mut self.asked);
    }

    /// Somebody was asked who wants to be asked again.
    pub(super) fn note_asked(&mut self, who: &str) {
        self.asked.insert(who.to_owned());
    }

    /// Whether somebody must be asked again.
    pub(super) fn wants(&self, who: &str) -> bool {
        self.wanted.contains(who)
    }

    /// Ends a run.
    pub(super) fn end(&mut self, object: Option<&Object>) {
        self.last = object.cloned();
    }
}

impl Chain {
    /// A chain of these plugins, in this order.
    pub fn new(plugins: Vec<Box<dyn Plugin>>) -> Self {
        Self(plugins)
    }

    /// Whether the cluster has anything configured that plugins do: then whatever is written may be
    /// looked at by somebody.
    pub fn is_configured(&self, reader: &dyn Reader) -> bool {
        self.0.iter().any(|plugin| plugin.is_configured(reader))
    }

    /// Lets every plugin change the object; there is none in a deletion.
    pub async fn mutate(
        &self,
        write: &Attributes<'_>,
        mut object: Option<&mut Object>,
    ) -> Result<(), ApiError> {
        let mut round = Round::default();
        self.mutate_once(write, object.as_deref_mut(), &mut round)
            .await?;
        if round.is_second_needed {
            round.is_second = true;
            self.mutate_once(write, object, &mut round).await?;
        }
        Ok(())
    }

    async fn mutate_once(
        &self,
        write: &Attributes<'_>,
        mut object: Option<&mut Object>,
        round: &mut Round,
    ) -> Result<(), ApiError> {
        for plugin in &self.0 {
            if let Some(object) = object.as_deref_mut() {
                plugin.mutate(write, object)?;
            }
            if let Some(later) = plugin.mutate_later(write, object.as_deref_mut(), round) {
                later.await?;
            }
        }
        Ok(())
    }

    /// Lets every plugin refuse the write.
    pub async fn validate(
        &self,
        write: &Attributes<'_>,
        object: Option<&Object>,
    ) -> Result<(), ApiError> {
        for plugin in &self.0 {
            // What looks at an object changes nothing, so that it may look again.
            settled(write.rights, || plugin.validate(write, object)).await?;
            if let Some(later) = plugin.validate_later(write, object) {
                later.await?;
            }
        }
        Ok(())
    }
}
