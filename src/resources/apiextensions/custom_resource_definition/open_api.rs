//! The schema document of a definition: what of OpenAPI it may say.
//!
//! *Upstream:* `ValidateCustomResourceDefinitionOpenAPISchema` in
//! `apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go`.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::rc::Rc;

use serde_json::{Map, Value, json};

use super::{compiled, default_values, lists, validations};
use crate::error::FieldErrors;
use crate::object::FieldPath;
use crate::object::json::get;
use crate::schema::structural;
use crate::schema::structural::TYPES;
use crate::schema::structural::json::{is_plain, is_true, list, object, properties, schemas, text};
use crate::schema::tables;

/// A schema document.
pub(super) type Source = Map<String, Value>;

/// The keyword that a document stands under.
const ROOT: &str = "openAPIV3Schema";

/// The component of every object's metadata.
const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// Keywords that may stand at the root where the status has a face of its own, under the names
/// that upstream gives them.
const AT_ROOT: &[(&str, &str)] = &[
    ("description", "Description"),
    ("type", "Type"),
    ("format", "Format"),
    ("title", "Title"),
    ("maximum", "Maximum"),
    ("exclusiveMaximum", "ExclusiveMaximum"),
    ("minimum", "Minimum"),
    ("exclusiveMinimum", "ExclusiveMinimum"),
    ("maxLength", "MaxLength"),
    ("minLength", "MinLength"),
    ("pattern", "Pattern"),
    ("maxItems", "MaxItems"),
    ("minItems", "MinItems"),
    ("uniqueItems", "UniqueItems"),
    ("multipleOf", "MultipleOf"),
    ("required", "Required"),
    ("items", "Items"),
    ("properties", "Properties"),
    ("externalDocs", "ExternalDocs"),
    ("example", "Example"),
    (
        "x-kubernetes-preserve-unknown-fields",
        "XPreserveUnknownFields",
    ),
    ("x-kubernetes-validations", "XValidations"),
];

/// A schema document with what it was sent with beside: lists and maps without items, which are
/// dropped, and which Go tells from none in a few places.
pub(super) struct Document<'a> {
    pub(super) source: &'a Source,
    /// Where they stood, from `openAPIV3Schema` on.
    pub(super) emptied: BTreeSet<&'a str>,
}

/// What is wrong with a schema; `above` is where its `openAPIV3Schema` stands.
pub(super) fn validate(
    document: &Document,
    has_status: bool,
    above: &FieldPath,
    all: &mut FieldErrors,
) {
    let mut errors = FieldErrors::new();
    let path = above.child(ROOT);
    let source = document.source;
    if has_status {
        root_with_status(document, &path, &mut errors);
    }
    if is_true(source, "nullable") {
        errors.forbidden(
            &path.child("nullable"),
            "nullable cannot be true at the root",
        );
    }
    let Scan {
        unconvertible,
        has_rules,
    } = Scan::of(source);
    let mut is_structural = false;
    if unconvertible.is_none()
        && let Some(meta) = tables::component(META)
    {
        let mut found = structural::validate(source, &path);
        if found.is_empty() {
            found = default_values::validate(source, &meta, &path);
        }
        is_structural = found.is_empty();
        errors.extend(found);
    }
    let start = format!("{above}.");
    let places = document.emptied.iter();
    let dependencies = places.filter_map(|place| place.strip_suffix(".dependencies"));
    let rules = Rules {
        forbids_defaults: None,
        is_inside_metadata: false,
        empty_dependencies: Rc::new(
            dependencies
                .map(|place| format!("{start}{place}"))
                .collect(),
        ),
    };
    let mut found = FieldErrors::new();
    let mut faulty = BTreeSet::new();
    schema(source, &rules, true, &path, &mut found, &mut faulty);
    if is_structural
        && has_rules
        && let Some(meta) = tables::component(META)
    {
        compiled::check(source, &meta, &path, &faulty, &mut found);
    }
    errors.extend(found);
    if errors.is_empty()
        && let Some(why) = unconvertible
    {
        errors.invalid(&path, &"".into(), why);
    }
    all.extend(errors);
}

fn root_with_status(document: &Document, path: &FieldPath, errors: &mut FieldErrors) {
    let mut source = Cow::Borrowed(document.source);
    for place in &document.emptied {
        let keyword = place
            .strip_prefix(ROOT)
            .and_then(|rest| rest.strip_prefix('.'));
        if let Some(keyword) = keyword.filter(|keyword| is_keyword(keyword)) {
            let is_map = matches!(
                keyword,
                "definitions" | "dependencies" | "patternProperties"
            );
            let empty = if is_map { json!({}) } else { json!([]) };
            source.to_mut().insert(keyword.to_owned(), empty);
        }
    }
    let source = &*source;
    if text(source, "type") != "object" && source.contains_key("type") {
        errors.invalid(
            &path.child("type"),
            &text(source, "type").into(),
            "only \"object\" is allowed as the type at the root of the schema if the status \
             subresource is enabled",
        );
        return;
    }
    let is_allowed = |name: &String| AT_ROOT.iter().any(|(allowed, _)| allowed == name);
    if !source.keys().all(is_allowed) {
        let allowed: Vec<&str> = AT_ROOT.iter().map(|(_, name)| *name).collect();
        errors.invalid(
            path,
            &Value::Object(source.clone()),
            format!(
                "only [{}] fields are allowed at the root of the schema if the status subresource \
                 is enabled",
                allowed.join(" ")
            ),
        );
    }
}

/// Whether a path below the root is a keyword of the root itself.
fn is_keyword(path: &str) -> bool {
    !path.contains(['.', '[']) && path != "properties"
}

/// What is to be known of a document before anything else.
struct Scan {
    /// Why it cannot even be read as a structural schema.
    unconvertible: Option<String>,
    /// Whether it has any rules.
    has_rules: bool,
}

impl Scan {
    fn of(source: &Source) -> Self {
        let mut scan = Self {
            unconvertible: None,
            has_rules: false,
        };
        structural::json::walk(source, &mut |schema| scan.look(schema));
        scan
    }

    fn look(&mut self, schema: &Source) {
        let why = &mut self.unconvertible;
        if is_plain(schema) && !get(schema, "items").is_some_and(Value::is_array) {
            return;
        }
        self.has_rules |= !list(schema, "x-kubernetes-validations").is_empty();
        let unsupported = [
            ("id", "id"),
            ("$schema", "schema"),
            ("$ref", "$ref"),
            ("patternProperties", "patternProperties"),
            ("dependencies", "dependencies"),
            ("additionalItems", "additionalItems"),
            ("definitions", "definitions"),
        ];
        for (name, printed) in unsupported {
            if get(schema, name).is_some_and(|value| *value != "") {
                why.get_or_insert(format!("OpenAPIV3Schema '{printed}' is not supported"));
            }
        }
        if get(schema, "items").is_some_and(Value::is_array) {
            why.get_or_insert("OpenAPIV3Schema 'items' must be a schema, but is an array".into());
        }
        if get(schema, "x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(false)) {
            why.get_or_insert(
                "internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined"
                    .into(),
            );
        }
    }
}

/// What holds for the part of a schema that is looked at.
#[derive(Clone)]
struct Rules {
    /// Why there may be no defaults here.
    forbids_defaults: Option<String>,
    /// Whether it describes metadata.
    is_inside_metadata: bool,
    /// The paths of schemas with `dependencies` of nothing.
    empty_dependencies: Rc<BTreeSet<String>>,
}

/// Looks at a schema and all within it; enters the paths of those in `faulty` that have errors.
fn schema(
    source: &Source,
    rules: &Rules,
    is_root: bool,
    path: &FieldPath,
    errors: &mut FieldErrors,
    faulty: &mut BTreeSet<String>,
) {
    let before = errors.len();
    let is_plain = is_plain(source);
    standard(source, is_plain, rules, path, errors);
    if !is_plain {
        if is_true(source, "uniqueItems") {
            errors.forbidden(
                &path.child("uniqueItems"),
                "uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
            );
        }
        additional(source, rules, path, errors, faulty);
    }
    let is_embedded = || is_true(source, "x-kubernetes-embedded-resource");
    let is_resource = is_root || (!is_plain && is_embedded());
    let of_properties = path.child("properties");
    for (name, property) in properties(source) {
        let mut rules = rules.clone();
        if is_resource && matches!(name, "metadata" | "kind" | "apiVersion") {
            rules.is_inside_metadata = true;
            if is_root {
                rules.forbids_defaults = Some(format!("in top-level {name}"));
            }
        }
        let path = of_properties.key(name);
        schema(property, &rules, false, &path, errors, faulty);
    }
    if !is_plain {
        combined(source, rules, path, errors, faulty);
    }
    if let Some(items) = object(source, "items") {
        schema(items, rules, false, &path.child("items"), errors, faulty);
    }
    if !is_plain {
        extensions(source, path, errors);
        lists::validate(source, path, errors);
        validations::validate(source, path, errors);
    }
    if errors.len() > before {
        faulty.insert(path.to_string());
    }
}

/// The schemas of combinations.
fn combined(
    source: &Source,
    rules: &Rules,
    path: &FieldPath,
    errors: &mut FieldErrors,
    faulty: &mut BTreeSet<String>,
) {
    if let Some(not) = object(source, "not") {
        schema(not, rules, false, &path.child("not"), errors, faulty);
    }
    for name in ["allOf", "oneOf", "anyOf"] {
        let path = path.child(name);
        for (index, branch) in schemas(source, name) {
            schema(branch, rules, false, &path.index(index), errors, faulty);
        }
    }
}

fn additional(
    source: &Source,
    rules: &Rules,
    path: &FieldPath,
    errors: &mut FieldErrors,
    faulty: &mut BTreeSet<String>,
) {
    let Some(additional) = source.get("additionalProperties") else {
        return;
    };
    let path = path.child("additionalProperties");
    let has_properties = object(source, "properties").is_some_and(|map| !map.is_empty());
    if has_properties && *additional != Value::Bool(true) {
        errors.forbidden(
            &path,
            "additionalProperties and properties are mutual exclusive",
        );
    }
    let Some(values) = additional.as_object() else {
        return;
    };
    let mut rules = rules.clone();
    if rules.is_inside_metadata {
        rules.forbids_defaults =
            Some("inside additionalProperties applying to object metadata".to_owned());
    }
    schema(values, &rules, false, &path, errors, faulty);
}

/// Keywords of OpenAPI that no definition may use.
fn standard(
    source: &Source,
    is_plain: bool,
    rules: &Rules,
    path: &FieldPath,
    errors: &mut FieldErrors,
) {
    let kind = text(source, "type");
    if !kind.is_empty() && !TYPES.contains(&kind) {
        errors.not_supported(&path.child("type"), &kind.into(), TYPES);
    }
    if source.get("default").is_some_and(|value| !value.is_null())
        && let Some(why) = &rules.forbids_defaults
    {
        errors.forbidden(&path.child("default"), format!("must not be set {why}"));
    }
    let unsupported = [
        "id",
        "additionalItems",
        "patternProperties",
        "definitions",
        "dependencies",
        "$ref",
    ];
    let empty = &rules.empty_dependencies;
    let is_any = !is_plain || !empty.is_empty();
    for name in unsupported.into_iter().filter(|_| is_any) {
        let is_empty = || !empty.is_empty() && empty.contains(&path.to_string());
        if source.contains_key(name) || (name == "dependencies" && is_empty()) {
            errors.forbidden(&path.child(name), format!("{name} is not supported"));
        }
    }
    if kind == "null" {
        errors.forbidden(
            &path.child("type"),
            "type cannot be set to null, use nullable as an alternative",
        );
    }
    if source.get("items").is_some_and(Value::is_array) {
        errors.forbidden(
            &path.child("items"),
            "items must be a schema object and not an array",
        );
    }
    if rules.is_inside_metadata && is_true(source, "x-kubernetes-embedded-resource") {
        errors.forbidden(
            &path.child("x-kubernetes-embedded-resource"),
            "must not be used inside of resource meta",
        );
    }
}

fn extensions(source: &Source, path: &FieldPath, errors: &mut FieldErrors) {
    let preserves = "x-kubernetes-preserve-unknown-fields";
    if source.get(preserves) == Some(&Value::Bool(false)) {
        let detail = "must be true or undefined";
        errors.invalid(&path.child(preserves), &false.into(), detail);
    }
    let map_type = text(source, "x-kubernetes-map-type");
    if !source.contains_key("x-kubernetes-map-type") {
        return;
    }
    wrong_type(source, "object", "x-kubernetes-map-type", path, errors);
    if !matches!(map_type, "atomic" | "granular") {
        let path = path.child("x-kubernetes-map-type");
        errors.not_supported(&path, &map_type.into(), &["atomic", "granular"]);
    }
}

/// A keyword is for one type only. True where the type is another.
pub(super) fn wrong_type(
    source: &Source,
    expected: &str,
    keyword: &str,
    path: &FieldPath,
    errors: &mut FieldErrors,
) -> bool {
    let kind = text(source, "type");
    if kind == expected {
        return false;
    }
    let detail = format!("must be {expected} if {keyword} is specified");
    let path = path.child("type");
    if kind.is_empty() {
        errors.required(&path, detail);
    } else {
        errors.invalid(&path, &kind.into(), detail);
    }
    true
}
