//! Follows the store's log: looks whether registered servers can be reached, and tells requests.
//!
//! *Upstream:* `kube-aggregator/pkg/apiserver/{apiserver,apiservice_controller}.go`,
//! `kube-aggregator/pkg/controllers/status/remote/remote_available_controller.go`. Differs: one
//! question to a server, not five at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, pending, select};
use futures_util::pin_mut;
use serde_json::{Value, json};

use super::availability::{self, Verdict};
use super::{Aggregator, Registered, registered, usage};
use crate::client::Client;
use crate::object::{GroupResource, GroupVersion, Object, time};
use crate::schema::{Catalog, tables};
use crate::sim::Clock;
use crate::storage::{Error, Reader, Scope, Watch};
use crate::webhook::{Caller, Target};

/// Where registrations are.
const PATH: &str = "/apis/apiregistration.k8s.io/v1/apiservices";

/// How often servers are asked again, whatever happens.
const PERIOD: Duration = Duration::from_secs(30);

/// Who follows the log.
pub struct Keeper {
    /// What requests see.
    pub aggregator: Arc<Aggregator>,
    /// The store.
    pub reader: Arc<dyn Reader>,
    /// What is served from here.
    pub catalog: Arc<Catalog>,
    /// Writes, as the server itself.
    pub client: Client,
    /// Reaches the servers.
    pub caller: Arc<Caller>,
    /// The cluster's time.
    pub clock: Clock,
    /// What this server shows of itself: certificate and key, as PEM.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
    /// Whether there is something that uses processors and memory.
    pub serves_usage: bool,
}

/// What the keeper follows.
struct Followed {
    services: Watch,
    /// Services and endpoints, where they matter.
    beside: Option<(Watch, Watch)>,
}

fn scope(group: &str, resource: &str) -> Scope {
    Scope {
        resource: GroupResource::new(group, resource),
        namespace: None,
        name: None,
    }
}

impl Keeper {
    /// Goes on for as long as it is let.
    pub async fn run(self) {
        loop {
            // What was missed is made up for by looking at everything.
            if let Err(error) = self.follow().await {
                tracing::debug!(%error, "the aggregator starts again");
            }
        }
    }

    async fn follow(&self) -> Result<(), Error> {
        let services = scope("apiregistration.k8s.io", "apiservices");
        let mut followed = Followed {
            services: self.reader.watch(&services, self.reader.revision())?,
            beside: None,
        };
        loop {
            self.look(&mut followed).await?;
            self.wait(&mut followed).await?;
        }
    }

    /// Looks at every registration.
    async fn look(&self, followed: &mut Followed) -> Result<(), Error> {
        let services = scope("apiregistration.k8s.io", "apiservices").resource;
        let snapshot = self.reader.snapshot(&services, None)?;
        let services: Vec<Arc<Object>> = snapshot
            .objects(None, None)
            .filter(|stored| is_of_interest(stored.key.name()))
            .map(|stored| stored.parsed())
            .collect();
        let mut versions = BTreeMap::new();
        let mut verdicts = Vec::new();
        for service in services {
            let version = registered::group_version(&service);
            let mut one = Registered::of(&service, self.identity.as_ref());
            if let Some(target) = one.target.clone() {
                let reader = self.reader.as_ref();
                let verdict = availability::look(reader, &self.caller, &version, &target).await;
                one.is_available = verdict.is_available;
                verdicts.push((service, verdict));
                if one.is_available {
                    one.resources = self.resources(&target, &version).await;
                    one.openapi = self.openapi(&target, &version).await;
                    one.swagger = self.swagger(&target, &version).await;
                }
            } else if self.is_served(&version) {
                continue;
            } else if self.serves_usage && version.to_string() == usage::GROUP_VERSION {
                one.is_here = true;
                one.resources = Some(usage::resources());
            }
            versions.insert(version, Arc::new(one));
        }
        let has_remote = versions.values().any(|one| one.target.is_some());
        if !has_remote {
            followed.beside = None;
        } else if followed.beside.is_none() {
            let after = self.reader.revision();
            let services = self.reader.watch(&scope("", "services"), after)?;
            let slices = scope("discovery.k8s.io", "endpointslices");
            followed.beside = Some((services, self.reader.watch(&slices, after)?));
        }
        self.aggregator.replace(versions);
        // Whoever reads that a server is available finds what it has.
        for (service, verdict) in verdicts {
            self.write(&service, verdict).await;
        }
        Ok(())
    }

    fn is_served(&self, version: &GroupVersion) -> bool {
        self.catalog.state().versions.contains_key(version)
    }

    /// Waits until something has changed, or it is time to ask again.
    async fn wait(&self, followed: &mut Followed) -> Result<(), Error> {
        let Followed { services, beside } = followed;
        let is_asked_again = beside.is_some();
        let either = async {
            match beside {
                Some((services, slices)) => {
                    let (one, other) = (services.next(), slices.next());
                    pin_mut!(one, other);
                    match select(one, other).await {
                        Either::Left((changes, _)) | Either::Right((changes, _)) => {
                            changes.map(|_| ())
                        }
                    }
                }
                None => pending().await,
            }
        };
        let period = async {
            if !is_asked_again {
                return pending().await;
            }
            let next = self.clock.now().saturating_add(PERIOD).unwrap_or_default();
            self.clock.clone().until(next).await;
        };
        tokio::select! {
            changes = services.next() => { changes?; }
            changed = either => changed?,
            () = period => {}
        }
        Ok(())
    }

    /// Writes down whether a server can be reached.
    async fn write(&self, service: &Object, verdict: Verdict) {
        let now = time::seconds(self.clock.now());
        let Some(conditions) = verdict.into_conditions(service, &now) else {
            return;
        };
        let mut object = service.clone();
        object.set(&["status", "conditions"], conditions);
        let path = format!("{PATH}/{}/status", service.name());
        let object = object.into_value();
        if let Err(failure) = self.client.json("PUT", &path, Some(&object)).await {
            // It has changed meanwhile, and will be looked at again for that.
            tracing::debug!(%failure, "the status of a registration was not written");
        }
    }

    /// What a server says it has in a group version.
    async fn resources(&self, target: &Target, version: &GroupVersion) -> Option<Value> {
        const AGGREGATED: &str =
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
        let read = availability::get(&self.caller, target, "/apis", AGGREGATED).await;
        let list = read.ok().filter(|(code, _)| *code == 200);
        let list: Option<Value> = list.and_then(|(_, body)| serde_json::from_slice(&body).ok());
        if let Some(list) = list.filter(|list| list["kind"] == "APIGroupDiscoveryList") {
            let groups = list["items"].as_array().into_iter().flatten();
            let mut groups = groups.filter(|group| group["metadata"]["name"] == *version.group);
            let versions = groups.next()?["versions"].as_array().cloned();
            let mut versions = versions.into_iter().flatten();
            let found = versions.find(|one| one["version"] == *version.version)?;
            return found.get("resources").cloned();
        }
        let path = availability::path(version);
        let read = availability::get(&self.caller, target, &path, "application/json").await;
        let (_, body) = read.ok().filter(|(code, _)| *code == 200)?;
        let list: Value = serde_json::from_slice(&body).ok()?;
        Some(aggregated(&list, version))
    }

    /// The part of the document of `OpenAPI` 2 that is about a group version.
    async fn swagger(&self, target: &Target, version: &GroupVersion) -> Option<Value> {
        let read = availability::get(&self.caller, target, "/openapi/v2", "application/json").await;
        let (_, body) = read.ok().filter(|(code, _)| *code == 200)?;
        let mut document: Value = serde_json::from_slice(&body).ok()?;
        let own = availability::path(version);
        let within = format!("{own}/");
        let mut paths = document.get_mut("paths")?.take();
        paths
            .as_object_mut()?
            .retain(|path, _| path.starts_with(&within) || path.trim_end_matches('/') == own);
        let definitions = document.get_mut("definitions").map(Value::take);
        Some(json!({"paths": paths, "definitions": definitions}))
    }

    /// The address of the `OpenAPI` document of a group version.
    async fn openapi(&self, target: &Target, version: &GroupVersion) -> Option<String> {
        let read = availability::get(&self.caller, target, "/openapi/v3", "application/json").await;
        let (_, body) = read.ok().filter(|(code, _)| *code == 200)?;
        let index: Value = serde_json::from_slice(&body).ok()?;
        let path = availability::path(version);
        let entry = &index["paths"][path.trim_start_matches('/')];
        entry["serverRelativeURL"].as_str().map(str::to_owned)
    }
}

/// Whether a registration may be about something that is not served from here. Of the many
/// that are not, none is read.
fn is_of_interest(name: &str) -> bool {
    let (version, group) = name.split_once('.').unwrap_or((name, ""));
    tables::priority(group, version).is_none()
}

/// The entries of an `APIResourceList` in the aggregated form.
///
/// *Upstream:* `apiserver/pkg/endpoints/discovery/aggregated/…`
/// (`ConvertGroupVersionIntoToDiscovery`).
fn aggregated(list: &Value, version: &GroupVersion) -> Value {
    let mut out: Vec<Value> = Vec::new();
    let entries = list["resources"].as_array().into_iter().flatten();
    for entry in entries {
        let text = |field: &str| entry[field].as_str().unwrap_or("");
        let or_own = |field: &str, own: &str| match text(field) {
            "" => own.to_owned(),
            text => text.to_owned(),
        };
        let kind = json!({
            "group": or_own("group", &version.group),
            "version": or_own("version", &version.version),
            "kind": text("kind"),
        });
        if let Some((main, sub)) = text("name").split_once('/') {
            let face = json!({
                "subresource": sub,
                "responseKind": kind,
                "verbs": entry["verbs"],
            });
            let of_main = out.iter_mut().find(|one| one["resource"] == main);
            let faces = of_main.and_then(|one| {
                let map = one.as_object_mut()?;
                let faces = map.entry("subresources").or_insert_with(|| json!([]));
                faces.as_array_mut()
            });
            if let Some(faces) = faces {
                faces.push(face);
            }
            continue;
        }
        let is_namespaced = entry["namespaced"] == true;
        let mut one = json!({
            "resource": text("name"),
            "responseKind": kind,
            "scope": if is_namespaced { "Namespaced" } else { "Cluster" },
            "singularResource": text("singularName"),
            "verbs": entry["verbs"],
        });
        for field in ["shortNames", "categories"] {
            if let Some(names) = entry.get(field) {
                one[field] = names.clone();
            }
        }
        out.push(one);
    }
    out.into()
}
