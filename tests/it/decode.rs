//! Bodies: JSON and YAML as kube-apiserver 1.37 reads them, and what it says of those it cannot.

use mockernetes::client::ReplyBody;
use mockernetes::object::{json, yaml};
use serde_json::json as value;

use crate::support::{self, Fixture};

const MAPS: &str = "/api/v1/namespaces/default/configmaps?dryRun=All";

/// The message of the answer to a body, or `ok`.
async fn message(world: &Fixture, query: &str, media_type: &str, body: &str) -> String {
    let target = format!("{MAPS}{query}");
    let headers = [("content-type", media_type)];
    let reply = world
        .client
        .request("POST", &target, &headers, body.to_owned())
        .await;
    let ReplyBody::Whole(bytes) = reply.body else {
        panic!("a POST is answered whole");
    };
    let answer: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    answer["message"].as_str().unwrap_or("ok").to_owned()
}

#[test]
fn json_that_is_none_is_refused_in_gos_words() {
    for (text, expected) in [
        ("", "unexpected end of JSON input"),
        ("{\"a\"", "unexpected end of JSON input"),
        (
            "{'a':1}",
            "invalid character '\\'' looking for beginning of object key string",
        ),
        (
            "{\"a\":1,}",
            "invalid character '}' looking for beginning of object key string",
        ),
        (
            "[1,]",
            "invalid character ']' looking for beginning of value",
        ),
        ("{} x", "invalid character 'x' after top-level value"),
        (
            "{\"a\":01}",
            "invalid character '1' after object key:value pair",
        ),
        ("\"a\tb\"", "invalid character '\\t' in string literal"),
        ("\"\\x\"", "invalid character 'x' in string escape code"),
        (
            "tru",
            "invalid character ' ' in literal true (expecting 'e')",
        ),
        (
            "1.",
            "invalid character ' ' after decimal point in numeric literal",
        ),
    ] {
        assert_eq!(
            json::parse(text.as_bytes()).unwrap_err().to_string(),
            expected,
            "{text}"
        );
    }
}

#[test]
fn json_reads_what_go_reads() {
    assert_eq!(
        json::parse(br#""\ud83d\ude00\ud800""#),
        Ok(value!("\u{1f600}\u{fffd}"))
    );
    assert_eq!(json::parse(b"\"\xff\""), Ok(value!("\u{fffd}")));
    assert_eq!(
        json::parse(b"[1e3, 1.0, 1.5, -0]"),
        Ok(value!([1000, 1, 1.5, 0]))
    );
    let deep = "[".repeat(100_000);
    let error = json::parse(deep.as_bytes()).unwrap_err().to_string();
    assert_eq!(error, "invalid character '[' exceeded max depth");
}

#[test]
fn yaml_words_mean_what_they_mean_in_yaml_1_1() {
    let read = |text: &str| yaml::first_document(text.as_bytes()).unwrap().value;
    assert_eq!(
        read("{a: yes, b: 'yes', c: off, d: 0x1F, e: 010, f: 1_000, g: ~, h: 1.0, i: 2020-01-01}"),
        value!({"a": true, "b": "yes", "c": false, "d": 31, "e": 8, "f": 1000, "g": null, "h": 1,
            "i": "2020-01-01"})
    );
    assert_eq!(
        read("{1: a, true: b, 1.5: c, y: d}"),
        value!({"1": "a", "true": "d", "1.5": "c"})
    );
    assert_eq!(
        read("a: &x {b: 1}\nc:\n  <<: *x\n  d: 2\n"),
        value!({"a": {"b": 1}, "c": {"b": 1, "d": 2}})
    );
}

#[test]
fn a_text_holds_several_documents() {
    let documents = yaml::documents(b"a: 1\n---\n# nothing\n---\nb: 2\n").unwrap();
    let values: Vec<_> = documents
        .into_iter()
        .map(|document| document.value)
        .collect();
    assert_eq!(values, [value!({"a": 1}), value!({"b": 2})]);
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        let line = format!("a{level}: &a{level} [{aliases}]\n");
        text.push_str(&line);
    }
    let error = yaml::first_document(text.as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "yaml: document contains excessive aliasing"
    );
}

#[tokio::test]
async fn a_body_of_another_kind_or_type_says_so() {
    let world = support::cluster().await;
    for (body, expected) in [
        (
            "",
            "the object provided is unrecognized (must be of type ConfigMap): couldn't get \
             version/kind; json parse error: unexpected end of JSON input (<empty>)",
        ),
        (
            r#"{"kind":"Pod","apiVersion":"v1"}"#,
            "Pod in version \"v1\" cannot be handled as a ConfigMap: converting (v1.Pod) to \
             (core.ConfigMap): unknown conversion",
        ),
        (
            r#"{"metadata":{"name":"a"},"data":{"x":1}}"#,
            "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: json: cannot unmarshal \
             number into Go struct field ConfigMap.data of type string",
        ),
        (
            r#"{"metadata":{"name":"a","creationTimestamp":"x"}}"#,
            "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: parsing time \"x\" as \
             \"2006-01-02T15:04:05Z07:00\": cannot parse \"x\" as \"2006\"",
        ),
    ] {
        assert_eq!(
            message(&world, "", "application/json", body).await,
            expected,
            "{body}"
        );
    }
}

#[tokio::test]
async fn unknown_and_duplicate_fields_are_reported_in_the_order_of_the_text() {
    let world = support::cluster().await;
    let body = r#"{"metadata":{"name":"a"},"replica":1,"data":{"x":"1","x":"2"},"Data":{}}"#;
    let strict = message(&world, "&fieldValidation=Strict", "application/json", body).await;
    assert_eq!(
        strict,
        "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: \
         unknown field \"replica\", duplicate field \"data.x\", unknown field \"Data\""
    );
    let ignored = message(&world, "&fieldValidation=Ignore", "application/json", body).await;
    assert_eq!(ignored, "ok");
    let yaml = "metadata: {name: a}\nx: 1\nx: 2\n";
    let strict = message(&world, "&fieldValidation=Strict", "application/yaml", yaml).await;
    assert_eq!(
        strict,
        "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: \
         yaml: unmarshal errors:\n  line 3: key \"x\" already set in map, unknown field \"x\""
    );
}
