//! The spec of a definition as a whole.
//!
//! *Upstream:* `validateCustomResourceDefinitionSpec` in
//! `apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go`.

use serde_json::{Map, Value};

use super::open_api::Document;
use super::view::{View, document, has_status};
use super::{columns, conversion, names, open_api};
use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::registry::meta::names::{check_label_1035, check_subdomain};
use crate::schema::emptied::Emptied;
use crate::schema::structural::json::{is_true, list, object, text};

/// What is wrong with a new definition.
pub(super) fn validate_create(definition: &Object, emptied: &[Emptied]) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let required = format!(
        "{}.{}",
        definition.text(&["spec", "names", "plural"]),
        definition.text(&["spec", "group"])
    );
    let name = definition.name();
    if name != required && !name.is_empty() {
        let metadata = FieldPath::new("metadata");
        errors.invalid(
            &metadata.child("name"),
            &name.into(),
            "must be spec.names.plural+\".\"+spec.group",
        );
    }
    validate(definition, None, emptied, &mut errors);
    errors
}

/// What is wrong with a new state of a definition.
pub(super) fn validate_update(
    definition: &Object,
    old: &Object,
    emptied: &[Emptied],
) -> FieldErrors {
    let mut errors = FieldErrors::new();
    validate(definition, Some(old), emptied, &mut errors);
    errors
}

fn validate(
    definition: &Object,
    old: Option<&Object>,
    emptied: &[Emptied],
    errors: &mut FieldErrors,
) {
    let Some(mut view) = View::of(definition) else {
        errors.required(&FieldPath::new("spec"), "");
        return;
    };
    view.emptied = emptied;
    let path = FieldPath::new("spec");
    group(&view, &path, errors);
    missing_schemas(&view, &path, errors);
    if is_true(view.spec, "preserveUnknownFields") && has_defaults(view.spec.get("versions")) {
        let path = path.child("preserveUnknownFields");
        let why = "must be false in order to use defaults in the schema";
        errors.invalid(&path, &true.into(), why);
    }
    let old_view = old.and_then(View::of);
    versions(&view, old_view.as_ref(), &path, errors);
    required_names(&view, &path, errors);
    shared(&view, old_view.as_ref(), &path, errors);
    if let Some(conversion) = object(view.spec, "conversion") {
        if text(conversion, "strategy") != "None" && is_true(view.spec, "preserveUnknownFields") {
            let path = path.child("conversion");
            errors.invalid(
                &path.child("strategy"),
                &text(conversion, "strategy").into(),
                "must be None if spec.preserveUnknownFields is true",
            );
        }
        let checks_bundle = conversion::checks_bundle(old);
        let path = path.child("conversion");
        conversion::validate(conversion, checks_bundle, &path, errors);
    }
    if let Some(old) = old {
        immutable(definition, old, errors);
    }
    errors.extend(names::validate_accepted(definition));
    stored_versions(definition, &view, errors);
    names::validate_approval(definition, old, errors);
    let was_preserving = old.is_some_and(|old| old.is_true(&["spec", "preserveUnknownFields"]));
    if is_true(view.spec, "preserveUnknownFields") && !was_preserving {
        errors.invalid(
            &path.child("preserveUnknownFields"),
            &true.into(),
            "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in \
             spec.versions[*].schema instead",
        );
    }
}

/// Whether a schema, or one within it, has a default; what is no schema is passed through.
fn has_defaults(schema: Option<&Value>) -> bool {
    match schema {
        Some(Value::Array(items)) => items.iter().any(|item| has_defaults(Some(item))),
        Some(Value::Object(map)) => map.iter().any(|(key, value)| match key.as_str() {
            "default" => !value.is_null(),
            "properties" | "patternProperties" | "definitions" | "dependencies" => value
                .as_object()
                .is_some_and(|inner| inner.values().any(|value| has_defaults(Some(value)))),
            "enum" | "example" | "required" => false,
            _ => has_defaults(Some(value)),
        }),
        _ => false,
    }
}

fn group(view: &View, path: &FieldPath, errors: &mut FieldErrors) {
    let group = text(view.spec, "group");
    let of_group = path.child("group");
    let wrong = check_subdomain(group);
    if group.is_empty() {
        errors.required(&of_group, "");
    } else if !wrong.is_empty() {
        errors.invalid(&of_group, &group.into(), wrong.join(","));
    } else if !group.contains('.') {
        let detail = "should be a domain with at least one dot";
        errors.invalid(&of_group, &group.into(), detail);
    }
    let scope = text(view.spec, "scope");
    let of_scope = path.child("scope");
    match scope {
        "" => errors.required(&of_scope, ""),
        "Cluster" | "Namespaced" => {}
        _ => errors.not_supported(&of_scope, &scope.into(), &["Cluster", "Namespaced"]),
    }
}

fn missing_schemas(view: &View, path: &FieldPath, errors: &mut FieldErrors) {
    let of_versions = path.child("versions");
    for (index, version) in view.versions.iter().enumerate() {
        if document(version).is_none() {
            let of_version = of_versions.index(index);
            let of_schema = of_version.child("schema");
            errors.required(&of_schema.child("openAPIV3Schema"), "");
        }
    }
}

fn versions(view: &View, old: Option<&View>, path: &FieldPath, errors: &mut FieldErrors) {
    let of_versions = path.child("versions");
    for (index, version) in view.versions.iter().enumerate() {
        let path = of_versions.index(index);
        let name = text(version, "name");
        let wrong = check_label_1035(name);
        if !wrong.is_empty() {
            errors.invalid(&path.child("name"), &name.into(), wrong.join(","));
        }
        deprecation(version, &path, errors);
        if let Some(document) = document(version).filter(|_| !view.shares_schema) {
            let path = path.child("schema");
            let document = Document {
                source: document,
                emptied: view.emptied_in(index),
            };
            open_api::validate(&document, has_status(version), &path, errors);
        }
        faces(view, version, old, &path, false, errors);
    }
    let has_twice = view.versions.iter().enumerate().any(|(index, version)| {
        let mut before = view.versions[..index].iter();
        before.any(|other| text(other, "name") == text(version, "name"))
    });
    if has_twice {
        let detail = "must contain unique version names";
        errors.invalid(&of_versions, &view.printed_versions(), detail);
    }
    let stored = view
        .versions
        .iter()
        .filter(|version| is_true(version, "storage"));
    if stored.count() != 1 {
        let detail = "must have exactly one version marked as storage version";
        errors.invalid(&of_versions, &view.printed_versions(), detail);
    }
    // The first version is also the internal type's own.
    let first = view
        .versions
        .first()
        .map_or("", |version| text(version, "name"));
    let wrong = check_label_1035(first);
    if !first.is_empty() && !wrong.is_empty() {
        errors.invalid(&path.child("version"), &first.into(), wrong.join(","));
    }
}

fn deprecation(version: &Map<String, Value>, path: &FieldPath, errors: &mut FieldErrors) {
    let Some(Value::String(warning)) = version.get("deprecationWarning") else {
        return;
    };
    let path = path.child("deprecationWarning");
    let value: Value = warning.as_str().into();
    if !is_true(version, "deprecated") {
        errors.invalid(&path, &value, "can only be set for deprecated versions");
        return;
    }
    if warning.len() > 256 {
        errors.invalid(&path, &value, "must be <= 256 characters long");
    }
    if warning.is_empty() {
        errors.invalid(&path, &value, "must not be an empty string");
    }
    if let Some((index, _)) = warning.char_indices().find(|(_, c)| c.is_control()) {
        let detail = format!(
            "must only contain printable UTF-8 characters; non-printable character found at index \
             {index}"
        );
        errors.invalid(&path, &value, detail);
    }
}

/// Subresources, columns and selectable fields of a version: where all versions share them they
/// are looked at once, at the top.
fn faces(
    view: &View,
    version: &Map<String, Value>,
    old: Option<&View>,
    path: &FieldPath,
    is_shared: bool,
    errors: &mut FieldErrors,
) {
    if view.shares_subresources == is_shared
        && let Some(faces) = object(version, "subresources")
    {
        columns::subresources(faces, &path.child("subresources"), errors);
    }
    if view.shares_columns == is_shared {
        let columns = list(version, "additionalPrinterColumns");
        let path = path.child("additionalPrinterColumns");
        columns::printer_columns(columns, &path, errors);
    }
    if view.shares_selectable != is_shared {
        return;
    }
    let fields = list(version, "selectableFields");
    let path = path.child("selectableFields");
    match document(version) {
        _ if fields.is_empty() => {}
        None if is_shared => {
            let detail = "may only be set when validations.schema is included";
            errors.invalid(&path, &"".into(), detail);
        }
        None => {
            let detail = "may only be set when `version.schema.openAPIV3Schema` is not included";
            errors.invalid(&path, &"".into(), detail);
        }
        Some(document) => {
            let before = old.and_then(|old| {
                let name = text(version, "name");
                let mut versions = old.versions.iter();
                versions.find(|old| text(old, "name") == name)
            });
            let is_old = before.is_some_and(|old| list(old, "selectableFields") == fields);
            columns::selectable_fields(fields, document, is_old, &path, errors);
        }
    }
}

fn required_names(view: &View, path: &FieldPath, errors: &mut FieldErrors) {
    let empty = Map::new();
    let names = object(view.spec, "names").unwrap_or(&empty);
    let path = path.child("names");
    for name in ["plural", "singular", "kind", "listKind"] {
        if text(names, name).is_empty() {
            errors.required(&path.child(name), "");
        }
    }
    names::validate(names, &path, errors);
}

/// What all versions share.
fn shared(view: &View, old: Option<&View>, path: &FieldPath, errors: &mut FieldErrors) {
    let Some(first) = view.versions.first() else {
        return;
    };
    if let Some(document) = document(first).filter(|_| view.shares_schema) {
        let path = path.child("validation");
        let document = Document {
            source: document,
            emptied: view.emptied_in(0),
        };
        open_api::validate(&document, view.has_any_status(), &path, errors);
    }
    faces(view, first, old, path, true, errors);
}

fn immutable(definition: &Object, old: &Object, errors: &mut FieldErrors) {
    let is_established = old
        .items(&["status", "conditions"])
        .iter()
        .any(|condition| condition["type"] == "Established" && condition["status"] == "True");
    let fields: [(&[&str], bool); 4] = [
        (&["spec", "scope"], is_established),
        (&["spec", "names", "kind"], is_established),
        (&["spec", "group"], true),
        (&["spec", "names", "plural"], true),
    ];
    for (field, is_fixed) in fields {
        let value = definition.text(field);
        if is_fixed && value != old.text(field) {
            let path = field.join(".");
            errors.invalid(&FieldPath::new(&path), &value.into(), "field is immutable");
        }
    }
}

fn stored_versions(definition: &Object, view: &View, errors: &mut FieldErrors) {
    let status = FieldPath::new("status");
    let path = status.child("storedVersions");
    let stored = definition.items(&["status", "storedVersions"]);
    if stored.is_empty() {
        errors.invalid(&path, &Value::Null, "must have at least one stored version");
        return;
    }
    for (index, version) in view.versions.iter().enumerate() {
        let name = text(version, "name");
        // A name counts for the first version that has it.
        let is_taken = |before: &&&Map<String, Value>| text(before, "name") == name;
        let is_stored = stored.iter().any(|stored| stored == name)
            && !view.versions[..index]
                .iter()
                .any(|before| is_taken(&before));
        if is_true(version, "storage") && !is_stored {
            let detail = format!("must have the storage version {name}");
            errors.invalid(&path, &stored.into(), detail);
        }
    }
    for (index, stored) in stored.iter().enumerate() {
        let name = stored.as_str().unwrap_or("");
        if !view
            .versions
            .iter()
            .any(|version| text(version, "name") == name)
        {
            let detail = format!(
                "missing from spec.versions; {name} was previously a storage version, and must \
                 remain in spec.versions until a storage migration ensures no data remains \
                 persisted in {name} and removes {name} from status.storedVersions"
            );
            errors.invalid(&path.index(index), stored, detail);
        }
    }
}
