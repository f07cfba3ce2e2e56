//! What is special about each kind, asked of a whole cluster.

mod access;
mod namespaces;
mod scale;
mod services;
mod versions;

use mockernetes::client::Failure;
use serde_json::Value;

/// The fields named by the causes of a refusal, in order.
fn causes(failure: &Failure) -> Vec<&str> {
    let causes = failure.status["details"]["causes"].as_array();
    let causes = causes.map(Vec::as_slice).unwrap_or_default();
    causes
        .iter()
        .filter_map(|cause| cause["field"].as_str())
        .collect()
}

/// The texts of a list.
fn texts(value: &Value) -> Vec<&str> {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(Value::as_str).collect()
}
