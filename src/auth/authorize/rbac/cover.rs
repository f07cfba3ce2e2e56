//! Whether rights cover others: nobody may grant what they do not have.
//!
//! *Upstream:* `component-helpers/auth/rbac/validation/policy_comparator.go`,
//! `pkg/registry/rbac/validation/policy_compact.go`.

use std::collections::BTreeSet;

use super::rule::{Rule, covers_path, has, has_or_all, quoted_list};
use crate::auth::User;

/// What of `asked` is not covered by `owned`, in short and in order; empty where all is.
pub fn missing(owned: &[Rule], asked: &[Rule]) -> BTreeSet<String> {
    let uncovered = asked
        .iter()
        .flat_map(broken_down)
        .filter(|rule| !owned.iter().any(|own| covers(own, rule)));
    compact(uncovered).iter().map(Rule::in_short).collect()
}

/// What somebody is told who grants what they do not have; `None` where they have it.
pub fn refusal(
    user: &User,
    owned: &[Rule],
    resolution: &[String],
    asked: &[Rule],
) -> Option<String> {
    let missing = missing(owned, asked);
    if missing.is_empty() {
        return None;
    }
    let lines: Vec<String> = missing.into_iter().collect();
    let mut text = format!(
        "user {:?} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
        user.name,
        quoted_list(&user.groups),
        lines.join("\n")
    );
    if !resolution.is_empty() {
        let errors = crate::auth::authorize::aggregate(resolution);
        text = format!("{text}; resolution errors: [{errors}]");
    }
    Some(text)
}

/// The same rights in rules of one verb, one group, one resource and at most one name each.
fn broken_down(rule: &Rule) -> Vec<Rule> {
    let one = |text: &str| -> Box<[Box<str>]> { Box::new([Box::from(text)]) };
    let mut rules = Vec::new();
    for group in &rule.groups {
        for resource in &rule.resources {
            for verb in &rule.verbs {
                let plain = Rule {
                    verbs: one(verb),
                    groups: one(group),
                    resources: one(resource),
                    ..Rule::default()
                };
                if rule.names.is_empty() {
                    rules.push(plain);
                    continue;
                }
                rules.extend(rule.names.iter().map(|name| Rule {
                    names: one(name),
                    ..plain.clone()
                }));
            }
        }
    }
    for url in &rule.urls {
        rules.extend(rule.verbs.iter().map(|verb| Rule {
            verbs: one(verb),
            urls: one(url),
            ..Rule::default()
        }));
    }
    rules
}

fn covers(own: &Rule, asked: &Rule) -> bool {
    asked.verbs.iter().all(|verb| has_or_all(&own.verbs, verb))
        && asked
            .groups
            .iter()
            .all(|group| has_or_all(&own.groups, group))
        && asked
            .resources
            .iter()
            .all(|path| covers_resource(&own.resources, path))
        && asked
            .urls
            .iter()
            .all(|url| own.urls.iter().any(|own| covers_path(own, url)))
        && (own.names.is_empty()
            || !asked.names.is_empty() && asked.names.iter().all(|name| has(&own.names, name)))
}

fn covers_resource(own: &[Box<str>], path: &str) -> bool {
    has_or_all(own, path)
        || path
            .split_once('/')
            .is_some_and(|(_, subresource)| has(own, &format!("*/{subresource}")))
}

/// The same rules, those that differ in their verb alone made one.
fn compact(rules: impl Iterator<Item = Rule>) -> Vec<Rule> {
    let mut out: Vec<Rule> = Vec::new();
    for rule in rules {
        let same = out.iter_mut().find(|own| {
            own.urls.is_empty()
                && rule.urls.is_empty()
                && own.groups == rule.groups
                && own.resources == rule.resources
                && own.names == rule.names
        });
        match same {
            Some(own) => {
                let verbs = own.verbs.iter().chain(&rule.verbs);
                own.verbs = verbs.cloned().collect();
            }
            None => out.push(rule),
        }
    }
    out
}
