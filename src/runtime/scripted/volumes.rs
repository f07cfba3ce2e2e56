//! The volumes of pods, and what is in them.
//!
//! *Upstream:* `pkg/volume/{emptydir,configmap,secret,projected,downwardapi,hostpath}`.

use std::collections::{BTreeMap, BTreeSet};

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::sources::{amount, data, field};
use crate::object::Object;
use crate::runtime::Surroundings;
use crate::shell::fs::{Errno, FileSystem, Kind, Limits, Volume, Who};

/// Whose a volume is, which decides how long it stays.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    /// A pod's, by its uid.
    Pod(String),
    /// A claim's, by its namespace and uid: one that is made again is empty.
    Claim(String, String),
    /// A node's, by its name.
    Node(String),
}

/// The files of a volume that shows objects: by path, with bits and content.
type Files = BTreeMap<String, (u32, Vec<u8>)>;

pub(super) struct Volumes {
    surroundings: Surroundings,
    /// By whose they are and their name, or path on a node; of a claim there is one.
    all: Mutex<BTreeMap<(Owner, String), Volume>>,
}

/// The definition of a pod's volume.
fn definition<'a>(pod: &'a Object, name: &str) -> Option<&'a Value> {
    let all = pod.items(&["spec", "volumes"]);
    all.iter().find(|volume| volume["name"] == name)
}

/// The claim that a volume is of.
fn claim(pod: &Object, volume: &Value) -> Option<String> {
    if let Some(name) = volume["persistentVolumeClaim"]["claimName"].as_str() {
        return Some(name.to_owned());
    }
    let name = volume["name"].as_str()?;
    volume["ephemeral"]
        .is_object()
        .then(|| format!("{}-{name}", pod.name()))
}

pub(super) fn is_read_only(pod: &Object, name: &str) -> bool {
    definition(pod, name).is_some_and(|volume| volume["persistentVolumeClaim"]["readOnly"] == true)
}

fn shows_objects(volume: &Value) -> bool {
    ["configMap", "secret", "projected", "downwardAPI"]
        .iter()
        .any(|kind| volume[*kind].is_object())
}

impl Volumes {
    pub(super) fn new(surroundings: Surroundings) -> Self {
        Self {
            surroundings,
            all: Mutex::default(),
        }
    }

    /// A pod's volume, and whether it shows objects.
    pub(super) async fn of(
        &self,
        pod: &Object,
        name: &str,
    ) -> Result<Option<(Volume, bool)>, Errno> {
        let Some(volume) = definition(pod, name) else {
            return Ok(None);
        };
        let claim = match claim(pod, volume) {
            Some(claim) => self.claim_uid(pod.namespace(), &claim).await?,
            None => None,
        };
        let key = if let Some(uid) = claim {
            let owner = Owner::Claim(pod.namespace().to_owned(), uid);
            (owner, String::new())
        } else if let Some(path) = volume["hostPath"]["path"].as_str() {
            let node = pod.text(&["spec", "nodeName"]).to_owned();
            (Owner::Node(node), path.to_owned())
        } else {
            (Owner::Pod(pod.uid().to_owned()), name.to_owned())
        };
        Ok(Some((self.kept(key), shows_objects(volume))))
    }

    /// The uid of a claim; a pod whose claim is gone has a volume to itself.
    async fn claim_uid(&self, namespace: &str, name: &str) -> Result<Option<String>, Errno> {
        let client = &self.surroundings.client;
        let claims = client.api("v1", "persistentvolumeclaims");
        match claims.namespace(namespace).get(name).await {
            Ok(found) => Ok(found["metadata"]["uid"].as_str().map(str::to_owned)),
            Err(failure) if failure.code == 404 => Ok(None),
            Err(_) => Err(Errno::Busy),
        }
    }

    fn kept(&self, key: (Owner, String)) -> Volume {
        let now = self.surroundings.clock.now();
        let make = || Volume::new(Limits::default(), now);
        self.all.lock().entry(key).or_insert_with(make).clone()
    }

    pub(super) fn forget_pod(&self, uid: &str) {
        let mut all = self.all.lock();
        all.retain(|(owner, _), _| *owner != Owner::Pod(uid.to_owned()));
    }

    /// Forgets what claims held that are gone.
    pub(super) async fn forget_claims(&self, namespace: &str) {
        let is_own = |owner: &Owner| matches!(owner, Owner::Claim(known, _) if known == namespace);
        // Those that come while the list is read are none of its business.
        let before: BTreeSet<Owner> = {
            let all = self.all.lock();
            let owners = all.keys().map(|(owner, _)| owner);
            owners.filter(|owner| is_own(owner)).cloned().collect()
        };
        if before.is_empty() {
            return;
        }
        let client = &self.surroundings.client;
        let claims = client
            .api("v1", "persistentvolumeclaims")
            .namespace(namespace);
        let Ok(list) = claims.list("").await else {
            return;
        };
        let items = list["items"].as_array().into_iter().flatten();
        let here: BTreeSet<Owner> = items
            .filter_map(|claim| claim["metadata"]["uid"].as_str())
            .map(|uid| Owner::Claim(namespace.to_owned(), uid.to_owned()))
            .collect();
        let gone: BTreeSet<&Owner> = before.difference(&here).collect();
        self.all
            .lock()
            .retain(|(owner, _), _| !gone.contains(owner));
    }

    /// Brings the volumes that show objects up to date.
    pub(super) async fn refresh(&self, pod: &Object) -> Result<(), Errno> {
        for volume in pod.items(&["spec", "volumes"]) {
            if !shows_objects(volume) {
                continue;
            }
            let name = volume["name"].as_str().unwrap_or_default();
            let Some((own, _)) = self.of(pod, name).await? else {
                continue;
            };
            let fs = FileSystem::of(own, self.surroundings.clock.clone());
            let files = self.files(pod, volume, &fs).await;
            put(&fs, &files)?;
        }
        Ok(())
    }

    async fn files(&self, pod: &Object, volume: &Value, fs: &FileSystem) -> Files {
        let mut files = Files::new();
        for kind in ["configMap", "secret", "downwardAPI"] {
            if volume[kind].is_object() {
                let usual = bits(&volume[kind]["defaultMode"]).unwrap_or(0o644);
                self.source(pod, kind, &volume[kind], usual, &mut files)
                    .await;
            }
        }
        let projected = &volume["projected"];
        let usual = bits(&projected["defaultMode"]).unwrap_or(0o644);
        for source in projected["sources"].as_array().into_iter().flatten() {
            for kind in ["configMap", "secret", "downwardAPI"] {
                if source[kind].is_object() {
                    self.source(pod, kind, &source[kind], usual, &mut files)
                        .await;
                }
            }
            let token = &source["serviceAccountToken"];
            if let Some(path) = token["path"].as_str() {
                // One that is there is not made again.
                let known = fs.read(&format!("/{path}"), &Who::default()).ok();
                let text = match known {
                    Some(known) => known,
                    None => self.token(pod, token).await.into_bytes(),
                };
                files.insert(path.to_owned(), (usual, text));
            }
        }
        files
    }

    async fn token(&self, pod: &Object, source: &Value) -> String {
        let account = pod.text(&["spec", "serviceAccountName"]);
        let account = if account.is_empty() {
            "default"
        } else {
            account
        };
        let mut request = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {
                "expirationSeconds": source["expirationSeconds"].as_i64().unwrap_or(3600),
                "boundObjectRef": {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "name": pod.name(),
                    "uid": pod.uid(),
                },
            },
        });
        if let Some(audience) = source["audience"].as_str().filter(|text| !text.is_empty()) {
            request["spec"]["audiences"] = json!([audience]);
        }
        let client = &self.surroundings.client;
        let accounts = client
            .api("v1", "serviceaccounts")
            .namespace(pod.namespace());
        let target = format!("{}/token", accounts.path(account));
        let answer = client.json("POST", &target, Some(&request)).await;
        let answer = answer.unwrap_or_default();
        answer["status"]["token"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    async fn source(
        &self,
        pod: &Object,
        kind: &str,
        source: &Value,
        usual: u32,
        files: &mut Files,
    ) {
        let items = source["items"].as_array();
        let at = |item: &Value| item["path"].as_str().unwrap_or_default().to_owned();
        if kind == "downwardAPI" {
            for item in items.into_iter().flatten() {
                let text = match item["fieldRef"]["fieldPath"].as_str() {
                    Some(path) => field(pod, path),
                    None => amount(pod, &Value::Null, &item["resourceFieldRef"]),
                };
                let mode = bits(&item["mode"]).unwrap_or(usual);
                files.insert(at(item), (mode, text.into_bytes()));
            }
            return;
        }
        let plural = if kind == "secret" {
            "secrets"
        } else {
            "configmaps"
        };
        let name = source["secretName"].as_str().or(source["name"].as_str());
        let client = &self.surroundings.client;
        let found = data(client, pod.namespace(), plural, name.unwrap_or_default()).await;
        let mut found = found.unwrap_or_default();
        match items {
            None => {
                for (key, bytes) in found {
                    files.insert(key, (usual, bytes));
                }
            }
            Some(items) => {
                for item in items {
                    let key = item["key"].as_str().unwrap_or_default();
                    if let Some(bytes) = found.remove(key) {
                        let mode = bits(&item["mode"]).unwrap_or(usual);
                        files.insert(at(item), (mode, bytes));
                    }
                }
            }
        }
    }
}

fn bits(mode: &Value) -> Option<u32> {
    mode.as_u64().map(|mode| mode as u32)
}

/// Makes a volume hold exactly these files.
fn put(fs: &FileSystem, files: &Files) -> Result<(), Errno> {
    let system = Who::default();
    for (path, (mode, content)) in files {
        let at = format!("/{path}");
        if let Some((folder, _)) = at.rsplit_once('/') {
            fs.make_all(folder, 0o755, &system)?;
        }
        if fs.read(&at, &system).ok().as_ref() != Some(content) {
            fs.write(&at, content, *mode, &system)?;
        }
        fs.set_mode(&at, *mode, &system)?;
    }
    let wanted: BTreeSet<&str> = files
        .keys()
        .map(|path| path.split('/').next().unwrap_or_default())
        .collect();
    for name in fs.list("/", &system)? {
        let at = format!("/{name}");
        let folder = fs.stat(&at, false, &system)?.kind == Kind::Directory;
        if !wanted.contains(name.as_str()) && !folder {
            fs.remove(&at, false, &system)?;
        }
    }
    Ok(())
}
