//! The OpenAPI documents: built-in ones as vendored, those of custom resources as the real server
//! publishes them (`tests/cases/openapi/custom.json`, recorded without descriptions).

use std::sync::{Arc, OnceLock};

use mockernetes::client::ReplyBody;
use mockernetes::object::{GroupResource, GroupVersion, GroupVersionKind};
use mockernetes::schema::catalog::Custom;
use mockernetes::schema::publish::{Publisher, discovery};
use mockernetes::schema::{Catalog, Resource, Subresource, tables};
use serde_json::{Value, json};

use crate::support::cluster;

fn recorded() -> Value {
    let path = format!(
        "{}/tests/cases/openapi/custom.json",
        env!("CARGO_MANIFEST_DIR")
    );
    serde_json::from_str(&std::fs::read_to_string(path).expect("the case")).expect("JSON")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}

/// The resources a definition stands for.
const VERBS: [&str; 8] = [
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "create",
    "update",
    "watch",
];

fn resources(definition: &Value) -> Vec<Resource> {
    let spec = &definition["spec"];
    let names = &spec["names"];
    let cow = |value: &Value| text(value).into();
    let versions = spec["versions"].as_array().expect("versions");
    let stored = versions
        .iter()
        .find(|version| version["storage"] == true)
        .expect("stored");
    let group_version =
        |version: &Value| GroupVersion::new(text(&spec["group"]), text(&version["name"]));
    let resource = |version: &Value| {
        let own = GroupVersionKind {
            group_version: group_version(version),
            kind: text(&names["kind"]).into(),
        };
        let subresources = [
            ("status", own),
            ("scale", GroupVersionKind::new("autoscaling", "v1", "Scale")),
        ];
        let subresources = subresources
            .into_iter()
            .filter(|(name, _)| version["subresources"].get(name).is_some())
            .map(|(name, kind)| Subresource {
                name: name.into(),
                kind,
                verbs: ["get", "patch", "update"].map(Into::into).to_vec(),
                schema: None,
            });
        let schema = version["schema"]["openAPIV3Schema"].clone();
        let fields = version["selectableFields"].as_array().into_iter().flatten();
        Resource {
            group_version: group_version(version),
            plural: cow(&names["plural"]),
            singular: cow(&names["singular"]),
            kind: cow(&names["kind"]),
            list_kind: cow(&names["listKind"]),
            is_namespaced: spec["scope"] == "Namespaced",
            short_names: texts(&names["shortNames"])
                .into_iter()
                .map(Into::into)
                .collect(),
            categories: texts(&names["categories"])
                .into_iter()
                .map(Into::into)
                .collect(),
            verbs: VERBS.map(Into::into).to_vec(),
            schema: tables::component("io.k8s.api.core.v1.ConfigMap").expect("a schema"),
            subresources: subresources.collect(),
            storage: GroupResource::new(text(&spec["group"]), text(&names["plural"])),
            storage_version: group_version(stored),
            storage_version_hash: "".into(),
            deprecation: "".into(),
            custom: Some(Arc::new(Custom {
                open_api_schema: Some(schema.to_string().into()),
                selectable_fields: fields.map(|field| text(&field["jsonPath"])).collect(),
                ..Custom::default()
            })),
            empty: OnceLock::default(),
        }
    };
    versions.iter().map(resource).collect()
}

fn installed(case: &Value) -> Catalog {
    let catalog = Catalog::built_in();
    for definition in case["crds"].as_array().expect("definitions") {
        for resource in resources(definition) {
            catalog.install(resource);
        }
    }
    catalog
}

/// Drops descriptions, as the recording did.
fn bare(mut value: Value) -> Value {
    match &mut value {
        Value::Object(map) => {
            map.retain(|key, value| key != "description" || !value.is_string());
            map.values_mut()
                .for_each(|value| *value = bare(value.take()));
        }
        Value::Array(entries) => entries
            .iter_mut()
            .for_each(|value| *value = bare(value.take())),
        _ => {}
    }
    value
}

fn parsed(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("JSON")
}

#[test]
fn custom_resources_publish_the_paths_and_components_of_the_real_server() {
    let case = recorded();
    let state = installed(&case).state();
    let publisher = Publisher::default();
    for (version, expected) in case["v3"].as_object().expect("versions") {
        let document = publisher
            .document(&state, &format!("apis/{version}"))
            .expect("published");
        let document = bare(parsed(&document.json()));
        let schemas = document["components"]["schemas"]
            .as_object()
            .expect("components");
        for (name, schema) in expected["schemas"].as_object().expect("components") {
            assert_eq!(schemas.get(name), Some(schema), "{name}");
        }
        let borrowed: Vec<&String> = schemas
            .keys()
            .filter(|name| name.starts_with("io."))
            .collect();
        let wanted = texts(&expected["borrowed"]);
        assert_eq!(borrowed, wanted.iter().collect::<Vec<_>>(), "{version}");
        for (path, item) in expected["paths"].as_object().expect("paths") {
            for (key, part) in item.as_object().expect("a path item") {
                assert_eq!(&document["paths"][path][key], part, "{path} {key}");
            }
        }
    }
}

#[test]
fn custom_resources_are_described_in_the_words_of_the_real_server() {
    let state = installed(&recorded()).state();
    let document = Publisher::default().document(&state, "apis/cg.example.com/v1");
    let document = parsed(&document.expect("published").json());
    let at = |pointer: &str| document.pointer(pointer).map(text).unwrap_or_default();
    let widget = "/paths/~1apis~1cg.example.com~1v1~1namespaces~1{namespace}~1widgets~1{name}";
    assert_eq!(
        at(&format!("{widget}/get/description")),
        "read the specified Widget"
    );
    assert_eq!(
        at(&format!("{widget}/delete/description")),
        "delete a Widget"
    );
    assert_eq!(
        at(&format!("{widget}/parameters/0/description")),
        "name of the Widget"
    );
    let status = format!("{widget}~1status/patch/description");
    assert_eq!(
        at(&status),
        "partially update status of the specified Widget"
    );
    let items = at("/components/schemas/com.example.cg.v1.WidgetList/properties/items/description");
    assert!(items.starts_with("List of widgets."), "{items}");
    if let Ok(file) = std::env::var("DUMP_V3") {
        std::fs::write(file, document.to_string()).expect("written");
    }
}

#[test]
fn custom_resources_lose_in_v2_what_v2_cannot_say() {
    let case = recorded();
    let state = installed(&case).state();
    let document = bare(parsed(&Publisher::default().v2(&state).json()));
    for (name, expected) in case["v2"]["definitions"].as_object().expect("definitions") {
        assert_eq!(&document["definitions"][name], expected, "{name}");
    }
    if let Ok(file) = std::env::var("DUMP_V2") {
        std::fs::write(file, document.to_string()).expect("written");
    }
}

#[test]
fn custom_resources_come_into_discovery_and_leave_it() {
    let case = recorded();
    let catalog = installed(&case);
    let state = catalog.state();
    let group = discovery::group(&state, "cg.example.com").expect("served");
    assert_eq!(group["preferredVersion"], case["group"]["preferredVersion"]);
    assert_eq!(group["versions"], case["group"]["versions"]);
    let groups = discovery::aggregated(&state, discovery::Root::Groups);
    let last = groups["items"]
        .as_array()
        .and_then(|items| items.last())
        .expect("groups");
    assert_eq!(last, &case["aggregated"]);
    let before = Publisher::default().index(&state).hash;
    for plural in ["widgets", "gadgets"] {
        catalog.remove_custom(&GroupResource::new("cg.example.com", plural));
    }
    let state = catalog.state();
    assert_eq!(discovery::group(&state, "cg.example.com"), None);
    assert!(
        Publisher::default()
            .document(&state, "apis/cg.example.com/v1")
            .is_none()
    );
    assert_ne!(Publisher::default().index(&state).hash, before);
}

#[test]
fn the_index_names_every_served_document_with_its_hash() {
    let state = Catalog::built_in().state();
    let publisher = Publisher::default();
    let index = parsed(&publisher.index(&state).json());
    let paths = index["paths"].as_object().expect("paths");
    assert!(paths.contains_key("apis/apps/v1") && paths.contains_key("version"));
    assert!(!paths.contains_key("apis/lifecycle.k8s.io/v1alpha1"));
    assert!(!paths.contains_key("apis/lifecycle.k8s.io"));
    for (path, entry) in paths {
        let document = publisher.document(&state, path).expect("served");
        let hash = discovery::etag(&document.json());
        assert_eq!(
            entry["serverRelativeURL"],
            format!("/openapi/v3/{path}?hash={hash}")
        );
    }
}

#[test]
fn a_document_that_is_not_served_is_not_there() {
    let state = Catalog::built_in().state();
    for path in [
        "apis/nope.example.com/v1",
        "apis/lifecycle.k8s.io/v1alpha1",
        "logs",
        "",
    ] {
        assert!(
            Publisher::default().document(&state, path).is_none(),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_default_that_is_nothing_to_go_is_published() {
    let cluster = crate::support::cluster().await;
    let spec = json!({
        "type": "object",
        "properties": {
            "text": {"type": "string", "default": ""},
            "flag": {"type": "boolean", "default": false},
            "list": {"type": "array", "items": {"type": "string"}, "default": []},
        },
    });
    let definition = json!({
        "metadata": {"name": "things.example.com"},
        "spec": {
            "group": "example.com",
            "names": {"kind": "Thing", "plural": "things"},
            "scope": "Cluster",
            "versions": [{
                "name": "v1",
                "served": true,
                "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}},
            }],
        },
    });
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let made = cluster.client.json("POST", definitions, Some(&definition));
    made.await.unwrap();
    let document = cluster
        .client
        .json("GET", "/openapi/v3/apis/example.com/v1", None);
    let document = document.await.unwrap();
    let published = &document["components"]["schemas"]["com.example.v1.Thing"]["properties"];
    assert_eq!(published["spec"], spec);
}

/// The values of a field of a message, by its number.
fn fields(mut message: &[u8], wanted: u64) -> Vec<&[u8]> {
    fn varint(from: &mut &[u8]) -> u64 {
        let mut value = 0;
        for shift in (0..).step_by(7) {
            let (byte, rest) = from.split_first().expect("a byte");
            *from = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        value
    }
    let mut found = Vec::new();
    while !message.is_empty() {
        let tag = varint(&mut message);
        let length = match tag & 7 {
            0 => {
                varint(&mut message);
                continue;
            }
            1 => 8,
            2 => usize::try_from(varint(&mut message)).unwrap(),
            other => panic!("no such wire type: {other}"),
        };
        let (value, rest) = message.split_at(length);
        message = rest;
        if tag >> 3 == wanted {
            found.push(value);
        }
    }
    found
}

/// What is below a message at these numbers, the first of each.
fn below<'a>(message: &'a [u8], numbers: &[u64]) -> &'a [u8] {
    numbers
        .iter()
        .fold(message, |message, number| fields(message, *number)[0])
}

/// The entry of a map by its name.
fn entry<'a>(map: &'a [u8], name: &str) -> &'a [u8] {
    let entries = fields(map, 1);
    let mut found = entries
        .iter()
        .filter(|entry| fields(entry, 1) == [name.as_bytes()]);
    below(found.next().expect(name), &[2])
}

/// What clients that read protobuf ask for (client-go's `OpenAPISchema`).
#[tokio::test]
async fn documents_are_read_as_protobuf_as_well() {
    let fixture = cluster().await;
    let get = async |path: &str, accept: &str| {
        let headers = [("accept", accept)];
        let reply = fixture.client.request("GET", path, &headers, "").await;
        let media = reply.headers["content-type"].clone();
        let ReplyBody::Whole(bytes) = reply.body else {
            panic!("no document");
        };
        (media, bytes)
    };
    for asked in ["@", "."] {
        let media = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
        let accept = media.replace("v2.v1", &format!("v2{asked}v1"));
        let (answered, document) = get("/openapi/v2", &accept).await;
        assert_eq!(answered, media);
        assert_eq!(fields(&document, 1), [b"2.0"]);
        let pod = entry(below(&document, &[9]), "io.k8s.api.core.v1.Pod");
        assert_eq!(below(pod, &[22, 1]), b"object");
        let spec = entry(below(pod, &[25]), "spec");
        let reference = "#/definitions/io.k8s.api.core.v1.PodSpec";
        assert_eq!(below(spec, &[1]), reference.as_bytes());
        assert_eq!(below(pod, &[31, 1]), b"x-kubernetes-group-version-kind");
        let kinds: Value = serde_json::from_slice(below(pod, &[31, 2, 2])).unwrap();
        assert_eq!(
            kinds[0],
            json!({"group": "", "kind": "Pod", "version": "v1"})
        );
    }
    let media = "application/com.github.proto-openapi.spec.v3.v1.0+protobuf";
    let (answered, document) = get("/openapi/v3/apis/batch/v1", media).await;
    assert_eq!(answered, media);
    let job = entry(below(&document, &[5, 1]), "io.k8s.api.batch.v1.Job");
    assert_eq!(below(job, &[1, 25]), b"object");
    let (answered, _) = get("/openapi/v3/apis/batch/v1", "application/json").await;
    assert_eq!(answered, "application/json");
}
