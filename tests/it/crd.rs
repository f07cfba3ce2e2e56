//! CustomResourceDefinitions and their objects, asked of a registry over a store in memory.

use std::sync::Arc;

use bytes::Bytes;
use mockernetes::registry::{Body, Form, Registry, Request, Target, Verb, Wire};
use mockernetes::resources::kinds::BuiltIn;
use mockernetes::schema::Catalog;
use mockernetes::storage::{Memory, Store};
use serde_json::{Value, json};

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const THINGS: &str = "/apis/example.com/v1/namespaces/default/things";

/// A registry, asked by path.
struct World(Registry);

/// Code and body.
type Answer = (u16, Value);

impl World {
    async fn new() -> Self {
        let store: Arc<dyn Store> = Arc::new(Memory::default());
        let catalog = Arc::new(Catalog::built_in());
        let world = Self(Registry::new(store, catalog, Arc::new(BuiltIn)));
        let namespace = json!({"metadata": {"name": "default"}});
        world.post("/api/v1/namespaces", namespace).await;
        world
    }

    /// A registry that serves `things` with this schema of their spec.
    async fn with_spec(spec: Value) -> Self {
        let world = Self::new().await;
        let (code, body) = world.define(definition(spec)).await;
        assert_eq!(code, 201, "{body}");
        world
    }

    async fn define(&self, definition: Value) -> Answer {
        self.post(DEFINITIONS, definition).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(Verb::Create, path, &body).await
    }

    async fn put(&self, path: &str, body: Value) -> Answer {
        self.ask(Verb::Update, path, &body).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Verb::Get, path, &Value::Null).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.ask(Verb::Delete, path, &Value::Null).await
    }

    async fn create(&self, name: &str, spec: Value) -> Answer {
        self.post(THINGS, thing(name, spec)).await
    }

    async fn ask(&self, verb: Verb, path: &str, body: &Value) -> Answer {
        match self.0.handle(&request(verb, path, body)).await {
            Err(error) => (error.code(), error.to_status()),
            Ok(response) => {
                let bytes: Bytes = match response.body {
                    Body::Json(bytes) => bytes,
                    Body::Chunks(chunks) => chunks.concat().into(),
                    _ => panic!("answered with JSON"),
                };
                (response.code, serde_json::from_slice(&bytes).unwrap())
            }
        }
    }
}

fn request(verb: Verb, path: &str, body: &Value) -> Request {
    let mut steps = path.trim_start_matches('/').split('/').map(str::to_owned);
    let mut target = Target::default();
    if steps.next().unwrap() == "apis" {
        target.group = steps.next().unwrap();
    }
    target.version = steps.next().unwrap();
    let mut steps: Vec<String> = steps.collect();
    if steps[0] == "namespaces" && steps.len() > 2 {
        target.namespace.clone_from(&steps[1]);
        steps.drain(..2);
    }
    let mut steps = steps.into_iter();
    target.resource = steps.next().unwrap();
    target.name = steps.next().unwrap_or_default();
    target.subresource = steps.next().unwrap_or_default();
    Request {
        verb,
        target,
        query: Vec::new(),
        body: match body {
            Value::Null => Bytes::new(),
            body => body.to_string().into(),
        },
        tree: mockernetes::registry::request::AtHand::default(),
        content_type: "application/json".to_owned(),
        form: Form::Object,
        wire: Wire::Json,
        user: mockernetes::auth::User::default(),
        trail: mockernetes::audit::Trail::default(),
        user_agent: "test".to_owned(),
    }
}

#[allow(clippy::needless_pass_by_value, reason = "a literal at every call")]
fn definition(spec: Value) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": {
            "group": "example.com",
            "names": {"kind": "Thing", "plural": "things"},
            "scope": "Namespaced",
            "versions": [{
                "name": "v1",
                "served": true,
                "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}},
            }],
        },
    })
}

#[allow(clippy::needless_pass_by_value, reason = "a literal at every call")]
fn thing(name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "example.com/v1",
        "kind": "Thing",
        "metadata": {"name": name},
        "spec": spec,
    })
}

/// Field and message of every cause.
fn causes((code, body): &Answer) -> Vec<(String, String)> {
    assert_eq!(*code, 422, "{body}");
    let causes = body["details"]["causes"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    causes
        .iter()
        .map(|cause| (text(&cause["field"]), text(&cause["message"])))
        .collect()
}

#[track_caller]
fn assert_causes(answer: &Answer, expected: &[(&str, &str)]) {
    let found = causes(answer);
    let found: Vec<(&str, &str)> = found
        .iter()
        .map(|(field, message)| (field.as_str(), message.as_str()))
        .collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_definition_is_established_by_the_next_request() {
    let world = World::new().await;
    let (code, created) = world.define(definition(json!({"type": "object"}))).await;
    assert_eq!(code, 201);
    assert_eq!(created["spec"]["names"]["listKind"], "ThingList");
    assert_eq!(created["spec"]["names"]["singular"], "thing");
    assert_eq!(created["spec"]["conversion"], json!({"strategy": "None"}));
    assert_eq!(
        created["status"],
        json!({
            "acceptedNames": {"kind": "", "plural": ""},
            "conditions": null,
            "storedVersions": ["v1"],
        })
    );
    let (_, now) = world
        .get(&format!("{DEFINITIONS}/things.example.com"))
        .await;
    assert_eq!(now["status"]["acceptedNames"], now["spec"]["names"]);
    let conditions = now["status"]["conditions"].as_array().unwrap();
    assert_eq!(conditions[0]["type"], "NamesAccepted");
    assert_eq!(conditions[0]["reason"], "NoConflicts");
    assert_eq!(conditions[1]["type"], "Established");
    assert_eq!(conditions[1]["status"], "True");
    assert_eq!(now["metadata"]["generation"], 1);
}

#[tokio::test]
async fn names_of_another_definition_are_not_accepted() {
    let world = World::with_spec(json!({"type": "object"})).await;
    let mut other = definition(json!({"type": "object"}));
    other["metadata"]["name"] = "others.example.com".into();
    other["spec"]["names"] = json!({"kind": "Thing", "plural": "others"});
    assert_eq!(world.define(other).await.0, 201);
    let (_, other) = world
        .get(&format!("{DEFINITIONS}/others.example.com"))
        .await;
    let conditions = &other["status"]["conditions"];
    assert_eq!(conditions[0]["reason"], "ListKindConflict");
    assert_eq!(conditions[0]["message"], "\"ThingList\" is already in use");
    assert_eq!(conditions[1]["reason"], "NotAccepted");
    let others = "/apis/example.com/v1/namespaces/default/others";
    assert_eq!(world.get(&format!("{others}/a")).await.0, 404);

    world
        .delete(&format!("{DEFINITIONS}/things.example.com"))
        .await;
    let (_, other) = world
        .get(&format!("{DEFINITIONS}/others.example.com"))
        .await;
    assert_eq!(other["status"]["conditions"][1]["status"], "True");
}

#[tokio::test]
async fn deleting_a_definition_deletes_its_objects() {
    let world = World::with_spec(json!({"type": "object"})).await;
    assert_eq!(world.create("a", json!({})).await.0, 201);
    let path = format!("{DEFINITIONS}/things.example.com");
    let (code, deleted) = world.delete(&path).await;
    assert_eq!(code, 200);
    assert_eq!(
        deleted["metadata"]["finalizers"],
        json!(["customresourcecleanup.apiextensions.k8s.io"])
    );
    assert!(deleted["metadata"]["deletionTimestamp"].is_string());
    assert!(deleted["metadata"]["deletionGracePeriodSeconds"].is_null());
    assert_eq!(world.get(&path).await.0, 404);
    assert_eq!(world.get(&format!("{THINGS}/a")).await.0, 404);
    assert_eq!(world.create("a", json!({})).await.0, 404);
}

#[tokio::test]
async fn a_definition_waits_for_the_finalizers_of_its_objects() {
    let world = World::with_spec(json!({"type": "object"})).await;
    let mut held = thing("a", json!({}));
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    assert_eq!(world.post(THINGS, held).await.0, 201);
    let path = format!("{DEFINITIONS}/things.example.com");
    world.delete(&path).await;
    let (code, waiting) = world.get(&path).await;
    assert_eq!(code, 200, "{waiting}");
    assert_eq!(world.create("b", json!({})).await.0, 403);
    let (_, mut held) = world.get(&format!("{THINGS}/a")).await;
    assert!(held["metadata"]["deletionTimestamp"].is_string());
    held["metadata"]["finalizers"] = json!([]);
    assert_eq!(world.put(&format!("{THINGS}/a"), held).await.0, 200);
    assert_eq!(world.get(&path).await.0, 404);
}

#[tokio::test]
async fn unknown_fields_are_pruned_and_defaults_filled_in() {
    let world = World::with_spec(json!({
        "type": "object",
        "properties": {
            "size": {"type": "integer", "default": 3},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "map": {"type": "object", "additionalProperties": {"type": "string", "default": "x"}},
            "none": {"type": "string", "nullable": true, "default": "d"},
        },
    }))
    .await;
    let spec = json!({"bogus": 1, "free": {"a": 1.0}, "map": {"k": null}, "none": null});
    let (code, created) = world.create("a", spec).await;
    assert_eq!(code, 201, "{created}");
    assert_eq!(
        created["spec"],
        json!({"size": 3, "free": {"a": 1}, "map": {"k": "x"}, "none": null})
    );
}

#[tokio::test]
async fn values_are_checked_in_the_words_of_the_api_server() {
    let world = World::with_spec(json!({
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {"type": "string", "maxLength": 3, "pattern": "^[a-z]+$"},
            "size": {"type": "integer", "minimum": 1, "maximum": 5},
            "kind": {"type": "string", "enum": ["A", "B"]},
            "list": {"type": "array", "maxItems": 1, "items": {"type": "string"}},
            "when": {"type": "string", "format": "date-time"},
            "port": {"x-kubernetes-int-or-string": true},
        },
    }))
    .await;
    let spec = json!({
        "size": 9, "kind": "C", "list": ["a", "b"], "when": "now", "port": true,
    });
    let answer = world.create("a", spec).await;
    assert_causes(
        &answer,
        &[
            (
                "spec.kind",
                "Unsupported value: \"C\": supported values: \"A\", \"B\"",
            ),
            ("spec.list", "Too many: 2: must have at most 1 item"),
            (
                "spec.port",
                "Invalid value: \"boolean\": spec.port in body must be of type integer,string: \
                 \"boolean\"",
            ),
            (
                "spec.size",
                "Invalid value: 9: spec.size in body should be less than or equal to 5",
            ),
            (
                "spec.when",
                "Invalid value: \"now\": spec.when in body must be of type date-time: \"now\"",
            ),
            ("spec.name", "Required value"),
        ],
    );
    let answer = world.create("a", json!({"name": "Abcd"})).await;
    assert_eq!(
        causes(&answer)[0].1,
        "Too long: may not be more than 3 bytes"
    );
}

#[tokio::test]
async fn what_was_wrong_before_may_stay_wrong_while_it_does_not_change() {
    let world = World::with_spec(json!({
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
    }))
    .await;
    let (_, mut object) = world.create("t", json!({"a": "long", "b": "x"})).await;
    let path = format!("{DEFINITIONS}/things.example.com");
    let (_, mut definition) = world.get(&path).await;
    let spec = &mut definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
    spec["spec"]["properties"]["a"]["maxLength"] = 2.into();
    let (code, body) = world.put(&path, definition).await;
    assert_eq!(code, 200, "{body}");
    object["spec"]["b"] = "y".into();
    let (code, mut object) = world.put(&format!("{THINGS}/t"), object).await;
    assert_eq!(code, 200, "{object}");
    assert_eq!(object["metadata"]["generation"], 2);
    object["spec"]["a"] = "other".into();
    let answer = world.put(&format!("{THINGS}/t"), object).await;
    assert_eq!(causes(&answer)[0].0, "spec.a");
}

#[tokio::test]
async fn rules_that_do_not_hold_of_what_stays_as_it_is_are_warned_of() {
    let world = World::with_spec(json!({
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "string"}},
    }))
    .await;
    let (_, mut object) = world.create("t", json!({"a": 1, "b": "x"})).await;
    let path = format!("{DEFINITIONS}/things.example.com");
    let (_, mut definition) = world.get(&path).await;
    let spec = &mut definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
    spec["spec"]["properties"]["a"]["x-kubernetes-validations"] = json!([{"rule": "self > 1"}]);
    let (code, body) = world.put(&path, definition).await;
    assert_eq!(code, 200, "{body}");
    object["spec"]["b"] = "y".into();
    let update = request(Verb::Update, &format!("{THINGS}/t"), &object);
    let response = world.0.handle(&update).await.unwrap();
    let warning = "spec.a: Invalid value: 1: failed rule: self > 1";
    assert_eq!(response.warnings, [warning]);
    let (_, mut object) = world.get(&format!("{THINGS}/t")).await;
    object["spec"]["a"] = 0.into();
    let answer = world.put(&format!("{THINGS}/t"), object).await;
    assert_causes(
        &answer,
        &[("spec.a", "Invalid value: 0: failed rule: self > 1")],
    );
}

#[tokio::test]
async fn schemas_that_are_not_structural_are_refused() {
    let world = World::new().await;
    let place = "spec.validation.openAPIV3Schema.properties[spec]";
    let answer = world
        .define(definition(json!({"properties": {"a": {"minLength": 1}}})))
        .await;
    let field = |rest: &str| format!("{place}{rest}");
    assert_causes(
        &answer,
        &[
            (
                &field(".properties[a].type"),
                "Required value: must not be empty for specified object fields",
            ),
            (
                &field(".type"),
                "Required value: must not be empty for specified object fields",
            ),
        ],
    );
    let answer = world
        .define(definition(json!({
            "type": "object",
            "properties": {"size": {"type": "integer", "default": "a"}},
        })))
        .await;
    assert_causes(
        &answer,
        &[(
            &field(".properties[size].default"),
            "Invalid value: \"string\":  in body must be of type integer: \"string\"",
        )],
    );
}

#[tokio::test]
async fn no_versions_are_shown_as_they_were_sent() {
    let world = World::new().await;
    for (sent, shown) in [(json!([]), "[]"), (Value::Null, "null")] {
        let mut definition = definition(json!({"type": "object"}));
        definition["spec"]["versions"] = sent;
        let answer = world.define(definition).await;
        let why = "must have exactly one version marked as storage version";
        let message = format!("Invalid value: {shown}: {why}");
        assert!(causes(&answer).contains(&("spec.versions".to_owned(), message)));
    }
}

#[tokio::test]
async fn rules_are_run_over_new_and_old_state() {
    let world = World::with_spec(json!({
        "type": "object",
        "properties": {
            "min": {"type": "integer"},
            "max": {"type": "integer"},
            "a-b": {
                "type": "integer",
                "x-kubernetes-validations": [{"rule": "self >= oldSelf", "message": "grows"}],
            },
        },
        "x-kubernetes-validations": [
            {"rule": "self.min <= self.max", "message": "min is above max", "fieldPath": ".min"},
            {"rule": "!has(self.a__dash__b) || self.a__dash__b < 9"},
        ],
    }))
    .await;
    let answer = world
        .create("t", json!({"min": 2, "max": 1, "a-b": 10}))
        .await;
    assert_causes(
        &answer,
        &[
            ("spec.min", "Invalid value: min is above max"),
            (
                "spec",
                "Invalid value: failed rule: !has(self.a__dash__b) || self.a__dash__b < 9",
            ),
        ],
    );
    let answer = world.create("t", json!({"min": 2})).await;
    assert_causes(
        &answer,
        &[(
            "spec",
            "Invalid value: \"object\": no such key: max evaluating rule: min is above max",
        )],
    );
    let (code, mut object) = world
        .create("t", json!({"min": 1, "max": 2, "a-b": 5}))
        .await;
    assert_eq!(code, 201, "{object}");
    object["spec"]["a-b"] = 4.into();
    let answer = world.put(&format!("{THINGS}/t"), object).await;
    assert_causes(&answer, &[("spec.a-b", "Invalid value: 4: grows")]);
}

#[tokio::test]
async fn rules_that_could_never_be_run_are_refused() {
    let world = World::new().await;
    let rule = |rule: &str| {
        definition(json!({
            "type": "object",
            "properties": {"a": {"type": "array", "items": {"type": "string"}}},
            "x-kubernetes-validations": [{"rule": rule}],
        }))
    };
    let answer = world
        .define(rule("self.a.all(x, self.a.all(y, x == y))"))
        .await;
    assert!(
        causes(&answer)[0]
            .1
            .contains("estimated rule cost exceeds budget")
    );
    let answer = world.define(rule("self.nothing == 1")).await;
    assert!(causes(&answer)[0].1.contains("undefined field 'nothing'"));
    let answer = world.define(rule("size(self.a)")).await;
    assert!(
        causes(&answer)[0]
            .1
            .ends_with("cel expression must evaluate to a bool")
    );
}

#[tokio::test]
async fn texts_are_addresses_where_kubernetes_reads_them_as_such() {
    let spec = json!({"type": "object", "properties": {
        "uri": {"type": "string", "format": "uri"},
        "mac": {"type": "string", "format": "mac"},
    }});
    let world = World::with_spec(spec).await;
    for (index, (field, text, is_valid)) in [
        ("uri", "mailto:a@b", true),
        ("uri", "x:", true),
        ("uri", "*", true),
        ("uri", "/a/b", true),
        ("uri", "https://a.b/c?d", true),
        ("uri", "1:y", false),
        ("uri", "?a", false),
        ("uri", "a b:c", false),
        ("mac", "aabbccddeeff", true),
        ("mac", "aa:bb:cc:dd:ee:ff", true),
        ("mac", "aabbccddee", false),
    ]
    .into_iter()
    .enumerate()
    {
        let (code, _) = world
            .create(&format!("t{index}"), json!({field: text}))
            .await;
        assert_eq!(code, if is_valid { 201 } else { 422 }, "{field} {text}");
    }
}
