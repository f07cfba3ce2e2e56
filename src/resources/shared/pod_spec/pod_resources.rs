//! Resources of a pod as a whole: what its containers add up to, and what it says itself.
//!
//! *Upstream:* `pkg/apis/core/validation/validation.go` (`validatePodResources`),
//! `component-helpers/resource/helpers.go` (`AggregateContainerRequests`).

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::look::Look;
use super::super::quantity::Amount;
use super::resources::{Holder, is_huge_pages, requirements};
use crate::error::FieldErrors;
use crate::object::FieldPath;

/// Amounts by resource.
pub type Amounts<'a> = BTreeMap<&'a str, Amount>;

fn amounts<'a>(container: &'a Value, which: &str) -> Amounts<'a> {
    container
        .at("resources")
        .at(which)
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.as_str(), Amount::parse(value.as_str()?)?)))
        .collect()
}

fn add<'a>(sum: &mut Amounts<'a>, more: &Amounts<'a>) {
    for (name, amount) in more {
        let entry = sum.entry(name).or_insert(Amount::ZERO);
        *entry = *entry + *amount;
    }
}

fn raise<'a>(most: &mut Amounts<'a>, other: &Amounts<'a>) {
    for (name, amount) in other {
        let entry = most.entry(name).or_insert(*amount);
        *entry = (*entry).max(*amount);
    }
}

/// What the containers of a pod come to: those that run side by side added up, or what one of
/// those that run before them takes at most.
pub fn aggregate<'a>(spec: &'a Value, which: &str) -> Amounts<'a> {
    let (mut sum, mut sidecars, mut initial) = (Amounts::new(), Amounts::new(), Amounts::new());
    for container in spec.list("containers") {
        add(&mut sum, &amounts(container, which));
    }
    for container in spec.list("initContainers") {
        let mut own = amounts(container, which);
        if container.text("restartPolicy") == "Always" {
            add(&mut sum, &own);
            add(&mut sidecars, &own);
            own.clone_from(&sidecars);
        } else {
            add(&mut own, &sidecars);
        }
        raise(&mut initial, &own);
    }
    raise(&mut sum, &initial);
    sum
}

/// Everything that is wrong with the resources of a pod as a whole.
pub(super) fn check(errors: &mut FieldErrors, path: &FieldPath, spec: &Value, claims: &[&str]) {
    let Some(resources) = spec.maybe("resources") else {
        return;
    };
    let path = path.child("resources");
    if spec.at("os").text("name") == "windows" {
        errors.forbidden(&path, "may not be set for a windows pod");
        return;
    }
    if resources.has("claims") {
        let detail = "claims may not be set for Resources at pod-level";
        errors.forbidden(&path.child("claims"), detail);
    }
    requirements(errors, &path, resources, Holder::Pod, claims);
    for which in ["requests", "limits"] {
        let list_path = path.child(which);
        for (name, sum) in aggregate(spec, which) {
            if which == "limits" && !is_huge_pages(name) {
                continue;
            }
            let Some(text) = resources.at(which).maybe_text(name) else {
                continue;
            };
            if Amount::parse(text).is_some_and(|own| sum > own) {
                errors.invalid(
                    &list_path.key(name),
                    &text.into(),
                    format!(
                        "must be greater than or equal to aggregate container {which} of {sum}"
                    ),
                );
            }
        }
    }
    container_limits(errors, &path, spec, resources);
}

/// No container may have more than the whole pod.
fn container_limits(errors: &mut FieldErrors, path: &FieldPath, spec: &Value, resources: &Value) {
    let containers = path.child("containers");
    for (i, container) in spec.list("containers").iter().enumerate() {
        for (name, limit) in container.at("resources").entries("limits") {
            let Some(most) = resources.at("limits").maybe_text(name) else {
                continue;
            };
            let own = limit.as_str().and_then(Amount::parse);
            if own > Amount::parse(most) {
                let container = containers.index(i);
                let resource = container.key(name);
                errors.invalid(
                    &resource.child("limits"),
                    limit,
                    format!("must be less than or equal to pod limits of {most}"),
                );
            }
        }
    }
}
