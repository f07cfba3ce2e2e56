//! What several groups validate and default alike.
//!
//! *Invariant:* imports no kind back.
