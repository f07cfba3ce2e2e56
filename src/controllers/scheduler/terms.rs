//! What a pod says of other pods: near which it wants to be, from which it keeps away, and how
//! evenly those like it are to be spread.
//!
//! *Upstream:* `pkg/scheduler/framework/types.go` (`AffinityTerm`),
//! `pkg/scheduler/framework/plugins/podtopologyspread/common.go`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::tally::Group;
use crate::object::Object;
use crate::object::selector::LabelSelector;
use crate::runner::World;
use crate::runner::kinds::NAMESPACES;

/// Pods, and the label of nodes by which near and far are told.
#[derive(Clone, Debug)]
pub(super) struct Term {
    pub(super) group: Group,
    pub(super) topology: String,
    pub(super) weight: i64,
}

/// `podAffinity` and `podAntiAffinity`.
#[derive(Clone, Debug, Default)]
pub(super) struct Terms {
    pub(super) near: Vec<Term>,
    pub(super) far: Vec<Term>,
    /// Those that count for and, with negative weights, against nodes.
    pub(super) preferred: Vec<Term>,
}

/// One of `topologySpreadConstraints`.
#[derive(Clone, Debug)]
pub(super) struct Constraint {
    pub(super) group: Group,
    pub(super) topology: String,
    pub(super) max_skew: i64,
    pub(super) min_domains: i64,
    pub(super) is_hard: bool,
    pub(super) honours_affinity: bool,
    pub(super) honours_taints: bool,
}

impl Terms {
    pub(super) fn of(world: &World, pod: &Object) -> Self {
        let mut terms = Self::default();
        let Some(affinity) = pod.get(&["spec", "affinity"]) else {
            return terms;
        };
        for (field, sign) in [("podAffinity", 1), ("podAntiAffinity", -1)] {
            let list = |name: &str| affinity[field][name].as_array().into_iter().flatten();
            let required = list("requiredDuringSchedulingIgnoredDuringExecution");
            let required = required.map(|one| term(world, pod, one, 0));
            if sign > 0 {
                terms.near.extend(required);
            } else {
                terms.far.extend(required);
            }
            for one in list("preferredDuringSchedulingIgnoredDuringExecution") {
                let weight = sign * one["weight"].as_i64().unwrap_or(0);
                terms
                    .preferred
                    .push(term(world, pod, &one["podAffinityTerm"], weight));
            }
        }
        terms
    }
}

fn term(world: &World, pod: &Object, term: &Value, weight: i64) -> Term {
    let names = term["namespaces"].as_array();
    let names = names.into_iter().flatten().filter_map(Value::as_str);
    let mut namespaces: BTreeSet<String> = names.map(str::to_owned).collect();
    let by_labels = term
        .get("namespaceSelector")
        .filter(|selector| selector.is_object());
    let mut is_everywhere = false;
    if let Some(selector) = by_labels {
        let selector = LabelSelector::from_json(Some(selector)).unwrap_or(LabelSelector::nothing());
        is_everywhere = selector.is_empty();
        if !is_everywhere {
            let all = world.select(&NAMESPACES, "", &selector);
            namespaces.extend(all.iter().map(|one| one.name().to_owned()));
        }
    } else if namespaces.is_empty() {
        namespaces.insert(pod.namespace().to_owned());
    }
    let selector = with_keys(pod, term, true);
    Term {
        group: group((!is_everywhere).then_some(namespaces), &selector),
        topology: term["topologyKey"].as_str().unwrap_or("").to_owned(),
        weight,
    }
}

/// The label selector of a term, with what `matchLabelKeys` and `mismatchLabelKeys` add to it.
fn with_keys(pod: &Object, term: &Value, has_mismatch: bool) -> Value {
    let mut selector = term["labelSelector"].clone();
    for (field, operator) in [("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn")] {
        if operator == "NotIn" && !has_mismatch {
            continue;
        }
        let keys = term[field]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        for key in keys {
            let Some(value) = pod.label(key) else {
                continue;
            };
            let added = json!({"key": key, "operator": operator, "values": [value]});
            let expressions = selector["matchExpressions"].as_array().cloned();
            let mut expressions = expressions.unwrap_or_default();
            // The server writes them into the selector itself on creation of a pod.
            if !expressions.contains(&added) {
                expressions.push(added);
            }
            selector["matchExpressions"] = expressions.into();
        }
    }
    selector
}

fn group(namespaces: Option<BTreeSet<String>>, selector: &Value) -> Group {
    let name = format!("{namespaces:?} {selector}");
    let selector = match selector {
        Value::Null => Ok(LabelSelector::nothing()),
        selector => LabelSelector::from_json(Some(selector)),
    };
    Group {
        name,
        namespaces,
        selector: selector.unwrap_or(LabelSelector::nothing()),
    }
}

/// `topologySpreadConstraints`.
pub(super) fn constraints(pod: &Object) -> Vec<Constraint> {
    let all = pod.items(&["spec", "topologySpreadConstraints"]).iter();
    let constraint = |one: &Value| Constraint {
        group: group(
            Some(BTreeSet::from([pod.namespace().to_owned()])),
            &with_keys(pod, one, false),
        ),
        topology: one["topologyKey"].as_str().unwrap_or("").to_owned(),
        max_skew: one["maxSkew"].as_i64().unwrap_or(1),
        min_domains: one["minDomains"].as_i64().unwrap_or(1),
        is_hard: one["whenUnsatisfiable"] != "ScheduleAnyway",
        honours_affinity: one["nodeAffinityPolicy"] != "Ignore",
        honours_taints: one["nodeTaintsPolicy"] == "Honor",
    };
    all.map(constraint).collect()
}
