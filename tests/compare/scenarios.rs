//! Every scenario of `tests/cases/cel/scenarios.yaml`: definitions with rules and the writes of
//! their objects, and other objects that hold expressions, answered as Kubernetes answers them.
//!
//! `scenarios.jsonl` holds what a kube-apiserver answered. Recorded and compared as the manifests
//! are.

use std::fmt::Write;
use std::fs;

use mockernetes::client::Client;
use mockernetes::object::yaml;
use serde_json::{Value, json};

use crate::expressions::{DEFINITIONS, GROUP, definition_of, folder, post, said};
use crate::{AGENT, admin, our_cluster, reference, setting};

fn scenarios() -> Vec<Value> {
    let text = fs::read(folder().join("scenarios.yaml")).unwrap();
    let documents = yaml::documents(&text).unwrap();
    documents
        .into_iter()
        .map(|document| document.value)
        .collect()
}

/// What of an answer is compared: the code, and what is said of each field.
fn facts(answer: &Value) -> Value {
    if answer["kind"] != "Status" {
        return json!({"taken": true});
    }
    let causes = answer["details"]["causes"].as_array();
    let cause = |cause: &Value| {
        let message = said(cause["message"].as_str().unwrap_or(""));
        json!([cause["field"], cause["reason"], message])
    };
    let mut causes: Vec<Value> = causes.into_iter().flatten().map(cause).collect();
    // Properties are gone through in no order.
    causes.sort_by_key(Value::to_string);
    json!({"code": answer["code"], "causes": causes})
}

async fn patch(client: &Client, path: &str, body: &Value) -> Value {
    let headers = [("content-type", "application/merge-patch+json")];
    let reply = client
        .request("PATCH", path, &headers, body.to_string())
        .await;
    let code = reply.code;
    serde_json::from_slice(&reply.into_bytes().await).unwrap_or(json!({"code": code}))
}

/// Writes the objects of a definition one after the other.
async fn walk(client: &Client, name: &str, steps: &[Value]) -> Vec<Value> {
    let objects = format!("/apis/{GROUP}/v1/{name}");
    let mut answers = Vec::new();
    for step in steps {
        if let Some(schema) = step.get("redefine") {
            let path = format!("{DEFINITIONS}/{name}.{GROUP}");
            let body = definition_of(name, schema);
            answers.push(facts(&patch(client, &path, &body).await));
            settle(client, name).await;
            continue;
        }
        let (is_new, spec) = match step.get("create") {
            Some(spec) => (true, spec),
            None => (false, &step["update"]),
        };
        let object = json!({
            "apiVersion": format!("{GROUP}/v1"),
            "kind": format!("Kind{name}"),
            "metadata": {"name": "it"},
            "spec": spec,
        });
        let mut answer = Value::Null;
        // A server takes a moment to serve what it was told of.
        for _ in 0..5_000 {
            answer = if is_new {
                post(client, &objects, &object).await
            } else {
                patch(client, &format!("{objects}/it"), &object).await
            };
            if answer["code"] != 404 {
                break;
            }
        }
        answers.push(facts(&answer));
    }
    answers
}

/// Waits until a changed definition is what judges: its last rule refuses this object alone.
async fn settle(client: &Client, name: &str) {
    let path = format!("/apis/{GROUP}/v1/{name}?dryRun=All");
    let object = json!({
        "apiVersion": format!("{GROUP}/v1"),
        "kind": format!("Kind{name}"),
        "metadata": {"name": "settled"},
        "spec": {"part": {"a": 1}},
    });
    for _ in 0..5_000 {
        if post(client, &path, &object).await["code"] == 422 {
            return;
        }
    }
}

async fn play(client: &Client, scenario: &Value) -> Vec<Value> {
    let name = scenario["name"].as_str().unwrap();
    if let Some(path) = scenario["path"].as_str() {
        return vec![facts(&post(client, path, &scenario["object"]).await)];
    }
    let definition = definition_of(name, &scenario["schema"]);
    let Some(steps) = scenario["steps"].as_array() else {
        let path = format!("{DEFINITIONS}?dryRun=All");
        return vec![facts(&post(client, &path, &definition).await)];
    };
    let mut answers = vec![facts(&post(client, DEFINITIONS, &definition).await)];
    if answers[0].get("code").is_some() {
        return answers;
    }
    answers.extend(walk(client, name, steps).await);
    let path = format!("{DEFINITIONS}/{name}.{GROUP}");
    client.request("DELETE", &path, &[], "").await;
    answers
}

async fn play_all(client: &Client) -> Vec<Value> {
    let mut all = Vec::new();
    for scenario in scenarios() {
        let answers = play(client, &scenario).await;
        all.push(json!({"scenario": scenario["name"], "answers": answers}));
    }
    all
}

/// Plays the scenarios that are named and takes the others as they are recorded.
async fn play_some(client: &Client, names: &str, recorded: Vec<Value>) -> Vec<Value> {
    let mut all = recorded;
    for scenario in scenarios() {
        let name = scenario["name"].as_str().unwrap();
        if names.split(',').any(|asked| asked == name) {
            let answers = play(client, &scenario).await;
            let known = all.iter_mut().find(|one| one["scenario"] == name);
            known.unwrap()["answers"] = answers.into();
        }
    }
    all
}

async fn expected() -> Vec<Value> {
    let path = folder().join("scenarios.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let recorded: Vec<Value> = lines.collect();
    let Some(url) = setting("MOCKERNETES_REFERENCE") else {
        return recorded;
    };
    let token = setting("MOCKERNETES_REFERENCE_TOKEN").unwrap_or_default();
    let client = reference::client(&url, &token);
    let all = match setting("MOCKERNETES_COMPARE") {
        Some(names) => play_some(&client, &names, recorded).await,
        None => play_all(&client).await,
    };
    if setting("MOCKERNETES_RECORD").is_some() {
        let lines: Vec<String> = all.iter().map(|one| format!("{one}\n")).collect();
        fs::write(path, lines.concat()).unwrap();
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn every_write_of_an_expression_is_answered_as_kubernetes_answers_it() {
    let theirs = expected().await;
    let cluster = our_cluster().await;
    let ours = play_all(&cluster.client_as(admin()).with_agent(AGENT)).await;
    assert_eq!(ours.len(), theirs.len());
    let mut report = String::new();
    for (our, their) in ours.iter().zip(&theirs) {
        let name = &their["scenario"];
        let pairs = our["answers"].as_array().unwrap().iter();
        for (step, (our, their)) in pairs.zip(their["answers"].as_array().unwrap()).enumerate() {
            if our != their {
                let differences = differences(our, their);
                writeln!(report, "{name} {step}\n{differences}").unwrap();
            }
        }
    }
    assert!(
        report.is_empty(),
        "answered otherwise than by Kubernetes:\n{report}"
    );
}

fn differences(our: &Value, their: &Value) -> String {
    let mut out = String::new();
    let causes = |answer: &Value| answer["causes"].as_array().cloned().unwrap_or_default();
    let (ours, theirs) = (causes(our), causes(their));
    if ours.is_empty() != theirs.is_empty() || ours == theirs {
        return format!("  ours   {our}\n  theirs {their}\n");
    }
    for cause in ours.iter().filter(|cause| !theirs.contains(cause)) {
        writeln!(out, "  ours   {cause}").unwrap();
    }
    for cause in theirs.iter().filter(|cause| !ours.contains(cause)) {
        writeln!(out, "  theirs {cause}").unwrap();
    }
    if out.is_empty() {
        out.push_str("  in another order or number\n");
    }
    out
}
