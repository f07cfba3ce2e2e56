//! The cluster's clock: the wall's, or one that a test moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

/// A clock; clones share the same time.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Microseconds since the epoch of a virtual clock; `None` follows the wall.
    virtual_us: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The wall's clock.
    pub fn wall() -> Self {
        Self::default()
    }

    /// A clock that stands at `start` until it is moved.
    pub fn virtual_at(start: Timestamp) -> Self {
        Self {
            virtual_us: Some(Arc::new(AtomicI64::new(start.as_microsecond()))),
        }
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        match &self.virtual_us {
            Some(us) => Timestamp::from_microsecond(us.load(Ordering::Acquire)).unwrap_or_default(),
            // The one place that reads the wall.
            #[allow(clippy::disallowed_methods)]
            None => Timestamp::now(),
        }
    }

    /// Moves a virtual clock forward; false for the wall's clock, which nobody moves.
    pub fn advance(&self, by: std::time::Duration) -> bool {
        let by_us = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.virtual_us.as_ref().is_some_and(|us| {
            us.fetch_add(by_us, Ordering::AcqRel);
            true
        })
    }
}
