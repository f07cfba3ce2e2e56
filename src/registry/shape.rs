//! What the schema makes of an object on its way in: pruned, normalised, defaulted, checked.
//!
//! *Upstream:* `unstructuredSchemaCoercer` in `apiextensions-apiserver/pkg/apiserver`, the codecs
//! of the built-in groups.

use std::sync::OnceLock;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::custom::{embedded, validate_scale};
use super::meta::managers;
use super::verbs::create::set_namespace;
use super::{Context, Registry, Request, Strategy, decode};
use crate::cel::rules::Rules;
use crate::error::{ApiError, FieldErrors};
use crate::object::Object;
use crate::schema::{Resource, Schema, default, emptied, normalise, prune, validate as check};

/// Brings a decoded object of a served version in shape: normalised, pruned, defaulted.
pub fn decoded(cx: &Context, strategy: &dyn Strategy, object: &mut Object) {
    let mut empties = emptied::empties(object.as_map(), &cx.resource.schema);
    in_version(cx.resource, strategy, cx.now, object);
    empties.retain(|empty| !empty.is_filled(object.as_map()));
    *cx.emptied.lock() = empties;
}

/// The same for an object of any served version.
pub fn in_version(
    resource: &Resource,
    strategy: &dyn Strategy,
    now: Timestamp,
    object: &mut Object,
) {
    prune::apply(object.as_map_mut(), &resource.schema);
    fill(resource, strategy, now, object);
}

/// Brings an applied object in shape. What its schema does not know is refused before, and nulls
/// of custom resources are to be found by their validation.
pub fn applied(cx: &Context, strategy: &dyn Strategy, object: &mut Object) {
    if cx.resource.custom.is_some() {
        fill(cx.resource, strategy, cx.now, object);
    } else {
        decoded(cx, strategy, object);
    }
}

fn fill(resource: &Resource, strategy: &dyn Strategy, now: Timestamp, object: &mut Object) {
    let schema = &resource.schema;
    let is_exact = strategy.tells_empty_from_none();
    let normalise = if is_exact {
        normalise::read
    } else {
        normalise::decoded
    };
    in_go_form(normalise, resource, object);
    default::apply(object.as_map_mut(), schema);
    strategy.default(object);
    if is_exact {
        in_go_form(normalise::decoded, resource, object);
    }
    strategy.stamp(object, now);
}

/// Reads an object that is answered and not kept, as a new object is read: in shape, with what
/// its client sets entered.
pub fn received(
    registry: &Registry,
    cx: &Context<'_>,
    request: &Request,
) -> Result<Object, ApiError> {
    let mut object = decode::object(cx, request)?;
    set_namespace(cx, &mut object)?;
    decoded(cx, registry.strategy(cx.resource), &mut object);
    managers::track(registry, cx, cx.resource.empty(), &mut object)?;
    Ok(object)
}

/// Gives a decoded object the form it comes back from the store in, so that what is made of it is
/// made of one form: Go tells an empty list from none until then.
pub fn settle(resource: &Resource, object: &mut Object) {
    in_go_form(normalise::apply, resource, object);
}

/// Normalises an object by a pass. Floats that a scale shows stay as they are: they must have been
/// written as whole numbers, and are refused where they were not.
fn in_go_form(
    normalise: fn(&mut Map<String, Value>, &Schema),
    resource: &Resource,
    object: &mut Object,
) {
    let scale = resource.custom.as_ref();
    let scale = scale.and_then(|custom| custom.scale.as_ref());
    let kept: Vec<(Vec<&str>, Value)> = ["specReplicasPath", "statusReplicasPath"]
        .iter()
        .filter_map(|name| scale?.get(name)?.as_str())
        .map(|path| path.trim_start_matches('.').split('.').collect())
        .filter_map(|path: Vec<&str>| Some((path.clone(), object.get(&path)?.clone())))
        .filter(|(_, value)| value.is_f64())
        .collect();
    normalise(object.as_map_mut(), &resource.schema);
    for (path, value) in kept {
        object.set(&path, value);
    }
}

/// Brings an object in the form it is stored in, after everything that changes it has run.
pub fn finish(resource: &Resource, object: &mut Object) {
    in_go_form(normalise::apply, resource, object);
    if resource.custom.is_some() {
        // Upstream fills defaults in again whenever it reads one: a status that a create cleared
        // has its defaults.
        default::apply(object.as_map_mut(), &resource.schema);
    }
}

/// Everything the schema finds wrong with an object.
pub fn validate(cx: &Context, object: &Object, old: Option<&Object>) -> FieldErrors {
    let schema = &cx.resource.schema;
    let is_status = cx.subresource == "status";
    let map = object.as_map();
    let mut errors = match old {
        None => check::create(map, schema),
        Some(old) if is_status => check::update_status(map, old.as_map(), schema),
        Some(old) => check::update(map, old.as_map(), schema),
    };
    if cx.resource.custom.is_some() && !is_status {
        errors.extend(embedded::validate(map, schema));
    }
    validate_scale(cx.resource, object, is_status, &mut errors);
    run_rules(cx, object, old, &mut errors);
    errors
}

/// Runs the rules of a custom resource, unless what they would read is not what they expect.
fn run_rules(cx: &Context, object: &Object, old: Option<&Object>, errors: &mut FieldErrors) {
    let custom = cx.resource.custom.as_ref();
    let rules = custom.and_then(|custom| custom.rules.as_ref()?.downcast_ref::<OnceLock<Rules>>());
    let rules = rules.map(|rules| rules.get_or_init(|| Rules::of(&cx.resource.schema)));
    if let Some(rules) = rules.filter(|rules| !rules.is_empty())
        && !check::blocks_rules(errors)
    {
        let old = old.map(Object::as_map);
        let verdict = rules.validate(&cx.resource.schema, object.as_map(), old);
        errors.extend(verdict.errors);
        for warning in verdict.warnings.iter() {
            cx.warn(format!("{}: {}", warning.field, warning.body()));
        }
    }
}
