//! Whoever started the process: when it is gone, nobody will stop us.

use std::os::unix::process::parent_id;
use std::time::Duration;

/// How soon it is noticed that the parent is gone.
const EVERY: Duration = Duration::from_millis(50);

/// The process that started this one. Asked for first thing, before that process can be gone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parent(u32);

impl Parent {
    /// The parent now.
    pub(super) fn now() -> Self {
        Self(parent_id())
    }

    /// The same for a program without a runtime.
    #[allow(
        clippy::disallowed_methods,
        reason = "a process's own life is not the cluster's time"
    )]
    pub(super) fn outlive(self) {
        while parent_id() == self.0 {
            std::thread::sleep(EVERY);
        }
    }

    /// Waits until it has ended: an orphan has another parent.
    #[allow(
        clippy::disallowed_methods,
        reason = "a process's own life is not the cluster's time"
    )]
    pub(super) async fn ended(self) {
        let mut ticks = tokio::time::interval(EVERY);
        while parent_id() == self.0 {
            ticks.tick().await;
        }
    }
}
