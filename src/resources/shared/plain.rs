//! A kind written down as a value: the flags and functions in which it differs from the default.
//!
//! *Upstream:* the small `strategy.go` files, which say the same in a dozen methods each.

use jiff::Timestamp;
use serde_json::Value;

use crate::error::{ApiError, FieldErrors};
use crate::object::Object;
use crate::registry::strategy::{NameRule, unknown_field_label};
use crate::registry::{Context, DeleteOptions, Follower, Guard, Propagation, Strategy};
use crate::schema::Resource;

/// A kind that differs from the default in flags and in pure functions. Begin with
/// [`Plain::DEFAULT`] and say only what is special.
#[derive(Clone, Copy)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "a row of a table of yes and no"
)]
pub struct Plain {
    /// See [`Strategy::name_rule`].
    pub name_rule: NameRule,
    /// See [`Strategy::creates_on_update`].
    pub creates_on_update: bool,
    /// See [`Strategy::updates_unconditionally`].
    pub updates_unconditionally: bool,
    /// See [`Strategy::counts_generation`].
    pub counts_generation: bool,
    /// See [`Strategy::counts_emptied`].
    pub counts_emptied: bool,
    /// See [`Strategy::counts_annotations`].
    pub counts_annotations: bool,
    /// See [`Strategy::annotation_of_field`].
    pub annotation_of_field: Option<&'static str>,
    /// See [`Strategy::answers_deleted_object`].
    pub answers_deleted_object: bool,
    /// The version in which it does not, where there is one.
    pub answers_status_in: &'static str,
    /// See [`Strategy::keeps_status_on_create`].
    pub keeps_status_on_create: bool,
    /// See [`Strategy::writes_status_through_main`].
    pub writes_status_through_main: bool,
    /// See [`Strategy::default_propagation`].
    pub default_propagation: Propagation,
    /// Whether writing the status leaves labels, annotations, finalizers and owners as they are
    /// (`metav1.ResetObjectMetaForStatus`).
    pub resets_metadata_in_status: bool,
    /// See [`Strategy::resets`], of every face but the status.
    pub resets: &'static [&'static str],
    /// The same of the status.
    pub resets_in_status: &'static [&'static str],
    /// See [`Strategy::selects_by_namespace`].
    pub selects_by_namespace: bool,
    /// See [`Strategy::field_labels`].
    pub field_labels: &'static [&'static str],
    /// The value of a field label, where it is not what stands at the label's path.
    pub field_value: Option<fn(&Object, &str) -> String>,
    /// See [`Strategy::field_refusal`].
    pub field_refusal: Option<fn(&Resource, &str) -> String>,
    /// See [`Strategy::complete_empty`].
    pub complete_empty: fn(&mut Object),
    /// See [`Strategy::default`].
    pub default: fn(&mut Object),
    /// See [`Strategy::stamp`].
    pub stamp: fn(&mut Object, Timestamp),
    /// See [`Strategy::prepare_create`].
    pub prepare_create: fn(&Context, &mut Object) -> Result<(), ApiError>,
    /// See [`Strategy::prepare_update`].
    pub prepare_update: fn(&Context, &mut Object, &Object) -> Result<(), ApiError>,
    /// See [`Strategy::validate_create`].
    pub validate_create: fn(&Context, &Object) -> FieldErrors,
    /// See [`Strategy::validate_update`].
    pub validate_update: fn(&Context, &Object, &Object) -> FieldErrors,
    /// See [`Strategy::check_delete`].
    pub check_delete: fn(&Context, &Object, &DeleteOptions) -> Result<(), ApiError>,
    /// See [`Strategy::guard`].
    pub guard: Option<&'static dyn Guard>,
    /// See [`Strategy::follower`].
    pub follower: Option<&'static dyn Follower>,
    /// See [`Strategy::shown_to_managers`].
    pub shown_to_managers: fn(&Object) -> Option<Object>,
    /// See [`Strategy::complete_stored`].
    pub complete_stored: fn(&mut Object),
    /// See [`Strategy::warn`].
    pub warn: fn(&Context, &Object, Option<&Object>),
}

impl Plain {
    /// A kind with nothing special.
    pub const DEFAULT: Self = Self {
        name_rule: NameRule::Subdomain,
        creates_on_update: false,
        updates_unconditionally: true,
        counts_generation: false,
        counts_emptied: false,
        counts_annotations: false,
        annotation_of_field: None,
        answers_deleted_object: false,
        answers_status_in: "",
        keeps_status_on_create: false,
        writes_status_through_main: false,
        default_propagation: Propagation::Background,
        resets_metadata_in_status: false,
        resets: &[],
        resets_in_status: &[],
        selects_by_namespace: true,
        field_labels: &[],
        field_value: None,
        field_refusal: None,
        complete_empty: |_| {},
        default: |_| {},
        stamp: |_, _| {},
        prepare_create: |_, _| Ok(()),
        prepare_update: |_, _, _| Ok(()),
        validate_create: |_, _| FieldErrors::new(),
        validate_update: |_, _, _| FieldErrors::new(),
        check_delete: |_, _, _| Ok(()),
        guard: None,
        follower: None,
        shown_to_managers: |_| None,
        complete_stored: |_| {},
        warn: |_, _, _| {},
    };
}

impl Strategy for Plain {
    fn guard(&self) -> Option<&dyn Guard> {
        self.guard
    }

    fn follower(&self) -> Option<&dyn Follower> {
        self.follower
    }

    fn default(&self, object: &mut Object) {
        (self.default)(object);
    }

    fn stamp(&self, object: &mut Object, now: Timestamp) {
        (self.stamp)(object, now);
    }

    fn prepare_create(&self, cx: &Context, object: &mut Object) -> Result<(), ApiError> {
        (self.prepare_create)(cx, object)
    }

    fn writes_status_through_main(&self) -> bool {
        self.writes_status_through_main
    }

    fn keeps_status_on_create(&self) -> bool {
        self.keeps_status_on_create
    }

    fn prepare_update(
        &self,
        cx: &Context,
        object: &mut Object,
        old: &Object,
    ) -> Result<(), ApiError> {
        if self.resets_metadata_in_status && cx.subresource == "status" {
            reset_metadata(object, old);
        }
        (self.prepare_update)(cx, object, old)
    }

    fn validate_create(&self, cx: &Context, object: &Object) -> FieldErrors {
        (self.validate_create)(cx, object)
    }

    fn validate_update(&self, cx: &Context, object: &Object, old: &Object) -> FieldErrors {
        (self.validate_update)(cx, object, old)
    }

    fn shown_to_managers(&self, object: &Object) -> Option<Object> {
        (self.shown_to_managers)(object)
    }

    fn complete_stored(&self, object: &mut Object) {
        (self.complete_stored)(object);
    }

    fn warn(&self, cx: &Context, object: &Object, old: Option<&Object>) {
        (self.warn)(cx, object, old);
    }

    fn name_rule(&self) -> NameRule {
        self.name_rule
    }

    fn creates_on_update(&self) -> bool {
        self.creates_on_update
    }

    fn updates_unconditionally(&self) -> bool {
        self.updates_unconditionally
    }

    fn counts_generation(&self) -> bool {
        self.counts_generation
    }

    fn counts_emptied(&self) -> bool {
        self.counts_emptied
    }

    fn counts_annotations(&self) -> bool {
        self.counts_annotations
    }

    fn resets(&self, subresource: &str) -> &'static [&'static str] {
        match subresource {
            "status" if self.resets_metadata_in_status => &["metadata"],
            "status" => self.resets_in_status,
            _ => self.resets,
        }
    }

    fn selects_by_namespace(&self) -> bool {
        self.selects_by_namespace
    }

    fn field_labels(&self) -> &'static [&'static str] {
        self.field_labels
    }

    fn field_value(&self, object: &Object, label: &str) -> String {
        match self.field_value {
            Some(field_value) => field_value(object, label),
            None => value_at(object, label),
        }
    }

    fn field_refusal(&self, resource: &Resource, label: &str) -> String {
        if let Some(field_refusal) = self.field_refusal {
            field_refusal(resource, label)
        } else {
            let has_own = !self.field_labels.is_empty() || resource.custom.is_some();
            unknown_field_label(has_own, label)
        }
    }

    fn complete_empty(&self, object: &mut Object) {
        (self.complete_empty)(object);
    }

    fn annotation_of_field(&self) -> Option<&'static str> {
        self.annotation_of_field
    }

    fn answers_deleted_object(&self, version: &str) -> bool {
        self.answers_deleted_object && version != self.answers_status_in
    }

    fn check_delete(
        &self,
        cx: &Context,
        object: &Object,
        options: &DeleteOptions,
    ) -> Result<(), ApiError> {
        (self.check_delete)(cx, object, options)
    }

    fn default_propagation(&self) -> Propagation {
        self.default_propagation
    }
}

/// What stands at a dotted path, as a field selector compares it.
pub fn value_at(object: &Object, label: &str) -> String {
    let path: Vec<&str> = label.split('.').collect();
    match object.get(&path) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(value)) => value.to_string(),
        Some(Value::Number(value)) => value.to_string(),
        _ => String::new(),
    }
}

/// Leaves the metadata of a status update as they were, but for what the server itself manages.
pub fn reset_metadata(object: &mut Object, old: &Object) {
    for name in ["labels", "annotations", "finalizers", "ownerReferences"] {
        match old.get(&["metadata", name]) {
            Some(value) => object.set(&["metadata", name], value.clone()),
            None => {
                object.remove(&["metadata", name]);
            }
        }
    }
}
