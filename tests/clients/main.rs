//! Real clients against the real binary: what the project promises, asked by those who will ask.
//!
//! Slow, so only where `MOCKERNETES_SLOW=1`. A client that is not installed is skipped with a word.
//! `KUBECTL` names another kubectl than the one in `PATH`; both are tried.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, says why it was skipped, and runs processes"
)]

#[path = "../it/support/full.rs"]
mod full;
mod kubectl;
mod programs;
mod streams;
mod suites;
mod support;
