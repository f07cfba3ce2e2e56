//! What several groups validate and default alike.
//!
//! *Invariant:* imports no kind back.

pub mod ip;
pub mod look;
pub mod plain;
