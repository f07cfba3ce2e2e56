//! Definitions of well-known operators and their objects, and definitions with every fault there
//! is, judged as Kubernetes judges them.
//!
//! `tests/cases/crds/FAMILY/definitions.jsonl` are facts of published modules (see `SOURCE.toml`
//! beside them, written by `cargo codegen crds`); `objects.jsonl` are objects of theirs, each with
//! the verdict of a kube-apiserver. `tests/cases/crds/broken.jsonl` are faults in one definition,
//! each with its verdict. Recorded and compared as the manifests are.

mod broken;
mod families;

use std::path::PathBuf;

use mockernetes::client::{Client, Reply};
use serde_json::{Map, Value, json};

/// Where definitions are.
const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
/// What differs from server to server.
const OWN: [&str; 5] = [
    "creationTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "uid",
];

fn cases(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cases/crds")
        .join(name)
}

/// The lines of a file of cases.
fn lines(name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(cases(name)).unwrap();
    let line = |line: &str| serde_json::from_str(line).unwrap();
    text.lines().map(line).collect()
}

/// Writes a file of cases anew.
fn write(name: &str, lines: &[Value]) {
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    std::fs::write(cases(name), lines.join("\n") + "\n").unwrap();
}

/// What a server says of an object, without making it.
async fn judge(client: &Client, path: &str, object: &Value) -> Value {
    let path = format!("{path}?dryRun=All");
    let headers = [("content-type", "application/json")];
    let body = object.to_string();
    let reply = client.request("POST", &path, &headers, body).await;
    verdict(reply).await
}

/// What matters of an answer: the object, or everything that is wrong with it.
async fn verdict(reply: Reply) -> Value {
    let code = reply.code;
    let warnings: Vec<String> = reply
        .headers
        .get_all("warning")
        .iter()
        .map(|value| value.to_str().unwrap().to_owned())
        .map(|value| value.trim_start_matches("299 - ").to_owned())
        .collect();
    let bytes = reply.into_bytes().await;
    let mut body: Value = serde_json::from_slice(&bytes)
        .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&bytes)));
    let mut out = Map::new();
    out.insert("code".to_owned(), code.into());
    if !warnings.is_empty() {
        out.insert("warnings".to_owned(), warnings.into());
    }
    if code < 300 {
        let metadata = body["metadata"].as_object_mut().unwrap();
        metadata.retain(|name, _| !OWN.contains(&name.as_str()));
        let is_definition = body["kind"] == "CustomResourceDefinition";
        out.insert(
            "object".to_owned(),
            if is_definition { Value::Null } else { body },
        );
        return Value::Object(out);
    }
    out.insert("reason".to_owned(), body["reason"].take());
    match body["details"]["causes"].take() {
        Value::Array(mut causes) if code == 422 => {
            causes.sort_by_key(Value::to_string);
            out.insert("causes".to_owned(), causes.into());
        }
        _ => {
            out.insert("message".to_owned(), body["message"].take());
        }
    }
    Value::Object(out)
}

/// What two verdicts differ in.
fn difference(name: &str, ours: &Value, theirs: &Value) -> String {
    let causes = |verdict: &Value| verdict["causes"].as_array().cloned().unwrap_or_default();
    let (our, their) = (causes(ours), causes(theirs));
    let only = |of: &[Value], in_other: &[Value]| -> Vec<Value> {
        let of = of.iter().filter(|cause| !in_other.contains(cause));
        of.cloned().collect()
    };
    let shown = if ours["code"] == 422 && theirs["code"] == 422 {
        json!({"ours": only(&our, &their), "theirs": only(&their, &our)})
    } else {
        json!({"ours": ours, "theirs": theirs})
    };
    let mut shown = shown.to_string();
    shown.truncate(shown.floor_char_boundary(2000));
    format!("{name}\n  {shown}\n")
}
