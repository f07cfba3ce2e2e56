//! One definition, and everything that can be wrong with it.

use serde_json::Value;

use super::{DEFINITIONS, difference, judge, lines, write};
use crate::{AGENT, admin, our_cluster, reference, setting};

const FILE: &str = "broken.jsonl";
/// Where an error shows the value in the form it has inside kube-apiserver, which is no API.
const SHOWN_INSIDE: [&str; 2] = ["spec.versions", "spec.validation.openAPIV3Schema"];

/// A verdict without what only kube-apiserver itself can show so: values in its own form, and the
/// digits of its clock in the names of types.
fn without_insides(mut verdict: Value) -> Value {
    let causes = verdict["causes"].as_array_mut();
    for cause in causes.into_iter().flatten() {
        let field = cause["field"].as_str().unwrap_or("");
        let message = cause["message"].as_str().unwrap_or("");
        let mut message = without_digits(message);
        if SHOWN_INSIDE.contains(&field)
            && let Some((_, detail)) = message.rsplit_once("]: ").or(message.rsplit_once("}: "))
        {
            message = format!("Invalid value: …: {detail}");
        }
        cause["message"] = message.into();
    }
    verdict
}

/// The names of types without the digits at their ends.
fn without_digits(message: &str) -> String {
    const NAME: &str = "selfType";
    let mut parts = message.split(NAME);
    let mut out = parts.next().unwrap_or("").to_owned();
    for part in parts {
        out += NAME;
        out += part.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    out
}

/// The definition with a case's fault in it.
fn definition(base: &Value, case: &Value) -> Value {
    let mut definition = base.clone();
    for path in case["remove"].as_array().unwrap() {
        let (parent, name) = path.as_str().unwrap().rsplit_once('/').unwrap();
        let parent = definition.pointer_mut(parent).unwrap();
        parent.as_object_mut().unwrap().remove(name);
    }
    for (path, value) in case["set"].as_object().unwrap() {
        set(&mut definition, path, value.clone());
    }
    definition
}

fn set(definition: &mut Value, path: &str, value: Value) {
    let mut place = definition;
    for step in path.trim_start_matches('/').split('/') {
        place = match place {
            Value::Array(list) => {
                let index: usize = step.parse().unwrap();
                if index == list.len() {
                    list.push(Value::Null);
                }
                &mut list[index]
            }
            other => &mut other[step],
        };
    }
    *place = value;
}

#[tokio::test(flavor = "multi_thread")]
async fn faulty_definitions_are_refused_alike() {
    let mut lines = lines(FILE);
    let base = lines[0]["base"].clone();
    if let Some(url) = setting("MOCKERNETES_REFERENCE") {
        let token = setting("MOCKERNETES_REFERENCE_TOKEN").unwrap_or_default();
        let client = reference::client(&url, &token).with_agent(AGENT);
        for case in lines.iter_mut().skip(1) {
            let definition = definition(&base, case);
            case["answer"] = judge(&client, DEFINITIONS, &definition).await;
        }
        if setting("MOCKERNETES_RECORD").is_some() {
            write(FILE, &lines);
        }
    }
    let cluster = our_cluster().await;
    let client = cluster.client_as(admin()).with_agent(AGENT);
    let mut report = String::new();
    let mut equal = 0;
    for case in &lines[1..] {
        let ours = judge(&client, DEFINITIONS, &definition(&base, case)).await;
        let (ours, theirs) = (
            without_insides(ours),
            without_insides(case["answer"].clone()),
        );
        let name = case["case"].as_str().unwrap();
        if ours == theirs {
            equal += 1;
        } else {
            report += &difference(name, &ours, &theirs);
        }
    }
    let count = lines.len() - 1;
    eprintln!("faulty definitions: equal {equal}/{count}");
    assert!(report.is_empty(), "judged otherwise:\n{report}");
}
