//! Who did what: a record of requests as a policy asks for it.
//!
//! A request that is recorded carries a [`Trail`]; whoever has something to say about it on its
//! way annotates that. Finished events are lines of JSON that go into a queue with an end: what
//! does not fit is counted and lost, since nobody's request waits for a disk.
//!
//! *Invariant:* records, and changes nothing of what is recorded; no credentials are in it.
//! *Upstream:* `apiserver/pkg/audit`.

mod event;
pub mod policy;
pub mod queue;
mod trail;
mod webhook;

pub use event::Facts;
pub use policy::{BadPolicy, Level, Policy, Stage};
pub use queue::{Queue, Sink};
pub use trail::{Recorder, Trail};
pub use webhook::Webhook;
