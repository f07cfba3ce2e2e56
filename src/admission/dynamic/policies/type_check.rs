//! What is wrong with the expressions of a policy, if what they look at is of the kinds that the
//! policy is about: a policy's status tells, and nothing is refused for it.
//!
//! A policy is checked as a whole by [`status`]; a controller writes that down.
//!
//! *Upstream:* `apiserver/pkg/admission/plugin/policy/validating/typechecking.go`,
//! `pkg/controller/validatingadmissionpolicystatus/controller.go`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::cel::admission::{Environment, Returns};
use crate::cel::types::Type;
use crate::object::{GroupVersion, Object};
use crate::schema::{Catalog, Resource};

/// How many kinds are looked at.
const KINDS_MAX: usize = 10;

/// The status of a policy; `None` where the one it has is of this generation already.
pub(in crate::admission) fn status(policy: &Object, catalog: &Catalog) -> Option<Value> {
    let observed = policy.integer(&["status", "observedGeneration"]);
    if policy.generation() <= observed.unwrap_or(0) {
        return None;
    }
    let warnings = warnings(policy, catalog);
    let mut checked = json!({});
    if !warnings.is_empty() {
        checked["expressionWarnings"] = warnings.into();
    }
    Some(json!({"observedGeneration": policy.generation(), "typeChecking": checked}))
}

/// What is wrong with each expression.
fn warnings(policy: &Object, catalog: &Catalog) -> Vec<Value> {
    let kinds = kinds(policy, catalog);
    let params = params(policy, catalog);
    let mut out = Vec::new();
    let validations = policy.items(&["spec", "validations"]);
    for (index, validation) in validations.iter().enumerate() {
        for field in ["expression", "messageExpression"] {
            let source = validation[field].as_str().unwrap_or("");
            if source.is_empty() {
                continue;
            }
            let wrong: Vec<String> = kinds
                .iter()
                .filter_map(|(name, kind)| wrong(policy, name, kind, &params, source))
                .collect();
            if !wrong.is_empty() {
                out.push(json!({
                    "fieldRef": format!("spec.validations[{index}].{field}"),
                    "warning": wrong.join("\n"),
                }));
            }
        }
    }
    out
}

/// What is wrong with an expression about a kind.
fn wrong(
    policy: &Object,
    name: &str,
    kind: &Resource,
    params: &Params,
    source: &str,
) -> Option<String> {
    let mut environment = Environment::new()
        .with_object(type_of(kind))
        .with_authorizer(true)
        .with_variables();
    environment = match params {
        Params::None => environment,
        Params::Unknown => environment.with_params(true),
        Params::Known(kind) => environment.with_params_of(type_of(kind)),
    };
    for variable in policy.items(&["spec", "variables"]) {
        let text = |field: &str| variable[field].as_str().unwrap_or("").to_owned();
        environment.declare(&text("name"), &text("expression"));
    }
    let error = environment.compile(source, Returns::Any).err()?.to_string();
    let error = error.strip_prefix("compilation failed: ").unwrap_or(&error);
    Some(format!("{name}: {error}\n"))
}

fn type_of(kind: &Resource) -> Type {
    Type::of_object(&kind.schema, &kind.kind).unwrap_or(Type::Dyn)
}

/// What a policy is to be given beside the object.
enum Params {
    None,
    /// Something of a kind that is not served.
    Unknown,
    Known(Arc<Resource>),
}

fn params(policy: &Object, catalog: &Catalog) -> Params {
    let kind = policy.text(&["spec", "paramKind", "kind"]);
    if kind.is_empty() {
        return Params::None;
    }
    let version = GroupVersion::parse(policy.text(&["spec", "paramKind", "apiVersion"]));
    let state = catalog.state();
    let resources = version.and_then(|version| state.versions.get(&version).cloned());
    let found = resources.and_then(|all| {
        let mut all = all.values();
        all.find(|resource| resource.kind == kind).cloned()
    });
    found.map_or(Params::Unknown, Params::Known)
}

/// The kinds that a policy is about, by how they are told, in order; none where it is about any.
fn kinds(policy: &Object, catalog: &Catalog) -> Vec<(String, Arc<Resource>)> {
    let mut found: BTreeMap<(String, String, String), Arc<Resource>> = BTreeMap::new();
    for rule in policy.items(&["spec", "matchConstraints", "resourceRules"]) {
        let texts = |field: &str| -> Vec<&str> {
            let list = rule[field].as_array().into_iter().flatten();
            let mut texts: Vec<&str> = list.filter_map(Value::as_str).collect();
            texts.sort_unstable();
            texts
        };
        let (groups, versions) = (texts("apiGroups"), texts("apiVersions"));
        if groups
            .iter()
            .chain(&versions)
            .any(|text| text.contains('*'))
        {
            continue;
        }
        let mut plurals = texts("resources");
        plurals.retain(|plural| !plural.contains(['*', '/']));
        for group in &groups {
            for version in &versions {
                for plural in &plurals {
                    if found.len() >= KINDS_MAX {
                        break;
                    }
                    if let Some(kind) = catalog.resource(group, version, plural) {
                        let key = [group, version, kind.kind.as_ref()].map(str::to_owned);
                        found.insert(key.into(), kind);
                    }
                }
            }
        }
    }
    let told = |(group, version, kind): (String, String, String)| match group.as_str() {
        "" => format!("/{version}, Kind={kind}"),
        group => format!("{group}/{version}, Kind={kind}"),
    };
    let all = found.into_iter();
    all.map(|(key, kind)| (told(key), kind)).collect()
}
