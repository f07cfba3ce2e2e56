//! Whether the defaults of a schema are what it allows: known fields, right values, kept rules.
//!
//! *Upstream:* `apiextensions-apiserver/pkg/apiserver/schema/defaulting/validation.go`.

use serde_json::{Map, Value, json};

use super::compiled;
use super::open_api::Source;
use crate::cel::rules::{BUDGET, Rules};
use crate::error::FieldErrors;
use crate::error::field::FieldError;
use crate::object::FieldPath;
use crate::registry::custom::embedded;
use crate::schema::structural;
use crate::schema::structural::json::{is_true, object, properties};
use crate::schema::{Schema, prune, validate as check};

/// Every default that its own schema refuses.
pub(super) fn validate(source: &Source, meta: &Schema, path: &FieldPath) -> FieldErrors {
    let mut run = Run {
        meta,
        errors: FieldErrors::new(),
        budget: Some(BUDGET),
    };
    let root = Place {
        resource: source,
        steps: &Steps::None,
        is_inside_metadata: false,
    };
    run.place(source, &root, true, path);
    run.errors
}

struct Run<'a> {
    meta: &'a Schema,
    errors: FieldErrors,
    /// What rules may still cost; `None`: nothing further is looked at.
    budget: Option<u64>,
}

/// Where a default stands in the resource around it.
struct Place<'a> {
    resource: &'a Source,
    steps: &'a Steps<'a>,
    is_inside_metadata: bool,
}

/// The way from a resource to a place in it.
enum Steps<'a> {
    None,
    Key(&'a Steps<'a>, &'a str),
    Item(&'a Steps<'a>),
}

impl Steps<'_> {
    /// The resource that has this value at the place, and nothing else.
    fn around(&self, value: Value) -> Value {
        match self {
            Self::None => value,
            Self::Key(before, key) => {
                let map: Map<String, Value> = std::iter::once(((*key).to_owned(), value)).collect();
                before.around(map.into())
            }
            Self::Item(before) => before.around(json!([value])),
        }
    }
}

impl Run<'_> {
    fn place(&mut self, source: &Source, at: &Place, is_root: bool, path: &FieldPath) {
        let is_resource = is_root || is_true(source, "x-kubernetes-embedded-resource");
        let own = Place {
            resource: source,
            steps: &Steps::None,
            is_inside_metadata: false,
        };
        let at = if is_resource { &own } else { at };
        if let Some(default) = source.get("default").filter(|value| !value.is_null()) {
            let path = path.child("default");
            self.default(source, default, at, is_resource, &path);
        }
        if let Some(items) = object(source, "items") {
            let inside = Place {
                steps: &Steps::Item(at.steps),
                ..*at
            };
            self.inside(items, &inside, &path.child("items"));
        }
        let of_properties = path.child("properties");
        for (name, property) in properties(source) {
            let is_own = is_resource && matches!(name, "metadata" | "apiVersion" | "kind");
            let inside = Place {
                resource: at.resource,
                steps: &Steps::Key(at.steps, name),
                is_inside_metadata: at.is_inside_metadata || is_own,
            };
            self.inside(property, &inside, &of_properties.key(name));
        }
    }

    fn inside(&mut self, source: &Source, at: &Place, path: &FieldPath) {
        if self.budget.is_some() {
            self.place(source, at, false, path);
        }
    }

    fn default(
        &mut self,
        source: &Source,
        default: &Value,
        at: &Place,
        is_resource: bool,
        path: &FieldPath,
    ) {
        let mut default = default.clone();
        if at.is_inside_metadata {
            if let Err(why) = self.in_metadata(&default, at) {
                let detail = format!("must result in valid metadata: {why}");
                self.errors.invalid(path, &default, detail);
                return;
            }
        } else if (default.is_object() || default.is_array())
            && !self.whole(source, &mut default, is_resource, path)
        {
            return;
        }
        let described = structural::compile_described(source, self.meta);
        let wrong = check::below(check::value(&default, &described), &path.to_string());
        if !wrong.is_empty() {
            self.errors.extend(wrong);
        } else if compiled::has_rules(source) {
            self.rules(source, &default, is_resource, path);
        }
    }

    /// Whether the resources in a default are sound; what it has that is not known is said too.
    fn whole(
        &mut self,
        source: &Source,
        default: &mut Value,
        is_resource: bool,
        path: &FieldPath,
    ) -> bool {
        let schema = structural::compile_at(source, self.meta, is_resource);
        let mut pruned = default.clone();
        prune::unknown_fields(&mut pruned, &schema);
        if pruned != *default {
            let detail = "must not have unknown fields";
            self.errors.invalid(path, default, detail);
        }
        let mut unknown = Vec::new();
        let coerced = embedded::coerce(default, &schema, is_resource, path, &mut unknown);
        if let Err(wrong) = coerced {
            self.errors.push(wrong);
            return false;
        }
        let wrong = embedded::validate_value(default, &schema, is_resource, path);
        let is_sound = wrong.is_empty();
        self.errors.extend(wrong);
        is_sound
    }

    /// What is wrong with the metadata of a resource that has this default and nothing else.
    fn in_metadata(&self, default: &Value, at: &Place) -> Result<(), String> {
        let mut whole = at.steps.around(default.clone());
        if let Value::Object(map) = &mut whole {
            map.entry("kind").or_insert_with(|| "Validation".into());
            map.entry("apiVersion")
                .or_insert_with(|| "validation/v1".into());
        }
        let schema = structural::compile_at(at.resource, self.meta, true);
        let said = |wrong: &FieldError| format!("{}: {}", wrong.field, wrong.body());
        let path = FieldPath::ROOT;
        embedded::coerce(&mut whole, &schema, true, &path, &mut Vec::new())
            .map_err(|wrong| said(&wrong))?;
        let wrong = embedded::validate_value(&whole, &schema, true, &path);
        let wrong: Vec<String> = wrong.iter().map(said).collect();
        match wrong.as_slice() {
            [] => Ok(()),
            [one] => Err(one.clone()),
            all => Err(format!("[{}]", all.join(", "))),
        }
    }

    /// A default keeps the rules as a new value and as one that was there before.
    fn rules(&mut self, source: &Source, default: &Value, is_resource: bool, path: &FieldPath) {
        let Some(budget) = self.budget else {
            return;
        };
        let schema = &structural::compile_at(source, self.meta, is_resource);
        let rules = Rules::at(schema, is_resource);
        let (wrong, left) = rules.validate_value(schema, default, Some(default), path, budget);
        self.budget = left;
        if wrong.is_empty() {
            let (wrong, as_new) = rules.validate_value(schema, default, None, path, budget);
            self.errors.extend(wrong);
            self.budget = left.min(as_new);
        }
        self.errors.extend(wrong);
    }
}
