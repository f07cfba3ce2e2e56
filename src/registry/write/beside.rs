//! What the server keeps beside an object as long as it is there: the addresses of a service.
//!
//! *Invariant:* what is kept is there before the object says so, and goes after it.
//! *Upstream:* `pkg/registry/core/service/ipallocator/ipallocator.go` (`createIPAddress`,
//! `release`), which writes through a client of its own.

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::error::{ApiError, Reason};
use crate::object::Object;
use crate::registry::request::{Target, Verb};
use crate::registry::{Context, Registry};

/// An object that is kept beside another.
#[derive(Clone, Debug)]
pub struct Beside {
    /// Its group.
    pub group: &'static str,
    /// The version it is written in.
    pub version: &'static str,
    /// Its resource, which has no namespaces.
    pub plural: &'static str,
    /// Its name.
    pub name: String,
    /// The object.
    pub body: Value,
}

impl Beside {
    fn target(&self) -> Target {
        Target {
            group: self.group.to_owned(),
            version: self.version.to_owned(),
            resource: self.plural.to_owned(),
            name: self.name.clone(),
            ..Target::default()
        }
    }
}

/// What a change brings along, and what it leaves behind.
#[derive(Debug, Default)]
pub(super) struct Keeping {
    added: Vec<Beside>,
    left: Vec<Beside>,
}

impl Registry {
    /// Makes what is to stand beside an object, before that is stored.
    pub(super) async fn provide(
        &self,
        cx: &Context<'_>,
        object: &Object,
        old: Option<&Object>,
    ) -> Result<Keeping, ApiError> {
        let strategy = self.strategy(cx.resource);
        let mut keeping = Keeping {
            added: strategy.beside(object),
            left: old.map(|old| strategy.beside(old)).unwrap_or_default(),
        };
        let (added, left) = (&mut keeping.added, &mut keeping.left);
        let stays: Vec<String> = added.iter().map(|one| one.name.clone()).collect();
        added.retain(|one| left.iter().all(|other| other.name != one.name));
        left.retain(|one| !stays.contains(&one.name));
        for index in 0..keeping.added.len() {
            if let Err(error) = self.write_beside(&keeping.added[index], Verb::Create).await {
                keeping.added.truncate(index);
                self.settle_beside(keeping, false).await;
                return Err(error);
            }
        }
        Ok(keeping)
    }

    /// Removes what stands beside nothing any more, or never did.
    pub(super) async fn settle_beside(&self, keeping: Keeping, is_stored: bool) {
        let gone = if is_stored {
            keeping.left
        } else {
            keeping.added
        };
        self.clear_beside(gone).await;
    }

    /// Removes what stood beside an object that is gone.
    pub(super) async fn clear_beside(&self, gone: Vec<Beside>) {
        for one in gone {
            if let Err(error) = self.write_beside(&one, Verb::Delete).await {
                // Somebody may have removed it before.
                tracing::debug!(%error, name = one.name, "clearing what stood beside an object");
            }
        }
    }

    fn write_beside<'a>(
        &'a self,
        one: &'a Beside,
        verb: Verb,
    ) -> BoxFuture<'a, Result<(), ApiError>> {
        async move {
            let mut target = one.target();
            if self
                .catalog
                .resource(one.group, one.version, one.plural)
                .is_none()
            {
                return Ok(());
            }
            let body = if verb == Verb::Create {
                target.name.clear();
                Bytes::from(one.body.to_string())
            } else {
                Bytes::new()
            };
            let request = Self::own_request(verb, target, body);
            match self.handle(&request).await {
                Err(error) if error.reason() == Reason::NotFound => Ok(()),
                other => other.map(|_| ()),
            }
        }
        .boxed()
    }
}
