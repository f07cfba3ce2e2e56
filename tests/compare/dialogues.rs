//! Every dialogue of `tests/cases/requests`: requests one after the other, of several managers and
//! through several versions, answered as Kubernetes answers them.
//!
//! `FILE.yaml` has a dialogue a document: `METHOD TARGET: BODY`, step by step. `FILE.jsonl` holds
//! what a kube-apiserver answered: of an object, what is new in it since the last one.
//! Recorded and compared as the manifests are; `MOCKERNETES_COMPARE` names dialogues here.
//!
//! Methods are those of HTTP, and `APPLY`, `MERGE`, `JSON`, `STRATEGIC` (PATCH), `EDIT` (PUT of
//! what a GET gives, with edits), `TABLE` and `META` (GET in that form), `WATCH N` (so many events),
//! `WATCH-TABLE N`, `WATCH-META N`, `DEFINE` (a definition, until it is served) and `REDEFINE`
//! (a merge patch of one). `NS` stands for the dialogue's namespace, `$FIRST`, `$RV` and `$UID` for the
//! version of its first object, and the version and uid of its last one.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::StreamExt;
use mockernetes::client::{Client, Reply};
use mockernetes::object::yaml;
use serde_json::{Value, json};

use crate::mask::{changes, difference, is_time, mask_uids};
use crate::{AGENT, admin, edit, our_cluster, reference, setting};

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
/// How often a server is asked whether it serves what was defined.
const ASKED_MAX: usize = 5_000;
/// How long a server may take until it serves what a definition says now.
const SETTLE: Duration = Duration::from_millis(1_500);

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases/requests")
}

fn files() -> Vec<String> {
    let files = fs::read_dir(folder()).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names
        .filter_map(|name| name.strip_suffix(".yaml").map(str::to_owned))
        .collect();
    names.sort();
    names
}

/// A dialogue: its name, and its requests with their bodies.
struct Dialogue {
    name: String,
    steps: Vec<(String, Value)>,
}

fn dialogues(file: &str) -> Vec<Dialogue> {
    let text = fs::read(folder().join(format!("{file}.yaml"))).unwrap();
    let documents = yaml::documents(&text).unwrap();
    let dialogue = |document: yaml::Document| {
        let steps = document.value["steps"].as_array().unwrap();
        let step = |step: &Value| match step {
            Value::String(line) => (line.clone(), Value::Null),
            step => {
                let (line, body) = step.as_object().unwrap().iter().next().unwrap();
                (line.clone(), body.clone())
            }
        };
        Dialogue {
            name: document.value["name"].as_str().unwrap().to_owned(),
            steps: steps.iter().map(step).collect(),
        }
    };
    documents.into_iter().map(dialogue).collect()
}

/// Plays a dialogue on a server.
struct Player<'a> {
    client: &'a Client,
    namespace: String,
    /// Whether the server takes a moment to serve what it was told of.
    is_slow: bool,
    defined: Vec<String>,
    first_version: String,
    last: Value,
    /// What is shown of the last object.
    shown: Value,
}

impl<'a> Player<'a> {
    fn new(client: &'a Client, name: &str, is_slow: bool) -> Self {
        Self {
            client,
            // A namespace that was deleted may stay for long where no controller finishes it.
            namespace: format!("compare-{name}-{}", std::process::id()),
            is_slow,
            defined: Vec::new(),
            first_version: String::new(),
            last: Value::Null,
            shown: Value::Null,
        }
    }

    async fn play(mut self, dialogue: &Dialogue) -> Vec<Value> {
        let namespace = json!({"metadata": {"name": self.namespace}});
        let _ = self
            .client
            .json("POST", "/api/v1/namespaces", Some(&namespace))
            .await;
        let mut answers = Vec::new();
        for (line, body) in &dialogue.steps {
            let answer = self.step(line, body).await;
            let said = answer.to_string().replace(&self.namespace, "NAMESPACE");
            answers.push(serde_json::from_str(&said).unwrap());
        }
        self.leave(dialogue).await;
        answers
    }

    /// Leaves nothing behind.
    async fn leave(&self, dialogue: &Dialogue) {
        let mut collections: Vec<String> = Vec::new();
        for (line, _) in &dialogue.steps {
            let target = line.split(' ').next_back().unwrap();
            if let Some((before, after)) = target.split_once("/NS/") {
                let plural = after.split(['/', '?']).next().unwrap();
                collections.push(format!("{before}/{}/{plural}", self.namespace));
            }
        }
        collections.dedup();
        for target in collections {
            self.client.request("DELETE", &target, &[], "").await;
        }
        for name in &self.defined {
            let target = format!("{DEFINITIONS}/{name}");
            self.client.request("DELETE", &target, &[], "").await;
        }
        let namespace = format!("/api/v1/namespaces/{}", self.namespace);
        self.client.request("DELETE", &namespace, &[], "").await;
        let finished = json!({"metadata": {"name": self.namespace}, "spec": {}});
        self.send(
            "PUT",
            &format!("{namespace}/finalize"),
            finished.to_string(),
        )
        .await;
    }

    async fn step(&mut self, line: &str, body: &Value) -> Value {
        let line = self.filled(line);
        let (method, target) = line.split_once(' ').unwrap();
        let text = match body {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            body => body.to_string(),
        };
        let text = self.filled(&text);
        match method {
            "DEFINE" => self.define(body).await,
            "REDEFINE" => {
                let target = format!("{DEFINITIONS}/{target}");
                let reply = self.send("MERGE", &target, text).await;
                if self.is_slow {
                    tokio::time::sleep(SETTLE).await;
                }
                json!({"code": reply.code})
            }
            "EDIT" => {
                let path = target.split_once('?').map_or(target, |(path, _)| path);
                let mut object = self
                    .client
                    .json("GET", path, None)
                    .await
                    .unwrap_or_default();
                for line in body.as_array().unwrap() {
                    let line = self.filled(line.as_str().unwrap());
                    for edit in edit::parse(&line).unwrap() {
                        edit.apply(&mut object);
                    }
                }
                let reply = self.send("PUT", target, object.to_string()).await;
                self.answer(reply).await
            }
            "WATCH" | "WATCH-TABLE" | "WATCH-META" => {
                let (count, target) = target.split_once(' ').unwrap();
                let reply = self.send(method, target, text).await;
                self.events(reply, count.parse().unwrap()).await
            }
            _ => {
                let reply = self.send(method, target, text).await;
                self.answer(reply).await
            }
        }
    }

    fn filled(&self, text: &str) -> String {
        let metadata = &self.last["metadata"];
        let of_last = |name: &str| metadata[name].as_str().unwrap_or("");
        text.replace("/NS/", &format!("/{}/", self.namespace))
            .replace("$FIRST", &self.first_version)
            .replace("$RV", of_last("resourceVersion"))
            .replace("$UID", of_last("uid"))
            .replace("$NS", &self.namespace)
    }

    async fn send(&self, method: &str, target: &str, body: String) -> Reply {
        let form = |name: &str| format!("application/json;as={name};v=v1;g=meta.k8s.io");
        let (method, media, accept) = match method {
            "APPLY" => ("PATCH", "application/apply-patch+yaml", None),
            "MERGE" => ("PATCH", "application/merge-patch+json", None),
            "JSON" => ("PATCH", "application/json-patch+json", None),
            "STRATEGIC" => ("PATCH", "application/strategic-merge-patch+json", None),
            "TABLE" | "WATCH-TABLE" => ("GET", "", Some(form("Table"))),
            "META" => ("GET", "", Some(form("PartialObjectMetadata"))),
            "METAS" => ("GET", "", Some(form("PartialObjectMetadataList"))),
            "WATCH-META" => ("GET", "", Some(form("PartialObjectMetadata"))),
            "WATCH" => ("GET", "", None),
            method => (method, "application/json", None),
        };
        let accept = accept.unwrap_or_else(|| "application/json".to_owned());
        let mut headers = vec![("accept", accept.as_str())];
        if !body.is_empty() {
            headers.push(("content-type", media));
        }
        self.client.request(method, target, &headers, body).await
    }

    /// Makes a definition and waits until all of its versions are served.
    async fn define(&mut self, spec: &Value) -> Value {
        let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
        let group = text(&spec["group"]);
        let plural = text(&spec["names"]["plural"]);
        let name = format!("{plural}.{group}");
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": name},
            "spec": spec,
        });
        let reply = self.send("POST", DEFINITIONS, definition.to_string()).await;
        let code = reply.code;
        if code != 201 {
            return self.answer(reply).await;
        }
        self.defined.push(name);
        for version in spec["versions"].as_array().unwrap() {
            let target = format!("/apis/{group}/{}/{plural}", text(&version["name"]));
            for _ in 0..ASKED_MAX {
                let is_served = self.client.request("GET", &target, &[], "").await.code == 200;
                if is_served || version["served"] == false {
                    break;
                }
            }
        }
        json!({"code": code})
    }

    /// What of an answer is compared.
    async fn answer(&mut self, reply: Reply) -> Value {
        let code = reply.code;
        let warnings = reply.headers.get_all("warning").iter();
        let warnings: Vec<String> = warnings
            .filter_map(|warning| warning.to_str().ok())
            .map(str::to_owned)
            .collect();
        let body = reply.into_bytes().await;
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let mut answer = json!({"code": code});
        if !warnings.is_empty() {
            answer["warnings"] = warnings.into();
        }
        if body["kind"] == "Status" {
            let mut status = mask_uids(&body);
            mask_objects(&mut status);
            let fields = status.as_object_mut().unwrap();
            for name in ["apiVersion", "kind", "metadata", "status", "code"] {
                fields.remove(name);
            }
            answer["status"] = status;
            return answer;
        }
        answer["new"] = self.seen(body);
        answer
    }

    /// What is new in an object since the last one.
    fn seen(&mut self, object: Value) -> Value {
        let mut shown = object.clone();
        mask(&mut shown);
        let new = changes(&self.shown, &shown);
        if object["metadata"]["uid"].is_string() {
            if self.first_version.is_empty() {
                let version = object["metadata"]["resourceVersion"].as_str();
                version.unwrap_or("").clone_into(&mut self.first_version);
            }
            self.last = object;
        }
        self.shown = shown;
        json!(new)
    }

    async fn events(&mut self, reply: Reply, count: usize) -> Value {
        let code = reply.code;
        if code != 200 {
            return self.answer(reply).await;
        }
        let mut text = Vec::new();
        let mut lines = reply.into_events();
        let is_enough = |text: &[u8]| text.split(|byte| *byte == b'\n').count() > count;
        while !is_enough(&text) {
            let Some(bytes) = lines.next().await else {
                break;
            };
            text.extend_from_slice(&bytes);
        }
        let text = String::from_utf8(text).unwrap();
        let mut events = Vec::new();
        for line in text.lines().take(count) {
            let event: Value = serde_json::from_str(line).unwrap();
            let new = self.seen(event["object"].clone());
            events.push(json!({"type": event["type"], "new": new}));
        }
        json!({"code": code, "events": events})
    }
}

/// Replaces what a server draws or counts itself, and says managers in few words.
fn mask(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::Array(entries)) = map.get_mut("managedFields") {
                name_managers(entries);
            }
            for (key, value) in map {
                match (key.as_str(), value) {
                    ("uid" | "resourceVersion", Value::String(text)) if !text.is_empty() => {
                        "DRAWN".clone_into(text);
                    }
                    (_, value) => mask(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::String(text) if is_now(text) => "NOW".clone_into(text),
        Value::String(text) if is_age(text) => "AGE".clone_into(text),
        _ => {}
    }
}

/// Each entry as one text. Those of now stand in the order of their texts: a second may end
/// between two of them.
fn name_managers(entries: &mut [Value]) {
    for entry in entries.iter_mut() {
        let mut text = String::new();
        for name in ["operation", "manager", "apiVersion", "subresource", "time"] {
            let said = entry[name].as_str().unwrap_or("-");
            let said = if is_now(said) { "NOW" } else { said };
            write!(text, "{said} ").unwrap();
        }
        write!(text, "{}", entry["fieldsV1"]).unwrap();
        *entry = json!(text);
    }
    let is_of_now = |entry: &Value| entry.as_str().unwrap().contains(" NOW ");
    let operation = |entry: &Value| entry.as_str().unwrap().split(' ').next().map(str::to_owned);
    for run in
        entries.chunk_by_mut(|a, b| is_of_now(a) == is_of_now(b) && operation(a) == operation(b))
    {
        if is_of_now(&run[0]) {
            run.sort_by_key(Value::to_string);
        }
    }
}

/// Leaves out the text of an object that a refusal quotes: it has times and versions in it.
fn mask_objects(status: &mut Value) {
    match status {
        Value::Object(map) => map.values_mut().for_each(mask_objects),
        Value::Array(items) => items.iter_mut().for_each(mask_objects),
        Value::String(text) => {
            if let Some((before, rest)) = text.split_once("Invalid value: \"{")
                && let Some((_, after)) = rest.rsplit_once("}\": ")
            {
                *text = format!("{before}Invalid value: OBJECT: {after}");
            }
            // Fields are gone through in no order.
            if let Some((before, errors)) = text.split_once("errors:\n") {
                let mut errors: Vec<&str> = errors.lines().collect();
                errors.sort_unstable();
                *text = format!("{before}errors:\n{}", errors.join("\n"));
            }
        }
        _ => {}
    }
}

/// Whether a text is a time of the play: dialogues write times of long ago.
fn is_now(text: &str) -> bool {
    is_time(text) && text.as_bytes() > b"2024".as_slice()
}

fn is_age(text: &str) -> bool {
    let digits = text.strip_suffix('s').unwrap_or("");
    !digits.is_empty() && digits.len() < 3 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

type Answers = BTreeMap<String, Vec<Value>>;

async fn play_all(client: &Client, file: &str, only: Option<&str>, is_slow: bool) -> Answers {
    let mut answers = Answers::new();
    for dialogue in dialogues(file) {
        let name = dialogue.name.as_str();
        if only.is_some_and(|only| !only.split(',').any(|asked| asked == name)) {
            continue;
        }
        let played = Player::new(client, name, is_slow).play(&dialogue).await;
        answers.insert(name.to_owned(), played);
    }
    answers
}

async fn expected(file: &str) -> Answers {
    let path = folder().join(format!("{file}.jsonl"));
    let text = fs::read_to_string(&path).unwrap_or_default();
    let mut recorded: Answers = text
        .lines()
        .map(|line| serde_json::from_str::<(String, Vec<Value>)>(line).unwrap())
        .collect();
    let Some(url) = setting("MOCKERNETES_REFERENCE") else {
        return recorded;
    };
    let token = setting("MOCKERNETES_REFERENCE_TOKEN").unwrap_or_default();
    let client = reference::client(&url, &token).with_agent(AGENT);
    let only = setting("MOCKERNETES_COMPARE");
    let played = play_all(&client, file, only.as_deref(), true).await;
    if only.is_none() {
        recorded.clear();
    }
    recorded.extend(played);
    if setting("MOCKERNETES_RECORD").is_some() {
        let line = |(name, answers)| format!("{}\n", json!([name, answers]));
        let lines: Vec<String> = recorded.iter().map(line).collect();
        fs::write(path, lines.concat()).unwrap();
    }
    recorded
}

#[tokio::test(flavor = "multi_thread")]
async fn every_dialogue_goes_as_with_kubernetes() {
    let cluster = our_cluster().await;
    let client = cluster.client_as(admin()).with_agent(AGENT);
    let only = setting("MOCKERNETES_COMPARE");
    let mut report = String::new();
    for file in files() {
        let theirs = expected(&file).await;
        let ours = play_all(&client, &file, only.as_deref(), false).await;
        let lines = dialogues(&file);
        for dialogue in &lines {
            let Some(ours) = ours.get(&dialogue.name) else {
                continue;
            };
            let theirs = theirs.get(&dialogue.name).cloned().unwrap_or_default();
            for (index, (line, _)) in dialogue.steps.iter().enumerate() {
                let (our, their) = (ours.get(index), theirs.get(index));
                if our != their {
                    writeln!(report, "{file}/{} {index} {line}", dialogue.name).unwrap();
                    report.push_str(&difference(our, their));
                }
            }
        }
    }
    assert!(
        report.is_empty(),
        "answered otherwise than by Kubernetes:\n{report}"
    );
}
