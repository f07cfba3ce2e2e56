//! Families of definitions.

use std::fmt::Write;

use futures_util::StreamExt;
use mockernetes::client::Client;
use serde_json::{Value, json};

use super::{DEFINITIONS, difference, judge, lines, write};
use crate::{AGENT, admin, our_cluster, reference, setting};

const FAMILIES: [&str; 12] = [
    "argo-cd",
    "cert-manager",
    "cluster-api",
    "crossplane",
    "external-secrets",
    "gateway-api-experimental",
    "gateway-api-standard",
    "istio",
    "keda",
    "knative",
    // Schemas with a little of everything, drawn at random.
    "made-up",
    "prometheus-operator",
];

/// Installs definitions and waits until they are served.
async fn install(client: &Client, definitions: &[Value]) {
    for definition in definitions {
        let name = definition["metadata"]["name"].as_str().unwrap();
        let path = format!("{DEFINITIONS}/{name}");
        if let Ok(known) = client.json("GET", &path, None).await {
            if known["spec"]["versions"] == definition["spec"]["versions"] {
                continue;
            }
            client.json("DELETE", &path, None).await.unwrap();
            wait(client, name, |event| event["type"] == "DELETED").await;
        }
        let made = client.json("POST", DEFINITIONS, Some(definition)).await;
        made.unwrap_or_else(|failure| panic!("{name}: {}", failure.message()));
    }
    let name_of = |definition: &Value| definition["metadata"]["name"].clone();
    let mut missing: Vec<Value> = definitions.iter().map(name_of).collect();
    let api = client.api("apiextensions.k8s.io/v1", "customresourcedefinitions");
    while !missing.is_empty() {
        // A reference answers once the time is over.
        let mut events = api.watch("timeoutSeconds=1").await.unwrap();
        while let Some(event) = events.next().await
            && !missing.is_empty()
        {
            if is_established(&event) {
                missing.retain(|name| *name != event["object"]["metadata"]["name"]);
            }
        }
    }
}

/// Waits for an event of a definition; of one that is gone already there is none.
async fn wait(client: &Client, name: &str, is_awaited: impl Fn(&Value) -> bool) {
    let api = client.api("apiextensions.k8s.io/v1", "customresourcedefinitions");
    let query = format!("fieldSelector=metadata.name={name}&timeoutSeconds=20");
    let mut events = api.watch(&query).await.unwrap();
    while let Some(event) = events.next().await {
        if is_awaited(&event) {
            return;
        }
    }
}

fn is_established(event: &Value) -> bool {
    let conditions = event["object"]["status"]["conditions"].as_array();
    let is_established =
        |condition: &Value| condition["type"] == "Established" && condition["status"] == "True";
    conditions.is_some_and(|all| all.iter().any(is_established))
}

/// The verdicts of a server on the objects of a family.
async fn verdicts(client: &Client, cases: &[Value]) -> Vec<Value> {
    let mut found = Vec::new();
    for case in cases {
        let path = case["path"].as_str().unwrap();
        found.push(judge(client, path, &case["object"]).await);
    }
    found
}

/// Plays a family: its line of the table, and what differs.
async fn play(family: &str) -> (String, String) {
    let definitions = lines(&format!("{family}/definitions.jsonl"));
    let mut cases = lines(&format!("{family}/objects.jsonl"));
    if let Some(url) = setting("MOCKERNETES_REFERENCE") {
        let token = setting("MOCKERNETES_REFERENCE_TOKEN").unwrap_or_default();
        let client = reference::client(&url, &token).with_agent(AGENT);
        let namespace = json!({"metadata": {"name": "default"}});
        let _ = client
            .json("POST", "/api/v1/namespaces", Some(&namespace))
            .await;
        install(&client, &definitions).await;
        let theirs = verdicts(&client, &cases).await;
        for (case, verdict) in cases.iter_mut().zip(theirs) {
            case["answer"] = verdict;
        }
        if setting("MOCKERNETES_RECORD").is_some() {
            write(&format!("{family}/objects.jsonl"), &cases);
        }
    }
    let cluster = our_cluster().await;
    let client = cluster.client_as(admin()).with_agent(AGENT);
    install(&client, &definitions).await;
    let ours = verdicts(&client, &cases).await;
    let mut report = String::new();
    let (mut valid, mut invalid, mut equal) = (0, 0, 0);
    for (index, (case, ours)) in cases.iter().zip(&ours).enumerate() {
        let theirs = &case["answer"];
        let counted = if theirs["code"] == 201 {
            &mut valid
        } else {
            &mut invalid
        };
        *counted += 1;
        if ours == theirs {
            equal += 1;
        } else {
            report += &difference(&format!("{family} {index}"), ours, theirs);
        }
    }
    let line = format!(
        "{family:26} definitions {:2}  valid {valid:3}  invalid {invalid:3}  equal {equal:3}/{:3}",
        definitions.len(),
        cases.len()
    );
    (line, report)
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_definitions_install_and_their_objects_are_judged_alike() {
    let mut table = String::new();
    let mut report = String::new();
    for family in FAMILIES {
        let (line, differences) = play(family).await;
        writeln!(table, "{line}").unwrap();
        report += &differences;
    }
    eprintln!("{table}");
    assert!(report.is_empty(), "judged otherwise:\n{report}{table}");
}
