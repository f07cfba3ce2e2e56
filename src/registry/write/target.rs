//! What admission is told of a write, and how it brings objects from one version into another.

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};

use super::Changed;
use super::questions::Questions;
use crate::admission::{Attributes, Change, Forms, Ledger, Notes, Operation};
use crate::error::{ApiError, Reason};
use crate::object::{GroupVersionKind, Key, Object};
use crate::registry::custom::reading;
use crate::registry::delete_options::Propagation;
use crate::registry::request;
use crate::registry::request::FieldValidation;
use crate::registry::{Context, DeleteOptions, Options, Registry, Verb, decode, shape};
use crate::schema::Resource;

/// The part of a write's attributes that lives as long as the write.
pub(super) struct Target<'a> {
    registry: &'a Registry,
    cx: &'a Context<'a>,
    questions: Questions<'a>,
    operation: Operation,
    name: String,
    deletion: Option<&'a DeleteOptions>,
}

impl<'a> Target<'a> {
    pub(super) fn new(
        registry: &'a Registry,
        cx: &'a Context<'a>,
        operation: Operation,
        name: &str,
    ) -> Self {
        Self {
            registry,
            cx,
            questions: Questions::new(&cx.access.authorizer, cx.reader),
            operation,
            name: name.to_owned(),
            deletion: None,
        }
    }

    /// The same for a deletion with these options.
    pub(super) fn with_deletion(mut self, options: &'a DeleteOptions) -> Self {
        self.deletion = Some(options);
        self
    }

    pub(super) fn as_attributes<'t>(&'t self, old: Option<&'t Object>) -> Attributes<'t> {
        let cx = self.cx;
        let is_namespace =
            cx.resource.plural == "namespaces" && cx.resource.group_version.group.is_empty();
        Attributes {
            operation: self.operation,
            resource: cx.resource,
            subresource: cx.subresource,
            // A namespace counts as being in itself.
            namespace: if is_namespace {
                &self.name
            } else {
                cx.namespace
            },
            name: &self.name,
            old,
            is_dry_run: cx.is_dry_run || self.deletion.is_some_and(|options| options.is_dry_run),
            user: cx.user,
            reader: cx.reader,
            catalog: cx.catalog,
            now: cx.now,
            entropy: cx.entropy,
            forms: self,
            rights: &self.questions,
            ledger: self,
            webhooks: &self.registry.webhooks,
            notes: Notes {
                warnings: &cx.warnings,
                annotations: &cx.annotations,
            },
        }
    }
}

impl Forms for Target<'_> {
    fn to_served<'a>(
        &'a self,
        resource: &'a Resource,
        object: &'a Object,
    ) -> BoxFuture<'a, Result<Object, ApiError>> {
        async move {
            let object = object.clone();
            if let Some(custom) = &resource.custom {
                return reading::in_version(resource, custom, object).await;
            }
            Ok(self.registry.to_served(resource, object))
        }
        .boxed()
    }

    fn to_stored<'a>(
        &'a self,
        resource: &'a Resource,
        object: Object,
    ) -> BoxFuture<'a, Result<Object, ApiError>> {
        async move {
            // A custom resource is handled in the version of the request.
            let asked = self.cx.resource;
            match &asked.custom {
                Some(custom) => reading::in_version(asked, custom, object).await,
                None => Ok(self.registry.to_hub(resource, object)),
            }
        }
        .boxed()
    }

    fn decode(
        &self,
        resource: &Resource,
        subresource: &str,
        value: Value,
        is_strict: bool,
    ) -> Result<Object, String> {
        let face = resource.subresource(subresource);
        let face = face.and_then(|face| Some((face.kind.clone(), face.schema.clone()?)));
        let own: GroupVersionKind = resource.group_version_kind();
        let is_own = face.as_ref().is_none_or(|(kind, _)| *kind == own);
        let (expected, schema) = face.unwrap_or_else(|| (own, resource.schema.clone()));
        let target = decode::Target {
            expected: &expected,
            schema: &schema,
        };
        let text = value.to_string();
        let decoded = decode::decode("application/json", text.as_bytes(), target);
        let decoded = decoded.map_err(|error| {
            // The decoder's own words, without what a request's body is told around them.
            let around = format!("cannot be handled as a {}: ", expected.kind);
            let message = error.message();
            let own = message.split_once(&around).map_or(message, |(_, own)| own);
            own.to_owned()
        })?;
        let reports = decoded.strict.reports();
        if is_strict && !reports.is_empty() {
            return Err(format!("strict decoding error: {}", reports.join(", ")));
        }
        let mut object = decoded.object;
        if is_own {
            let strategy = self.registry.strategy(resource);
            shape::in_version(resource, strategy, self.cx.now, &mut object);
        }
        Ok(object)
    }

    fn options(&self) -> Value {
        let kind = match self.operation {
            Operation::Create => "CreateOptions",
            Operation::Update => "UpdateOptions",
            Operation::Delete => "DeleteOptions",
            Operation::Connect => return Value::Null,
        };
        let mut out = Map::new();
        out.insert("kind".to_owned(), kind.into());
        out.insert("apiVersion".to_owned(), "meta.k8s.io/v1".into());
        if self.cx.is_dry_run || self.deletion.is_some_and(|options| options.is_dry_run) {
            out.insert("dryRun".to_owned(), json!(["All"]));
        }
        if let Some(options) = self.deletion {
            add_deletion(&mut out, options);
            return Value::Object(out);
        }
        if !self.cx.field_manager.is_empty() {
            out.insert("fieldManager".to_owned(), self.cx.field_manager.into());
        }
        let validation = match self.cx.field_validation {
            FieldValidation::Strict => Some("Strict"),
            FieldValidation::Ignore => Some("Ignore"),
            FieldValidation::Warn => None,
        };
        if let Some(validation) = validation {
            out.insert("fieldValidation".to_owned(), validation.into());
        }
        Value::Object(out)
    }
}

impl Ledger for Target<'_> {
    fn charge<'a>(
        &'a self,
        quota: &'a Key,
        change: Change<'a>,
    ) -> BoxFuture<'a, Result<(), ApiError>> {
        async move {
            let registry = self.registry;
            let target = request::Target {
                version: "v1".to_owned(),
                namespace: quota.namespace().to_owned(),
                resource: "resourcequotas".to_owned(),
                name: quota.name().to_owned(),
                subresource: "status".to_owned(),
                ..request::Target::default()
            };
            let request = Registry::own_request(Verb::Update, target, Bytes::new());
            let resource = registry.catalog.resource("", "v1", "resourcequotas");
            let resource = resource.ok_or_else(ApiError::path_not_found)?;
            let options = Options::default();
            let cx = registry.context(&request, &resource, &options);
            let mut make = |old: &Object| {
                let object = change(old)?.unwrap_or_else(|| old.clone());
                Ok(Changed {
                    object,
                    is_exact: false,
                    is_tracked: false,
                })
            };
            registry.update_object(&cx, quota, &mut make).await?;
            Ok(())
        }
        .boxed()
    }

    fn provide_namespace<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), ApiError>> {
        async move {
            let target = request::Target {
                version: "v1".to_owned(),
                resource: "namespaces".to_owned(),
                ..request::Target::default()
            };
            let body = serde_json::json!({
                "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name},
            });
            let body = Bytes::from(body.to_string());
            let request = Registry::own_request(Verb::Create, target, body);
            match self.registry.handle(&request).await {
                Err(error) if error.reason() != Reason::AlreadyExists => Err(error),
                _ => Ok(()),
            }
        }
        .boxed()
    }
}

fn add_deletion(out: &mut Map<String, Value>, options: &DeleteOptions) {
    if let Some(seconds) = options.grace_seconds {
        out.insert("gracePeriodSeconds".to_owned(), seconds.into());
    }
    let mut preconditions = Map::new();
    if let Some(uid) = &options.uid {
        preconditions.insert("uid".to_owned(), uid.as_str().into());
    }
    if let Some(version) = &options.resource_version {
        preconditions.insert("resourceVersion".to_owned(), version.as_str().into());
    }
    if !preconditions.is_empty() {
        out.insert("preconditions".to_owned(), preconditions.into());
    }
    let policy = match options.propagation {
        Some(Propagation::Background) => "Background",
        Some(Propagation::Foreground) => "Foreground",
        Some(Propagation::Orphan) => "Orphan",
        _ => return,
    };
    out.insert("propagationPolicy".to_owned(), policy.into());
}

impl Registry {
    /// Asks admission about an object that is acted upon and never stored, of the face or the
    /// resource that a request is made to.
    pub async fn admit(
        &self,
        cx: &Context<'_>,
        operation: Operation,
        object: &mut Object,
    ) -> Result<(), ApiError> {
        let name = if cx.name.is_empty() {
            object.name()
        } else {
            cx.name
        };
        let write = Target::new(self, cx, operation, name);
        let write = write.as_attributes(None);
        self.admission.mutate(&write, Some(&mut *object)).await?;
        self.admission.validate(&write, Some(object)).await
    }
}
