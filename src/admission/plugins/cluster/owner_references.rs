//! Owners are named only by those who could do to them what naming does.
//!
//! *Upstream:* `plugin/pkg/admission/gc/gc_admission.go`.

use serde_json::Value;

use super::forbidden;
use crate::admission::{Attributes, Operation, Plugin, Verdict};
use crate::error::ApiError;
use crate::object::{GroupVersion, Object};

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub(in crate::admission::plugins) struct OwnerReferencesPermissionEnforcement;

impl Plugin for OwnerReferencesPermissionEnforcement {
    fn name(&self) -> &'static str {
        "OwnerReferencesPermissionEnforcement"
    }

    fn validate(&self, write: &Attributes, object: Option<&Object>) -> Result<(), ApiError> {
        let is_seen = matches!(write.operation, Operation::Create | Operation::Update);
        let (Some(object), true) = (object, is_seen) else {
            return Ok(());
        };
        // The scheduler's own way of saying where a pod goes.
        if write.is_of("", "pods", "status") {
            return Ok(());
        }
        let new = owners(object);
        let old = write.old.map(owners).unwrap_or_default();
        if new == old {
            return Ok(());
        }
        let group = &write.resource.group_version.group;
        if write.operation != Operation::Create {
            let plural = &write.resource.plural;
            let place = (write.namespace, write.subresource, write.name);
            let verdict = write.may("delete", group, plural, place);
            if !verdict.is_allowed {
                let why = format!(
                    "cannot set an ownerRef on a resource you can't delete: {}",
                    said(&verdict)
                );
                return Err(forbidden(write, object, &why));
            }
        }
        let blocking = new.iter().filter(|owner| {
            let mut known = old.iter().filter(|old| old["uid"] == owner["uid"]);
            owner["blockOwnerDeletion"] == true
                && known
                    .next()
                    .is_none_or(|old| old["blockOwnerDeletion"] != true)
        });
        let blocking: Vec<&&Value> = blocking.collect();
        let finalizes_all = || write.may("update", "*", "*", ("", "finalizers", "*"));
        if blocking.is_empty() || finalizes_all().is_allowed {
            return Ok(());
        }
        blocking
            .into_iter()
            .try_for_each(|owner| check(write, object, owner))
    }
}

fn owners(object: &Object) -> Vec<&Value> {
    object
        .items(&["metadata", "ownerReferences"])
        .iter()
        .collect()
}

/// What the authorizer said, as Go prints it.
fn said(verdict: &Verdict) -> String {
    let error = verdict.error.as_deref().unwrap_or("<nil>");
    format!("{}, {error}", verdict.reason)
}

/// Whoever blocks an owner's deletion must be allowed to set its finalizers.
fn check(write: &Attributes, object: &Object, owner: &Value) -> Result<(), ApiError> {
    let text = |name: &str| owner[name].as_str().unwrap_or("");
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let version = GroupVersion::parse(api_version);
    let state = write.catalog.state();
    let resources = version
        .as_ref()
        .and_then(|version| state.versions.get(version));
    let found = resources.and_then(|all| all.values().find(|resource| resource.kind == kind));
    let Some(resource) = found else {
        let group = version
            .as_ref()
            .map_or("", |version| version.group.as_ref());
        let dot = if group.is_empty() { "" } else { "." };
        let version = version
            .as_ref()
            .map_or("", |version| version.version.as_ref());
        let why = format!(
            "cannot set blockOwnerDeletion in this case because cannot find RESTMapping for \
             APIVersion {api_version} Kind {kind}: no matches for kind \"{kind}\" in version \
             \"{group}{}{version}\"",
            if dot.is_empty() { "" } else { "/" }
        );
        return Err(forbidden(write, object, &why));
    };
    let namespace = if resource.is_namespaced {
        write.namespace
    } else {
        ""
    };
    let place = (namespace, "finalizers", text("name"));
    let group = &resource.group_version.group;
    let verdict = write.may("update", group, &resource.plural, place);
    if verdict.is_allowed {
        return Ok(());
    }
    let why = format!(
        "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set \
         finalizers on: {}",
        said(&verdict)
    );
    Err(forbidden(write, object, &why))
}
