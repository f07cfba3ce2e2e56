//! Strategic merge of a diff yields the target.

use mockernetes::object::Object;
use mockernetes::patch::Patch;
use serde_json::json;

use super::generate::Generator;
use super::{diff, for_each};

#[test]
fn the_strategic_merge_of_a_diff_is_the_target() {
    let mut lengths = 0;
    for_each(|kind, schema, seed| {
        let old = Generator::new(schema, seed).object("v1", kind);
        let new = Generator::new(schema, seed + 1000).object("v1", kind);
        let patch = diff::between(schema, &old, &new);
        lengths += patch.to_string().len();
        let object = Object::from_value(old.clone()).unwrap();
        let merged = Patch::strategic(patch.clone())
            .unwrap()
            .apply(object, schema);
        assert_eq!(merged.unwrap(), new, "{kind}, seed {seed}: {old}\n{patch}");
    });
    assert!(lengths > 100_000, "the patches say something: {lengths}");
}

#[test]
fn the_diff_of_an_object_with_itself_changes_nothing() {
    for_each(|kind, schema, seed| {
        let object = Generator::new(schema, seed).object("v1", kind);
        assert_eq!(
            diff::between(schema, &object, &object),
            json!({}),
            "{kind}, seed {seed}"
        );
    });
}
