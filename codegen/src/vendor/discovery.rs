//! What OpenAPI lacks: names, categories, verbs, priorities, and what a default server serves.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

use super::go_types::Package;
use super::lifecycle;
use super::modules::Modules;
use super::print;
use super::source::Output;

const FOLDER: &str = "k8s.io/kubernetes/api/discovery";
/// The OpenAPI v2 document.
const SWAGGER: &str = "k8s.io/kubernetes/api/openapi-spec/swagger.json";
/// Lists the group versions a default server enables.
const ENABLED: &str = "k8s.io/kubernetes/pkg/controlplane/instance.go";
/// Give each group version its place; the later file wins.
const PRIORITIES: [&str; 2] = [
    "k8s.io/kubernetes/pkg/controlplane/apiserver/aggregator.go",
    "k8s.io/kubernetes/cmd/kube-apiserver/app/aggregator.go",
];
/// Served by servers of their own inside kube-apiserver, so not in the lists above.
const ALWAYS: [&str; 2] = ["apiextensions.k8s.io/v1", "apiregistration.k8s.io/v1"];

/// Reads the legacy discovery documents, in the order of the group index.
pub(super) fn read(modules: &Modules, output: &mut Output) -> Result<String> {
    let enabled = enabled(modules, output)?;
    let priorities = priorities(modules, output)?;
    let index = document(modules, output, "apis.json")?;
    let mut groups = vec![json!({
        "name": "",
        "versions": [version(modules, output, "", "v1", &enabled, &priorities)?],
    })];
    for group in index["groups"]
        .as_array()
        .context("apis.json without groups")?
    {
        let name = group["name"].as_str().context("a group without a name")?;
        let mut versions = Vec::new();
        for entry in group["versions"]
            .as_array()
            .context("a group without versions")?
        {
            let entry = entry["version"]
                .as_str()
                .context("a version without a name")?;
            versions.push(version(
                modules,
                output,
                name,
                entry,
                &enabled,
                &priorities,
            )?);
        }
        groups.push(json!({ "name": name, "versions": versions }));
    }
    let registered = registered(modules, output)?;
    Ok(print::open(
        &json!({ "groups": groups, "registered": registered }),
        6,
    ))
}

/// Every group version of the scheme, served or not: the kinds `DeleteOptions` stands for.
fn registered(modules: &Modules, output: &mut Output) -> Result<Vec<String>> {
    let text = output.read(modules, SWAGGER)?;
    let swagger: Value = serde_json::from_str(&text).context(SWAGGER)?;
    let options = &swagger["definitions"]["io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"];
    let kinds = options["x-kubernetes-group-version-kind"].as_array();
    let mut found = Vec::new();
    for kind in kinds.context("DeleteOptions without kinds")? {
        let (Some(group), Some(version)) = (kind["group"].as_str(), kind["version"].as_str())
        else {
            bail!("cannot read {kind}");
        };
        let slash = if group.is_empty() { "" } else { "/" };
        found.push(format!("{group}{slash}{version}"));
    }
    Ok(found)
}

fn document(modules: &Modules, output: &mut Output, name: &str) -> Result<Value> {
    let text = output.read(modules, &format!("{FOLDER}/{name}"))?;
    serde_json::from_str(&text).with_context(|| name.to_owned())
}

fn version(
    modules: &Modules,
    output: &mut Output,
    group: &str,
    version: &str,
    enabled: &BTreeSet<String>,
    priorities: &BTreeMap<String, [u64; 2]>,
) -> Result<Value> {
    let (file, both) = if group.is_empty() {
        (format!("api__{version}.json"), version.to_owned())
    } else {
        (
            format!("apis__{group}__{version}.json"),
            format!("{group}/{version}"),
        )
    };
    let list = document(modules, output, &file)?;
    let lifecycle = lifecycle::read(modules, output, group, version)?;
    let mut resources = Vec::new();
    for resource in list["resources"].as_array().context("no resources")? {
        let mut fact = resource
            .as_object()
            .cloned()
            .context("a resource that is no object")?;
        fact.retain(|_, value| value.as_str() != Some(""));
        let is_resource = resource["name"]
            .as_str()
            .is_some_and(|name| !name.contains('/'));
        if let Some(kind) = resource["kind"].as_str().filter(|_| is_resource)
            && let Some(deprecated) = lifecycle.get(kind)
        {
            fact.insert("deprecated".to_owned(), Value::from(deprecated.as_str()));
        }
        resources.push(Value::Object(fact));
    }
    let mut fact = Map::new();
    fact.insert("version".to_owned(), Value::from(version));
    fact.insert("served".to_owned(), Value::from(enabled.contains(&both)));
    if let Some([group, within]) = priorities.get(&both) {
        fact.insert("priority".to_owned(), json!(format!("{group} {within}")));
    }
    fact.insert("resources".to_owned(), Value::Array(resources));
    Ok(Value::Object(fact))
}

/// Reads the `…EnabledByDefault = []schema.GroupVersion{…}` lists.
fn enabled(modules: &Modules, output: &mut Output) -> Result<BTreeSet<String>> {
    let text = output.read(modules, ENABLED)?;
    let imports = imports(&text)?;
    let mut found: BTreeSet<String> = ALWAYS.iter().map(|entry| (*entry).to_owned()).collect();
    let mut lists = 0;
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if line.ends_with("EnabledByDefault = []schema.GroupVersion{") {
            (inside, lists) = (true, lists + 1);
        } else if line == "}" {
            inside = false;
        } else if inside {
            let alias = line
                .strip_suffix(".SchemeGroupVersion,")
                .with_context(|| format!("cannot read `{line}`"))?;
            let path = imports
                .get(alias)
                .with_context(|| format!("no import {alias}"))?;
            found.insert(group_version(modules, output, path)?);
        }
    }
    ensure!(
        lists == 2,
        "expected two lists of enabled versions, found {lists}"
    );
    Ok(found)
}

/// Import alias → import path, of one file.
pub(super) fn imports(text: &str) -> Result<BTreeMap<String, String>> {
    let block = text
        .split_once("import (")
        .and_then(|(_, rest)| rest.split_once("\n)"));
    let (block, _) = block.context("no imports")?;
    let mut found = BTreeMap::new();
    for line in block
        .lines()
        .map(str::trim)
        .filter(|line| line.contains('"'))
    {
        let mut parts = line.split('"');
        let alias = parts.next().unwrap_or_default().trim();
        let path = parts.next().context("an import without a path")?;
        let last = path.rsplit('/').next().unwrap_or(path);
        found.insert(
            if alias.is_empty() { last } else { alias }.to_owned(),
            path.to_owned(),
        );
    }
    Ok(found)
}

/// `k8s.io/api/rbac/v1` → `rbac.authorization.k8s.io/v1`, by the constant in its `register.go`.
fn group_version(modules: &Modules, output: &mut Output, path: &str) -> Result<String> {
    let text = output.read(modules, &format!("{path}/register.go"))?;
    let mut package = Package::default();
    package.add(&text).with_context(|| path.to_owned())?;
    let group = text
        .lines()
        .find_map(|line| {
            line.trim_start_matches("const ")
                .trim()
                .strip_prefix("GroupName = \"")
        })
        .and_then(|rest| rest.split_once('"'))
        .with_context(|| format!("{path}/register.go names no group"))?
        .0;
    let version = package.name;
    Ok(if group.is_empty() {
        version
    } else {
        format!("{group}/{version}")
    })
}

/// Reads `{Group: "apps", Version: "v1"}: {Group: 17800, Version: 15},`.
fn priorities(modules: &Modules, output: &mut Output) -> Result<BTreeMap<String, [u64; 2]>> {
    let mut found = BTreeMap::new();
    for path in PRIORITIES {
        let text = output.read(modules, path)?;
        let before = found.len();
        for line in text.lines().map(str::trim) {
            let Some(rest) = line.strip_prefix("{Group: \"") else {
                continue;
            };
            let parts: Vec<&str> = rest.split(['"', ':', ',', '}']).map(str::trim).collect();
            let [
                group,
                "",
                "Version",
                "",
                version,
                "",
                "",
                "{Group",
                minimum,
                "Version",
                within,
                ..,
            ] = parts.as_slice()
            else {
                bail!("{path}: cannot read `{line}`: {parts:?}");
            };
            let key = if group.is_empty() {
                (*version).to_owned()
            } else {
                format!("{group}/{version}")
            };
            found.insert(key, [minimum.parse()?, within.parse()?]);
        }
        ensure!(found.len() > before, "{path} gives no priorities");
    }
    Ok(found)
}
