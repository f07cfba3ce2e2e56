//! The facts against the handlers: everything that discovery lists is served as it should be, or
//! stands in `openapi/overlay/unsupported.toml` with its reason.

use std::sync::Arc;

use mockernetes::resources;
use mockernetes::schema::{Catalog, Resource, Subresource, tables};

fn served() -> Vec<Arc<Resource>> {
    let versions = Catalog::built_in().state().versions;
    let resources = versions
        .values()
        .flat_map(|version| version.values().cloned());
    resources.collect()
}

fn is_refused(resource: &Resource, subresource: &str) -> bool {
    let version = &resource.group_version;
    tables::refusal(
        &version.group,
        &version.version,
        &resource.plural,
        subresource,
    )
    .is_some()
}

#[test]
fn resources_that_store_nothing_act_or_are_refused() {
    let forgotten: Vec<String> = served()
        .iter()
        .filter(|resource| !resource.serves("get") && !is_refused(resource, ""))
        .filter(|resource| {
            let strategy = resources::strategy(&resource.group_version.group, &resource.plural);
            strategy.is_none_or(|strategy| strategy.acts().is_none())
        })
        .map(|resource| resource.group_resource().to_string())
        .collect();
    assert_eq!(forgotten, [""; 0], "would be stored, a wrong 2xx");
}

#[test]
fn subresources_with_bodies_of_their_own_act_or_are_refused() {
    // A face of the object itself, or the scale, is read and written by the generic code.
    let is_generic = |resource: &Resource, subresource: &Subresource| {
        let is_own = subresource.kind.kind.as_ref() == resource.kind;
        let verbs = ["get", "patch", "update"];
        let reads_and_writes = subresource
            .verbs
            .iter()
            .all(|verb| verbs.contains(&verb.as_ref()));
        reads_and_writes && (subresource.name == "scale" || is_own && subresource.name != "log")
    };
    let mut forgotten = Vec::new();
    for resource in served() {
        let strategy = resources::strategy(&resource.group_version.group, &resource.plural);
        for subresource in &resource.subresources {
            let acts = strategy.is_some_and(|one| one.subresource(&subresource.name).is_some());
            if !acts
                && !is_generic(&resource, subresource)
                && !is_refused(&resource, &subresource.name)
            {
                forgotten.push(format!(
                    "{}/{}",
                    resource.group_resource(),
                    subresource.name
                ));
            }
        }
    }
    assert_eq!(
        forgotten, [""; 0],
        "would be answered with the object, a wrong 2xx"
    );
}

/// The rows of `openapi/COVERAGE.md`: group, plural, and where the rules of the kind are.
fn rows(page: &str) -> Vec<(String, String, String)> {
    let mut group = "";
    let mut found = Vec::new();
    for line in page.lines() {
        if let Some(version) = line.strip_prefix("## ") {
            group = version.split_once('/').map_or("", |(group, _)| group);
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let ["", plural, _, _, _, rules, ""] = cells[..]
            && plural != "Resource"
            && !plural.starts_with('-')
        {
            found.push((group.to_owned(), plural.to_owned(), rules.to_owned()));
        }
    }
    found
}

#[test]
fn every_kind_has_a_strategy_or_a_line_why_its_schema_is_enough() {
    let page = include_str!("../../openapi/COVERAGE.md");
    let rows = rows(page);
    assert_eq!(rows.len(), served().len(), "one row for each resource");
    for (group, plural, rules) in rows {
        let has_strategy = resources::strategy(&group, &plural).is_some();
        let says = if has_strategy {
            rules == "a strategy"
        } else {
            rules.starts_with("schema alone: ") && rules.len() > 30
        };
        assert!(
            says,
            "{group} {plural}: strategy {has_strategy}, page: {rules}"
        );
    }
}
