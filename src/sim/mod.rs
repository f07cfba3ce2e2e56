//! What a test holds in its hand: time and chance as values that can be set.
//!
//! *Invariant:* consults nobody; whoever needs the time or a random name asks here.

pub mod clock;
pub mod entropy;

pub use clock::Clock;
pub use entropy::Entropy;

use std::sync::Arc;

use futures_util::future::BoxFuture;

/// Starts a task that ends with the cluster: a handle from whoever keeps its tasks.
pub type Spawn = Arc<dyn Fn(BoxFuture<'static, ()>) + Send + Sync>;
