//! `protobuf.json`: message and field numbers, by package and message.

use std::collections::BTreeMap;

/// Package → message → field → `4 repeated Volume`.
pub type Protobuf = BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>>;
