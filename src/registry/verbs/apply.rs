//! Server-side apply: PATCH with an object to be merged, field by field, by who owns what.
//!
//! *Upstream:* `apiserver/pkg/endpoints/handlers/patch.go` (`applyPatcher`),
//! `apimachinery/pkg/util/managedfields/internal/structuredmerge.go`.

use serde_json::{Map, Value};

use super::create::set_namespace;
use super::update::{check_name, check_version, parse_version};
use crate::error::{ApiError, Cause, Details, Reason};
use crate::object::yaml::{self, Document};
use crate::object::{GroupVersion, Object};
use crate::patch;
use crate::patch::apply::{self, ApplyError, Conflicts, Pending};
use crate::registry::meta::{forms, managers};
use crate::registry::request::FieldValidation;
use crate::registry::write::Changed;
use crate::registry::{Context, Registry, Request, Response, decode, shape};

/// Applies an object, which is created where it is not there, and answers with it.
pub(crate) async fn apply(
    registry: &Registry,
    cx: &Context<'_>,
    request: &Request,
    force: bool,
) -> Result<Response, ApiError> {
    let applied = Applied::of(request)?;
    let key = cx.key()?;
    let is_there = registry.reader.get(&cx.resource.storage, &key).is_some();
    if !is_there && cx.subresource.is_empty() {
        return create(registry, cx, request, &applied, force).await;
    }
    let written = registry
        .update_object(cx, &key, &mut |old| {
            let served = registry.as_served(cx.resource, old);
            let mut object = applied.over(registry, cx, &served, force)?;
            let is_exact = check_version(cx, registry, &mut object, old)?;
            Ok(Changed {
                object,
                is_exact: is_exact && applied.names_version(),
                is_tracked: true,
            })
        })
        .await?;
    registry.answer_written(cx, request, 200, written).await
}

async fn create(
    registry: &Registry,
    cx: &Context<'_>,
    request: &Request,
    applied: &Applied,
    force: bool,
) -> Result<Response, ApiError> {
    let empty = cx.resource.empty();
    let over = &mut || applied.over(registry, cx, empty, force);
    let mut object = registry.when_converted(cx, over).await?;
    if !object.uid().is_empty() {
        let why = format!(
            "uid mismatch: the provided object specified uid {}, and no existing object was found",
            object.uid()
        );
        let resource = cx.resource.group_resource();
        return Err(ApiError::conflict(&resource, cx.name, &why));
    }
    parse_version(&object)?;
    // What is only tried never comes to where versions are set.
    if !cx.is_dry_run {
        object.remove(&["metadata", "resourceVersion"]);
    }
    registry.check_may_create(cx).await?;
    let written = registry.create_tracked(cx, object).await?;
    registry.answer_written(cx, request, 201, written).await
}

/// The object that is applied.
pub(crate) struct Applied {
    document: Document,
    fields: Map<String, Value>,
}

impl Applied {
    /// The object in a request's body.
    pub(crate) fn of(request: &Request) -> Result<Self, ApiError> {
        let document = yaml::first_document(&request.body).map_err(|error| {
            // What looks like JSON is taken for it, and read as YAML only later.
            let is_json = request.body.trim_ascii_start().starts_with(b"{");
            ApiError::bad_request(if is_json {
                format!("error decoding patch: error converting YAML to JSON: {error}")
            } else {
                format!("error encoding patch: {error}")
            })
        })?;
        let fields = match &document.value {
            Value::Object(map) => map.clone(),
            Value::Null => Map::new(),
            other => {
                let found = crate::object::json::go_name(other);
                return Err(ApiError::bad_request(format!(
                    "error decoding patch: error unmarshaling JSON: while decoding JSON: json: \
                     cannot unmarshal {found} into Go value of type map[string]interface {{}}"
                )));
            }
        };
        Ok(Self { document, fields })
    }

    fn text(&self, path: &[&str]) -> &str {
        let value = path
            .iter()
            .try_fold(None, |value: Option<&Value>, name| match value {
                None => self.fields.get(*name).map(Some),
                Some(value) => value.get(*name).map(Some),
            });
        value.flatten().and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether it says which version of the live object it is meant for.
    pub(crate) fn names_version(&self) -> bool {
        !self.text(&["metadata", "resourceVersion"]).is_empty()
    }

    /// The object over a live one of the served version; in the version it is stored in.
    pub(crate) fn over(
        &self,
        registry: &Registry,
        cx: &Context<'_>,
        live: &Object,
        force: bool,
    ) -> Result<Object, ApiError> {
        self.check_kind(cx)?;
        let metadata = self.fields.get("metadata");
        let managed = metadata.and_then(|metadata| metadata.get("managedFields"));
        if managed.is_some_and(|managed| !managed.is_null()) {
            return Err(ApiError::bad_request("metadata.managedFields must be nil"));
        }
        let resource = cx.resource;
        let ignored = managers::ignored(cx, registry.strategy(cx.resource));
        let merge = || {
            managers::with_writer(registry, cx, &ignored, |writer| {
                let (schema, empty) = (&resource.schema, resource.empty());
                apply::apply(live, &self.fields, empty, schema, writer, force)
            })
        };
        let merged = merge().map_err(|error| self.refused(cx, error))?;
        self.report_duplicates(cx)?;
        let again = || merge().unwrap_or_default();
        let mut object = self.typed(cx, merged, again)?;
        set_namespace(cx, &mut object)?;
        check_name(cx, &object)?;
        shape::applied(cx, registry.strategy(cx.resource), &mut object);
        Ok(registry.to_hub(cx.resource, object))
    }

    /// The kind must be that of the path, and be said.
    pub(crate) fn check_kind(&self, cx: &Context<'_>) -> Result<(), ApiError> {
        let api_version = self.text(&["apiVersion"]);
        let kind = self.text(&["kind"]);
        let expected = cx.resource.group_version_kind();
        let own = GroupVersion::parse(api_version);
        if own.as_ref() == Some(&expected.group_version) && *kind == *expected.kind {
            return Ok(());
        }
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let (group, version, kind) = match own {
            Some(_) => (group, version, kind),
            // A version that is none makes the kind none.
            None => ("", "", ""),
        };
        Err(ApiError::bad_request(format!(
            "invalid object type: {group}/{version}, Kind={kind}"
        )))
    }

    /// The merged object as one of its kind. It is made again where its text is needed.
    fn typed(
        &self,
        cx: &Context<'_>,
        mut merged: Object,
        again: impl FnOnce() -> Object,
    ) -> Result<Object, ApiError> {
        let managed_fields = merged.managed_fields().cloned();
        merged.set_managed_fields(None);
        let expected = cx.resource.group_version_kind();
        let target = decode::Target {
            expected: &expected,
            schema: &cx.resource.schema,
        };
        let mut said = None;
        let about = || self.about(cx);
        let decoded = if cx.resource.custom.is_some() {
            let text = merged.to_json();
            said = Some(merged);
            decode::decode("application/json", &text, target).map_err(|error| {
                let (about, why) = (about(), error.message());
                format!("failed to convert new typed object ({about}) to object: {why}")
            })
        } else {
            let mut tree = merged.into_value();
            let read = patch::restore(target.schema, &mut tree).and_then(|()| {
                let decoded = decode::of_tree(tree, || again().to_json(), target);
                decoded
                    .map_err(|error| patch::converter_words(decode::without_frame(error.message())))
            });
            read.map_err(|why| {
                let GroupVersion { group, version } = &expected.group_version;
                format!(
                    "failed to convert new object ({}) to proper version: unable to convert \
                     unstructured object to {group}/{version}, Kind={}: {why}",
                    about(),
                    expected.kind
                )
            })
        };
        let decoded = decoded.map_err(|why| ApiError::new(Reason::Unknown, why))?;
        let mut object = decoded.object;
        // Only metadata are read as a struct: nulls elsewhere are for validation to find.
        for (name, value) in said.iter().flat_map(Object::as_map) {
            if name != "metadata" {
                object.as_map_mut().insert(name.clone(), value.clone());
            }
        }
        object.set_managed_fields(managed_fields);
        Ok(object)
    }

    /// Namespace, name and kind, as messages name the applied object.
    fn about(&self, cx: &Context<'_>) -> String {
        let group_version = &cx.resource.group_version;
        format!(
            "{}/{}; {}/{}, Kind={}",
            self.text(&["metadata", "namespace"]),
            self.text(&["metadata", "name"]),
            group_version.group,
            group_version.version,
            cx.resource.kind
        )
    }

    fn refused(&self, cx: &Context<'_>, error: ApplyError) -> ApiError {
        match error {
            ApplyError::Conflicts(conflicts) => conflict(&conflicts),
            ApplyError::Failed(why) => forms::failed(why),
            ApplyError::Pending => Pending.into(),
            ApplyError::Untyped(why) => ApiError::new(
                Reason::Unknown,
                format!(
                    "failed to create typed patch object ({}): {why}",
                    self.about(cx)
                ),
            ),
        }
    }

    /// Fields that stand there twice.
    fn report_duplicates(&self, cx: &Context<'_>) -> Result<(), ApiError> {
        let Some(report) = self.document.duplicates() else {
            return Ok(());
        };
        match cx.field_validation {
            FieldValidation::Strict => Err(ApiError::bad_request(format!(
                "error strict decoding patch: error converting YAML to JSON: {report}"
            ))),
            FieldValidation::Warn => {
                for line in report.lines().skip(1) {
                    cx.warn(line.trim());
                }
                Ok(())
            }
            FieldValidation::Ignore => Ok(()),
        }
    }
}

/// The 409 of fields that others own.
fn conflict(conflicts: &Conflicts) -> ApiError {
    let causes = conflicts
        .iter()
        .map(|(manager, path)| Cause {
            reason: "FieldManagerConflict".to_owned(),
            message: format!("conflict with {manager}"),
            field: path.to_owned(),
        })
        .collect();
    ApiError::new(Reason::Conflict, conflicts.to_string()).with_details(Details {
        causes,
        ..Details::default()
    })
}
