//! The status of an object that is long otherwise, written by the API server itself: the rest is
//! neither copied nor looked at.
//!
//! *Invariant:* for writes of the server's own that nobody configured may see
//! ([`Chain::is_configured`](crate::admission::Chain::is_configured)), and that need no validation.
//! *Upstream:* none; there it is an update like any other.

use super::{attempt, lost_race, set_version};
use crate::error::ApiError;
use crate::object::{Key, Object};
use crate::registry::write::{Attempt, Fate};
use crate::registry::{Context, Registry};
use crate::storage::Expect;

impl Registry {
    /// Writes `new` over `old`, two states of a stored object without its field `long`, which stays
    /// as it is. Answers with the new state; what is stored must be `old`.
    pub(in crate::registry) async fn put_around(
        &self,
        cx: &Context<'_>,
        long: &str,
        old: &Object,
        mut new: Object,
    ) -> Result<Object, ApiError> {
        let key = Key::new(old.namespace(), old.name());
        let stored = self.reader.get(&cx.resource.storage, &key);
        let stored =
            stored.filter(|stored| stored.revision.0.to_string() == old.resource_version());
        let Some(stored) = stored else {
            return Err(lost_race(cx, &key));
        };
        self.track(cx, Some(old), &mut new).await?;
        let Some(draft) = stored.next_keeping(long, old, &new) else {
            return Err(lost_race(cx, &key));
        };
        let expect = Expect::At(stored.revision);
        let put = self.commit(cx, &key, expect, Some(draft)).await;
        match attempt(put.map(Fate::Stored), cx, &key)? {
            Attempt::Done(Fate::Stored(stored)) => {
                set_version(&mut new, &stored);
                Ok(new)
            }
            Attempt::Done(_) | Attempt::Moved => Err(lost_race(cx, &key)),
        }
    }
}
