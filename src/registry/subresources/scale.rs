//! The scale face: how many replicas there should be, the same for every kind that has it.
//!
//! *Upstream:* `pkg/registry/apps/deployment/storage/storage.go` (`ScaleREST`),
//! `apiextensions-apiserver/pkg/registry/customresource/etcd.go` (`ScaleREST`).

use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value, json};

use crate::error::{ApiError, FieldErrors};
use crate::object::selector::LabelSelector;
use crate::object::{FieldPath, GroupResource, GroupVersion, GroupVersionKind, Key, Object};
use crate::patch::apply::scale as managed;
use crate::registry::meta::{forms, managers};
use crate::registry::verbs::apply::Applied;
use crate::registry::verbs::patch::Patch;
use crate::registry::verbs::update;
use crate::registry::write::{Changed, Written};
use crate::registry::{Context, Form, Registry, Request, Response, Verb, decode, options, table};
use crate::schema::{Resource, normalise, tables};

/// Why no scale of a custom resource can be applied.
const CUSTOM_APPLY: &str = "autoscaling/v1, Kind=Scale) to proper version: request to convert CR \
     to an invalid group/version: autoscaling/v1";

/// Answers a request to the scale face.
pub(super) async fn handle(
    registry: &Registry,
    cx: &Context<'_>,
    request: &Request,
) -> Result<Response, ApiError> {
    let key = cx.key()?;
    match request.verb {
        Verb::Get => {
            let resource = cx.resource.group_resource();
            let stored = registry
                .reader
                .get(&cx.resource.storage, &key)
                .ok_or_else(|| ApiError::not_found(&resource, cx.name))?;
            let object = registry.read(cx.resource, &stored).await;
            let object = object.map_err(|error| error.of_one(cx.resource))?;
            answer(registry, cx, request, &object)
        }
        Verb::Update => {
            let sent = decode::scale(cx, request)?;
            check_name(cx, &sent)?;
            let written =
                change(registry, cx, &key, request.verb, &mut |_| Ok(sent.clone())).await?;
            answer(registry, cx, request, &written.object)
        }
        Verb::Patch if options::is_apply(&request.content_type) => {
            let written = apply(registry, cx, request, &key).await?;
            answer(registry, cx, request, &written.object)
        }
        Verb::Patch => {
            let patch = Patch::of(cx, request)?;
            let expected = GroupVersionKind::new("autoscaling", "v1", "Scale");
            let face = face()?;
            let target = decode::Target {
                expected: &expected,
                schema: &face.schema,
            };
            let written = change(registry, cx, &key, request.verb, &mut |scale| {
                let patched = patch.apply(cx, &|| scale.clone(), target)?;
                check_name(cx, &patched)?;
                Ok(patched)
            })
            .await?;
            answer(registry, cx, request, &written.object)
        }
        _ => Err(crate::registry::handle::method_not_allowed()),
    }
}

/// What a patch finds where a custom resource has no replicas: nobody writes that.
const NO_REPLICAS: i64 = i32::MIN as i64;

fn check_name(cx: &Context<'_>, scale: &Object) -> Result<(), ApiError> {
    update::check_name(cx, scale)?;
    let namespace = scale.namespace();
    if !namespace.is_empty() && namespace != cx.namespace {
        return Err(ApiError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    Ok(())
}

/// Changes an object through its scale: `make` gives the new scale for the scale of now. A PUT is
/// meant for the version it names; a patch is made anew from the version of now.
async fn change(
    registry: &Registry,
    cx: &Context<'_>,
    key: &Key,
    verb: Verb,
    make: &mut (dyn FnMut(&Object) -> Result<Object, ApiError> + Send),
) -> Result<Written, ApiError> {
    let face = face()?;
    registry
        .update_object(cx, key, &mut |old| {
            let place = paths(cx.resource);
            let live = with_managers(cx, old);
            let mut scale = make(&live)?;
            if verb == Verb::Update {
                update::check_uid(cx, &scale, old)?;
            }
            normalise::apply(scale.as_map_mut(), &face.schema);
            cx.of_face(&face, |cx| managers::track(registry, cx, &live, &mut scale))?;
            let replicas = scale.integer(&["spec", "replicas"]).unwrap_or(0);
            if place.is_custom && replicas == NO_REPLICAS {
                return Err(ApiError::bad_request(format!(
                    "the spec replicas field {:?} cannot be empty",
                    place.spec_replicas
                )));
            }
            if cx.resource.custom.is_none() {
                refuse_negative(cx, replicas)?;
            }
            let mut object = old.clone();
            let version = scale.resource_version();
            if !version.is_empty() {
                let version = version.to_owned();
                object.set(&["metadata", "resourceVersion"], version);
            }
            let is_exact = !scale.resource_version().is_empty()
                && update::check_version(cx, registry, &mut object, old)?;
            object.set(&paths(cx.resource).replicas(), replicas);
            take_managers(cx, &mut object, old, &scale);
            Ok(Changed {
                object,
                is_exact: is_exact && verb == Verb::Update,
                is_tracked: true,
            })
        })
        .await
}

/// Applies a scale: who owns the replicas of the object owns those of its scale.
async fn apply(
    registry: &Registry,
    cx: &Context<'_>,
    request: &Request,
    key: &Key,
) -> Result<Written, ApiError> {
    let force = options::bool_parameter(request, "force")?.unwrap_or(false);
    let applied = Applied::of(request)?;
    let face = face()?;
    let place = paths(cx.resource);
    let path = place.replicas();
    registry
        .update_object(cx, key, &mut |old| {
            if cx.resource.custom.is_some() {
                cx.of_face(&face, |cx| applied.check_kind(cx))?;
                // Upstream has no apply to the scale of a custom resource, whatever it says; it
                // notices as late as it converts anything.
                let live = with_managers(cx, old);
                if live.managed_fields().is_none() {
                    return Err(forms::failed(format!(
                        "failed to create manager for existing fields: failed to convert live \
                         object (/; {CUSTOM_APPLY}"
                    )));
                }
                cx.of_face(&face, |cx| applied.over(registry, cx, &live, force))?;
                let name = cx.name;
                return Err(forms::failed(format!(
                    "failed to convert new object (/{name}; {CUSTOM_APPLY}"
                )));
            }
            let live = with_managers(cx, old);
            let scale = cx.of_face(&face, |cx| applied.over(registry, cx, &live, force))?;
            let replicas = scale.integer(&["spec", "replicas"]).unwrap_or(0);
            if cx.resource.custom.is_none() {
                refuse_negative(cx, replicas)?;
            }
            let mut object = old.clone();
            if applied.names_version() {
                let version = scale.resource_version().to_owned();
                object.set(&["metadata", "resourceVersion"], version);
            }
            let is_exact = update::check_version(cx, registry, &mut object, old)?;
            object.set(&path, replicas);
            take_managers(cx, &mut object, old, &scale);
            Ok(Changed {
                object,
                is_exact: is_exact && applied.names_version(),
                is_tracked: true,
            })
        })
        .await
}

/// The scale of an object with those who own its replicas.
fn with_managers(cx: &Context<'_>, object: &Object) -> Object {
    let mut scale = scale_of(cx.resource, object);
    let entries = managed::of_object(object.managed_fields(), &Versions(cx.resource));
    scale.set_managed_fields(entries);
    let place = paths(cx.resource);
    if place.is_custom && object.get(&place.replicas()).is_none() {
        scale.set(&["spec", "replicas"], NO_REPLICAS);
    }
    scale
}

/// Gives an object those who own its replicas by its scale.
fn take_managers(cx: &Context<'_>, object: &mut Object, old: &Object, scale: &Object) {
    let places = Versions(cx.resource);
    let (of_scale, version) = (scale.managed_fields(), old.api_version());
    let entries = managed::to_object(old.managed_fields(), of_scale, &places, version);
    object.set_managed_fields(entries);
}

/// Where the versions of a resource's kind have the replicas.
struct Versions<'a>(&'a Resource);

impl managed::Places for Versions<'_> {
    fn replicas(&self, version: &str) -> Option<Vec<String>> {
        let resource = self.0;
        let owned = |path: &str| split(path).into_iter().map(str::to_owned).collect();
        let Some(custom) = &resource.custom else {
            let is_own = version == resource.group_version.to_string();
            return is_own.then(|| owned(&paths(resource).spec_replicas));
        };
        let of = GroupVersion::parse(version)?;
        let known = custom.reading.versions.get(&*of.version);
        let known = known.filter(|_| of.group == resource.group_version.group)?;
        let scale = known.scale.as_ref();
        let path = scale.and_then(|scale| scale["specReplicasPath"].as_str());
        Some(path.map(owned).unwrap_or_default())
    }
}

/// A scale, as a resource of its own.
fn face() -> Result<Arc<Resource>, ApiError> {
    let version = GroupVersion::new("autoscaling", "v1");
    let schema = tables::kind("autoscaling", "v1", "Scale")
        .ok_or_else(|| ApiError::internal("no schema of a scale"))?;
    Ok(Arc::new(Resource {
        group_version: version.clone(),
        plural: "scales".into(),
        singular: "scale".into(),
        kind: "Scale".into(),
        list_kind: "ScaleList".into(),
        is_namespaced: true,
        short_names: Vec::new(),
        categories: Vec::new(),
        verbs: Vec::new(),
        schema,
        subresources: Vec::new(),
        storage: GroupResource::new("autoscaling", "scales"),
        storage_version: version,
        storage_version_hash: "".into(),
        deprecation: "".into(),
        custom: None,
        empty: OnceLock::new(),
    }))
}

fn refuse_negative(cx: &Context<'_>, replicas: i64) -> Result<(), ApiError> {
    if replicas >= 0 {
        return Ok(());
    }
    let mut errors = FieldErrors::new();
    let spec = FieldPath::new("spec");
    errors.invalid(
        &spec.child("replicas"),
        &replicas.into(),
        "must be greater than or equal to 0",
    );
    Err(ApiError::invalid(
        &GroupVersionKind::new("autoscaling", "v1", "Scale"),
        cx.name,
        &errors,
    ))
}

fn answer(
    registry: &Registry,
    cx: &Context<'_>,
    request: &Request,
    object: &Object,
) -> Result<Response, ApiError> {
    let paths = paths(cx.resource);
    if paths.is_custom && object.get(&paths.replicas()).is_none() {
        return Err(ApiError::internal(format!(
            "the spec replicas field {:?} does not exist",
            paths.spec_replicas
        )));
    }
    let scale = scale_of(cx.resource, object);
    if request.form == Form::Object {
        return Ok(Response::json(200, scale.into_value().to_string()));
    }
    let body = table::render_one(registry, cx, request, &scale)?;
    Ok(Response::json(200, body))
}

/// Where a kind keeps what a scale shows.
struct Paths {
    spec_replicas: String,
    status_replicas: String,
    /// Where the selector stands; empty where there is none.
    selector: String,
    is_custom: bool,
}

impl Paths {
    fn replicas(&self) -> Vec<&str> {
        split(&self.spec_replicas)
    }
}

fn split(path: &str) -> Vec<&str> {
    path.trim_start_matches('.').split('.').collect()
}

fn paths(resource: &Resource) -> Paths {
    let scale = resource
        .custom
        .as_ref()
        .and_then(|custom| custom.scale.as_ref());
    let text = |name: &str| {
        scale
            .and_then(|scale| scale.get(name))
            .and_then(Value::as_str)
            .unwrap_or("")
            .to_owned()
    };
    match scale {
        Some(_) => Paths {
            spec_replicas: text("specReplicasPath"),
            status_replicas: text("statusReplicasPath"),
            selector: text("labelSelectorPath"),
            is_custom: true,
        },
        None => Paths {
            spec_replicas: ".spec.replicas".to_owned(),
            status_replicas: ".status.replicas".to_owned(),
            selector: ".spec.selector".to_owned(),
            is_custom: false,
        },
    }
}

/// Gives an object the replicas of a scale.
pub(in crate::registry) fn put(resource: &Resource, object: &mut Object, scale: &Object) {
    let replicas = scale.integer(&["spec", "replicas"]).unwrap_or(0);
    object.set(&paths(resource).replicas(), replicas);
}

/// The scale of an object.
pub(in crate::registry) fn scale_of(resource: &Resource, object: &Object) -> Object {
    let paths = paths(resource);
    let mut metadata = Map::new();
    for name in [
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "creationTimestamp",
    ] {
        if let Some(value) = object.get(&["metadata", name]) {
            metadata.insert(name.to_owned(), value.clone());
        }
    }
    let replicas = object.integer(&paths.replicas());
    let mut spec = Map::new();
    if let Some(replicas) = replicas.filter(|replicas| *replicas != 0) {
        spec.insert("replicas".to_owned(), replicas.into());
    }
    let mut status = Map::new();
    let current = object.integer(&split(&paths.status_replicas)).unwrap_or(0);
    status.insert("replicas".to_owned(), current.into());
    let selector = selector_text(&paths, object);
    if !selector.is_empty() {
        status.insert("selector".to_owned(), selector.into());
    }
    let scale = json!({
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": metadata,
        "spec": spec,
        "status": status,
    });
    Object::from_value(scale).unwrap_or_default()
}

/// The selector as text: custom resources keep it as such, built-in kinds as a `LabelSelector` or,
/// a replication controller, as a map.
fn selector_text(paths: &Paths, object: &Object) -> String {
    if paths.selector.is_empty() {
        return String::new();
    }
    match object.get(&split(&paths.selector)) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Object(map)) if map.values().all(Value::is_string) => {
            let labels = map
                .iter()
                .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)));
            LabelSelector::from_labels(labels).to_string()
        }
        Some(selector) => LabelSelector::from_json(Some(selector))
            .map(|selector| selector.to_string())
            .unwrap_or_default(),
        None => String::new(),
    }
}
