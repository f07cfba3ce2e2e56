//! Environment variables of containers, and the facts about a pod they may name.
//!
//! *Upstream:* `pkg/apis/core/validation/validation.go` (`ValidateEnv`, `ValidateEnvFrom`),
//! `pkg/apis/core/pods/helpers.go`.

use serde_json::Value;

use super::super::look::Look;
use super::super::names::{
    check_data_key, check_subdomain, check_variable_name, label, no_steps_back, qualified_name,
    report,
};
use super::super::quantity::Amount;
use crate::error::FieldErrors;
use crate::object::FieldPath;

/// Fields of a pod that a variable may take.
const VARIABLE_FIELDS: &[&str] = &[
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

/// Fields of a pod that a file of a volume may take.
pub(super) const VOLUME_FIELDS: &[&str] = &[
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
];

/// Fields of a pod that the downward API knows at all.
const KNOWN_FIELDS: [&str; 15] = [
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.serviceAccountName",
    "spec.schedulerName",
    "status.phase",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
    "spec.host",
];

/// Resources of a container that a variable or file may take.
const RESOURCES: [&str; 6] = [
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];

pub(super) fn variables(errors: &mut FieldErrors, path: &FieldPath, list: &[Value]) {
    for (i, variable) in list.iter().enumerate() {
        let path = path.index(i);
        let name = variable.text("name");
        if name.is_empty() {
            errors.required(&path.child("name"), "");
        } else {
            report(errors, &path.child("name"), name, check_variable_name(name));
        }
        if let Some(source) = variable.maybe("valueFrom") {
            let is_valued = !variable.text("value").is_empty();
            value_from(errors, &path.child("valueFrom"), source, is_valued);
        }
    }
}

fn value_from(errors: &mut FieldErrors, path: &FieldPath, source: &Value, is_valued: bool) {
    let mut count = 0;
    if let Some(field) = source.maybe("fieldRef") {
        count += 1;
        field_selector(errors, &path.child("fieldRef"), field, VARIABLE_FIELDS);
    }
    if let Some(resource) = source.maybe("resourceFieldRef") {
        count += 1;
        resource_selector(errors, &path.child("resourceFieldRef"), resource, false);
    }
    for field in ["configMapKeyRef", "secretKeyRef"] {
        if let Some(key) = source.maybe(field) {
            count += 1;
            key_selector(errors, &path.child(field), key);
        }
    }
    if let Some(file) = source.maybe("fileKeyRef") {
        count += 1;
        file_selector(errors, &path.child("fileKeyRef"), file);
    }
    let detail = if count == 0 {
        "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` \
         or `fileKeyRef`"
    } else if is_valued {
        "may not be specified when `value` is not empty"
    } else if count > 1 {
        "may not have more than one field specified at a time"
    } else {
        return;
    };
    errors.invalid(path, &"".into(), detail);
}

/// A path with a key in brackets: `metadata.labels['app']`.
fn subscripted(text: &str) -> Option<(&str, &str)> {
    let (path, key) = text.strip_suffix("']")?.split_once("['")?;
    (!path.is_empty()).then_some((path, key))
}

/// A field of the pod.
pub(super) fn field_selector(
    errors: &mut FieldErrors,
    path: &FieldPath,
    selector: &Value,
    allowed: &[&str],
) {
    let version = selector.text("apiVersion");
    let field = selector.text("fieldPath");
    if version.is_empty() {
        errors.required(&path.child("apiVersion"), "");
        return;
    }
    let field_path = path.child("fieldPath");
    if field.is_empty() {
        errors.required(&field_path, "");
        return;
    }
    let unknown = if version != "v1" {
        Some(format!("unsupported pod version: {version}"))
    } else if let Some((base, _)) = subscripted(field) {
        (!matches!(base, "metadata.annotations" | "metadata.labels"))
            .then(|| format!("field label does not support subscript: {field}"))
    } else {
        (!KNOWN_FIELDS.contains(&field)).then(|| format!("field label not supported: {field}"))
    };
    if let Some(why) = unknown {
        let detail = format!("error converting fieldPath: {why}");
        errors.invalid(&field_path, &field.into(), detail);
        return;
    }
    match subscripted(field) {
        Some(("metadata.annotations", key)) => qualified_name(errors, path, &key.to_lowercase()),
        Some((_, key)) => qualified_name(errors, path, key),
        None => {
            let field = if field == "spec.host" {
                "spec.nodeName"
            } else {
                field
            };
            if !allowed.contains(&field) {
                errors.not_supported(&field_path, &field.into(), allowed);
            }
        }
    }
}

fn is_huge_pages(resource: &str) -> bool {
    resource.starts_with("requests.hugepages-") || resource.starts_with("limits.hugepages-")
}

/// A resource of a container; in a volume, the container must be named.
pub(super) fn resource_selector(
    errors: &mut FieldErrors,
    path: &FieldPath,
    selector: &Value,
    is_in_volume: bool,
) {
    let resource = selector.text("resource");
    if is_in_volume && selector.text("containerName").is_empty() {
        errors.required(&path.child("containerName"), "");
    } else if resource.is_empty() {
        errors.required(&path.child("resource"), "");
    } else if !RESOURCES.contains(&resource) && !is_huge_pages(resource) {
        errors.not_supported(&path.child("resource"), &resource.into(), &RESOURCES);
    }
    divisor(
        errors,
        &path.child("divisor"),
        resource,
        selector.text("divisor"),
    );
}

fn divisor(errors: &mut FieldErrors, path: &FieldPath, resource: &str, divisor: &str) {
    const SIZES: [&str; 13] = [
        "1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei",
    ];
    const WORDS: &str = "only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, \
                         1Ei are supported with the";
    if Amount::parse(divisor).is_none_or(Amount::is_zero) {
        return;
    }
    let sizes =
        |what: &str| (!SIZES.contains(&divisor)).then(|| format!("{WORDS} {what} resource"));
    let wrong = match resource {
        "limits.cpu" | "requests.cpu" => (divisor != "1m" && divisor != "1").then(|| {
            "only divisor's values 1m and 1 are supported with the cpu resource".to_owned()
        }),
        "limits.memory" | "requests.memory" => sizes("memory"),
        "limits.ephemeral-storage" | "requests.ephemeral-storage" => {
            sizes("local ephemeral storage")
        }
        _ if is_huge_pages(resource) => sizes("hugepages"),
        _ => None,
    };
    if let Some(detail) = wrong {
        errors.invalid(path, &resource.into(), detail);
    }
}

fn key_selector(errors: &mut FieldErrors, path: &FieldPath, selector: &Value) {
    let name = selector.text("name");
    report(errors, &path.child("name"), name, check_subdomain(name));
    let key = selector.text("key");
    if key.is_empty() {
        errors.required(&path.child("key"), "");
    } else {
        report(errors, &path.child("key"), key, check_data_key(key));
    }
}

fn file_selector(errors: &mut FieldErrors, path: &FieldPath, selector: &Value) {
    let (key, volume, file) = (
        selector.text("key"),
        selector.text("volumeName"),
        selector.text("path"),
    );
    if key.is_empty() {
        errors.required(&path.child("key"), "");
    } else {
        report(errors, &path.child("key"), key, check_variable_name(key));
    }
    if volume.is_empty() {
        errors.required(&path.child("volumeName"), "");
    } else {
        label(errors, &path.child("volumeName"), volume);
    }
    if file.is_empty() {
        errors.required(&path.child("path"), "");
    } else {
        no_steps_back(errors, &path.child("path"), file);
    }
}

pub(super) fn variables_from(errors: &mut FieldErrors, path: &FieldPath, list: &[Value]) {
    for (i, source) in list.iter().enumerate() {
        let item = path.index(i);
        let prefix = source.text("prefix");
        if !prefix.is_empty() {
            let wrong = check_variable_name(prefix);
            report(errors, &item.child("prefix"), prefix, wrong);
        }
        let mut count = 0;
        for field in ["configMapRef", "secretRef"] {
            let Some(reference) = source.maybe(field) else {
                continue;
            };
            count += 1;
            let reference_path = item.child(field);
            let path = reference_path.child("name");
            // Upstream checks the name as a prefix of one: it may end in a dash.
            match reference.text("name") {
                "" => errors.required(&path, ""),
                name => {
                    let base = name.strip_suffix('-').filter(|base| !base.is_empty());
                    report(errors, &path, name, check_subdomain(base.unwrap_or(name)));
                }
            }
        }
        // Upstream names the list, not the item.
        let detail = match count {
            0 => "must specify one of: `configMapRef` or `secretRef`",
            1 => continue,
            _ => "may not have more than one field specified at a time",
        };
        errors.invalid(path, &"".into(), detail);
    }
}

/// Files that variables are read from must stand in an `emptyDir` of the pod.
pub(super) fn variable_files(errors: &mut FieldErrors, path: &FieldPath, spec: &Value) {
    super::visit(spec, path, &mut |container, path| {
        let all = path.child("env");
        for (i, variable) in container.list("env").iter().enumerate() {
            let Some(file) = variable.at("valueFrom").maybe("fileKeyRef") else {
                continue;
            };
            let name = file.text("volumeName");
            let (item, from) = (all.index(i), "valueFrom");
            let from = item.child(from);
            let reference = from.child("fileKeyRef");
            let path = reference.child("volumeName");
            let volume = spec
                .list("volumes")
                .iter()
                .rfind(|volume| volume.text("name") == name);
            match volume {
                None => errors.not_found(&path, &name.into()),
                Some(volume) if !volume.has("emptyDir") => errors.invalid(
                    &path,
                    &name.into(),
                    "referenced volume must be of type emptyDir",
                ),
                Some(_) => {}
            }
        }
    });
}
