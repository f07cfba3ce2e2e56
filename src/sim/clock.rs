//! The cluster's clock: the wall's, or one that a test moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use futures_util::FutureExt;
use jiff::Timestamp;
use tokio::sync::Notify;

/// A clock; clones share the same time.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// A virtual clock; `None` follows the wall.
    hands: Option<Arc<Hands>>,
}

#[derive(Debug)]
struct Hands {
    /// Microseconds since the epoch.
    now_us: AtomicI64,
    /// Where it began.
    start: Timestamp,
    /// Wakes whoever waits for a time whenever the clock is moved.
    moved: Notify,
}

impl Clock {
    /// The wall's clock.
    pub fn wall() -> Self {
        Self::default()
    }

    /// A clock that stands at `start` until it is moved.
    pub fn virtual_at(start: Timestamp) -> Self {
        Self {
            hands: Some(Arc::new(Hands {
                now_us: AtomicI64::new(start.as_microsecond()),
                start,
                moved: Notify::new(),
            })),
        }
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        match &self.hands {
            Some(hands) => hands.now(),
            // The one place that reads the wall.
            #[allow(clippy::disallowed_methods)]
            None => Timestamp::now(),
        }
    }

    /// Moves a virtual clock forward; false for the wall's clock, which nobody moves.
    pub fn advance(&self, by: std::time::Duration) -> bool {
        let by_us = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.hands.as_ref().is_some_and(|hands| {
            hands.now_us.fetch_add(by_us, Ordering::AcqRel);
            hands.moved.notify_waiters();
            true
        })
    }

    /// Where a virtual clock began; `None` for the wall's.
    pub fn start(&self) -> Option<Timestamp> {
        self.hands.as_ref().map(|hands| hands.start)
    }

    /// Whether the time is a test's to move.
    pub fn is_virtual(&self) -> bool {
        self.hands.is_some()
    }

    /// Moves a virtual clock forward to a time; false for the wall's clock. A time that is past
    /// already changes nothing.
    pub fn advance_to(&self, time: Timestamp) -> bool {
        self.hands.as_ref().is_some_and(|hands| {
            hands
                .now_us
                .fetch_max(time.as_microsecond(), Ordering::AcqRel);
            hands.moved.notify_waiters();
            true
        })
    }

    /// Waits until a virtual clock is moved; without end on the wall's clock. Ask before looking at
    /// the time, so that no move slips in between.
    pub fn moved(&self) -> impl Future<Output = ()> + Send + use<> {
        let hands = self.hands.clone();
        // Registered when it is made, not when it is first waited for.
        let moved = hands.map(|hands| {
            let mut moved = Box::pin(async move { hands.moved.notified().await });
            let _ = (&mut moved).now_or_never();
            moved
        });
        async move {
            match moved {
                Some(moved) => moved.await,
                None => std::future::pending().await,
            }
        }
    }

    /// Waits until a time.
    pub async fn until(self, time: Timestamp) {
        let Some(hands) = &self.hands else {
            let left = time.duration_since(self.now());
            if let Ok(left) = std::time::Duration::try_from(left) {
                // The one place that waits by the wall.
                #[allow(clippy::disallowed_methods)]
                tokio::time::sleep(left).await;
            }
            return;
        };
        loop {
            // Made before looking, so that no move slips in between.
            let moved = hands.moved.notified();
            if hands.now() >= time {
                return;
            }
            moved.await;
        }
    }
}

impl Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.now_us.load(Ordering::Acquire)).unwrap_or_default()
    }
}
