//! PUT of a whole object.
//!
//! *Upstream:* `apiserver/pkg/endpoints/handlers/update.go`,
//! `apiserver/pkg/registry/generic/registry/store.go` (`Update`).

use crate::error::{ApiError, FieldErrors, Reason};
use crate::object::quote::quoted;
use crate::object::{FieldPath, GroupVersionKind, Object};
use crate::registry::meta::storage_path;
use crate::registry::write::Changed;
use crate::registry::{Context, Registry, Request, Response, decode, interpret, shape};

use super::create::set_namespace;

/// Replaces an object, or creates it where its kind allows that, and answers with it.
pub(crate) async fn update(
    registry: &Registry,
    cx: &Context<'_>,
    request: &Request,
) -> Result<Response, ApiError> {
    let mut object = decode::object(cx, request)?;
    set_namespace(cx, &mut object)?;
    check_name(cx, &object)?;
    shape::decoded(cx, registry.strategy(cx.resource), &mut object);
    let mut object = registry.to_hub(cx.resource, object);
    let key = cx.key()?;
    let strategy = registry.strategy(cx.resource);
    let is_there = registry.reader.get(&cx.resource.storage, &key).is_some();
    if !is_there && strategy.creates_on_update() && cx.subresource.is_empty() {
        return create(registry, cx, request, object).await;
    }
    // What is meant for just one state of the object is made of it once.
    let is_once = cx.resource.custom.is_none() && parse_version(&object).is_ok_and(|at| at != 0);
    let written = registry
        .update_object(cx, &key, &mut |old| {
            let mut object = if is_once {
                std::mem::take(&mut object)
            } else {
                object.clone()
            };
            check_uid(cx, &object, old)?;
            let is_exact = check_version(cx, registry, &mut object, old)?;
            if !is_exact {
                // Admission sees what was sent; the version comes after it.
                object.metadata_mut().remove("resourceVersion");
            }
            Ok(Changed {
                object,
                is_exact,
                is_tracked: false,
            })
        })
        .await?;
    registry.answer_written(cx, request, 200, written).await
}

/// Creates an object by PUT; one that names a uid or version means an object that is gone.
async fn create(
    registry: &Registry,
    cx: &Context<'_>,
    request: &Request,
    mut object: Object,
) -> Result<Response, ApiError> {
    if !object.uid().is_empty() {
        let resource = cx.resource.group_resource();
        let why = uid_precondition(cx, object.uid(), "");
        return Err(ApiError::conflict(&resource, cx.name, &why));
    }
    registry.check_may_create(cx).await?;
    // A version is forgotten here, where POST refuses it; what is none is not.
    parse_version(&object)?;
    object.remove(&["metadata", "resourceVersion"]);
    let written = registry.create_object(cx, object).await?;
    registry.answer_written(cx, request, 201, written).await
}

/// The name in the body must be that of the path.
pub(crate) fn check_name(cx: &Context<'_>, object: &Object) -> Result<(), ApiError> {
    match object.name() {
        "" => Err(ApiError::bad_request(format!(
            "the name of the object ({} based on URL) was undeterminable: name must be provided",
            cx.name
        ))),
        name if name != cx.name => Err(ApiError::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            cx.name
        ))),
        _ => Ok(()),
    }
}

/// A uid in the body is a precondition.
pub(crate) fn check_uid(cx: &Context<'_>, object: &Object, old: &Object) -> Result<(), ApiError> {
    let asked = object.uid();
    if asked.is_empty() || asked == old.uid() {
        return Ok(());
    }
    let why = uid_precondition(cx, asked, old.uid());
    Err(ApiError::conflict(
        &cx.resource.group_resource(),
        cx.name,
        &why,
    ))
}

/// Upstream's words for a uid that does not hold, with the key that etcd would have.
fn uid_precondition(cx: &Context<'_>, asked: &str, found: &str) -> String {
    let key = storage_path::of(cx.resource, cx.namespace, cx.name);
    // A dry run never gets as far as the root of all keys.
    let root = if cx.is_dry_run { "" } else { "/registry" };
    format!(
        "StorageError: invalid object, Code: 4, Key: {root}{key}, ResourceVersion: 0, \
         AdditionalErrorMsg: Precondition failed: UID in precondition: {asked}, UID in object \
         meta: {found}"
    )
}

/// Checks the version in the body and sets it; whether it was named there.
pub(crate) fn check_version(
    cx: &Context<'_>,
    registry: &Registry,
    object: &mut Object,
    old: &Object,
) -> Result<bool, ApiError> {
    let resource = cx.resource.group_resource();
    let asked = parse_version(object)?;
    if asked == 0 {
        if registry.strategy(cx.resource).updates_unconditionally() {
            let version = old.resource_version().to_owned();
            object.set(&["metadata", "resourceVersion"], version);
            return Ok(false);
        }
        let mut errors = FieldErrors::new();
        errors.invalid_text(
            &FieldPath::new("metadata").child("resourceVersion"),
            "0",
            "must be specified for an update",
        );
        // Upstream names the resource where it names the kind elsewhere.
        let kind = GroupVersionKind::new(&resource.group, "", &resource.resource);
        return Err(ApiError::invalid(&kind, cx.name, &errors));
    }
    if asked.to_string() != old.resource_version() {
        return Err(ApiError::conflict(&resource, cx.name, interpret::MODIFIED));
    }
    Ok(true)
}

/// The version that a body names; 0 where it names none.
pub(super) fn parse_version(object: &Object) -> Result<u64, ApiError> {
    let text = object.resource_version();
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().map_err(|_| {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        let why = if is_number {
            "value out of range"
        } else {
            "invalid syntax"
        };
        let message = format!("strconv.ParseUint: parsing {}: {why}", quoted(text));
        ApiError::new(Reason::Unknown, message)
    })
}
