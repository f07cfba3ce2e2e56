//! PATCH of an object in part.
//!
//! *Upstream:* `apiserver/pkg/endpoints/handlers/patch.go`.

use serde_json::Value;

use super::apply;
use super::create::set_namespace;
use super::update::{check_name, check_version};
use crate::error::{ApiError, Details, FieldErrors, Reason};
use crate::object::{FieldPath, GroupVersionKind, Object};
use crate::patch::{self, go_print};
use crate::registry::request::FieldValidation;
use crate::registry::write::Changed;
use crate::registry::{Context, Registry, Request, Response, decode, options, shape};

/// Changes an object in part and answers with it.
pub(crate) async fn patch(
    registry: &Registry,
    cx: &Context<'_>,
    request: &Request,
) -> Result<Response, ApiError> {
    if request.content_type == "application/apply-patch+yaml" {
        let force = options::bool_parameter(request, "force")?.unwrap_or(false);
        return apply::apply(registry, cx, request, force).await;
    }
    let patch = Patch::of(cx, request)?;
    let key = cx.key()?;
    let written = registry
        .update_object(cx, &key, &mut |old| {
            let served = || registry.to_served(cx.resource, old.clone());
            let expected = cx.resource.group_version_kind();
            let target = decode::Target {
                expected: &expected,
                schema: &cx.resource.schema,
            };
            let mut object = patch.apply(cx, &served, target)?;
            set_namespace(cx, &mut object)?;
            check_name(cx, &object)?;
            shape::decoded(cx, registry.strategy(cx.resource), &mut object);
            let mut object = registry.to_hub(cx.resource, object);
            let is_exact = check_version(cx, registry, &mut object, old)?;
            // The version comes along from the old object unless the patch names one, so a race is
            // settled by patching anew.
            Ok(Changed {
                object,
                is_exact: is_exact && patch.names_version(),
                is_tracked: false,
            })
        })
        .await?;
    registry.answer_written(cx, request, 200, written).await
}

/// A patch on its way to an object.
pub(crate) struct Patch {
    /// What it changes; or why it changes nothing, which is said only where there is an object.
    change: Result<patch::Patch, patch::Error>,
    /// Fields that stand in the patch twice.
    duplicates: Vec<String>,
    /// The patch as sent.
    body: Value,
    /// Whether a list is taken for what the object becomes, rather than refused as no patch.
    replaces: bool,
}

impl Patch {
    /// The patch in a request's body, by its media type.
    pub(crate) fn of(cx: &Context<'_>, request: &Request) -> Result<Self, ApiError> {
        let is_custom = cx.resource.custom.is_some();
        let make: fn(Value) -> Result<patch::Patch, patch::Error> =
            match request.content_type.as_str() {
                "application/json-patch+json" => patch::Patch::json,
                "application/merge-patch+json" => patch::Patch::merge,
                "application/strategic-merge-patch+json" if !is_custom => patch::Patch::strategic,
                "application/strategic-merge-patch+json" => return Err(unknown_format()),
                _ => return Err(unsupported()),
            };
        let is_textual = request.content_type != "application/strategic-merge-patch+json";
        let is_ignoring = cx.field_validation == FieldValidation::Ignore;
        let of_text = |text: &[u8]| {
            let schema = &cx.resource.schema;
            let read = if request.content_type == "application/json-patch+json" && !is_ignoring {
                decode::operations(text, schema)
            } else {
                decode::any(text, schema, is_textual)
            };
            read.map_err(|_| ApiError::bad_request("invalid JSON patch"))
        };
        let read = match request.tree.take_value().map(decode::Read::at_hand) {
            None => of_text(&request.body)?,
            Some(Ok(read)) => read,
            Some(Err(value)) => of_text(value.to_string().as_bytes())?,
        };
        let body = read.value;
        let mut change = make(body.clone());
        if let (Ok(_), Some(error)) = (&change, read.error) {
            // Differs: where fields are not validated, upstream reads no numbers of a patch of text
            // before they are part of an object.
            let before = if is_textual {
                "error decoding patch: "
            } else {
                ""
            };
            change = Err(patch::Error::Malformed(format!("{before}{error}")));
        }
        if is_ignoring {
            change = change.map_err(|error| carelessly(error, &request.content_type));
        }
        Ok(Self {
            change,
            duplicates: read.reports,
            body,
            replaces: cx.field_validation == FieldValidation::Ignore
                && request.content_type == "application/merge-patch+json",
        })
    }

    /// Whether it says which version of the object it is meant for.
    fn names_version(&self) -> bool {
        self.change.as_ref().is_ok_and(patch::Patch::names_version)
    }

    /// What is said of a text that lost its `apiVersion`: upstream reads it into a struct whose
    /// fields have other names, and misses the object's name.
    fn without_version(
        &self,
        cx: &Context<'_>,
        patched: &Value,
        target: decode::Target<'_>,
    ) -> Option<ApiError> {
        let map = patched.as_object()?;
        let is_none = |field: &str| match map.get(field) {
            None | Some(Value::Null) => true,
            Some(value) => value == "",
        };
        let is_own_kind = is_none("kind") || *map.get("kind")? == *target.expected.kind;
        let is_textual = !matches!(self.change, Ok(patch::Patch::Strategic(_)));
        let is_built_in = cx.resource.custom.is_none();
        if !is_textual || !is_built_in || !is_own_kind || !is_none("apiVersion") {
            return None;
        }
        let unknown: Vec<String> = map
            .keys()
            .filter(|name| !matches!(name.as_str(), "apiVersion" | "kind"))
            .map(|name| format!("unknown field \"{name}\""))
            .collect();
        if cx.field_validation == FieldValidation::Warn {
            for line in &unknown {
                cx.warn(line.as_str());
            }
        }
        if cx.field_validation == FieldValidation::Strict {
            let why = format!("strict decoding error: {}", unknown.join(", "));
            return Some(invalid(&patched.to_string(), &why));
        }
        Some(ApiError::bad_request(format!(
            "the name of the object ({} based on URL) was undeterminable: name must be provided",
            cx.name
        )))
    }

    /// The strategic merge patch as a complaint about it shows it.
    fn shown(&self) -> String {
        go_print(&patch::merged(&self.body))
    }

    /// The object that the patch makes of `current`, both in the served version, decoded and
    /// checked for unknown fields.
    pub(crate) fn apply(
        &self,
        cx: &Context<'_>,
        current: &dyn Fn() -> Object,
        target: decode::Target<'_>,
    ) -> Result<Object, ApiError> {
        if self.replaces && self.body.is_array() {
            let text = without_nulls(self.body.clone()).to_string();
            let decoded = decode::patched(cx, Value::Null, || text.clone(), target, &[]);
            return decoded.map_err(|why| invalid(&text, &why));
        }
        let change = self
            .change
            .as_ref()
            .map_err(|error| to_api_error(error.clone()))?;
        let patch = |object: Object| change.apply(object, target.schema);
        let mut object = current();
        let managed_fields = object.managed_fields().cloned();
        let sees_them = change.may_see_managed_fields();
        if !sees_them {
            object.set_managed_fields(None);
        }
        let mut patched = patch(object).map_err(to_api_error)?;
        if let patch::Patch::Strategic(_) = change {
            patch::restore(target.schema, &mut patched)
                .map_err(|why| invalid(&self.shown(), &why))?;
            // The converter goes by the kind of the path, whatever the patch calls it.
            let (version, kind) = (&target.expected.group_version, &target.expected.kind);
            for (field, own) in [
                ("apiVersion", version.to_string()),
                ("kind", kind.to_string()),
            ] {
                if patched.get(field).is_none_or(Value::is_string) {
                    patched[field] = own.into();
                }
            }
        }
        // Made again where it is needed, which is where the patch is refused.
        let text = || patch(current()).unwrap_or_default().to_string();
        if let Some(error) = self.without_version(cx, &patched, target) {
            return Err(error);
        }
        let refused = |why: String| match change {
            patch::Patch::Strategic(_) => invalid(&self.shown(), &patch::converter_words(&why)),
            _ => invalid(&text(), &why),
        };
        let mut object =
            decode::patched(cx, patched, text, target, &self.duplicates).map_err(refused)?;
        if !sees_them {
            object.set_managed_fields(managed_fields);
        }
        Ok(object)
    }
}

/// A patch is not decoded beforehand where faults are passed over, and is refused later, in the
/// words of who applies it.
fn carelessly(error: patch::Error, content_type: &str) -> patch::Error {
    let patch::Error::Malformed(why) = error else {
        return error;
    };
    patch::Error::Malformed(match why.strip_prefix("error decoding patch: ") {
        Some(_) if content_type == "application/merge-patch+json" => {
            "Invalid JSON Patch".to_owned()
        }
        Some(why) => why
            .replace("[]handlers.jsonPatchOp", "jsonpatch.Patch")
            .replace("handlers.jsonPatchOp", "jsonpatch.Operation"),
        None => why,
    })
}

/// A value without the fields that are null.
fn without_nulls(mut value: Value) -> Value {
    match &mut value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            for value in map.values_mut() {
                *value = without_nulls(value.take());
            }
        }
        Value::Array(items) => {
            for item in items {
                *item = without_nulls(item.take());
            }
        }
        _ => {}
    }
    value
}

/// The 422 of a patch whose result is no object of the kind.
fn invalid(shown: &str, why: &str) -> ApiError {
    let mut errors = FieldErrors::new();
    errors.invalid(&FieldPath::new("patch"), &shown.into(), why);
    ApiError::invalid(&GroupVersionKind::new("", "", ""), "", &errors)
}

/// What a client reads of a patch that does not apply.
fn to_api_error(error: patch::Error) -> ApiError {
    match error {
        patch::Error::Malformed(why) => ApiError::bad_request(why),
        patch::Error::TooLarge(why) => ApiError::new(
            Reason::RequestEntityTooLarge,
            format!("Request entity too large: {why}"),
        ),
        patch::Error::Unfit(why) => ApiError::new(
            Reason::Invalid,
            "the server rejected our request due to an error in our request",
        )
        .with_details(Details::default())
        .with_cause(why),
        patch::Error::Failed(why) => ApiError::new(Reason::Unknown, why),
    }
}

/// The 415 of a media type that no resource takes for a patch.
fn unsupported() -> ApiError {
    ApiError::unsupported_media_type("415: Unsupported Media Type").with_details(Details::default())
}

/// The 415 of a media type that custom resources do not take.
fn unknown_format() -> ApiError {
    ApiError::unsupported_media_type(
        "the body of the request was in an unknown format - accepted media types include: \
         application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
    )
}
