//! Policies: rules in CEL that the cluster's objects hold, each in force where a binding says so.
//!
//! *Upstream:* `apiserver/pkg/admission/plugin/policy/generic`.

mod mutating;
mod params;
mod type_check;
mod validating;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

pub(in crate::admission) use self::mutating::MutatingAdmissionPolicy;
pub(in crate::admission) use self::type_check::status as type_check;
pub(in crate::admission) use self::validating::ValidatingAdmissionPolicy;
use super::criteria::Criteria;
use super::expressions::Conditions;
use super::{GROUP, is_virtual};
use crate::admission::Attributes;
use crate::cel::admission::{Environment, Variable};
use crate::error::ApiError;
use crate::object::{GroupResource, Key, Object};

/// What both kinds of policies have.
#[derive(Debug)]
struct Policy {
    name: String,
    criteria: Criteria,
    conditions: Conditions,
    variables: Vec<Variable>,
    /// `apiVersion` and `kind` of the parameters; null where there are none.
    param_kind: Value,
    /// `failurePolicy: Ignore`
    is_optional: bool,
    bindings: Vec<Binding>,
}

/// What puts a policy in force.
#[derive(Debug)]
struct Binding {
    name: String,
    criteria: Option<Criteria>,
    /// Null where no parameters are meant.
    param_ref: Value,
    /// `validationActions`
    actions: Vec<String>,
}

impl Policy {
    /// A policy with its bindings; `environment` is what its expressions may name, and knows the
    /// variables afterwards.
    fn of(object: &Object, bindings: Vec<Binding>, environment: &mut Environment) -> Self {
        let spec = object.get(&["spec"]).unwrap_or(&Value::Null);
        let variables = spec["variables"].as_array().into_iter().flatten();
        let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
        let variables: Vec<Variable> = variables
            .map(|variable| {
                environment.declare(&text(&variable["name"]), &text(&variable["expression"]))
            })
            .collect();
        Self {
            name: object.name().to_owned(),
            criteria: Criteria::of_match_resources(&spec["matchConstraints"]),
            conditions: Conditions::compile(&spec["matchConditions"], environment),
            variables,
            param_kind: spec["paramKind"].clone(),
            is_optional: spec["failurePolicy"] == "Ignore",
            bindings,
        }
    }
}

/// What the expressions of a policy may name.
fn environment(policy: &Object) -> Environment {
    let has_params = policy
        .get(&["spec", "paramKind"])
        .is_some_and(Value::is_object);
    Environment::new()
        .with_params(has_params)
        .with_authorizer(true)
        .with_variables()
}

/// The bindings of each policy, in the order of their names.
fn by_policy(bindings: &[Arc<Object>]) -> BTreeMap<String, Vec<Binding>> {
    let mut all: BTreeMap<String, Vec<Binding>> = BTreeMap::new();
    for binding in bindings {
        let spec = binding.get(&["spec"]).unwrap_or(&Value::Null);
        let actions = spec["validationActions"].as_array().into_iter().flatten();
        let resources = &spec["matchResources"];
        let own = Binding {
            name: binding.name().to_owned(),
            criteria: resources
                .is_object()
                .then(|| Criteria::of_match_resources(resources)),
            param_ref: spec["paramRef"].clone(),
            actions: actions
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
        };
        let policy = spec["policyName"].as_str().unwrap_or("");
        all.entry(policy.to_owned()).or_default().push(own);
    }
    all
}

/// Whether policies may see a write at all: not policies themselves.
fn is_exempt(write: &Attributes) -> bool {
    let is_policy = &*write.resource.group_version.group == GROUP
        && matches!(
            write.resource.plural.as_ref(),
            "validatingadmissionpolicies"
                | "validatingadmissionpolicybindings"
                | "mutatingadmissionpolicies"
                | "mutatingadmissionpolicybindings"
        );
    is_policy || is_virtual(write)
}

impl Binding {
    /// Whether the binding is about a write that its policy is about.
    fn matches(&self, write: &Attributes, object: Option<&Object>) -> Result<bool, ApiError> {
        match &self.criteria {
            None => Ok(true),
            Some(criteria) => Ok(criteria.matched(write, object)?.is_some()),
        }
    }
}

/// The namespace of a write; a namespace itself is in none.
fn namespace_of(write: &Attributes) -> Result<Option<Object>, ApiError> {
    let kind = write.kind();
    let is_namespace = kind.kind.as_ref() == "Namespace" && kind.group_version.group.is_empty();
    if write.namespace.is_empty() || is_namespace {
        return Ok(None);
    }
    let namespaces = GroupResource::new("", "namespaces");
    let found = write
        .reader
        .get(&namespaces, &Key::new("", write.namespace));
    let Some(found) = found else {
        return Err(ApiError::not_found(&namespaces, write.namespace));
    };
    let mut namespace = found.object();
    namespace.set_managed_fields(None);
    namespace.metadata_mut().remove("ownerReferences");
    Ok(Some(namespace))
}
