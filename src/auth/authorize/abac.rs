//! By policies of a file, a line each: who may do what where.
//!
//! *Upstream:* `pkg/auth/authorizer/abac/abac.go`, `pkg/apis/abac/{v0,v1beta1}`.

use serde_json::Value;

use super::rbac::Rule;
use super::{Attributes, Decision};
use crate::auth::{AUTHENTICATED, User};

/// The policies of a file.
#[derive(Clone, Debug, Default)]
pub struct Policies(Vec<Policy>);

/// A line of the file; empty says nothing, `*` says any.
#[derive(Clone, Debug, Default)]
struct Policy {
    user: String,
    group: String,
    is_readonly: bool,
    api_group: String,
    resource: String,
    namespace: String,
    path: String,
}

/// Why a file is none: the line and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct BadPolicy {
    line: usize,
    why: String,
}

impl Policies {
    /// Reads a file.
    pub fn parse(text: &str) -> Result<Self, BadPolicy> {
        let mut policies = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let bad = |why: String| BadPolicy {
                line: index + 1,
                why,
            };
            if line.trim().is_empty() || line.trim().starts_with('#') {
                continue;
            }
            let value: Value =
                serde_json::from_str(line).map_err(|error| bad(error.to_string()))?;
            policies.push(Policy::of(&value).map_err(bad)?);
        }
        Ok(Self(policies))
    }

    /// What they say.
    pub(super) fn decide(&self, user: &User, asked: &Attributes) -> Decision {
        if self.0.iter().any(|policy| policy.allows(user, asked)) {
            return Decision::allow("");
        }
        Decision::no_opinion("No policy matched.")
    }

    /// What a user may do in a namespace.
    pub(super) fn rules(&self, user: &User, namespace: &str) -> Vec<Rule> {
        let mine = self.0.iter().filter(|policy| {
            policy.is_about(user) && (policy.namespace == "*" || policy.namespace == namespace)
        });
        let mut rules = Vec::new();
        for policy in mine {
            let verbs: &[&str] = if policy.is_readonly {
                &["get", "list", "watch"]
            } else {
                &["*"]
            };
            if !policy.resource.is_empty() {
                rules.push(Rule::resources(
                    verbs,
                    &[&policy.api_group],
                    &[&policy.resource],
                ));
            }
            if !policy.path.is_empty() {
                rules.push(Rule::paths(verbs, &[&policy.path]));
            }
        }
        rules
    }
}

impl Policy {
    fn of(value: &Value) -> Result<Self, String> {
        match (value["apiVersion"].as_str(), value["kind"].as_str()) {
            (Some("abac.authorization.kubernetes.io/v1beta1"), Some("Policy")) => {
                let spec = &value["spec"];
                let text = |field: &str| spec[field].as_str().unwrap_or("").to_owned();
                Ok(Self {
                    user: text("user"),
                    group: text("group"),
                    is_readonly: spec["readonly"] == true,
                    api_group: text("apiGroup"),
                    resource: text("resource"),
                    namespace: text("namespace"),
                    path: text("nonResourcePath"),
                })
            }
            (None, None) if value.is_object() => Ok(Self::unversioned(value)),
            _ => Err("expected an abac.authorization.kubernetes.io/v1beta1 Policy".to_owned()),
        }
    }

    /// The form from before there were versions, where what is left out means any.
    fn unversioned(value: &Value) -> Self {
        let text = |field: &str| value[field].as_str().unwrap_or("").to_owned();
        let (user, group) = (text("user"), text("group"));
        let or_any = |text: String| {
            if text.is_empty() {
                "*".to_owned()
            } else {
                text
            }
        };
        let (resource, namespace) = (text("resource"), text("namespace"));
        // Who was named nowhere was everybody who had said who they are.
        let group = match (user.as_str(), group.as_str()) {
            ("", "") | (_, "*") => AUTHENTICATED.to_owned(),
            _ => group,
        };
        Self {
            group: if user == "*" {
                AUTHENTICATED.to_owned()
            } else {
                group
            },
            user: if user == "*" { String::new() } else { user },
            is_readonly: value["readonly"] == true,
            path: if resource.is_empty() && namespace.is_empty() {
                "*".to_owned()
            } else {
                String::new()
            },
            api_group: "*".to_owned(),
            resource: or_any(resource),
            namespace: or_any(namespace),
        }
    }

    fn is_about(&self, user: &User) -> bool {
        let is_user = self.user == "*" || self.user == user.name;
        let is_member = self.group == "*" || user.is_in(&self.group);
        match (self.user.is_empty(), self.group.is_empty()) {
            (true, true) => false,
            (false, true) => is_user,
            (true, false) => is_member,
            (false, false) => is_user && is_member,
        }
    }

    fn allows(&self, user: &User, asked: &Attributes) -> bool {
        let is_read = matches!(asked.verb, "get" | "list" | "watch");
        if !self.is_about(user) || self.is_readonly && !is_read {
            return false;
        }
        let fits = |own: &str, asked: &str| own == "*" || own == asked;
        if asked.is_resource {
            return fits(&self.namespace, asked.namespace)
                && fits(&self.resource, asked.resource)
                && fits(&self.api_group, asked.group);
        }
        let start = self.path.trim_end_matches('*');
        fits(&self.path, asked.path) || self.path.ends_with('*') && asked.path.starts_with(start)
    }
}
