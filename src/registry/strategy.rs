//! What may differ from kind to kind: one trait, every step with a default.
//!
//! The order of the steps is fixed by `write.rs` and the verbs; a kind supplies only the steps in
//! which it is special, in its own file under `resources/`.
//!
//! *Upstream:* `apiserver/pkg/registry/rest/{create,update,delete}.go`.

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::Value;

use super::delete_options::{DeleteOptions, Propagation};
use super::write::Beside;
use super::{Context, Request, Response};
use crate::error::{ApiError, FieldErrors};
use crate::object::quote::quoted;
use crate::object::{GroupVersion, Object};
use crate::schema::Resource;

/// How names of a kind's objects are checked (`apimachinery/pkg/api/validation/name.go`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NameRule {
    /// A DNS subdomain (RFC 1123), 253 characters.
    #[default]
    Subdomain,
    /// A DNS label (RFC 1123), 63 characters.
    Label,
    /// A DNS label that begins with a letter (RFC 1035).
    Label1035,
    /// A path segment: anything but `.`, `..`, `/` and `%` (RBAC).
    PathSegment,
    /// Checked by the strategy's own `validate_create`.
    Own,
}

/// What is special about a kind. The default is a kind with nothing special: schema only.
pub trait Strategy: Send + Sync {
    /// Fills in defaults that depend on other fields (constant ones come from the tables), in the
    /// version the request is made in. Runs on create, update and patch, before admission.
    fn default(&self, _object: &mut Object) {}

    /// Whether `default` must see the empty lists and maps that a client wrote, which mean nothing
    /// elsewhere.
    fn tells_empty_from_none(&self) -> bool {
        false
    }

    /// Fills in defaults that are the time of the request; runs with `default`.
    fn stamp(&self, _object: &mut Object, _now: Timestamp) {}

    /// Makes a new object what it must be at first: clears what clients may not set.
    /// `status` is cleared before this by the corridor where the resource has a status subresource
    /// and `keeps_status_on_create` is false.
    fn prepare_create(&self, _cx: &Context, _object: &mut Object) -> Result<(), ApiError> {
        Ok(())
    }

    /// Whether a new object keeps the status it was sent with.
    fn keeps_status_on_create(&self) -> bool {
        false
    }

    /// Whether a PUT or PATCH of the object itself may change its status, although it has a status
    /// face.
    fn writes_status_through_main(&self) -> bool {
        false
    }

    /// Brings a new state in order: restores what an update may not change silently. The corridor
    /// has restored `status` from `old` (or, for the status subresource, everything else) and
    /// counts the generation afterwards.
    fn prepare_update(
        &self,
        _cx: &Context,
        _object: &mut Object,
        _old: &Object,
    ) -> Result<(), ApiError> {
        Ok(())
    }

    /// Everything that is wrong with a new object beyond its metadata and schema.
    fn validate_create(&self, _cx: &Context, _object: &Object) -> FieldErrors {
        FieldErrors::new()
    }

    /// Everything that is wrong with a new state beyond its metadata and schema; `cx.subresource`
    /// says which face is being written.
    fn validate_update(&self, _cx: &Context, _object: &Object, _old: &Object) -> FieldErrors {
        FieldErrors::new()
    }

    /// The object as `managedFields` are computed from it, where that is not the object itself:
    /// with what upstream has defaulted by then, and here is filled in later.
    fn shown_to_managers(&self, _object: &Object) -> Option<Object> {
        None
    }

    /// Fills in what upstream defaults whenever it reads an object from its store: last of all,
    /// after validation. What is defaulted on the way in needs no mention here.
    fn complete_stored(&self, _object: &mut Object) {}

    /// Warns the client by `cx.warn` of what is odd but allowed.
    fn warn(&self, _cx: &Context, _object: &Object, _old: Option<&Object>) {}

    /// How names are checked.
    fn name_rule(&self) -> NameRule {
        NameRule::Subdomain
    }

    /// Whether PUT on a missing object creates it.
    fn creates_on_update(&self) -> bool {
        false
    }

    /// Whether what is wrong twice alike is said twice.
    fn repeats_causes(&self) -> bool {
        false
    }

    /// Whether PUT without a resource version replaces whatever stands there.
    fn updates_unconditionally(&self) -> bool {
        true
    }

    /// Whether the kind counts `metadata.generation`: 1 at creation, one more for each change
    /// outside metadata and status.
    fn counts_generation(&self) -> bool {
        false
    }

    /// Whether a list or map that is sent empty counts for the generation: Go tells it from none.
    fn counts_emptied(&self) -> bool {
        false
    }

    /// Whether a change of annotations is a generation as well (a deployment's go on to its replica
    /// sets).
    fn counts_annotations(&self) -> bool {
        false
    }

    /// Fields (`spec`, `metadata.labels`) that a face of the resource resets beyond what every face
    /// does, so that writing them there owns nothing. *Upstream:* `GetResetFields`.
    fn resets(&self, _subresource: &str) -> &'static [&'static str] {
        &[]
    }

    /// Whether field selectors may name `metadata.namespace`.
    fn selects_by_namespace(&self) -> bool {
        true
    }

    /// Field labels that field selectors may name beyond `metadata.name` and `metadata.namespace`.
    fn field_labels(&self) -> &'static [&'static str] {
        &[]
    }

    /// The field that a field selector's label means, or why it means none.
    ///
    /// *Upstream:* `AddFieldLabelConversionFunc` of the groups; `crConverter.ConvertFieldLabel`.
    fn field_label(&self, resource: &Resource, label: &str) -> Result<String, String> {
        let own = self.field_labels();
        let is_plain = own.is_empty() && resource.custom.is_none();
        let is_known = |meant: &&str| match *meant {
            "metadata.name" => true,
            "metadata.namespace" => {
                is_plain || resource.is_namespaced && self.selects_by_namespace()
            }
            meant => own.contains(&meant) || resource.selects_by(meant),
        };
        if let Some(meant) = self.field_alias(resource, label).filter(is_known) {
            return Ok(meant.to_owned());
        }
        Err(self.field_refusal(resource, label))
    }

    /// Why a field selector's label means nothing.
    fn field_refusal(&self, resource: &Resource, label: &str) -> String {
        let has_own = !self.field_labels().is_empty() || resource.custom.is_some();
        unknown_field_label(has_own, label)
    }

    /// The field label that a label of the resource's version stands for, or the label itself;
    /// `None` where the version does not know it.
    fn field_alias<'a>(&self, _resource: &Resource, label: &'a str) -> Option<&'a str> {
        Some(label)
    }

    /// Adds to the empty object of a kind, which bookmarks carry, what Go prints of it beyond what
    /// the schema says: fields that are pointers in the version but not inside the server.
    fn complete_empty(&self, _object: &mut Object) {}

    /// The value of a field label; the default reads the field's path in the object.
    fn field_value(&self, object: &Object, label: &str) -> String {
        let path: Vec<&str> = label.split('.').collect();
        match object.get(&path) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Bool(value)) => value.to_string(),
            Some(Value::Number(value)) => value.to_string(),
            _ => String::new(),
        }
    }

    /// The grace period of a deletion in seconds, or `None` for a kind that goes at once.
    /// `asked` is the client's `gracePeriodSeconds`.
    fn grace_seconds(&self, _object: &Object, _asked: Option<i64>) -> Option<i64> {
        None
    }

    /// An annotation that upstream's internal type has as a field: it is shown with the whole
    /// object alone, not where metadata are shown without it.
    fn annotation_of_field(&self) -> Option<&'static str> {
        None
    }

    /// Whether an answer to DELETE in a version is the object itself, not a Status.
    fn answers_deleted_object(&self, _version: &str) -> bool {
        false
    }

    /// Refuses a deletion before anything is changed, or warns of what it leaves behind.
    fn check_delete(
        &self,
        _cx: &Context,
        _object: &Object,
        _options: &DeleteOptions,
    ) -> Result<(), ApiError> {
        Ok(())
    }

    /// What a DELETE that names no policy does to the object's dependents.
    fn default_propagation(&self) -> Propagation {
        Propagation::Background
    }

    /// What a deletion changes in the object besides its metadata while finalizers hold it
    /// (a namespace's phase).
    fn prepare_delete(&self, _cx: &Context, _object: &mut Object) {}

    /// Whether something beyond `metadata.finalizers` holds an object that is being deleted
    /// (a namespace's `spec.finalizers`).
    fn holds_deletion(&self, _object: &Object) -> bool {
        false
    }

    /// Whether another deletion changes nothing while `holds_deletion` holds the object.
    fn is_deleted_once(&self) -> bool {
        false
    }

    /// The object in another version of its group, or in another group that shares its store. The
    /// default relabels it, which is right where the versions' schemas are the same.
    fn convert(&self, mut object: Object, _from: &GroupVersion, to: &Resource) -> Object {
        object.set_type(&to.group_version.to_string(), &to.kind);
        object
    }

    /// Before `prepare_*` (upstream's `BeginCreate`, `BeginUpdate`): takes what must be unique in
    /// the cluster (cluster IPs, node ports) and writes it into the object. Must also work for a
    /// dry run (`cx.is_dry_run`), which takes nothing. What is taken is given back in `settle`.
    fn reserve(
        &self,
        _cx: &Context,
        _object: &mut Object,
        _old: Option<&Object>,
    ) -> Result<(), ApiError> {
        Ok(())
    }

    /// After the commit of a write that `reserve` saw, or its failure.
    fn settle(&self, _cx: &Context, _object: &Object, _old: Option<&Object>, _is_stored: bool) {}

    /// After an object is gone: gives back what `reserve` took.
    fn settle_delete(&self, _cx: &Context, _object: &Object) {}

    /// Objects that the server keeps beside one of this kind as long as it is there: made before
    /// it is stored, removed after it is gone.
    fn beside(&self, _object: &Object) -> Vec<Beside> {
        Vec::new()
    }

    /// Whether a write through a subresource is the server's own doing: neither prepared, counted
    /// nor validated as a client's would be (a pod's binding).
    fn bypasses_rules(&self, _subresource: &str) -> bool {
        false
    }

    /// Who looks at what a write would grant beyond the write itself, after admission has made the
    /// object what it will be and before it is validated.
    fn guard(&self) -> Option<&dyn Guard> {
        None
    }

    /// Who does what follows from a write of the kind, once it is stored.
    fn follower(&self) -> Option<&dyn Follower> {
        None
    }

    /// What a POST of the kind does where its objects are never stored (bindings, reviews).
    fn acts(&self) -> Option<&dyn Connect> {
        None
    }

    /// What a subresource does that is neither `status` nor `scale`.
    fn subresource(&self, _name: &str) -> Option<&dyn Connect> {
        None
    }
}

/// A kind whose writes need more than the right to the verb.
pub trait Guard: Send + Sync {
    /// Refuses a write.
    fn check<'a>(
        &'a self,
        cx: &'a Context<'a>,
        object: &'a Object,
        old: Option<&'a Object>,
    ) -> BoxFuture<'a, Result<(), ApiError>>;
}

/// What the server itself does after a write of a kind.
pub trait Follower: Send + Sync {
    /// Follows a write. Acts only through the registry.
    fn follow<'a>(&'a self, registry: &'a super::Registry, object: &'a Object)
    -> BoxFuture<'a, ()>;
}

/// A subresource that acts: eviction, binding, token, …
pub trait Connect: Send + Sync {
    /// Answers a request to it. Acts on other objects only through the registry.
    fn call<'a>(
        &'a self,
        registry: &'a super::Registry,
        cx: &'a Context<'a>,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<Response, ApiError>>;
}

/// The words for a field label that a kind does not know, with selectable fields of its own or
/// without.
pub fn unknown_field_label(has_own: bool, label: &str) -> String {
    if has_own {
        return format!("field label not supported: {label}");
    }
    let label = quoted(label);
    format!(r#"{label} is not a known field selector: only "metadata.name", "metadata.namespace""#)
}
