//! The parameters that a binding gives to its policy.
//!
//! *Upstream:* `apiserver/pkg/admission/plugin/policy/generic/policy_dispatcher.go`
//! (`CollectParams`).

use std::sync::Arc;

use serde_json::Value;

use super::{Binding, Policy};
use crate::admission::Attributes;
use crate::object::selector::LabelSelector;
use crate::object::{GroupVersion, Key, Object};
use crate::schema::Resource;

/// The resource that the parameters of a policy are of; `None` where it has none.
pub(super) fn resource(
    write: &Attributes,
    policy: &Policy,
) -> Result<Option<Arc<Resource>>, String> {
    let kind = &policy.param_kind;
    if !kind.is_object() {
        return Ok(None);
    }
    let name = kind["kind"].as_str().unwrap_or("");
    let version = kind["apiVersion"].as_str().unwrap_or("");
    let found = GroupVersion::parse(version).and_then(|version| {
        let state = write.catalog.state();
        let resources = state.versions.get(&version)?;
        resources
            .values()
            .find(|resource| resource.kind == name)
            .cloned()
    });
    found.map(Some).ok_or_else(|| {
        let group = version.split_once('/').map_or("", |(group, _)| group);
        let version = version.rsplit('/').next().unwrap_or("");
        format!("failed to find resource referenced by paramKind: '{group}/{version}, Kind={name}'")
    })
}

/// The parameters of a binding, each to be used in turn; a single `None` where there are none to
/// use, and nothing at all where those that are named are not there.
pub(super) async fn collect(
    write: &Attributes<'_>,
    resource: Option<&Arc<Resource>>,
    binding: &Binding,
) -> Result<Vec<Option<Object>>, String> {
    let reference = &binding.param_ref;
    let Some(resource) = resource.filter(|_| reference.is_object()) else {
        return Ok(vec![None]);
    };
    let stored = find(write, resource, reference)?;
    let mut params = Vec::with_capacity(stored.len());
    for object in stored {
        let served = write.forms.to_served(resource, &object).await;
        params.push(Some(served.map_err(|error| error.message().to_owned())?));
    }
    if params.is_empty() && reference["parameterNotFoundAction"] == "Deny" {
        return Err(
            "no params found for policy binding with `Deny` parameterNotFoundAction".to_owned(),
        );
    }
    Ok(params)
}

/// The objects that a reference means, as they are stored.
fn find(write: &Attributes, resource: &Resource, reference: &Value) -> Result<Vec<Object>, String> {
    let text = |name: &str| reference[name].as_str().unwrap_or("");
    let own = text("namespace");
    let namespace = match (resource.is_namespaced, own) {
        (true, "") if write.namespace.is_empty() => {
            return Err(
                "cannot use namespaced paramRef in policy binding that matches cluster-scoped \
                 resources"
                    .to_owned(),
            );
        }
        (true, "") => write.namespace,
        (true, own) => own,
        (false, "") => "",
        (false, _) => {
            return Err(
                "paramRef.namespace must not be provided for a cluster-scoped `paramKind`"
                    .to_owned(),
            );
        }
    };
    let name = text("name");
    if !name.is_empty() {
        let found = write
            .reader
            .get(&resource.storage, &Key::new(namespace, name));
        return Ok(found.map(|stored| stored.object()).into_iter().collect());
    }
    let selector = LabelSelector::from_json(reference.get("selector"));
    let selector = selector.map_err(|error| error.to_string())?;
    let snapshot = write.reader.snapshot(&resource.storage, None);
    let snapshot = snapshot.map_err(|error| error.to_string())?;
    let selected = snapshot
        .objects(Some(namespace), None)
        .filter(|stored| selector.matches(|key| stored.label(key)));
    Ok(selected.map(|stored| stored.object()).collect())
}
