//! Where etcd would keep an object: some messages show it, and some names it cannot hold.
//!
//! *Upstream:* `apiserver/pkg/registry/generic/registry/store.go` (`NamespaceKeyFunc`),
//! `apiserver/pkg/storage/util.go` (`PrepareKey`), `pkg/kubeapiserver`
//! (`SpecialDefaultResourcePrefixes`).

use super::names::check_path_segment;
use crate::error::{ApiError, Reason};
use crate::object::Key;
use crate::object::quote::quoted;
use crate::schema::Resource;

/// Kinds that are kept under another name than their own.
const RENAMED: [(&str, &str, &str); 5] = [
    ("", "endpoints", "services/endpoints"),
    ("", "nodes", "minions"),
    ("", "replicationcontrollers", "controllers"),
    ("", "services", "services/specs"),
    ("networking.k8s.io", "ingresses", "ingress"),
];

/// Groups beside those of custom resources that are part of the path.
const NAMED_GROUPS: [&str; 2] = ["apiextensions.k8s.io", "apiregistration.k8s.io"];

/// The path of an object, or of a collection where the name is empty.
pub(crate) fn of(resource: &Resource, namespace: &str, name: &str) -> String {
    let storage = &resource.storage;
    let mut path = String::new();
    if resource.custom.is_some() || NAMED_GROUPS.contains(&storage.group.as_ref()) {
        path.push('/');
        path.push_str(&storage.group);
    }
    let renamed = RENAMED.iter().find(|(group, plural, _)| {
        *group == storage.group.as_ref() && *plural == storage.resource.as_ref()
    });
    path.push('/');
    path.push_str(renamed.map_or(&storage.resource, |(_, _, kept)| kept));
    for part in [namespace, name] {
        if !part.is_empty() {
            path.push('/');
            path.push_str(part);
        }
    }
    path
}

/// The key of an object, where one may be called so.
pub(crate) fn key(resource: &Resource, namespace: &str, name: &str) -> Result<Key, ApiError> {
    let wrong = check_path_segment(name);
    if !wrong.is_empty() {
        return Err(ApiError::bad_request(format!(
            "Name parameter invalid: {}: {}",
            quoted(name),
            wrong.join(";")
        )));
    }
    check_namespace(resource, namespace, name)?;
    Ok(Key::new(namespace, name))
}

/// Refuses a namespace that would lead out of a resource's place.
pub(crate) fn check_namespace(
    resource: &Resource,
    namespace: &str,
    name: &str,
) -> Result<(), ApiError> {
    if !matches!(namespace, "." | "..") {
        return Ok(());
    }
    let path = quoted(&of(resource, namespace, name));
    Err(ApiError::new(Reason::Unknown, format!("invalid key: {path}")).with_code(500))
}
