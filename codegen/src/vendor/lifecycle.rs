//! Since when a kind is deprecated, when it goes and what replaces it: `APILifecycle…` methods.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::modules::{self, Modules};
use super::source::Output;

/// Kind → `1.33; use discovery.k8s.io/v1 EndpointSlice`, for the deprecated kinds of a version.
pub(super) fn read(
    modules: &Modules,
    output: &mut Output,
    group: &str,
    version: &str,
) -> Result<BTreeMap<String, String>> {
    let folder = match group.split('.').next().unwrap_or_default() {
        "" => "core",
        "internal" => "apiserverinternal",
        first => first,
    };
    let path = format!("k8s.io/api/{folder}/{version}");
    let mut found = BTreeMap::new();
    let folder = modules.locate(&path)?;
    // The aggregator's and the extension server's own kinds are elsewhere, and none is deprecated.
    if !folder.is_dir() {
        return Ok(found);
    }
    for file in modules::files(&folder, |name| name.contains("lifecycle"))? {
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let text = output.read(modules, &format!("{path}/{name}"))?;
        scan(&text, &mut found).with_context(|| format!("{path}/{name}"))?;
    }
    let minor = modules.minor()?;
    found.retain(|_, text: &mut String| since(text).is_some_and(|since| since <= minor));
    Ok(found)
}

/// `1.33; use …` → 33.
fn since(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("1.")?;
    digits.split([',', ';']).next()?.parse().ok()
}

/// The methods come in the order introduced, deprecated, replacement, removed.
fn scan(text: &str, found: &mut BTreeMap<String, String>) -> Result<()> {
    let mut removed = BTreeMap::new();
    let mut replaced = BTreeMap::new();
    let mut method: Option<(String, String)> = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("func (in *") {
            let (kind, rest) = rest.split_once(") ").context(line.to_owned())?;
            let (name, _) = rest.split_once('(').context(line.to_owned())?;
            method = Some((kind.to_owned(), name.to_owned()));
            continue;
        }
        let (Some(value), Some((kind, name))) = (line.trim().strip_prefix("return "), &method)
        else {
            continue;
        };
        match name.as_str() {
            "APILifecycleDeprecated" => {
                found.insert(kind.clone(), value.replace(", ", "."));
            }
            "APILifecycleRemoved" => {
                removed.insert(kind.clone(), value.replace(", ", "."));
            }
            "APILifecycleReplacement" => {
                let parts: Vec<&str> = value.split('"').collect();
                let [_, group, _, version, _, with, ..] = parts.as_slice() else {
                    anyhow::bail!("cannot read `{value}`");
                };
                let slash = if group.is_empty() { "" } else { "/" };
                replaced.insert(kind.clone(), format!("{group}{slash}{version} {with}"));
            }
            _ => {}
        }
    }
    for (kind, text) in found {
        if let Some(removed) = removed.get(kind) {
            *text = format!("{text}, unavailable in v{removed}+");
        }
        if let Some(replaced) = replaced.get(kind) {
            *text = format!("{text}; use {replaced}");
        }
    }
    Ok(())
}
