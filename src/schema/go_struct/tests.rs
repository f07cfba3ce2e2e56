//! Structs as Go prints them, and diffs of them.

use serde_json::json;

use super::{diff, difference, print};

#[test]
fn a_struct_has_all_its_fields_in_order() {
    let taint = json!({"key": "a<b", "effect": "NoSchedule"});
    assert_eq!(
        print("core.Taint", &taint),
        r#"{"Key":"a\u003cb","Value":"","Effect":"NoSchedule","TimeAdded":null}"#
    );
    assert_eq!(print("*core.Taint", &json!(null)), "null");
    assert_eq!(print("[]core.Taint", &json!([])), "[]");
}

#[test]
fn embedded_metadata_stands_in_its_parent() {
    let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"nodeName": "n"}});
    let printed = print("core.PodTemplateSpec", &template);
    assert!(
        printed.starts_with(r#"{"labels":{"a":"b"},"Spec":{"Volumes":null,"#),
        "{printed}"
    );
    assert!(
        printed.contains(r#""NodeName":"n","HostNetwork":false,"#),
        "{printed}"
    );
}

#[test]
fn a_difference_shows_three_lines_around() {
    let (old, new) = (
        json!({"path": "/a", "server": "s"}),
        json!({"path": "/b", "server": "s"}),
    );
    assert_eq!(
        difference("core.NFSVolumeSource", &old, &new),
        "@@ -1,5 +1,5 @@\n {\n  \"Server\": \"s\",\n- \"Path\": \"/a\",\n+ \"Path\": \"/b\",\n  \
         \"ReadOnly\": false\n }\n"
    );
}

#[test]
fn changes_far_apart_are_two_hunks() {
    let old: Vec<String> = (0..20).map(|i| i.to_string()).collect();
    let mut new = old.clone();
    new[2] = "two".to_owned();
    new.remove(15);
    new.push("end".to_owned());
    assert_eq!(
        diff::unified(&old.join("\n"), &new.join("\n")),
        "@@ -1,6 +1,6 @@\n 0\n 1\n-2\n+two\n 3\n 4\n 5\n@@ -13,8 +13,8 @@\n 12\n 13\n 14\n-15\n 16\n \
         17\n 18\n 19\n+end\n"
    );
    assert_eq!(diff::unified("a\nb", "a\nb"), "");
}
