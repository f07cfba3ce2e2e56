//! PATCH of an object in part.
//!
//! *Upstream:* `apiserver/pkg/endpoints/handlers/patch.go`.

use super::create::set_namespace;
use super::update::{check_name, check_version};
use crate::error::ApiError;
use crate::object::{Key, Object};
use crate::registry::write::Changed;
use crate::registry::{Context, Registry, Request, Response, shape};
use crate::schema::Schema;

/// Changes an object in part and answers with it.
pub(crate) async fn patch(
    registry: &Registry,
    cx: &Context<'_>,
    request: &Request,
) -> Result<Response, ApiError> {
    let patch = Patch::of(cx, request)?;
    let key = Key::new(cx.namespace, cx.name);
    let written = registry
        .update_object(cx, &key, &mut |old| {
            let served = registry.to_served(cx.resource, old.clone());
            let mut object = patch.apply(cx, &served, &cx.resource.schema)?;
            check_name(cx, &object)?;
            shape::decoded(cx.resource, registry.strategy(cx.resource), &mut object);
            let mut object = registry.to_storage(cx.resource, object);
            set_namespace(cx, &mut object)?;
            let is_exact = check_version(cx, registry, &mut object, old)?;
            // The version comes along from the old object unless the patch names one, so a race is
            // settled by patching anew.
            Ok(Changed {
                object,
                is_exact: is_exact && patch.names_version,
            })
        })
        .await?;
    registry.answer_written(cx, request, 200, written)
}

/// A patch on its way to an object.
pub(crate) struct Patch<'a> {
    request: &'a Request,
    /// Whether it names the version it is meant for.
    names_version: bool,
}

impl<'a> Patch<'a> {
    /// The patch in a request's body, by its media type.
    pub(crate) fn of(_cx: &Context<'_>, request: &'a Request) -> Result<Self, ApiError> {
        Ok(Self {
            request,
            names_version: false,
        })
    }

    /// The object that the patch makes of `current`, both in the served version, decoded and
    /// checked for unknown fields.
    pub(crate) fn apply(
        &self,
        _cx: &Context<'_>,
        _current: &Object,
        _schema: &Schema,
    ) -> Result<Object, ApiError> {
        Err(ApiError::not_implemented(&format!(
            "patches of type {}",
            self.request.content_type
        )))
    }
}
