//! `cargo codegen bootstrap FILE…`: what kube-apiserver creates at its start, out of the lists that
//! a new one answers with.
//!
//! Each file is what `kubectl get --raw PATH` prints, of the paths in [`PATHS`] and in that order,
//! from a kube-apiserver that nobody has used yet, with RBAC and without controllers.
//!
//! *Upstream:* `plugin/pkg/auth/authorizer/rbac/bootstrappolicy`,
//! `apiserver/pkg/apis/flowcontrol/bootstrap`, `pkg/apis/scheduling/helpers.go`.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// The collections, in the order in which their objects are created.
pub const PATHS: [&str; 7] = [
    "/apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations",
    "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas",
    "/apis/scheduling.k8s.io/v1/priorityclasses",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "/apis/rbac.authorization.k8s.io/v1/roles",
    "/apis/rbac.authorization.k8s.io/v1/rolebindings",
];

/// What the server itself adds to an object.
const OWN_METADATA: [&str; 5] = [
    "creationTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "uid",
];

/// Reads the lists of these files and gives the lines of `objects.txt`.
pub fn lines(files: &[&Path]) -> Result<String> {
    ensure!(
        files.len() == PATHS.len(),
        "expected one file for each of: {}",
        PATHS.join(" ")
    );
    let mut out = String::new();
    for (path, file) in PATHS.iter().zip(files) {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let list: Value = serde_json::from_str(&text)
            .with_context(|| format!("{} is no JSON", file.display()))?;
        let items = list["items"].as_array();
        let items = items.with_context(|| format!("{} is no list", file.display()))?;
        for item in items {
            writeln!(out, "{}", line(path, &list, item)?)?;
        }
    }
    Ok(out)
}

/// One object: the path it is posted to, and what is posted.
fn line(path: &str, list: &Value, item: &Value) -> Result<String> {
    let mut object = item.as_object().context("an item is no object")?.clone();
    let kind = list["kind"].as_str().unwrap_or("");
    let kind = kind.strip_suffix("List").context("a list has no kind")?;
    object.insert("apiVersion".to_owned(), list["apiVersion"].clone());
    object.insert("kind".to_owned(), kind.into());
    let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
    let metadata = metadata.context("an item has no metadata")?;
    let namespace = metadata.get("namespace").and_then(Value::as_str);
    let path = match namespace.map(str::to_owned) {
        None => path.to_owned(),
        Some(namespace) => {
            let (version, plural) = path.rsplit_once('/').context("no path")?;
            format!("{version}/namespaces/{namespace}/{plural}")
        }
    };
    for field in OWN_METADATA {
        metadata.remove(field);
    }
    if let Some(conditions) = object
        .get_mut("status")
        .and_then(|status| status.get_mut("conditions")?.as_array_mut())
    {
        for condition in conditions.iter_mut().filter_map(Value::as_object_mut) {
            condition.remove("lastTransitionTime");
        }
    }
    Ok(format!("{path} {}", Value::Object(object)))
}
