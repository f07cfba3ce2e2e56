//! Two JSON texts, a line each: an `openAPIV3Schema`, and an object that is pruned, defaulted and
//! checked by it, rules included, where it is structural.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mockernetes::cel::rules::Rules;
use mockernetes::object::{FieldPath, json};
use mockernetes::schema::{default, normalise, prune, structural, tables, validate};
use serde_json::Value;

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

fuzz_target!(|bytes: &[u8]| {
    let mut lines = bytes.splitn(2, |byte| *byte == b'\n');
    let mut read = || json::parse(lines.next().unwrap_or_default()).ok();
    let (Some(Value::Object(document)), object) = (read(), read()) else { return };
    if !structural::validate(&document, &FieldPath::new("schema")).is_empty() {
        return;
    }
    let Some(meta) = tables::component(META) else { return };
    let schema = structural::compile(&document, &meta);
    let rules = Rules::of(&schema);
    let Some(Value::Object(mut object)) = object else { return };
    prune::apply(&mut object, &schema);
    normalise::apply(&mut object, &schema);
    default::apply(&mut object, &schema);
    let old = object.clone();
    let _ = validate::create(&object, &schema);
    let _ = validate::update(&object, &old, &schema);
    let _ = rules.validate(&schema, &object, None);
    let _ = rules.validate(&schema, &object, Some(&old));
});
