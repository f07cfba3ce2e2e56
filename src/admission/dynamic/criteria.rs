//! Which writes a webhook or policy is about: rules, and selectors of namespaces and objects.
//!
//! *Upstream:* `apiserver/pkg/admission/plugin/webhook/predicates/{rules,namespace,object}`,
//! `apiserver/pkg/admission/plugin/policy/matching/matching.go`.

use std::sync::Arc;

use serde_json::Value;

use crate::admission::{Attributes, Operation};
use crate::error::ApiError;
use crate::object::selector::LabelSelector;
use crate::object::{GroupResource, Key, Object};
use crate::schema::Resource;

/// Which writes something is about.
#[derive(Debug)]
pub(super) struct Criteria {
    namespaces: Result<LabelSelector, String>,
    objects: Result<LabelSelector, String>,
    rules: Vec<Rule>,
    excluded: Vec<Rule>,
    is_equivalent: bool,
    /// Whether no rule at all means everything.
    is_open: bool,
}

/// One rule.
#[derive(Debug)]
struct Rule {
    operations: Vec<String>,
    groups: Vec<String>,
    versions: Vec<String>,
    /// Resource and subresource.
    resources: Vec<(String, String)>,
    scope: Scope,
    names: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    All,
    Cluster,
    Namespaced,
}

impl Criteria {
    /// The criteria of a webhook.
    pub(super) fn of_webhook(hook: &Value) -> Self {
        Self {
            is_open: false,
            ..Self::of(hook, "rules")
        }
    }

    /// The criteria of a policy or of a binding.
    pub(super) fn of_match_resources(resources: &Value) -> Self {
        Self {
            is_open: true,
            ..Self::of(resources, "resourceRules")
        }
    }

    fn of(value: &Value, rules: &str) -> Self {
        let selector = |name: &str| {
            LabelSelector::from_json_or_everything(value.get(name))
                .map_err(|error| error.to_string())
        };
        let list = |name: &str| {
            let rules = value[name].as_array().into_iter().flatten();
            rules.map(Rule::of).collect()
        };
        Self {
            namespaces: selector("namespaceSelector"),
            objects: selector("objectSelector"),
            rules: list(rules),
            excluded: list("excludeResourceRules"),
            is_equivalent: value["matchPolicy"] == "Equivalent",
            is_open: false,
        }
    }

    /// The resource as which a write is meant, where it is.
    pub(super) fn matched(
        &self,
        write: &Attributes,
        object: Option<&Object>,
    ) -> Result<Option<Arc<Resource>>, ApiError> {
        // What does not concern the write may well be wrong: it is nobody's error then.
        let in_namespace = self.selects_namespace(write, object);
        if matches!(in_namespace, Ok(false)) {
            return Ok(None);
        }
        let in_objects = self.selects_object(write, object);
        if matches!(in_objects, Ok(false)) {
            return Ok(None);
        }
        if self.by_rules(&self.excluded, write).is_some() {
            return Ok(None);
        }
        let matched = if self.rules.is_empty() && self.is_open {
            Some(Arc::clone(write.resource))
        } else {
            self.by_rules(&self.rules, write)
        };
        if matched.is_some() {
            in_namespace?;
            in_objects?;
        }
        Ok(matched)
    }

    fn selects_namespace(
        &self,
        write: &Attributes,
        object: Option<&Object>,
    ) -> Result<bool, ApiError> {
        let is_namespace = write.resource.plural == "namespaces";
        if write.namespace.is_empty() && !is_namespace {
            return Ok(true);
        }
        let selector = self.namespaces.as_ref().map_err(ApiError::internal)?;
        if selector.is_empty() {
            return Ok(true);
        }
        let is_new_state = matches!(write.operation, Operation::Create | Operation::Update);
        if is_namespace && write.subresource.is_empty() && is_new_state {
            return Ok(object.is_some_and(|object| selector.matches_object(object)));
        }
        let namespaces = GroupResource::new("", "namespaces");
        let Some(namespace) = write
            .reader
            .get(&namespaces, &Key::new("", write.namespace))
        else {
            return Err(ApiError::not_found(&namespaces, write.namespace));
        };
        Ok(selector.matches(|key| namespace.label(key)))
    }

    fn selects_object(
        &self,
        write: &Attributes,
        object: Option<&Object>,
    ) -> Result<bool, ApiError> {
        let selector = self.objects.as_ref().map_err(ApiError::internal)?;
        let is_selected =
            |object: Option<&Object>| object.is_some_and(|object| selector.matches_object(object));
        Ok(selector.is_empty() || is_selected(object) || is_selected(write.old))
    }

    /// The resource by which one of the rules takes a write: as it is made or, where that is
    /// enough, as an equivalent one.
    fn by_rules(&self, rules: &[Rule], write: &Attributes) -> Option<Arc<Resource>> {
        if rules.iter().any(|rule| rule.takes(write, write.resource)) {
            return Some(Arc::clone(write.resource));
        }
        if !self.is_equivalent || !rules.iter().any(|rule| rule.may_take(write)) {
            return None;
        }
        let equivalents = equivalents(write);
        rules.iter().find_map(|rule| {
            let mut taken = equivalents.iter().filter(|other| rule.takes(write, other));
            taken.next().cloned()
        })
    }
}

/// The other resources that show the same objects.
fn equivalents(write: &Attributes) -> Vec<Arc<Resource>> {
    let own = write.resource;
    let state = write.catalog.state();
    let versions = state.versions.iter();
    versions
        .filter(|(group_version, _)| **group_version != own.group_version)
        .filter_map(|(_, resources)| resources.get(&own.plural))
        .filter(|other| other.storage == own.storage)
        .filter(|other| {
            write.subresource.is_empty() || other.subresource(write.subresource).is_some()
        })
        .cloned()
        .collect()
}

fn texts(value: &Value) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Whether a list names something, or everything.
fn names(list: &[String], asked: &str) -> bool {
    list.iter().any(|item| item == "*" || item == asked)
}

impl Rule {
    fn of(rule: &Value) -> Self {
        let resources = texts(&rule["resources"]).into_iter().map(|resource| {
            let (resource, subresource) = resource.split_once('/').unwrap_or((&resource, ""));
            (resource.to_owned(), subresource.to_owned())
        });
        Self {
            operations: texts(&rule["operations"]),
            groups: texts(&rule["apiGroups"]),
            versions: texts(&rule["apiVersions"]),
            resources: resources.collect(),
            scope: match rule["scope"].as_str() {
                Some("Cluster") => Scope::Cluster,
                Some("Namespaced") => Scope::Namespaced,
                _ => Scope::All,
            },
            names: texts(&rule["resourceNames"]),
        }
    }

    /// Whether it takes a write as one of a resource.
    fn takes(&self, write: &Attributes, resource: &Resource) -> bool {
        names(&self.groups, &resource.group_version.group)
            && names(&self.versions, &resource.group_version.version)
            && self.may_take(write)
            && self.has_scope(write, resource)
    }

    /// Whether it takes a write, whatever its group and version.
    fn may_take(&self, write: &Attributes) -> bool {
        names(&self.operations, write.operation.as_str())
            && (self.names.is_empty() || self.names.iter().any(|name| name == write.name))
            && self.resources.iter().any(|(resource, subresource)| {
                (resource == "*" || *resource == write.resource.plural)
                    && (subresource == "*" || subresource == write.subresource)
            })
    }

    fn has_scope(&self, write: &Attributes, resource: &Resource) -> bool {
        let is_namespace =
            resource.plural == "namespaces" && resource.group_version.group.is_empty();
        let is_cluster = is_namespace || write.namespace.is_empty();
        match self.scope {
            Scope::All => true,
            Scope::Cluster => is_cluster,
            Scope::Namespaced => !is_cluster,
        }
    }
}
