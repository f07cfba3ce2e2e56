//! What holds where a namespace says nothing, and who is not looked at.
//!
//! *Upstream:* `pod-security-admission/admission/api`, `…/admission/api/validation`.

use serde_json::Value;

use super::policy::Policy;

/// A `PodSecurityConfiguration`.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) defaults: Policy,
    users: Vec<String>,
    namespaces: Vec<String>,
    runtime_classes: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            defaults: Policy::PRIVILEGED,
            users: Vec::new(),
            namespaces: Vec::new(),
            runtime_classes: Vec::new(),
        }
    }
}

impl Settings {
    /// Reads the configuration; null is none.
    pub(super) fn of(settings: &Value) -> Result<Self, String> {
        let defaults = &settings["defaults"];
        let label = |key: &str| {
            let key = key.strip_prefix("pod-security.kubernetes.io/")?;
            defaults[key].as_str().filter(|text| !text.is_empty())
        };
        let (mut policy, errors) = Policy::of(label, Policy::PRIVILEGED);
        if let Some(error) = errors.iter().next() {
            let key = error.field.rsplit('/').next().unwrap_or("");
            let key = key.trim_end_matches(']');
            return Err(format!("defaults.{key}: {}", error.body()));
        }
        if label("pod-security.kubernetes.io/warn").is_none() {
            policy.warn.level = Policy::PRIVILEGED.warn.level;
        }
        let exemptions = &settings["exemptions"];
        let list = |field: &str| -> Result<Vec<String>, String> {
            let mut out: Vec<String> = Vec::new();
            let list = exemptions[field].as_array().into_iter().flatten();
            for (index, entry) in list.enumerate() {
                let text = entry.as_str().unwrap_or("");
                let path = format!("exemptions.{field}[{index}]");
                if text.is_empty() {
                    return Err(format!("{path}: Invalid value: \"\": must not be empty"));
                }
                if out.iter().any(|known| known == text) {
                    return Err(format!("{path}: Duplicate value: {text:?}"));
                }
                out.push(text.to_owned());
            }
            Ok(out)
        };
        Ok(Self {
            defaults: policy,
            users: list("usernames")?,
            namespaces: list("namespaces")?,
            runtime_classes: list("runtimeClasses")?,
        })
    }

    /// Whether a namespace is not looked at.
    pub(super) fn exempts_namespace(&self, name: &str) -> bool {
        self.namespaces.iter().any(|own| own == name)
    }

    /// Why nobody looks at what a user does in a namespace, if so.
    pub(super) fn exempts(&self, namespace: &str, user: &str) -> Option<&'static str> {
        if self.exempts_namespace(namespace) {
            return Some("namespace");
        }
        let is_exempt = self.users.iter().any(|own| own == user);
        is_exempt.then_some("user")
    }

    /// Whether pods of a class are not looked at.
    pub(super) fn exempts_class(&self, spec: &Value) -> bool {
        let class = spec["runtimeClassName"].as_str();
        class.is_some_and(|class| self.runtime_classes.iter().any(|own| own == class))
    }
}
