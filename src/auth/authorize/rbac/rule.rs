//! One rule of a role: what it allows.
//!
//! *Upstream:* `pkg/apis/rbac/v1/evaluation_helpers.go`.

use serde_json::Value;

use crate::auth::authorize::Attributes;
use crate::object::quote::quoted;

/// A list of texts that does not change.
type Texts = Box<[Box<str>]>;

/// A `PolicyRule`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// `verbs`
    pub verbs: Texts,
    /// `apiGroups`
    pub groups: Texts,
    /// `resources`
    pub resources: Texts,
    /// `resourceNames`
    pub names: Texts,
    /// `nonResourceURLs`
    pub urls: Texts,
}

impl Rule {
    /// A rule of a role.
    pub fn of(value: &Value) -> Self {
        let texts = |field: &str| -> Texts {
            let list = value[field].as_array();
            list.into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(Box::from)
                .collect()
        };
        Self {
            verbs: texts("verbs"),
            groups: texts("apiGroups"),
            resources: texts("resources"),
            names: texts("resourceNames"),
            urls: texts("nonResourceURLs"),
        }
    }

    /// The rules of a role.
    pub fn list(values: &[Value]) -> Vec<Self> {
        values.iter().map(Self::of).collect()
    }

    /// A rule about resources.
    pub fn resources(verbs: &[&str], groups: &[&str], resources: &[&str]) -> Self {
        Self {
            verbs: boxed(verbs),
            groups: boxed(groups),
            resources: boxed(resources),
            ..Self::default()
        }
    }

    /// A rule about paths.
    pub fn paths(verbs: &[&str], urls: &[&str]) -> Self {
        Self {
            verbs: boxed(verbs),
            urls: boxed(urls),
            ..Self::default()
        }
    }

    /// Whether it allows a request.
    pub fn allows(&self, asked: &Attributes) -> bool {
        let has_verb = has_or_all(&self.verbs, asked.verb);
        if !asked.is_resource {
            return has_verb && self.urls.iter().any(|url| covers_path(url, asked.path));
        }
        has_verb
            && has_or_all(&self.groups, asked.group)
            && self.has_resource(asked.resource, asked.subresource)
            && (self.names.is_empty() || has(&self.names, asked.name))
    }

    fn has_resource(&self, resource: &str, subresource: &str) -> bool {
        self.resources.iter().any(|own| {
            if &**own == "*" {
                return true;
            }
            if subresource.is_empty() {
                return &**own == resource;
            }
            own.split_once('/')
                .is_some_and(|(main, sub)| sub == subresource && (main == resource || main == "*"))
        })
    }

    /// The rule in short, as refusals list it.
    pub fn in_short(&self) -> String {
        let parts = [
            ("APIGroups", &self.groups),
            ("Resources", &self.resources),
            ("NonResourceURLs", &self.urls),
            ("ResourceNames", &self.names),
            ("Verbs", &self.verbs),
        ];
        let parts: Vec<String> = parts
            .into_iter()
            .filter(|(_, texts)| !texts.is_empty())
            .map(|(name, texts)| format!("{name}:{}", quoted_list(texts)))
            .collect();
        format!("{{{}}}", parts.join(", "))
    }
}

fn boxed(texts: &[&str]) -> Texts {
    texts.iter().map(|text| Box::from(*text)).collect()
}

/// Texts as Go prints a list of them by `%q`.
pub fn quoted_list<T: AsRef<str>>(texts: &[T]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| quoted(text.as_ref())).collect();
    format!("[{}]", texts.join(" "))
}

pub(super) fn has(texts: &[Box<str>], text: &str) -> bool {
    texts.iter().any(|own| &**own == text)
}

pub(super) fn has_or_all(texts: &[Box<str>], text: &str) -> bool {
    texts.iter().any(|own| &**own == "*" || &**own == text)
}

/// Whether a path of a rule, which may end in a star, covers another.
pub(super) fn covers_path(own: &str, path: &str) -> bool {
    own == path || own.ends_with('*') && path.starts_with(own.trim_end_matches('*'))
}
