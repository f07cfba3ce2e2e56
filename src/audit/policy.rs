//! What is recorded, and how much of it: the first rule that matches decides.
//!
//! *Upstream:* `apiserver/pkg/audit/policy/{checker,reader}.go`,
//! `apiserver/pkg/apis/audit/validation/validation.go`.

use serde_json::Value;

use crate::auth::{Attributes, User};
use crate::object::yaml;

/// How much of a request is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing.
    #[default]
    None,
    /// Who, what, when.
    Metadata,
    /// What was sent as well.
    Request,
    /// What was answered as well.
    RequestResponse,
}

/// When something is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The request is there.
    RequestReceived,
    /// The head of a long answer is on its way.
    ResponseStarted,
    /// The answer is complete.
    ResponseComplete,
    /// Making the answer panicked.
    Panic,
}

const LEVELS: [(Level, &str); 4] = [
    (Level::None, "None"),
    (Level::Metadata, "Metadata"),
    (Level::Request, "Request"),
    (Level::RequestResponse, "RequestResponse"),
];

const STAGES: [(Stage, &str); 4] = [
    (Stage::RequestReceived, "RequestReceived"),
    (Stage::ResponseStarted, "ResponseStarted"),
    (Stage::ResponseComplete, "ResponseComplete"),
    (Stage::Panic, "Panic"),
];

impl Level {
    fn parse(name: &str) -> Option<Self> {
        let found = LEVELS.iter().find(|(_, own)| *own == name);
        found.map(|(level, _)| *level)
    }

    /// The level's name.
    pub fn as_str(self) -> &'static str {
        let found = LEVELS.iter().find(|(level, _)| *level == self);
        found.map_or("", |(_, name)| name)
    }
}

impl Stage {
    fn parse(name: &str) -> Option<Self> {
        let found = STAGES.iter().find(|(_, own)| *own == name);
        found.map(|(stage, _)| *stage)
    }

    /// The stage's name.
    pub fn as_str(self) -> &'static str {
        let found = STAGES.iter().find(|(stage, _)| *stage == self);
        found.map_or("", |(_, name)| name)
    }
}

/// What is recorded of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// How much.
    pub level: Level,
    /// Not at these stages.
    pub omitted: Vec<Stage>,
    /// Whether `managedFields` are left out of objects.
    pub omits_managed_fields: bool,
}

/// A policy.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    rules: Vec<Rule>,
    default: Terms,
}

/// Why a policy is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadPolicy(String);

#[derive(Clone, Debug)]
struct Rule {
    terms: Terms,
    users: Vec<String>,
    groups: Vec<String>,
    verbs: Vec<String>,
    namespaces: Vec<String>,
    resources: Vec<Resources>,
    paths: Vec<String>,
}

#[derive(Clone, Debug)]
struct Resources {
    group: String,
    plurals: Vec<String>,
    names: Vec<String>,
}

const POLICY_FIELDS: [&str; 6] = [
    "apiVersion",
    "kind",
    "metadata",
    "omitManagedFields",
    "omitStages",
    "rules",
];

const RULE_FIELDS: [&str; 9] = [
    "level",
    "namespaces",
    "nonResourceURLs",
    "omitManagedFields",
    "omitStages",
    "resources",
    "userGroups",
    "users",
    "verbs",
];

impl Policy {
    /// The policy of a file, YAML or JSON.
    pub fn parse(text: &str) -> Result<Self, BadPolicy> {
        let document = yaml::first_document(text.as_bytes())
            .map_err(|error| BadPolicy(format!("no YAML: {error}")))?;
        let value = document.value;
        if value["kind"] != "Policy" || value["apiVersion"] != "audit.k8s.io/v1" {
            return Err(BadPolicy(
                "expected audit.k8s.io/v1, Kind=Policy".to_owned(),
            ));
        }
        check_fields(&value, "", &POLICY_FIELDS)?;
        let omitted = stages(&value, "omitStages")?;
        let omits_managed_fields = value["omitManagedFields"] == true;
        let mut rules = Vec::new();
        let list = value["rules"].as_array().into_iter().flatten();
        for (index, rule) in list.enumerate() {
            let path = format!("rules[{index}]");
            let mut rule = Rule::parse(rule, &path, omits_managed_fields)?;
            rule.terms.omitted.extend(&omitted);
            rules.push(rule);
        }
        if rules.is_empty() {
            return Err(BadPolicy("loaded illegal policy with 0 rules".to_owned()));
        }
        Ok(Self {
            rules,
            default: Terms {
                level: Level::None,
                omitted,
                omits_managed_fields,
            },
        })
    }

    /// What is recorded of a request; who asks is not always known.
    pub fn terms(&self, user: Option<&User>, asked: &Attributes) -> &Terms {
        self.rules
            .iter()
            .find(|rule| rule.matches(user, asked))
            .map_or(&self.default, |rule| &rule.terms)
    }
}

impl Rule {
    fn parse(value: &Value, path: &str, omits_managed_fields: bool) -> Result<Self, BadPolicy> {
        check_fields(value, path, &RULE_FIELDS)?;
        let name = value["level"].as_str().unwrap_or("");
        let level = Level::parse(name).ok_or_else(|| {
            BadPolicy(if name.is_empty() {
                format!("{path}.level: Required value")
            } else {
                format!(
                    "{path}.level: Unsupported value: {name:?}: supported values: \"Metadata\", \
                     \"None\", \"Request\", \"RequestResponse\""
                )
            })
        })?;
        let list = value["resources"].as_array().into_iter().flatten();
        let resources = list.map(|resource| Resources {
            group: resource["group"].as_str().unwrap_or("").to_owned(),
            plurals: texts(resource, "resources"),
            names: texts(resource, "resourceNames"),
        });
        let rule = Self {
            terms: Terms {
                level,
                omitted: stages(value, "omitStages")?,
                omits_managed_fields: value["omitManagedFields"]
                    .as_bool()
                    .unwrap_or(omits_managed_fields),
            },
            users: texts(value, "users"),
            groups: texts(value, "userGroups"),
            verbs: texts(value, "verbs"),
            namespaces: texts(value, "namespaces"),
            resources: resources.collect(),
            paths: texts(value, "nonResourceURLs"),
        };
        rule.check(path)?;
        Ok(rule)
    }

    fn check(&self, path: &str) -> Result<(), BadPolicy> {
        let names_resources = !self.resources.is_empty() || !self.namespaces.is_empty();
        if names_resources && !self.paths.is_empty() {
            let why = "rules cannot apply to both regular resources and non-resource URLs";
            return Err(BadPolicy(format!(
                "{path}.nonResourceURLs: Invalid value: {why}"
            )));
        }
        for url in &self.paths {
            let starred = url.strip_suffix('*').unwrap_or(url);
            let is_path = url == "*" || url.starts_with('/') && !starred.contains('*');
            if !is_path {
                return Err(BadPolicy(format!(
                    "{path}.nonResourceURLs: Invalid value: {url:?}: must begin with '/' and may \
                     have a '*' at its end only"
                )));
            }
        }
        for resource in &self.resources {
            if resource.plurals.is_empty() && !resource.names.is_empty() {
                return Err(BadPolicy(format!(
                    "{path}.resources.resourceNames: Invalid value: using resourceNames requires \
                     at least one resource"
                )));
            }
        }
        Ok(())
    }

    fn matches(&self, user: Option<&User>, asked: &Attributes) -> bool {
        let is_user = |user: &User| self.users.contains(&user.name);
        let is_member = |user: &User| self.groups.iter().any(|group| user.is_in(group));
        if !self.users.is_empty() && !user.is_some_and(is_user)
            || !self.groups.is_empty() && !user.is_some_and(is_member)
            || !self.verbs.is_empty() && !has(&self.verbs, asked.verb)
        {
            return false;
        }
        if !self.namespaces.is_empty() || !self.resources.is_empty() {
            return asked.is_resource
                && (self.namespaces.is_empty() || has(&self.namespaces, asked.namespace))
                && (self.resources.is_empty()
                    || self
                        .resources
                        .iter()
                        .any(|resource| resource.matches(asked)));
        }
        if self.paths.is_empty() {
            return true;
        }
        !asked.is_resource
            && self.paths.iter().any(|path| {
                path == "*"
                    || path == asked.path
                    || path.ends_with('*') && asked.path.starts_with(path.trim_end_matches('*'))
            })
    }
}

impl Resources {
    fn matches(&self, asked: &Attributes) -> bool {
        if self.group != asked.group && self.group != "*" {
            return false;
        }
        if self.plurals.is_empty() {
            return true;
        }
        let is_named = self.names.is_empty() || has(&self.names, asked.name);
        is_named
            && self.plurals.iter().any(|own| {
                let (main, sub) = own.split_once('/').unwrap_or((own, ""));
                own == "*"
                    || main == asked.resource && (sub == asked.subresource || sub == "*")
                    || main == "*" && !sub.is_empty() && sub == asked.subresource
            })
    }
}

fn has(texts: &[String], text: &str) -> bool {
    texts.iter().any(|own| own == text)
}

fn texts(value: &Value, field: &str) -> Vec<String> {
    let list = value[field].as_array().into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn stages(value: &Value, field: &str) -> Result<Vec<Stage>, BadPolicy> {
    let unknown = |name: &str| {
        BadPolicy(format!(
            "{field}: Invalid value: {name:?}: allowed stages are RequestReceived,\
             ResponseStarted,ResponseComplete,Panic"
        ))
    };
    let names = texts(value, field);
    let stages = names
        .iter()
        .map(|name| Stage::parse(name).ok_or_else(|| unknown(name)));
    stages.collect()
}

/// Refuses a field that nobody knows: it would silently not be obeyed.
fn check_fields(value: &Value, path: &str, known: &[&str]) -> Result<(), BadPolicy> {
    let Some(map) = value.as_object() else {
        return Err(BadPolicy(format!("{path}: expected an object")));
    };
    match map.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => {
            let dot = if path.is_empty() { "" } else { "." };
            Err(BadPolicy(format!("unknown field \"{path}{dot}{key}\"")))
        }
    }
}
