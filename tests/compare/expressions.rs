//! Every expression of `tests/cases/cel`, judged as Kubernetes judges it.
//!
//! `NAME.txt` has one rule a line over the object of `object.json`, which `schema.json`
//! describes; `NAME.jsonl` what a kube-apiserver said to each: refused with the definition, or
//! whether it holds of the object, or what it fails with. Recorded and compared as the manifests
//! are.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use mockernetes::client::Client;
use serde_json::{Value, json};

use crate::{AGENT, admin, our_cluster, reference, setting};

/// What was said of each expression.
type Verdicts = BTreeMap<String, Value>;

/// Stands for all expressions of a library, where they cost too much together.
const TOGETHER: &str = "";

pub(crate) const GROUP: &str = "compare.example.com";

pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases/cel")
}

fn libraries() -> Vec<String> {
    let files = fs::read_dir(folder()).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names
        .filter_map(|name| name.strip_suffix(".txt").map(str::to_owned))
        .collect();
    names.sort();
    names
}

fn read_json(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(folder().join(name)).unwrap()).unwrap()
}

fn expressions(library: &str) -> Vec<String> {
    let text = fs::read_to_string(folder().join(format!("{library}.txt"))).unwrap();
    let mut seen = BTreeSet::new();
    text.lines()
        .filter(|line| !line.is_empty() && seen.insert(*line))
        .map(str::to_owned)
        .collect()
}

fn definition(library: &str, rules: Vec<Value>) -> Value {
    let mut spec = read_json("schema.json");
    spec["x-kubernetes-validations"] = Value::Array(rules);
    definition_of(library, &spec)
}

/// A definition of objects whose `spec` is of a schema.
pub(crate) fn definition_of(library: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{library}.{GROUP}")},
        "spec": {
            "group": GROUP,
            "scope": "Cluster",
            "names": {"plural": library, "kind": format!("Kind{library}")},
            "versions": [{
                "name": "v1",
                "served": true,
                "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}},
            }],
        },
    })
}

/// The causes of a refusal: field and message.
fn causes(answer: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let causes = answer["details"]["causes"].as_array();
    causes
        .into_iter()
        .flatten()
        .map(|cause| (text(&cause["field"]), text(&cause["message"])))
        .collect()
}

/// What a cause says, without the rule that it repeats and the digits of the clock.
pub(crate) fn said(message: &str) -> String {
    let said = message
        .split_once("\"OptionalOldSelf\":null}: ")
        .map_or(message, |(_, said)| said);
    let mut out = String::new();
    let mut rest = said;
    while let Some((before, after)) = rest.split_once("selfType") {
        out.push_str(before);
        out.push_str("selfType");
        rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    out.push_str(rest);
    out
}

pub(crate) const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

pub(crate) async fn post(client: &Client, path: &str, body: &Value) -> Value {
    let headers = [("content-type", "application/json")];
    let reply = client
        .request("POST", path, &headers, body.to_string())
        .await;
    let code = reply.code;
    serde_json::from_slice(&reply.into_bytes().await).unwrap_or(json!({"code": code}))
}

/// Has a server judge every expression of a library.
async fn judge(client: &Client, library: &str) -> Verdicts {
    let expressions = expressions(library);
    let mut verdicts = Verdicts::new();
    let all = expressions.iter().map(|rule| json!({"rule": rule}));
    let dry = format!("{DEFINITIONS}?dryRun=All");
    let answer = post(client, &dry, &definition(library, all.collect())).await;
    for (field, message) in causes(&answer) {
        let index = field
            .split_once("x-kubernetes-validations[")
            .and_then(|(_, rest)| rest.split_once(']'))
            .and_then(|(index, _)| index.parse::<usize>().ok());
        let rule = index.map_or(TOGETHER, |index| &expressions[index]);
        let entry = verdicts.entry(rule.to_owned()).or_insert(json!([]));
        entry.as_array_mut().unwrap().push(said(&message).into());
    }
    for refused in verdicts.values_mut() {
        *refused = json!({"refused": refused.take()});
    }
    let sound: Vec<&String> = expressions
        .iter()
        .filter(|rule| !verdicts.contains_key(*rule))
        .collect();
    let rules = sound
        .iter()
        .enumerate()
        .map(|(index, rule)| json!({"rule": rule, "message": format!("#{index}")}));
    let answer = post(client, DEFINITIONS, &definition(library, rules.collect())).await;
    assert_eq!(answer["kind"], "CustomResourceDefinition", "{answer}");
    let object = json!({
        "apiVersion": format!("{GROUP}/v1"),
        "kind": format!("Kind{library}"),
        "metadata": {"name": "it"},
        "spec": read_json("object.json"),
    });
    let path = format!("/apis/{GROUP}/v1/{library}?dryRun=All");
    let mut answer = Value::Null;
    // A server takes a moment to serve what it was told of.
    for _ in 0..5_000 {
        answer = post(client, &path, &object).await;
        if answer["code"] != 404 {
            break;
        }
    }
    let path = format!("{DEFINITIONS}/{library}.{GROUP}");
    client.request("DELETE", &path, &[], "").await;
    assert_eq!(answer["code"], 422, "{answer}");
    let mut failed: BTreeMap<usize, Value> = BTreeMap::new();
    for (_, message) in causes(&answer) {
        let (before, index) = message.rsplit_once('#').unwrap();
        let fails = before
            .split_once(": ")
            .and_then(|(_, before)| before.rsplit_once(" evaluating rule: "))
            .map(|(why, _)| why)
            .or_else(|| {
                before
                    .split_once(": '")
                    .and_then(|(_, why)| why.rsplit_once("':"))
                    .map(|(why, _)| why)
            });
        let verdict = match fails {
            Some(why) => json!({"fails": said(why)}),
            None => json!({"holds": false}),
        };
        failed.insert(index.parse().unwrap(), verdict);
    }
    for (index, rule) in sound.into_iter().enumerate() {
        let verdict = failed.remove(&index).unwrap_or(json!({"holds": true}));
        verdicts.insert(rule.clone(), verdict);
    }
    verdicts
}

fn recorded(library: &str) -> Verdicts {
    let path = folder().join(format!("{library}.jsonl"));
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = |line: &str| {
        let mut verdict: Value = serde_json::from_str(line).unwrap();
        let rule = verdict.as_object_mut().unwrap().remove("rule").unwrap();
        (rule.as_str().unwrap().to_owned(), verdict)
    };
    text.lines().map(line).collect()
}

fn record(library: &str, verdicts: &Verdicts) {
    let mut text = String::new();
    let together = verdicts.contains_key(TOGETHER).then(|| TOGETHER.to_owned());
    for rule in expressions(library).into_iter().chain(together) {
        let mut verdict = verdicts[&rule].clone();
        verdict["rule"] = rule.into();
        writeln!(text, "{verdict}").unwrap();
    }
    fs::write(folder().join(format!("{library}.jsonl")), text).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_expression_is_judged_as_kubernetes_judges_it() {
    let cluster = our_cluster().await;
    let client = cluster.client_as(admin()).with_agent(AGENT);
    let (mut report, mut table) = (String::new(), String::new());
    for library in libraries() {
        let theirs = match setting("MOCKERNETES_REFERENCE") {
            None => recorded(&library),
            Some(url) => {
                let token = setting("MOCKERNETES_REFERENCE_TOKEN").unwrap_or_default();
                let verdicts = judge(&reference::client(&url, &token), &library).await;
                if setting("MOCKERNETES_RECORD").is_some() {
                    record(&library, &verdicts);
                }
                verdicts
            }
        };
        let ours = judge(&client, &library).await;
        let kind = |verdict: &Value| {
            let (kind, value) = verdict.as_object().unwrap().iter().next().unwrap();
            (kind.clone(), kind == "holds" && value == true)
        };
        let (mut verdicts, mut messages) = (0, 0);
        for (rule, their) in &theirs {
            let our = ours.get(rule).unwrap_or(&Value::Null);
            messages += usize::from(our == their);
            verdicts += usize::from(our.is_object() && kind(our) == kind(their));
            if our != their {
                writeln!(report, "{rule}\n  ours   {our}\n  theirs {their}").unwrap();
            }
        }
        let count = theirs.len();
        writeln!(
            table,
            "{library:12} {count:4} expressions  verdicts {verdicts:4}  messages {messages:4}"
        )
        .unwrap();
    }
    eprintln!("{table}");
    assert!(
        report.is_empty(),
        "judged otherwise than by Kubernetes:\n{report}{table}"
    );
}
