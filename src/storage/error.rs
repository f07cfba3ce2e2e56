//! What a store answers when it cannot do as asked.

use std::sync::Arc;

use super::{Revision, Stored};

/// Why a store did not do as asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// Nothing stands under the key.
    #[error("no such key")]
    Missing,
    /// Something stands under the key.
    #[error("the key exists")]
    Exists,
    /// The object is at another revision.
    #[error("the key is at another revision")]
    Moved {
        /// What stands there now.
        found: Arc<Stored>,
    },
    /// The revision is no longer kept.
    #[error("compacted up to revision {}", oldest.0)]
    Compacted {
        /// The oldest revision still kept.
        oldest: Revision,
    },
    /// The revision is not there yet.
    #[error("the current revision is {}", current.0)]
    Future {
        /// The revision of the last write.
        current: Revision,
    },
    /// The backend cannot be reached.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
}
