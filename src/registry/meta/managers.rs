//! Who writes which fields: `metadata.managedFields`, kept on every write.
//!
//! *Upstream:* `apiserver/pkg/endpoints/handlers/{create,update,patch}.go` (`FieldManager`).

use serde_json::Value;

use crate::admission::{Attributes, Chain};
use crate::error::ApiError;
use crate::object::quote::quoted;
use crate::object::{ManagedFields, Object};
use crate::patch::apply::{self, FieldSet, Writer};
use crate::registry::meta::forms::KindVersions;
use crate::registry::{Context, Registry, Strategy};
use crate::schema::{Schema, normalise};

/// The longest name of a manager.
const NAME_LENGTH_MAX: usize = 128;

/// Enters what a creation (`old` is the empty object), an update or a patch changes. Both states
/// are in the version of the request.
pub(crate) fn track(
    registry: &Registry,
    cx: &Context<'_>,
    old: &Object,
    new: &mut Object,
) -> Result<(), ApiError> {
    let strategy = registry.strategy(cx.resource);
    let ignored = ignored(cx, strategy);
    let update = |new: &mut Object| {
        with_writer(registry, cx, &ignored, |writer| {
            apply::update(old, new, &cx.resource.schema, writer)
        })
    };
    let Some(mut shown) = strategy.shown_to_managers(new) else {
        return update(new).map_err(ApiError::from);
    };
    update(&mut shown)?;
    new.set_managed_fields(shown.managed_fields().cloned());
    Ok(())
}

/// Enters what was sent of an object that is acted upon and never kept, of a kind of its own.
pub(crate) fn enter(
    registry: &Registry,
    cx: &Context<'_>,
    object: &mut Object,
    (schema, api_version): (&Schema, &str),
) {
    let nothing = FieldSet::default();
    let mut empty = Object::default();
    normalise::apply(empty.as_map_mut(), schema);
    with_writer(registry, cx, &nothing, |writer| {
        let writer = Writer {
            api_version,
            ..*writer
        };
        // Nobody else has written to it, so there is nothing to convert.
        let _ = apply::update(&empty, object, schema, &writer);
    });
}

/// Calls with the writer that a request names.
pub(crate) fn with_writer<T>(
    registry: &Registry,
    cx: &Context<'_>,
    ignored: &FieldSet<'_>,
    call: impl FnOnce(&Writer<'_>) -> T,
) -> T {
    let name = name(cx);
    let api_version = cx.resource.group_version.to_string();
    let nothing = FieldSet::default();
    let versions = KindVersions {
        registry,
        cx,
        resource: cx.resource,
    };
    call(&Writer {
        name: &name,
        api_version: &api_version,
        subresource: cx.subresource,
        now: cx.now,
        ignored,
        ignored_elsewhere: match (&cx.resource.custom, cx.subresource) {
            // Upstream knows of a custom resource only what its own version resets.
            (Some(_), "") => &nothing,
            _ => ignored,
        },
        versions: &versions,
    })
}

/// `fieldManager`, or what the client calls itself.
fn name(cx: &Context<'_>) -> String {
    if !cx.field_manager.is_empty() {
        return cx.field_manager.to_owned();
    }
    let mut name = String::new();
    let agent = cx.user_agent.split('/').next().unwrap_or_default();
    for c in agent.chars().filter(|c| !c.is_control()) {
        if name.len() + c.len_utf8() > NAME_LENGTH_MAX {
            break;
        }
        name.push(c);
    }
    name
}

/// The fields that a face of the resource resets, so that writing them there owns nothing.
pub(crate) fn ignored(cx: &Context<'_>, strategy: &dyn Strategy) -> FieldSet<'static> {
    let mut set = match cx.subresource {
        "" if cx.resource.subresource("status").is_some() => FieldSet::of_field("status"),
        "status" => FieldSet::of_field("spec"),
        _ => FieldSet::default(),
    };
    if cx.resource.custom.is_some() && cx.subresource == "status" {
        set.insert_field("metadata");
    }
    for field in strategy.resets(cx.subresource) {
        set.insert_field(field);
    }
    set
}

/// Lets admission change an object; managers that make no sense afterwards are as they were.
///
/// *Upstream:* `apiserver/pkg/endpoints/handlers/fieldmanager/admission.go`.
pub(crate) async fn guarded(
    cx: &Context<'_>,
    admission: &Chain,
    write: &Attributes<'_>,
    object: &mut Object,
) -> Result<(), ApiError> {
    let before = object.managed_fields().cloned();
    admission.mutate(write, Some(&mut *object)).await?;
    let after = object.managed_fields();
    if after == before.as_ref() {
        return Ok(());
    }
    let entries = after.map(ManagedFields::to_value).unwrap_or_default();
    if let Some(why) = wrong(entries.as_array().map_or(&[], Vec::as_slice)) {
        object.set_managed_fields(before);
        cx.warn(format!(
            ".metadata.managedFields was in an invalid state after admission; this could be \
             caused by an outdated mutating admission controller; please fix your requests: {why}"
        ));
    }
    Ok(())
}

/// What is wrong with managers, if anything.
fn wrong(entries: &[Value]) -> Option<String> {
    entries.iter().enumerate().find_map(|(index, entry)| {
        let text = |name: &str| entry[name].as_str().unwrap_or("");
        if !matches!(text("operation"), "Apply" | "Update") {
            return Some("operation must be `Apply` or `Update`".to_owned());
        }
        if text("apiVersion").is_empty() {
            return Some("apiVersion must not be empty".to_owned());
        }
        match text("fieldsType") {
            "FieldsV1" => None,
            "" => Some(format!(
                "missing fieldsType in managed fields entry {index}"
            )),
            other => Some(format!(
                "invalid fieldsType {} in managed fields entry {index}",
                quoted(other)
            )),
        }
    })
}
