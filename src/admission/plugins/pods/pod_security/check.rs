//! A pod as checks see it, and the words in which they say what they found.
//!
//! *Upstream:* `pod-security-admission/policy/{helpers,visitor,checks}.go`.

use std::collections::BTreeSet;

use serde_json::Value;

/// What a check has against a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) reason: String,
    pub(super) detail: String,
}

/// A finding.
#[allow(
    clippy::unnecessary_wraps,
    reason = "it is what a check that found something comes to"
)]
pub(super) fn finding(reason: &str, detail: impl Into<String>) -> Option<Finding> {
    Some(Finding {
        reason: reason.to_owned(),
        detail: detail.into(),
    })
}

/// A pod, or what a template would make.
#[derive(Clone, Copy)]
pub(super) struct Pod<'a> {
    pub(super) metadata: &'a Value,
    pub(super) spec: &'a Value,
}

impl<'a> Pod<'a> {
    /// All containers, those that run first first.
    pub(super) fn containers(&self) -> impl Iterator<Item = &'a Value> {
        let spec = self.spec;
        ["initContainers", "containers", "ephemeralContainers"]
            .into_iter()
            .filter_map(|name| spec[name].as_array())
            .flatten()
    }

    /// The names of the containers of which something holds.
    pub(super) fn named(&self, holds: impl Fn(&Value) -> bool) -> Vec<&'a str> {
        let bad = self.containers().filter(|container| holds(container));
        bad.map(|container| container["name"].as_str().unwrap_or(""))
            .collect()
    }

    /// The pod's own security context.
    pub(super) fn context(&self) -> &'a Value {
        &self.spec["securityContext"]
    }

    /// Annotations.
    pub(super) fn annotations(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let annotations = self.metadata["annotations"]
            .as_object()
            .into_iter()
            .flatten();
        annotations.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
    }

    /// Whether it is of Windows.
    pub(super) fn is_windows(&self) -> bool {
        self.spec["os"]["name"] == "windows"
    }

    /// Whether its users are not the node's.
    pub(super) fn has_own_users(&self) -> bool {
        self.spec["hostUsers"] == false
    }
}

/// `container "a"` or `containers "a", "b"`.
pub(super) fn containers(names: &[&str]) -> String {
    format!(
        "{} {}",
        plural("container", "containers", names.len()),
        quote(names.iter().copied())
    )
}

/// The pod where it is one of those who did something, and the containers that did.
pub(super) fn setters(has_pod: bool, names: &[&str]) -> String {
    let mut all = Vec::new();
    if has_pod {
        all.push("pod".to_owned());
    }
    if !names.is_empty() {
        all.push(containers(names));
    }
    all.join(" and ")
}

/// The word for one or for many.
pub(super) fn plural<'w>(one: &'w str, many: &'w str, count: usize) -> &'w str {
    if count == 1 { one } else { many }
}

/// Texts in quotation marks, unescaped as upstream leaves them.
pub(super) fn quote<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> String {
    let quoted = texts
        .into_iter()
        .map(|text| format!("\"{}\"", text.as_ref()));
    quoted.collect::<Vec<_>>().join(", ")
}

/// Every value of a list of texts.
pub(super) fn texts(value: &Value) -> impl Iterator<Item = &str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

/// A value's text.
pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

/// Texts in order, each once.
pub(super) type Texts<'a> = BTreeSet<&'a str>;
