//! The group version of what nodes and pods use, which is answered for here though nothing of it
//! is stored.

use serde_json::{Value, json};

/// `metrics.k8s.io/v1beta1`
pub const GROUP_VERSION: &str = "metrics.k8s.io/v1beta1";

/// What it has, as in an aggregated discovery document.
pub(super) fn resources() -> Value {
    let entry = |plural: &str, kind: &str, scope: &str| {
        json!({
            "resource": plural,
            "responseKind": {"group": "metrics.k8s.io", "version": "v1beta1", "kind": kind},
            "scope": scope,
            "singularResource": "",
            "verbs": ["get", "list"],
        })
    };
    json!([
        entry("nodes", "NodeMetrics", "Cluster"),
        entry("pods", "PodMetrics", "Namespaced"),
    ])
}
