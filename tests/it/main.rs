//! The cluster, seen from outside: one binary, because linking is what a test build waits for.

#![allow(
    clippy::disallowed_methods,
    reason = "tests read their cases, rewrite them on demand and spawn their own clients"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod access;
mod admission;
mod aggregation;
mod apply;
mod cel;
mod cel_admission;
mod cli;
mod cluster;
mod controllers;
mod coverage;
mod crd;
mod crd_versions;
mod decode;
mod discovery;
mod fuzz_corpus;
mod inside;
mod kinds;
mod managed_fields;
mod managed_versions;
mod nodes;
mod object;
mod openapi;
mod patch;
mod pods;
mod project;
mod properties;
mod protobuf;
mod published_schema;
mod schema_tables;
mod selectors;
mod server;
mod shell;
mod simulation;
mod storage;
mod support;
mod table;
mod verbs;
mod webhook;
mod workloads;
