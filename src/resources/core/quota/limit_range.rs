//! Limit ranges: least, most and default amounts for each type of object.
//!
//! *Upstream:* `pkg/registry/core/limitrange/strategy.go`, `pkg/apis/core/v1/defaults.go`,
//! `pkg/apis/core/validation/validation.go` (`ValidateLimitRange`).

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::error::FieldErrors;
use crate::object::{FieldPath, Object};
use crate::resources::shared::look::{Look, each};
use crate::resources::shared::plain::Plain;
use crate::resources::shared::pod_template::defaults::round;
use crate::resources::shared::quantity::Amount;
use crate::resources::shared::{names, resource_name};

/// What is special about limit ranges.
pub static LIMIT_RANGE: Plain = Plain {
    creates_on_update: true,
    default: |object| {
        let Some(spec) = object.get_mut(&["spec"]).and_then(Value::as_object_mut) else {
            return;
        };
        for limit in each(spec, "limits") {
            if limit.text("type") == "Container" {
                fill(limit);
            }
            let amounts = [
                "max",
                "min",
                "default",
                "defaultRequest",
                "maxLimitRequestRatio",
            ];
            for field in amounts {
                round(limit.get_mut(field));
            }
        }
    },
    prepare_create: |cx, object| {
        if object.name().is_empty() {
            object.set(&["metadata", "name"], cx.entropy.uid());
        }
        Ok(())
    },
    validate_create: |_, object| validate(object),
    validate_update: |_, object, _| validate(object),
    ..Plain::DEFAULT
};

/// Of containers, a default limit follows from the most, a default request from limit or least.
fn fill(limit: &mut Map<String, Value>) {
    for (to, from) in [
        ("default", "max"),
        ("defaultRequest", "default"),
        ("defaultRequest", "min"),
    ] {
        let Some(amounts) = limit.map(from).cloned() else {
            continue;
        };
        let target = limit.entry(to).or_insert(Value::Null);
        if target.is_null() {
            *target = Value::Object(Map::new());
        }
        let Some(target) = target.as_object_mut() else {
            continue;
        };
        for (name, amount) in amounts {
            target.entry(name).or_insert(amount);
        }
    }
}

fn validate(object: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let path = FieldPath::new("spec");
    let path = path.child("limits");
    let limits = object.at("spec").list("limits");
    for (index, limit) in limits.iter().enumerate() {
        let path = path.index(index);
        let kind = limit.text("type");
        type_name(&mut errors, &path.child("type"), kind);
        if limits[..index]
            .iter()
            .any(|other| other.text("type") == kind)
        {
            errors.duplicate(&path.child("type"), &kind.into());
        }
        let keys = resource_names(&mut errors, &path, limit);
        for key in keys {
            Amounts::of(limit, key).check(&mut errors, &path);
        }
    }
    errors
}

fn type_name(errors: &mut FieldErrors, path: &FieldPath, name: &str) {
    let wrong = names::check_qualified_name(name);
    let is_standard = ["Container", "PersistentVolumeClaim", "Pod"].contains(&name);
    if wrong.is_empty() && !name.contains('/') && !is_standard {
        let detail = "must be a standard limit type or fully qualified";
        errors.invalid(path, &name.into(), detail);
    }
    names::report(errors, path, name, wrong);
}

/// Checks the names of all resources and gives back those that are compared.
fn resource_names<'a>(
    errors: &mut FieldErrors,
    path: &FieldPath,
    limit: &'a Value,
) -> BTreeSet<&'a str> {
    let kind = limit.text("type");
    let mut keys = BTreeSet::new();
    let fields = [
        "max",
        "min",
        "default",
        "defaultRequest",
        "maxLimitRequestRatio",
    ];
    for field in fields {
        let path = path.child(field);
        if kind == "Pod" && field.starts_with("default") {
            if limit.entries(field).next().is_some() {
                errors.forbidden(&path, "may not be specified when `type` is 'Pod'");
            }
            continue;
        }
        if field == "maxLimitRequestRatio" {
            require_storage(errors, &path, limit);
        }
        for (name, _) in limit.entries(field) {
            let path = path.key(name);
            if matches!(kind, "Pod" | "Container") {
                resource_name::of_container(errors, &path, name);
            } else {
                resource_name::any(errors, &path, name);
            }
            keys.insert(name);
        }
    }
    keys
}

fn require_storage(errors: &mut FieldErrors, ratio: &FieldPath, limit: &Value) {
    let has = |field: &str| limit.at(field).has("storage");
    if limit.text("type") == "PersistentVolumeClaim" && !has("min") && !has("max") {
        let detail =
            "either minimum or maximum storage value is required, but neither was provided";
        let path = ratio.to_string().replace("maxLimitRequestRatio", "limits");
        errors.required(&FieldPath::new(&path), detail);
    }
}

/// What a limit says of one resource.
struct Amounts<'a> {
    name: &'a str,
    min: Option<Amount>,
    max: Option<Amount>,
    default: Option<Amount>,
    request: Option<Amount>,
    ratio: Option<Amount>,
}

impl<'a> Amounts<'a> {
    fn of(limit: &Value, name: &'a str) -> Self {
        let is_pod = limit.text("type") == "Pod";
        let amount = |field: &str| Amount::parse(limit.at(field).text(name));
        Self {
            name,
            min: amount("min"),
            max: amount("max"),
            default: amount("default").filter(|_| !is_pod),
            request: amount("defaultRequest").filter(|_| !is_pod),
            ratio: amount("maxLimitRequestRatio"),
        }
    }

    /// Least ≤ request ≤ limit ≤ most.
    fn check(&self, errors: &mut FieldErrors, path: &FieldPath) {
        let mut ordered = |field: &str, shown: Option<Amount>, low: Named, high: Named| {
            if let (Some(a), Some(b), Some(shown)) = (low.0, high.0, shown)
                && a > b
            {
                let detail = format!("{} {a} is greater than {} {b}", low.1, high.1);
                let path = path.child(field);
                errors.invalid(&path.key(self.name), &shown.to_string().into(), detail);
            }
        };
        let min = || Named(self.min, "min value");
        let max = || Named(self.max, "max value");
        let request = || Named(self.request, "default request value");
        ordered("min", self.min, min(), max());
        ordered("defaultRequest", self.request, min(), request());
        ordered("defaultRequest", self.request, request(), max());
        ordered(
            "defaultRequest",
            self.request,
            request(),
            Named(self.default, "default limit value"),
        );
        ordered(
            "default",
            self.min,
            min(),
            Named(self.default, "default value"),
        );
        ordered(
            "default",
            self.max,
            Named(self.default, "default value"),
            max(),
        );
        self.check_ratio(errors, path);
        if let (Some(default), Some(request)) = (self.default, self.request)
            && !resource_name::is_overcommitted(self.name)
            && default != request
        {
            let detail = format!(
                "default value {default} must equal to defaultRequest value {request} in {}",
                self.name
            );
            let path = path.child("defaultRequest");
            errors.invalid(&path.key(self.name), &request.to_string().into(), detail);
        }
    }

    fn check_ratio(&self, errors: &mut FieldErrors, path: &FieldPath) {
        let Some(ratio) = self.ratio else { return };
        let path = path.child("maxLimitRequestRatio");
        let path = path.key(self.name);
        let value: Value = ratio.to_string().into();
        if Amount::parse("1").is_some_and(|one| ratio < one) {
            errors.invalid(&path, &value, format!("ratio {ratio} is less than 1"));
        }
        if let (Some(min), Some(max)) = (self.min, self.max) {
            let most = max.as_f64() / min.as_f64();
            if ratio.as_f64() > most {
                let detail = format!("ratio {ratio} is greater than max/min = {most:.6}");
                errors.invalid(&path, &value, detail);
            }
        }
    }
}

/// An amount and what messages call it.
struct Named(Option<Amount>, &'static str);
