//! Gates through which one passes at a time, each with a name.
//!
//! *Invariant:* a gate is kept only while somebody stands in it or waits before it.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::{Mutex as Gate, OwnedMutexGuard};

#[derive(Default)]
pub(super) struct Gates {
    all: Mutex<BTreeMap<String, Weak<Gate<()>>>>,
}

impl Gates {
    /// Waits until nobody else stands in the gate of this name; it is free again when what comes
    /// back is dropped.
    pub(super) async fn pass(&self, name: &str) -> OwnedMutexGuard<()> {
        let gate = {
            let mut all = self.all.lock();
            all.retain(|_, gate| gate.strong_count() > 0);
            let known = all.get(name).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                let gate = Arc::new(Gate::new(()));
                all.insert(name.to_owned(), Arc::downgrade(&gate));
                gate
            })
        };
        gate.lock_owned().await
    }
}
