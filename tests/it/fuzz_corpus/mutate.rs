//! A good request, gone wrong.

use mockernetes::sim::Entropy;
use serde_json::{Map, Value, json};

use super::Seed;

/// A request as it is sent.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) content_type: String,
    pub(super) accept: String,
    pub(super) body: Vec<u8>,
}

const METHODS: &[&str] = &["GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS"];
const SEGMENTS: &[&str] = &[
    "",
    "..",
    "api",
    "apis",
    "v1",
    "v2",
    "pods",
    "status",
    "scale",
    "%2e",
    "%00",
    "a%2Fb",
    "proxy",
    "log",
    "exec",
    "namespaces",
    "fuzz",
    "%ff",
    "é",
    "-",
    "widgets",
    "autoscaling",
];
const PARAMETERS: &[&str] = &[
    "dryRun",
    "fieldManager",
    "fieldValidation",
    "force",
    "labelSelector",
    "fieldSelector",
    "limit",
    "continue",
    "resourceVersion",
    "resourceVersionMatch",
    "watch",
    "timeoutSeconds",
    "pretty",
    "allowWatchBookmarks",
    "sendInitialEvents",
    "gracePeriodSeconds",
    "propagationPolicy",
    "orphanDependents",
];
const VALUES: &[&str] = &[
    "",
    "0",
    "1",
    "-1",
    "true",
    "All",
    "x",
    "99999999999999999999",
    "a=b",
    "a%20in%20(b",
    "!a",
    "Strict",
    "Ignore",
    "Exact",
    "NotOlderThan",
    "Foreground",
    "%00",
    "metadata.name=p",
    "e30",
];
const MEDIA_TYPES: &[&str] = &[
    "",
    "application/json",
    "application/yaml",
    "application/merge-patch+json",
    "application/json-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
    "application/vnd.kubernetes.protobuf",
    "text/plain",
    "*/*",
    "application/json;as=Table;g=meta.k8s.io;v=v1",
    "application/json;as=PartialObjectMetadata",
];

fn pick<'a, T: ?Sized>(entropy: &Entropy, of: &'a [&'a T]) -> &'a T {
    of[entropy.below(of.len() as u64) as usize]
}

/// One of the corpus, with one to three things changed.
pub(super) fn request(corpus: &[Seed], entropy: &Entropy) -> Request {
    let seed = &corpus[entropy.below(corpus.len() as u64) as usize];
    let mut value = seed.body.clone();
    let mut request = Request {
        method: seed.method.to_owned(),
        target: seed.target.to_owned(),
        content_type: seed.content_type.to_owned(),
        accept: "application/json".to_owned(),
        body: Vec::new(),
    };
    let changes = entropy.below(4);
    let mut corrupts = false;
    for _ in 0..changes {
        match entropy.below(10) {
            0 => pick(entropy, METHODS).clone_into(&mut request.method),
            1 => request.target = segment(&request.target, entropy),
            2 => request.target = parameter(&request.target, entropy),
            3 if entropy.below(2) == 0 => {
                pick(entropy, MEDIA_TYPES).clone_into(&mut request.content_type);
            }
            3 => pick(entropy, MEDIA_TYPES).clone_into(&mut request.accept),
            4 => corrupts = true,
            _ => node(&mut value, entropy, corpus),
        }
    }
    if !value.is_null() {
        request.body = value.to_string().into_bytes();
    }
    if corrupts {
        bytes(&mut request.body, entropy);
    }
    request
}

fn segment(target: &str, entropy: &Entropy) -> String {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut segments: Vec<&str> = path.split('/').skip(1).collect();
    let at = entropy.below(segments.len() as u64) as usize;
    let new = pick(entropy, SEGMENTS);
    match entropy.below(3) {
        0 => segments[at] = new,
        1 => segments.insert(at, new),
        _ => {
            segments.truncate(at + 1);
        }
    }
    format!("/{}?{query}", segments.join("/"))
}

fn parameter(target: &str, entropy: &Entropy) -> String {
    let separator = if target.contains('?') { '&' } else { '?' };
    let name = pick(entropy, PARAMETERS);
    let value = pick(entropy, VALUES);
    format!("{target}{separator}{name}={value}")
}

/// Something that does not belong there.
fn oddity(entropy: &Entropy, corpus: &[Seed]) -> Value {
    match entropy.below(14) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(u64::MAX),
        4 => json!(1.5),
        5 => json!(""),
        6 => json!("a".repeat(300)),
        7 => json!([]),
        8 => json!({}),
        9 => json!([null, 1, "x", {}]),
        10 => (0..400).fold(Value::Null, |inner, _| json!([inner])),
        11 => json!("2020-01-01T00:00:00Z"),
        12 => json!("1Gi\u{0}é"),
        _ => corpus[entropy.below(corpus.len() as u64) as usize]
            .body
            .clone(),
    }
}

/// Changes one place somewhere in a value.
fn node(value: &mut Value, entropy: &Entropy, corpus: &[Seed]) {
    match value {
        Value::Object(map) if !map.is_empty() && entropy.below(6) > 0 => {
            let at = entropy.below(map.len() as u64) as usize;
            if entropy.below(8) == 0 {
                return rename(map, at, entropy);
            }
            if let Some((_, inner)) = map.iter_mut().nth(at) {
                node(inner, entropy, corpus);
            }
        }
        Value::Array(items) if !items.is_empty() && entropy.below(6) > 0 => {
            let at = entropy.below(items.len() as u64) as usize;
            match entropy.below(8) {
                0 => items.push(items[at].clone()),
                1 => drop(items.remove(at)),
                _ => node(&mut items[at], entropy, corpus),
            }
        }
        other => *other = oddity(entropy, corpus),
    }
}

/// Gives a field another name, or takes it out.
fn rename(map: &mut Map<String, Value>, at: usize, entropy: &Entropy) {
    let Some(key) = map.keys().nth(at).cloned() else {
        return;
    };
    let value = map.remove(&key).unwrap_or_default();
    match entropy.below(4) {
        0 => {}
        1 => drop(map.insert(key.to_uppercase(), value)),
        2 => drop(map.insert(format!("$patch{key}"), value)),
        _ => drop(map.insert(format!("{key}\u{e9}"), value)),
    }
}

/// Damages the text itself.
fn bytes(body: &mut Vec<u8>, entropy: &Entropy) {
    if body.is_empty() {
        body.extend_from_slice(b"{");
        return;
    }
    let at = entropy.below(body.len() as u64) as usize;
    match entropy.below(5) {
        0 => body.truncate(at),
        1 => body[at] = entropy.below(256) as u8,
        2 => body.insert(at, entropy.below(256) as u8),
        3 => drop(body.remove(at)),
        _ => body.extend_from_slice(&body.clone()[at..]),
    }
}
