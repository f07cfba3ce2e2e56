//! Model to text for people: one line per resource, and the coverage page.

use std::fmt::Write as _;

use crate::model::{Model, Resource, Version};

/// One readable line per resource and subresource, then one per kind of schema fact.
pub fn report(model: &Model) -> String {
    let mut out = String::new();
    for (group_version, version) in versions(model) {
        let served = if version.is_served {
            "served"
        } else {
            "not by default"
        };
        let (group, within) = version.priority;
        let _ = writeln!(out, "{group_version}  {served}  priority {group} {within}");
        for resource in &version.resources {
            let _ = writeln!(out, "  {}", resource_line(resource));
            for subresource in &resource.subresources {
                let (group, version, kind) = &subresource.kind;
                let slash = if group.is_empty() { "" } else { "/" };
                let verbs = subresource.verbs.join(",");
                let refused = if subresource.refused.is_empty() {
                    ""
                } else {
                    "  refused"
                };
                let _ = writeln!(
                    out,
                    "    /{}  {group}{slash}{version} {kind}  {verbs}{refused}",
                    subresource.name
                );
            }
        }
    }
    let fields = model.schemas.iter().flat_map(|schema| &schema.fields);
    let (mut all, mut defaults, mut enums, mut merged) = (0, 0, 0, 0);
    for field in fields {
        all += 1;
        defaults += usize::from(field.default.is_some());
        enums += usize::from(!field.values.is_empty());
        merged += usize::from(!field.patch.is_empty());
    }
    let _ = writeln!(
        out,
        "{} schemas, {all} fields: {defaults} with a default, {enums} with an enumeration, \
         {merged} with a patch strategy",
        model.schemas.len()
    );
    out
}

/// `openapi/COVERAGE.md`.
pub fn coverage(model: &Model, version: &str) -> String {
    let mut out = format!(
        "# Coverage of Kubernetes {version}\n\n\
         Generated from the tables and from `overlay/unsupported.toml` and \
         `overlay/schema-alone.toml` by `cargo codegen report`; not edited by hand.\n\
         Every resource below is served with its verbs, from its schema and the rules of its kind \
         (`src/resources`). A subresource in brackets is refused with a Status that says why.\n"
    );
    let mut refused = Vec::new();
    for (group_version, version) in versions(model).filter(|(_, version)| version.is_served) {
        let _ = write!(
            out,
            "\n## {group_version}\n\n| Resource | Kind | Verbs | Subresources | Rules |\n"
        );
        out.push_str("|---|---|---|---|---|\n");
        for resource in &version.resources {
            let mut names = Vec::new();
            for subresource in &resource.subresources {
                if subresource.refused.is_empty() {
                    names.push(subresource.name.clone());
                } else {
                    names.push(format!("({})", subresource.name));
                    let path = format!("{}/{}", resource.plural, subresource.name);
                    refused.push((group_version.clone(), path, subresource.refused.clone()));
                }
            }
            if !resource.refused.is_empty() {
                let reason = resource.refused.clone();
                refused.push((group_version.clone(), resource.plural.clone(), reason));
            }
            let verbs = resource.verbs.join(", ");
            let names = names.join(", ");
            let rules = match resource.schema_alone.as_str() {
                "" => "a strategy".to_owned(),
                reason => format!("schema alone: {reason}"),
            };
            let _ = writeln!(
                out,
                "| {} | {} | {verbs} | {names} | {rules} |",
                resource.plural, resource.kind
            );
        }
    }
    out.push_str("\n## Refused\n\n| Group version | Resource | Reason |\n|---|---|---|\n");
    for (group_version, path, reason) in refused {
        let _ = writeln!(out, "| {group_version} | {path} | {reason} |");
    }
    out.push_str("\n## Not served by default\n\n");
    out.push_str("As in kube-apiserver, beta and alpha versions are off.\n\n");
    for (group_version, version) in versions(model).filter(|(_, version)| !version.is_served) {
        let names: Vec<&str> = version
            .resources
            .iter()
            .map(|resource| resource.plural.as_str())
            .collect();
        let _ = writeln!(out, "- {group_version}: {}", names.join(", "));
    }
    out
}

fn versions(model: &Model) -> impl Iterator<Item = (String, &Version)> {
    model.groups.iter().flat_map(|group| {
        let slash = if group.name.is_empty() { "" } else { "/" };
        let named = move |version: &Version| format!("{}{slash}{}", group.name, version.name);
        group
            .versions
            .iter()
            .map(move |version| (named(version), version))
    })
}

fn resource_line(resource: &Resource) -> String {
    let Resource {
        plural,
        singular,
        kind,
        list_kind,
        ..
    } = resource;
    let scope = if resource.is_namespaced {
        "namespaced"
    } else {
        "cluster"
    };
    let mut line = format!("{plural} ({singular})  {kind}");
    if !list_kind.is_empty() {
        let _ = write!(line, " {list_kind}");
    }
    let _ = write!(line, "  {scope}  {}", resource.verbs.join(","));
    for (title, words) in [
        ("short", &resource.short_names),
        ("in", &resource.categories),
    ] {
        if !words.is_empty() {
            let _ = write!(line, "  {title} {}", words.join(","));
        }
    }
    let (group, version) = &resource.storage;
    let slash = if group.is_empty() { "" } else { "/" };
    let _ = write!(line, "  stored {group}{slash}{version}");
    if !resource.deprecation.is_empty() {
        line.push_str("  deprecated");
    }
    if !resource.refused.is_empty() {
        line.push_str("  refused");
    }
    line
}
