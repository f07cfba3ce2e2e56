//! The paths of a custom resource and what can be done at each.
//!
//! *Upstream:* `apiextensions-apiserver/pkg/controller/openapi/builder/builder.go` (`buildRoute`),
//! `apiserver/pkg/endpoints/openapi/openapi.go`.

use serde_json::{Map, Value, json};

use super::custom::component_name;
use crate::schema::catalog::Resource;
use crate::schema::tables;

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1";
const SCALE: &str = "io.k8s.api.autoscaling.v1.Scale";

/// Name and type of each parameter, and the section that describes them.
type Parameters = (&'static str, &'static [(&'static str, &'static str)]);

const LIST: Parameters = (
    "list",
    &[
        ("allowWatchBookmarks", "boolean"),
        ("continue", "string"),
        ("fieldSelector", "string"),
        ("labelSelector", "string"),
        ("limit", "integer"),
        ("resourceVersion", "string"),
        ("resourceVersionMatch", "string"),
        ("sendInitialEvents", "boolean"),
        ("shardSelector", "string"),
        ("timeoutSeconds", "integer"),
        ("watch", "boolean"),
    ],
);
const WRITE: Parameters = (
    "write",
    &[
        ("dryRun", "string"),
        ("fieldManager", "string"),
        ("fieldValidation", "string"),
    ],
);
const PATCH: Parameters = (
    "patch",
    &[
        ("dryRun", "string"),
        ("fieldManager", "string"),
        ("fieldValidation", "string"),
        ("force", "boolean"),
    ],
);
const DELETE: Parameters = (
    "delete",
    &[
        ("dryRun", "string"),
        ("gracePeriodSeconds", "integer"),
        (
            "ignoreStoreReadErrorWithClusterBreakingPotential",
            "boolean",
        ),
        ("orphanDependents", "boolean"),
        ("propagationPolicy", "string"),
    ],
);

/// One thing that can be done at a path.
struct Verb {
    method: &'static str,
    action: &'static str,
    /// What the operation's name and description begin with.
    word: &'static str,
    parameters: Parameters,
    codes: &'static [u16],
    body: Body,
}

/// What a request carries.
#[derive(Clone, Copy)]
enum Body {
    Nothing,
    Object,
    Patch,
    Options,
}

const fn verb(
    method: &'static str,
    action: &'static str,
    word: &'static str,
    parameters: Parameters,
    codes: &'static [u16],
    body: Body,
) -> Verb {
    Verb {
        method,
        action,
        word,
        parameters,
        codes,
        body,
    }
}

const LIST_VERB: Verb = verb("get", "list", "list", LIST, &[200], Body::Nothing);
const COLLECTION: &[Verb] = &[
    LIST_VERB,
    verb(
        "post",
        "post",
        "create",
        WRITE,
        &[200, 201, 202],
        Body::Object,
    ),
    verb(
        "delete",
        "deletecollection",
        "deletecollection",
        LIST,
        &[200],
        Body::Nothing,
    ),
];
const GET: Verb = verb(
    "get",
    "get",
    "read",
    ("list", &[("resourceVersion", "string")]),
    &[200],
    Body::Nothing,
);
const PUT: Verb = verb("put", "put", "replace", WRITE, &[200, 201], Body::Object);
const PATCH_VERB: Verb = verb("patch", "patch", "patch", PATCH, &[200], Body::Patch);
const OBJECT: &[Verb] = &[
    GET,
    PUT,
    verb(
        "delete",
        "delete",
        "delete",
        DELETE,
        &[200, 202],
        Body::Options,
    ),
    PATCH_VERB,
];
const SUBRESOURCE: &[Verb] = &[GET, PUT, PATCH_VERB];

/// Adds every path of a resource.
pub(super) fn add_paths(resource: &Resource, paths: &mut Map<String, Value>) {
    let version = format!("/apis/{}", resource.group_version);
    let plural = &resource.plural;
    let mut root = format!("{version}/{plural}");
    if resource.is_namespaced {
        let across = Place {
            resource,
            subresource: "",
            is_across: true,
        };
        paths.insert(root, across.item(&[LIST_VERB], &[]));
        root = format!("{version}/namespaces/{{namespace}}/{plural}");
    }
    let namespace: &[&str] = if resource.is_namespaced {
        &["namespace"]
    } else {
        &[]
    };
    let name = [&["name"], namespace].concat();
    let place = |subresource| Place {
        resource,
        subresource,
        is_across: false,
    };
    paths.insert(root.clone(), place("").item(COLLECTION, namespace));
    paths.insert(format!("{root}/{{name}}"), place("").item(OBJECT, &name));
    for subresource in &resource.subresources {
        let item = place(&subresource.name).item(SUBRESOURCE, &name);
        paths.insert(format!("{root}/{{name}}/{}", subresource.name), item);
    }
}

/// A path of a resource.
struct Place<'a> {
    resource: &'a Resource,
    subresource: &'a str,
    /// Whether it lists all namespaces.
    is_across: bool,
}

impl Place<'_> {
    /// The path item. Parameters that every operation takes stand at the path.
    fn item(&self, verbs: &[Verb], in_path: &[&str]) -> Value {
        let mut item = Map::new();
        let mut shared: Vec<Value> = in_path
            .iter()
            .map(|name| self.path_parameter(name))
            .collect();
        shared.extend(parameters(("path", &[("pretty", "string")])));
        if let [only] = verbs {
            shared.extend(parameters(only.parameters));
        }
        shared.sort_by_key(|parameter| parameter["name"].as_str().unwrap_or_default().to_owned());
        for verb in verbs {
            let mut operation = self.operation(verb);
            if verbs.len() > 1 {
                operation["parameters"] = parameters(verb.parameters).collect();
            }
            item.insert(verb.method.to_owned(), operation);
        }
        item.insert("parameters".to_owned(), Value::Array(shared));
        Value::Object(item)
    }

    fn path_parameter(&self, name: &str) -> Value {
        let text = match name {
            "name" => format!("name of the {}", self.resource.kind),
            _ => tables::custom_text("path", name).to_owned(),
        };
        json!({
            "name": name,
            "in": "path",
            "description": text,
            "required": true,
            "schema": { "type": "string", "uniqueItems": true },
        })
    }

    fn operation(&self, verb: &Verb) -> Value {
        let Resource {
            group_version,
            kind,
            ..
        } = self.resource;
        let group = group_version
            .group
            .strip_suffix(".k8s.io")
            .unwrap_or(&group_version.group);
        let answer = reference(&self.answer(verb));
        let mut responses: Map<String, Value> = Map::new();
        for code in verb.codes {
            let phrase = match code {
                201 => "Created",
                202 => "Accepted",
                _ => "OK",
            };
            let content = json!({ "application/json": answer, "application/yaml": answer });
            let response = json!({ "description": phrase, "content": content });
            responses.insert(code.to_string(), response);
        }
        responses.insert("401".to_owned(), json!({ "description": "Unauthorized" }));
        let version = identifier(&group_version.version, false);
        let tag = format!("{}_{version}", identifier(group, false));
        let mut operation = json!({
            "tags": [tag],
            "description": self.description(verb),
            "operationId": self.operation_id(verb, group),
            "responses": responses,
            "x-kubernetes-action": verb.action,
            "x-kubernetes-group-version-kind": {
                "group": &*group_version.group, "version": &*group_version.version, "kind": kind,
            },
        });
        if let Some(body) = self.body(verb) {
            operation["requestBody"] = body;
        }
        operation
    }

    fn answer(&self, verb: &Verb) -> String {
        match (verb.action, self.subresource) {
            ("list", _) => component_name(self.resource, &self.resource.list_kind),
            ("delete" | "deletecollection", _) => format!("{META}.Status"),
            (_, "scale") => SCALE.to_owned(),
            _ => component_name(self.resource, &self.resource.kind),
        }
    }

    fn body(&self, verb: &Verb) -> Option<Value> {
        let (schema, types): (_, &[&str]) = match verb.body {
            Body::Nothing => return None,
            Body::Object => (self.answer(verb), &["application/json", "application/yaml"]),
            Body::Options => (
                format!("{META}.DeleteOptions"),
                &["application/json", "application/yaml"],
            ),
            Body::Patch => (
                format!("{META}.Patch"),
                &[
                    "application/apply-patch+yaml",
                    "application/json-patch+json",
                    "application/merge-patch+json",
                ],
            ),
        };
        let content = types
            .iter()
            .map(|kind| ((*kind).to_owned(), reference(&schema)));
        let mut body = json!({ "content": content.collect::<Map<_, _>>() });
        if !matches!(verb.body, Body::Options) {
            body["required"] = Value::Bool(true);
        }
        Some(body)
    }

    /// `readExampleComV1NamespacedThingStatus`.
    fn operation_id(&self, verb: &Verb, group: &str) -> String {
        // The name is split after the first verb it begins with; `deletecollection` is two.
        let (word, rest) = match verb.word {
            "deletecollection" => ("delete", "collection"),
            word => (word, ""),
        };
        let is_within = self.resource.is_namespaced && !self.is_across;
        let namespaced = if is_within { "Namespaced" } else { "" };
        let across = if self.is_across {
            "ForAllNamespaces"
        } else {
            ""
        };
        let subresource = capitalised(self.subresource);
        let name = format!(
            "{rest}{namespaced}{}{subresource}{across}",
            self.resource.kind
        );
        let group = identifier(group, true);
        let version = identifier(&self.resource.group_version.version, true);
        format!("{word}{group}{version}{}", identifier(&name, true))
    }

    fn description(&self, verb: &Verb) -> String {
        let kind = &self.resource.kind;
        let of = match self.subresource {
            "" => String::new(),
            subresource => format!(" {subresource} of"),
        };
        match verb.word {
            "list" => format!("list{of} objects of kind {kind}"),
            "patch" => format!("partially update{of} the specified {kind}"),
            "deletecollection" => format!("delete collection of {kind}"),
            word @ ("read" | "replace") => format!("{word}{of} the specified {kind}"),
            word => format!("{word}{of}{}{kind}", article(kind)),
        }
    }
}

fn parameters((section, parameters): Parameters) -> impl Iterator<Item = Value> {
    parameters.iter().map(move |(name, kind)| {
        json!({
            "name": name,
            "in": "query",
            "description": tables::custom_text(section, name),
            "schema": { "type": kind, "uniqueItems": true },
        })
    })
}

fn reference(component: &str) -> Value {
    json!({ "schema": { "$ref": format!("#/components/schemas/{component}") } })
}

/// Plurals take none.
fn article(kind: &str) -> &'static str {
    if kind.ends_with('s') && !kind.ends_with("ss") {
        " "
    } else if kind.to_lowercase().starts_with(['a', 'e', 'i', 'o', 'u']) {
        " an "
    } else {
        " a "
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// Letters, digits and underscores; what follows anything else becomes a capital.
fn identifier(text: &str, starts_large: bool) -> String {
    let mut out = String::new();
    let mut is_next_large = starts_large;
    for (index, letter) in text.chars().enumerate() {
        if letter.is_alphabetic() || letter == '_' || (index > 0 && letter.is_numeric()) {
            if is_next_large {
                out.extend(letter.to_uppercase());
            } else {
                out.push(letter);
            }
            is_next_large = false;
        } else {
            is_next_large = true;
        }
    }
    out
}
