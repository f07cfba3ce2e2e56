//! Plays the cases of a group on a server and writes down what it answers.
//!
//! Each manifest: its mutations of a create as dry runs, then the create itself, the object as
//! stored and as the other served versions show it, the mutations of an update as dry runs, and
//! away with it.

use std::collections::BTreeMap;

use mockernetes::client::{Client, Reply};
use serde_json::{Value, json};

use crate::cases::{Act, Group, Manifest, Mutation};
use crate::edit::Edit;
use crate::mask::{changes, mask, mask_uids};

/// What was answered, by case: `NAME`, or `NAME: MUTATION`.
pub(crate) type Answers = BTreeMap<String, Value>;

/// Where the objects of a kind live.
pub(crate) struct Resource {
    plural: String,
    is_namespaced: bool,
}

/// All that is served, by apiVersion and kind.
pub(crate) type Resources = BTreeMap<(String, String), Resource>;

/// Asks a server what it serves.
pub(crate) async fn resources(client: &Client) -> Resources {
    let form = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    let mut found = Resources::new();
    for root in ["/api", "/apis"] {
        let list = client.request("GET", root, &[("accept", form)], "").await;
        let list = list.into_json().await.unwrap();
        for group in list["items"].as_array().unwrap() {
            for version in group["versions"].as_array().unwrap() {
                let version_name = text(&version["version"]);
                let api_version = match text(&group["metadata"]["name"]) {
                    "" => version_name.to_owned(),
                    group => format!("{group}/{version_name}"),
                };
                for resource in version["resources"].as_array().unwrap() {
                    let kind = text(&resource["responseKind"]["kind"]).to_owned();
                    let place = Resource {
                        plural: text(&resource["resource"]).to_owned(),
                        is_namespaced: text(&resource["scope"]) == "Namespaced",
                    };
                    found.insert((api_version.clone(), kind), place);
                }
            }
        }
    }
    found
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

/// Plays a group.
pub(crate) async fn group(client: &Client, resources: &Resources, group: &Group) -> Answers {
    let namespace = format!("compare-{}", group.name);
    let body = json!({"metadata": {"name": namespace}});
    // Whatever an earlier run left is good enough.
    let _ = client.json("POST", "/api/v1/namespaces", Some(&body)).await;
    let mut answers = Answers::new();
    for (name, manifest) in &group.manifests {
        let mut play = Play::new(client, resources, &namespace, name, manifest);
        play.run().await;
        answers.append(&mut play.answers);
    }
    remove(client, &format!("/api/v1/namespaces/{namespace}")).await;
    answers
}

struct Play<'a> {
    client: &'a Client,
    resources: &'a Resources,
    name: &'a str,
    input: Value,
    mutations: &'a [Mutation],
    namespace: &'a str,
    answers: Answers,
}

impl<'a> Play<'a> {
    fn new(
        client: &'a Client,
        resources: &'a Resources,
        namespace: &'a str,
        name: &'a str,
        manifest: &'a Manifest,
    ) -> Self {
        let mut input = manifest.object.clone();
        let key = (
            text(&input["apiVersion"]).to_owned(),
            text(&input["kind"]).to_owned(),
        );
        let resource = resources
            .get(&key)
            .unwrap_or_else(|| panic!("{name}: no kind {key:?}"));
        if resource.is_namespaced && input["metadata"]["namespace"].is_null() {
            input["metadata"]["namespace"] = json!(namespace);
        }
        Self {
            client,
            resources,
            name,
            input,
            mutations: &manifest.mutations,
            namespace,
            answers: Answers::new(),
        }
    }

    /// The path of a collection or object in one of its versions.
    fn path(&self, api_version: &str, name: &str) -> String {
        let key = (api_version.to_owned(), text(&self.input["kind"]).to_owned());
        let resource = &self.resources[&key];
        let mut api = self.client.api(api_version, &resource.plural);
        if resource.is_namespaced {
            api = api.namespace(self.namespace);
        }
        api.path(name)
    }

    async fn run(&mut self) {
        let api_version = text(&self.input["apiVersion"]).to_owned();
        let collection = self.path(&api_version, "");
        if let Value::String(name) = &self.input["metadata"]["name"] {
            remove(self.client, &self.path(&api_version, name)).await;
        }
        let dry_run = self.dry_run_creates(&collection).await;
        let (answer, created) = self.send("POST", &collection, &self.input.clone()).await;
        let name = text(&created["metadata"]["name"]).to_owned();
        let path = self.path(&api_version, &name);
        let mut stored = Value::Null;
        let input = self.input.clone();
        if name.is_empty() {
            self.note("", answer, &input, None);
        } else {
            stored = self
                .client
                .json("GET", &path, None)
                .await
                .unwrap_or_default();
            self.note("", answer, &input, Some((stored.clone(), &input)));
        }
        let mut base = stored.clone();
        mask(&mut base, &input);
        for (text, answer, object, input) in dry_run {
            self.note(&text, answer, &base, object.map(|object| (object, &input)));
        }
        if !name.is_empty() {
            self.read_other_versions(&api_version, &name, &base).await;
            self.dry_run_updates(&path, &stored, &base).await;
            remove(self.client, &path).await;
        }
    }

    /// Creates the edited manifest in all ways that are asked for, and leaves nothing behind.
    async fn dry_run_creates(
        &self,
        collection: &str,
    ) -> Vec<(String, Value, Option<Value>, Value)> {
        let mut answers = Vec::new();
        for mutation in self.mutations {
            let (edits, query) = match &mutation.act {
                Act::Create(edits) => (edits, "dryRun=All"),
                Act::Strict(edits) => (edits, "dryRun=All&fieldValidation=Strict"),
                Act::Store(edits) => (edits, ""),
                _ => continue,
            };
            let body = edited(&self.input, edits);
            let target = format!("{collection}?{query}");
            let (answer, object) = self.send("POST", &target, &body).await;
            if query.is_empty() && !object.is_null() {
                let name = text(&object["metadata"]["name"]);
                remove(self.client, &self.path(text(&body["apiVersion"]), name)).await;
            }
            let object = (!object.is_null()).then_some(object);
            answers.push((mutation.text.clone(), answer, object, body));
        }
        answers
    }

    async fn dry_run_updates(&mut self, path: &str, stored: &Value, base: &Value) {
        for mutation in self.mutations {
            let (method, media, body) = match &mutation.act {
                Act::Create(_) | Act::Strict(_) | Act::Store(_) => continue,
                Act::Update(edits) => ("PUT", "json", edited(stored, edits)),
                Act::Merge(patch) => ("PATCH", "merge-patch+json", patch.clone()),
                Act::Strategic(patch) => ("PATCH", "strategic-merge-patch+json", patch.clone()),
            };
            let target = match mutation.subresource.as_str() {
                "" => format!("{path}?dryRun=All"),
                subresource => format!("{path}/{subresource}?dryRun=All"),
            };
            let (answer, object) = self.send_as(method, &target, media, &body).await;
            let input = self.input.clone();
            let object = (!object.is_null()).then_some((object, &input));
            self.note(&mutation.text, answer, base, object);
        }
    }

    /// Reads the object through the other versions that its group serves.
    async fn read_other_versions(&mut self, api_version: &str, name: &str, base: &Value) {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        let others: Vec<String> = self
            .resources
            .keys()
            .filter(|(version, kind)| {
                version.split_once('/').map_or("", |(group, _)| group) == group
                    && version != api_version
                    && kind == text(&self.input["kind"])
            })
            .map(|(version, _)| version.clone())
            .collect();
        for version in others {
            let path = self.path(&version, name);
            let (answer, object) = self.send("GET", &path, &Value::Null).await;
            let input = self.input.clone();
            self.note(
                &format!("read as {version}"),
                answer,
                base,
                Some((object, &input)),
            );
        }
    }

    /// Notes an answer: what was made, as far as it differs from `base`.
    fn note(&mut self, text: &str, mut answer: Value, base: &Value, made: Option<(Value, &Value)>) {
        if let Some((mut object, input)) = made {
            mask(&mut object, input);
            answer["changes"] = json!(changes(base, &object));
        }
        let case = if text.is_empty() {
            self.name.to_owned()
        } else {
            format!("{}: {text}", self.name)
        };
        let twice = self.answers.insert(case, answer);
        assert!(twice.is_none(), "{}: twice {text}", self.name);
    }

    async fn send(&self, method: &str, target: &str, body: &Value) -> (Value, Value) {
        self.send_as(method, target, "json", body).await
    }

    /// Sends a request; what of the answer is no object, and the object, if any.
    async fn send_as(
        &self,
        method: &str,
        target: &str,
        media: &str,
        body: &Value,
    ) -> (Value, Value) {
        let media = format!("application/{media}");
        let headers = [("content-type", media.as_str())];
        let (headers, body) = if body.is_null() {
            (&headers[..0], String::new())
        } else {
            (&headers[..], body.to_string())
        };
        let reply = self.client.request(method, target, headers, body).await;
        let warnings = warnings(&reply);
        let mut answer = json!({"code": reply.code});
        if !warnings.is_empty() {
            answer["warnings"] = json!(warnings);
        }
        match reply.into_json().await {
            Ok(object) => (answer, object),
            Err(failure) => {
                let status = mask_uids(&failure.status);
                answer["reason"] = status["reason"].clone();
                match &status["details"]["causes"] {
                    Value::Null => answer["message"] = status["message"].clone(),
                    causes => answer["causes"] = causes.clone(),
                }
                (answer, Value::Null)
            }
        }
    }
}

fn edited(object: &Value, edits: &[Edit]) -> Value {
    let mut object = object.clone();
    for edit in edits {
        edit.apply(&mut object);
    }
    object
}

fn warnings(reply: &Reply) -> Vec<String> {
    let values = reply.headers.get_all("warning").iter();
    values
        .map(|value| value.to_str().unwrap_or("?").to_owned())
        .collect()
}

/// Deletes an object for good, whoever would finalize it.
async fn remove(client: &Client, path: &str) {
    let now = format!("{path}?gracePeriodSeconds=0&propagationPolicy=Background");
    if client.json("DELETE", &now, None).await.is_err() {
        return;
    }
    let Ok(mut object) = client.json("GET", path, None).await else {
        return;
    };
    if text(&object["kind"]) == "Namespace" {
        object["spec"] = json!({});
        let _ = client
            .json("PUT", &format!("{path}/finalize"), Some(&object))
            .await;
    } else {
        let patch = json!({"metadata": {"finalizers": null}}).to_string();
        let headers = [("content-type", "application/merge-patch+json")];
        let _ = client.request("PATCH", path, &headers, patch).await;
    }
}
