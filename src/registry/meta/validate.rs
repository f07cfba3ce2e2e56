//! Everything that can be wrong with an object's metadata.
//!
//! *Upstream:* `apimachinery/pkg/api/validation/objectmeta.go`.

use serde_json::Value;

use super::super::strategy::NameRule;
use super::names;
use crate::error::FieldErrors;
use crate::object::quote::is_printable;
use crate::object::{FieldPath, GroupVersion, Object};

/// Bytes of all annotations' keys and values together.
const ANNOTATIONS_SIZE_MAX: usize = 256 * 1024;

/// How long the name of who manages fields may be.
const FIELD_MANAGER_LENGTH_MAX: usize = 128;

const METADATA: FieldPath = FieldPath::new("metadata");

/// Checks the metadata of a new object; what is wrong twice alike is said once.
pub fn create(object: &Object, rule: NameRule, is_namespaced: bool, errors: &mut FieldErrors) {
    let mut found = FieldErrors::new();
    created(object, rule, is_namespaced, &mut found);
    found.remove_repeated();
    errors.extend(found);
}

fn created(object: &Object, rule: NameRule, is_namespaced: bool, errors: &mut FieldErrors) {
    let prefix = object.generate_name();
    if !prefix.is_empty() {
        for wrong in names::check_name(rule, prefix, true) {
            errors.invalid(&METADATA.child("generateName"), &prefix.into(), wrong);
        }
    }
    common(object, rule, is_namespaced, errors);
}

fn common(object: &Object, rule: NameRule, is_namespaced: bool, errors: &mut FieldErrors) {
    let name = object.name();
    if name.is_empty() {
        errors.required(&METADATA.child("name"), "name or generateName is required");
    } else {
        for wrong in names::check_name(rule, name, false) {
            errors.invalid(&METADATA.child("name"), &name.into(), wrong);
        }
    }
    check_namespace(object, is_namespaced, errors);
    if object.generation() < 0 {
        errors.invalid(
            &METADATA.child("generation"),
            &object.generation().into(),
            "must be greater than or equal to 0",
        );
    }
    labels(object, &METADATA.child("labels"), errors);
    annotations(object, &METADATA.child("annotations"), errors);
    owner_references(object, &METADATA.child("ownerReferences"), errors);
    finalizers(object, &METADATA.child("finalizers"), errors);
}

/// The groups whose validation asks more of finalizers than the corridor's own.
const QUALIFYING_GROUPS: [&str; 15] = [
    "",
    "apps",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "internal.apiserver.k8s.io",
    "networking.k8s.io",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
    "storagemigration.k8s.io",
];

/// Checks that the finalizers of a new object are known or say whose they are.
pub fn finalizers_are_known(group: &str, plural: &str, object: &Object, errors: &mut FieldErrors) {
    let is_old_event = group.is_empty() && plural == "events";
    if !QUALIFYING_GROUPS.contains(&group) || is_old_event {
        return;
    }
    let path = METADATA.child("finalizers");
    for (i, finalizer) in object.finalizers().enumerate() {
        let is_known = ["kubernetes", "orphan", "foregroundDeletion"].contains(&finalizer);
        if !is_known && !finalizer.contains('/') {
            let detail = "name is neither a standard finalizer name nor is it fully qualified";
            errors.invalid(&path.index(i), &finalizer.into(), detail);
        }
    }
}

fn check_namespace(object: &Object, is_namespaced: bool, errors: &mut FieldErrors) {
    let namespace = object.namespace();
    let path = METADATA.child("namespace");
    if !is_namespaced {
        if !namespace.is_empty() {
            errors.forbidden(&path, "not allowed on this type");
        }
    } else if namespace.is_empty() {
        errors.required(&path, "");
    } else {
        for wrong in names::check_label(namespace) {
            errors.invalid(&path, &namespace.into(), wrong);
        }
    }
}

/// The resources whose updates are checked as if they were new, names and prefixes included.
const CHECKED_ANEW: [(&str, &str); 35] = [
    ("", "configmaps"),
    ("", "endpoints"),
    ("", "limitranges"),
    ("", "namespaces"),
    ("", "nodes"),
    ("", "persistentvolumeclaims"),
    ("", "persistentvolumes"),
    ("", "pods"),
    ("", "secrets"),
    ("", "serviceaccounts"),
    ("admissionregistration.k8s.io", "mutatingadmissionpolicies"),
    (
        "admissionregistration.k8s.io",
        "mutatingadmissionpolicybindings",
    ),
    (
        "admissionregistration.k8s.io",
        "mutatingwebhookconfigurations",
    ),
    (
        "admissionregistration.k8s.io",
        "validatingadmissionpolicies",
    ),
    (
        "admissionregistration.k8s.io",
        "validatingadmissionpolicybindings",
    ),
    (
        "admissionregistration.k8s.io",
        "validatingwebhookconfigurations",
    ),
    ("apps", "controllerrevisions"),
    ("certificates.k8s.io", "certificatesigningrequests"),
    ("discovery.k8s.io", "endpointslices"),
    ("flowcontrol.apiserver.k8s.io", "flowschemas"),
    (
        "flowcontrol.apiserver.k8s.io",
        "prioritylevelconfigurations",
    ),
    ("networking.k8s.io", "ingressclasses"),
    ("networking.k8s.io", "ipaddresses"),
    ("node.k8s.io", "runtimeclasses"),
    ("rbac.authorization.k8s.io", "clusterrolebindings"),
    ("rbac.authorization.k8s.io", "clusterroles"),
    ("rbac.authorization.k8s.io", "rolebindings"),
    ("rbac.authorization.k8s.io", "roles"),
    ("resource.k8s.io", "resourceclaims"),
    ("resource.k8s.io", "resourceclaimtemplates"),
    ("storage.k8s.io", "csinodes"),
    ("storage.k8s.io", "csistoragecapacities"),
    ("storage.k8s.io", "storageclasses"),
    ("storage.k8s.io", "volumeattachments"),
    ("storage.k8s.io", "volumeattributesclasses"),
];

/// Whether the kind's own checks leave the metadata of a new object alone, so that what is wrong
/// there is only said where nothing else is.
pub fn is_checked_last(group: &str, plural: &str) -> bool {
    matches!(
        (group, plural),
        ("policy", "poddisruptionbudgets") | ("", "events")
    )
}

/// Whether an update of the resource itself is checked as if the object were new.
pub fn is_checked_anew(group: &str, plural: &str) -> bool {
    CHECKED_ANEW.contains(&(group, plural))
}

/// Checks the metadata of an object's new state; what is wrong twice alike is said once.
pub fn update(
    object: &Object,
    old: &Object,
    rule: NameRule,
    is_namespaced: bool,
    errors: &mut FieldErrors,
) {
    let mut found = FieldErrors::new();
    updated(object, old, rule, is_namespaced, &mut found);
    found.remove_repeated();
    errors.extend(found);
}

fn updated(
    object: &Object,
    old: &Object,
    rule: NameRule,
    is_namespaced: bool,
    errors: &mut FieldErrors,
) {
    // Names are fixed; a name that an older rule let in stays good, so only its form as a path
    // segment is looked at.
    let rule = if rule == NameRule::Own {
        rule
    } else {
        NameRule::PathSegment
    };
    create(object, rule, is_namespaced, errors);
    if old.is_being_deleted() {
        check_no_new_finalizers(object, old, errors);
    }
    if object.generation() < old.generation() {
        errors.invalid(
            &METADATA.child("generation"),
            &object.generation().into(),
            "must not be decremented",
        );
    }
    check_fixed(object, old, errors);
}

/// What the validation of custom resources finds in their metadata on its own: labels, annotations
/// and owners twice, and what may not change.
///
/// *Upstream:* `validateObjectMetaUpdateDeclaratively` in
/// `apiextensions-apiserver/pkg/registry/customresource/validator.go`.
pub fn update_of_custom(object: &Object, old: &Object, errors: &mut FieldErrors) {
    described(object, errors);
    check_fixed(object, old, errors);
    described(object, errors);
}

fn described(object: &Object, errors: &mut FieldErrors) {
    labels(object, &METADATA.child("labels"), errors);
    annotations(object, &METADATA.child("annotations"), errors);
    owner_references(object, &METADATA.child("ownerReferences"), errors);
}

/// Some fields never change.
fn check_fixed(object: &Object, old: &Object, errors: &mut FieldErrors) {
    let fixed = [
        "name",
        "namespace",
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ];
    for name in fixed {
        let (new, was) = (
            object.get(&["metadata", name]),
            old.get(&["metadata", name]),
        );
        if new.unwrap_or(&Value::Null) != was.unwrap_or(&Value::Null) {
            let value = new.cloned().unwrap_or(Value::Null);
            errors.invalid(&METADATA.child(name), &value, "field is immutable");
        }
    }
}

fn check_no_new_finalizers(object: &Object, old: &Object, errors: &mut FieldErrors) {
    let known: Vec<&str> = old.finalizers().collect();
    let mut new: Vec<&str> = object
        .finalizers()
        .filter(|finalizer| !known.contains(finalizer))
        .collect();
    if new.is_empty() {
        return;
    }
    new.sort_unstable();
    new.dedup();
    let list: Vec<String> = new
        .iter()
        .map(|finalizer| format!("{finalizer:?}"))
        .collect();
    errors.forbidden(
        &METADATA.child("finalizers"),
        format!(
            "no new finalizers can be added if the object is being deleted, found new finalizers \
             []string{{{}}}",
            list.join(", ")
        ),
    );
}

/// Checks entries of managed fields that the server did not write itself.
pub fn managed_fields(entries: Option<&Value>, errors: &mut FieldErrors) {
    const SUBRESOURCE_LENGTH_MAX: usize = 256;
    let path = METADATA.child("managedFields");
    let entries = entries.and_then(Value::as_array).into_iter().flatten();
    for (index, entry) in entries.enumerate() {
        let path = path.index(index);
        let text = |name: &str| entry[name].as_str().unwrap_or("");
        let of_operation = path.child("operation");
        match text("operation") {
            "" => errors.required(&of_operation, "must not be empty"),
            "Apply" | "Update" => {}
            other => errors.not_supported(&of_operation, &other.into(), &["Apply", "Update"]),
        }
        let kind = text("fieldsType");
        if !matches!(kind, "" | "FieldsV1") {
            errors.invalid(
                &path.child("fieldsType"),
                &kind.into(),
                "must be `FieldsV1`",
            );
        }
        field_manager(text("manager"), &path.child("manager"), errors);
        if text("subresource").len() > SUBRESOURCE_LENGTH_MAX {
            errors.too_long(&path.child("subresource"), SUBRESOURCE_LENGTH_MAX);
        }
    }
}

/// Checks the name of who manages fields.
pub fn field_manager(manager: &str, path: &FieldPath, errors: &mut FieldErrors) {
    if manager.len() > FIELD_MANAGER_LENGTH_MAX {
        errors.too_long(path, FIELD_MANAGER_LENGTH_MAX);
    }
    for (index, character) in manager.char_indices() {
        if !is_printable(character) {
            let number = character as u32;
            let detail = format!("invalid character U+{number:04X} (at position {index})");
            errors.invalid(path, &manager.into(), detail);
        }
    }
}

/// Checks labels at a path (`metadata.labels`, a template's, …).
pub fn labels(object: &Object, path: &FieldPath, errors: &mut FieldErrors) {
    for (key, value) in object.labels() {
        check_label(key, value, path, errors);
    }
}

/// Checks one label.
pub fn check_label(key: &str, value: &str, path: &FieldPath, errors: &mut FieldErrors) {
    for wrong in names::check_qualified_name(key) {
        errors.invalid(path, &key.into(), wrong);
    }
    for wrong in names::check_label_value(value) {
        errors.invalid(path, &value.into(), wrong);
    }
}

/// Checks annotations at a path.
pub fn annotations(object: &Object, path: &FieldPath, errors: &mut FieldErrors) {
    let mut size = 0;
    for (key, value) in object.annotations() {
        size += key.len() + value.len();
        for wrong in names::check_qualified_name(&key.to_ascii_lowercase()) {
            errors.invalid(path, &key.into(), wrong);
        }
    }
    if size > ANNOTATIONS_SIZE_MAX {
        errors.too_long(path, ANNOTATIONS_SIZE_MAX);
    }
}

fn owner_references(object: &Object, path: &FieldPath, errors: &mut FieldErrors) {
    let mut controller: Option<String> = None;
    let owners = object.items(&["metadata", "ownerReferences"]);
    for (index, owner) in owners.iter().enumerate() {
        let text = |name: &str| owner.get(name).and_then(Value::as_str).unwrap_or("");
        let path_of_item = path.index(index);
        let version = text("apiVersion");
        if version.is_empty() {
            errors.required(&path_of_item.child("apiVersion"), "must not be empty");
        } else if GroupVersion::parse(version).is_none_or(|parsed| parsed.version.is_empty()) {
            errors.invalid(
                &path_of_item.child("apiVersion"),
                &version.into(),
                "must be <group>/<version> or <version>",
            );
        }
        for name in ["kind", "name", "uid"] {
            if text(name).is_empty() {
                errors.required(&path_of_item.child(name), "must not be empty");
            }
        }
        if version == "v1" && text("kind") == "Event" {
            errors.invalid(
                &path_of_item,
                owner,
                "/v1, Kind=Event is disallowed from being an owner",
            );
        }
        if owner.get("controller").and_then(Value::as_bool) == Some(true) {
            let this = format!("{}/{}", text("kind"), text("name"));
            match &controller {
                None => controller = Some(this),
                Some(first) => errors.invalid_text(
                    path,
                    printed_owners(owners),
                    format!(
                        "Only one reference can have Controller set to true. Found \"true\" in \
                         references for {first} and {this}"
                    ),
                ),
            }
        }
    }
}

fn finalizers(object: &Object, path: &FieldPath, errors: &mut FieldErrors) {
    for finalizer in object.finalizers() {
        for wrong in names::check_qualified_name(finalizer) {
            errors.invalid(path, &finalizer.into(), wrong);
        }
    }
    let has = |name: &str| object.finalizers().any(|finalizer| finalizer == name);
    if has("orphan") && has("foregroundDeletion") {
        let all: Vec<&str> = object.finalizers().collect();
        errors.invalid(
            path,
            &all.into(),
            "finalizer orphan and foregroundDeletion cannot be both set",
        );
    }
}

/// Owners as errors print them, each with its fields in the order of upstream's type.
fn printed_owners(owners: &[Value]) -> String {
    let fields = [
        "apiVersion",
        "kind",
        "name",
        "uid",
        "controller",
        "blockOwnerDeletion",
    ];
    let printed = owners.iter().map(|owner| {
        let fields = fields
            .iter()
            .filter_map(|field| owner.get(field).map(|value| format!("\"{field}\":{value}")));
        format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
    });
    format!("[{}]", printed.collect::<Vec<_>>().join(","))
}
