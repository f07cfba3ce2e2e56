//! The cluster, seen from outside: one binary, because linking is what a test build waits for.

mod selectors;
