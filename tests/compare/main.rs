//! Every manifest and every mutation of one, answered as Kubernetes answers it.
//!
//! `tests/cases/manifests/GROUP/NAME.yaml` are objects as people write them,
//! `tests/cases/mutations/GROUP.txt` say what people get wrong in them, and
//! `tests/cases/answers/GROUP.jsonl` hold what a kube-apiserver answered to each: facts, recorded,
//! never written by hand. An ordinary run compares our answers with the recorded ones.
//!
//! With `MOCKERNETES_REFERENCE=https://HOST:PORT` and `MOCKERNETES_REFERENCE_TOKEN` (a member of
//! `system:masters`; the server without the ServiceAccount plugin, with the service range
//! 10.0.0.0/16) the same run asks that server instead, and `MOCKERNETES_RECORD=1` writes its
//! answers down. `MOCKERNETES_COMPARE=core,apps` narrows either to some groups,
//! and `MOCKERNETES_COMPARE_FIELDS=1` shows managed fields that differ in full.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, reads its cases, and reports figures"
)]

mod cases;
mod definitions;
mod dialogues;
mod edit;
mod expressions;
mod mask;
mod play;
mod record;
mod reference;
mod scenarios;

use std::fmt::Write;

use mockernetes::auth::{Mode, User};
use mockernetes::cluster::Cluster;
use mockernetes::registry::Settings;
use play::Answers;

/// What the field managers and the User-Agent are called on both sides.
const AGENT: &str = "compare";

fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn groups() -> Vec<String> {
    match setting("MOCKERNETES_COMPARE") {
        Some(names) => names.split(',').map(str::to_owned).collect(),
        None => cases::groups(),
    }
}

/// A cluster that is started as the reference is.
async fn our_cluster() -> Cluster {
    let settings = Settings {
        service_cluster_ip_ranges: vec!["10.0.0.0/16".to_owned()],
        ..Settings::default()
    };
    Cluster::builder()
        .seed(7)
        .auth(Mode::Rbac)
        .settings(settings)
        .disable_admission_plugins(["ServiceAccount".to_owned()])
        // What is asked of a registration was asked before anybody had looked at it.
        .without_aggregation()
        .start()
        .await
        .unwrap()
}

/// Who asks: the first line of the reference's file of tokens.
fn admin() -> User {
    User {
        name: "admin".to_owned(),
        uid: "admin-uid".to_owned(),
        ..User::admin()
    }
}

/// What Kubernetes answers to a group: the reference now, or as it was recorded.
async fn expected(group: &cases::Group, ours: &Cluster) -> Answers {
    let Some(url) = setting("MOCKERNETES_REFERENCE") else {
        return record::read(&group.name);
    };
    let token = setting("MOCKERNETES_REFERENCE_TOKEN").unwrap_or_default();
    let reference = reference::client(&url, &token).with_agent(AGENT);
    let resources = play::resources(&ours.client()).await;
    let answers = play::group(&reference, &resources, group).await;
    if setting("MOCKERNETES_RECORD").is_some() {
        record::write(&group.name, &answers);
    }
    answers
}

/// The differences of a group, and a line for the table.
fn compare(group: &cases::Group, ours: &Answers, theirs: &Answers, report: &mut String) -> String {
    let mut equal = (0, 0);
    let mut total = (0, 0);
    for name in ours
        .keys()
        .chain(theirs.keys().filter(|name| !ours.contains_key(*name)))
    {
        let is_manifest = !name.contains(": ");
        let (count, of) = if is_manifest {
            (&mut equal.0, &mut total.0)
        } else {
            (&mut equal.1, &mut total.1)
        };
        *of += 1;
        match (ours.get(name), theirs.get(name)) {
            (Some(our), Some(their)) if our == their => *count += 1,
            (our, their) => {
                writeln!(report, "{}/{name}", group.name).unwrap();
                report.push_str(&mask::difference(our, their));
            }
        }
    }
    format!(
        "{:24} manifests {:3}/{:3}  mutations {:3}/{:3}",
        group.name, equal.0, total.0, equal.1, total.1
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn every_manifest_and_mutation_is_answered_as_kubernetes_answers_it() {
    let cluster = our_cluster().await;
    let client = cluster.client_as(admin()).with_agent(AGENT);
    let resources = play::resources(&client).await;
    let mut report = String::new();
    let mut table = String::new();
    for name in groups() {
        let group = cases::group(&name);
        let theirs = expected(&group, &cluster).await;
        let ours = play::group(&client, &resources, &group).await;
        let line = compare(&group, &ours, &theirs, &mut report);
        writeln!(table, "{line}").unwrap();
    }
    eprintln!("{table}");
    assert!(
        report.is_empty(),
        "answered otherwise than by Kubernetes:\n{report}{table}"
    );
}

#[test]
fn a_mutation_edits_what_its_line_names() {
    let object = serde_json::json!({"a": [{"b": 1}], "c/d": true});
    let edited = |line: &str| {
        let mut object = object.clone();
        for edit in edit::parse(line).unwrap() {
            edit.apply(&mut object);
        }
        object
    };
    assert_eq!(edited("drop /c~1d"), serde_json::json!({"a": [{"b": 1}]}));
    assert_eq!(
        edited("duplicate /a/0")["a"],
        serde_json::json!([{"b": 1}, {"b": 1}])
    );
    assert_eq!(
        edited("append /a 2 ;; drop /a/0")["a"],
        serde_json::json!([2])
    );
    assert_eq!(edited("set /x/y \"z\"")["x"], serde_json::json!({"y": "z"}));
    assert!(edit::parse("set /x").is_err());
    assert!(edit::parse("turn /x").is_err());
}
