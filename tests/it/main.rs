//! The cluster, seen from outside: one binary, because linking is what a test build waits for.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod discovery;
mod object;
mod openapi;
mod schema_tables;
mod selectors;
mod storage;
mod table;
mod verbs;
