//! What must hold of a cluster, whatever happened to it.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};
use mockernetes::Cluster;
use mockernetes::client::Api;
use serde_json::Value;

use super::NAMESPACE;

/// Everything that is looked at.
const KINDS: [(&str, &str); 14] = [
    ("v1", "pods"),
    ("v1", "services"),
    ("v1", "endpoints"),
    ("v1", "persistentvolumeclaims"),
    ("discovery.k8s.io/v1", "endpointslices"),
    ("apps/v1", "deployments"),
    ("apps/v1", "replicasets"),
    ("apps/v1", "statefulsets"),
    ("apps/v1", "daemonsets"),
    ("apps/v1", "controllerrevisions"),
    ("batch/v1", "jobs"),
    ("batch/v1", "cronjobs"),
    ("policy/v1", "poddisruptionbudgets"),
    ("v1", "events"),
];

pub(super) fn items(list: &Value) -> &[Value] {
    list["items"].as_array().map_or(&[], Vec::as_slice)
}

pub(super) fn name_of(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or("")
}

fn uid_of(object: &Value) -> &str {
    object["metadata"]["uid"].as_str().unwrap_or("")
}

fn is_going(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .any(|one| one["type"] == "Ready" && one["status"] == "True")
}

fn count(object: &Value, part: &str, field: &str) -> i64 {
    object[part][field].as_i64().unwrap_or(0)
}

/// Every object of the namespace, by kind.
type Everything = BTreeMap<&'static str, Vec<Value>>;

async fn everything(cluster: &Cluster) -> Everything {
    let client = cluster.client();
    let mut all = Everything::new();
    for (api_version, plural) in KINDS {
        let api = client.api(api_version, plural).namespace(NAMESPACE);
        let list = api.list("").await.unwrap();
        all.insert(plural, items(&list).to_vec());
    }
    all
}

/// Watches pods from the beginning, and makes of the events what a client makes of them.
pub(super) struct Witness {
    api: Api,
    events: BoxStream<'static, Value>,
    pods: BTreeMap<String, Value>,
    revision: u64,
}

impl Witness {
    pub(super) async fn new(cluster: &Cluster) -> Self {
        let api = cluster.client().api("v1", "pods").namespace(NAMESPACE);
        Self {
            events: api.watch("resourceVersion=0").await.unwrap(),
            api,
            pods: BTreeMap::new(),
            revision: 0,
        }
    }

    /// Takes what has come. A watch that has come to its end goes on where it was.
    async fn read(&mut self) -> Result<(), String> {
        loop {
            // All of it, however much that is for one turn.
            let next = tokio::task::unconstrained(self.events.next()).now_or_never();
            let event = match next {
                Some(Some(event)) => event,
                Some(None) => {
                    let query = format!("resourceVersion={}", self.revision);
                    self.events = self.api.watch(&query).await.unwrap();
                    continue;
                }
                None => return Ok(()),
            };
            let mut object = event["object"].clone();
            if let Value::Object(fields) = &mut object {
                // The items of a list do not say what they are.
                fields.remove("apiVersion");
                fields.remove("kind");
            }
            let object = &object;
            let name = name_of(object).to_owned();
            let version = object["metadata"]["resourceVersion"].as_str().unwrap_or("");
            let version: u64 = version
                .parse()
                .map_err(|_| format!("no revision: {event}"))?;
            if version <= self.revision {
                return Err(format!("{name} comes at {version} after {}", self.revision));
            }
            self.revision = version;
            let before = match event["type"].as_str() {
                Some("DELETED") => self.pods.remove(&name),
                _ => self.pods.insert(name.clone(), object.clone()),
            };
            if (event["type"] == "ADDED") == before.is_some() {
                return Err(format!("{name} is {} where it cannot be", event["type"]));
            }
        }
    }
}

/// What holds whenever nothing is left to do.
pub(super) async fn settled(cluster: &Cluster, witness: &mut Witness) -> Result<(), String> {
    witness.read().await?;
    let all = everything(cluster).await;
    let seen: Vec<&Value> = witness.pods.values().collect();
    if seen != all["pods"].iter().collect::<Vec<_>>() {
        return Err("who watches pods knows of others than who lists them".to_owned());
    }
    owners(&all)?;
    endpoints(&all)?;
    revisions(&all, false)?;
    budgets(&all)?;
    for plural in ["deployments", "statefulsets", "daemonsets", "replicasets"] {
        for object in &all[plural] {
            if count(object, "status", "observedGeneration")
                != count(object, "metadata", "generation")
                && !is_going(object)
            {
                return Err(format!("{plural} {} was not looked at", name_of(object)));
            }
        }
    }
    Ok(())
}

/// Nothing is left of which all owners are gone.
fn owners(all: &Everything) -> Result<(), String> {
    let uids: BTreeSet<&str> = all.values().flatten().map(uid_of).collect();
    for (plural, objects) in all {
        for object in objects.iter().filter(|object| !is_going(object)) {
            let owners = object["metadata"]["ownerReferences"].as_array();
            let Some(owners) = owners.filter(|owners| !owners.is_empty()) else {
                continue;
            };
            let is_there = |owner: &Value| uids.contains(owner["uid"].as_str().unwrap_or(""));
            if !owners.iter().any(is_there) {
                return Err(format!("{plural} {} has lost its owners", name_of(object)));
            }
        }
    }
    Ok(())
}

/// Slices name the pods that are there, and all that are ready.
fn endpoints(all: &Everything) -> Result<(), String> {
    let uids: BTreeSet<&str> = all["pods"].iter().map(uid_of).collect();
    for service in &all["services"] {
        let name = name_of(service);
        let mut told = BTreeSet::new();
        let own =
            |slice: &&Value| slice["metadata"]["labels"]["kubernetes.io/service-name"] == name;
        for slice in all["endpointslices"].iter().filter(own) {
            for endpoint in slice["endpoints"].as_array().into_iter().flatten() {
                let uid = endpoint["targetRef"]["uid"].as_str().unwrap_or("");
                if !uids.contains(uid) {
                    return Err(format!("the slice of {name} leads to a pod that is gone"));
                }
                if endpoint["conditions"]["ready"] == true {
                    told.insert(uid);
                }
            }
        }
        let app = &service["spec"]["selector"]["app"];
        let ready = all["pods"].iter().filter(|pod| {
            pod["metadata"]["labels"]["app"] == *app && is_ready(pod) && !is_going(pod)
        });
        let ready: BTreeSet<&str> = ready.map(uid_of).collect();
        if told != ready {
            return Err(format!(
                "the slices of {name} name {told:?}, ready are {ready:?}"
            ));
        }
    }
    Ok(())
}

/// Sets of a Deployment have revisions of their own, and the newest is what is asked for; where all
/// pods must be gone first, as soon as they can be.
fn revisions(all: &Everything, is_healed: bool) -> Result<(), String> {
    let revision = |object: &Value| -> i64 {
        let text = &object["metadata"]["annotations"]["deployment.kubernetes.io/revision"];
        text.as_str()
            .and_then(|text| text.parse().ok())
            .unwrap_or(0)
    };
    for deployment in all["deployments"].iter().filter(|one| !is_going(one)) {
        let mut sets: Vec<&Value> = all["replicasets"]
            .iter()
            .filter(|set| set["metadata"]["ownerReferences"][0]["uid"] == uid_of(deployment))
            .collect();
        sets.sort_by_key(|set| revision(set));
        let name = name_of(deployment);
        if sets
            .windows(2)
            .any(|pair| revision(pair[0]) == revision(pair[1]))
        {
            return Err(format!("two sets of {name} have one revision"));
        }
        let image =
            |object: &Value| object["spec"]["template"]["spec"]["containers"][0]["image"].clone();
        let Some(newest) = sets.last() else {
            return Err(format!("{name} has no set"));
        };
        if deployment["spec"]["strategy"]["type"] == "Recreate" && !is_healed {
            continue;
        }
        if image(newest) != image(deployment) || revision(newest) != revision(deployment) {
            return Err(format!(
                "the newest set of {name} is another than asked for"
            ));
        }
    }
    Ok(())
}

/// Budgets know how many are healthy.
fn budgets(all: &Everything) -> Result<(), String> {
    for budget in all["poddisruptionbudgets"]
        .iter()
        .filter(|one| !is_going(one))
    {
        let healthy = healthy(&all["pods"], budget);
        if count(budget, "status", "currentHealthy") != healthy {
            let said = count(budget, "status", "currentHealthy");
            return Err(format!(
                "budget {}: {said} of {healthy} are healthy",
                name_of(budget)
            ));
        }
    }
    Ok(())
}

fn is_guarded(pod: &Value, budget: &Value) -> bool {
    pod["metadata"]["labels"]["app"] == budget["spec"]["selector"]["matchLabels"]["app"]
}

fn healthy(pods: &[Value], budget: &Value) -> i64 {
    let is_healthy = |pod: &&Value| is_guarded(pod, budget) && is_ready(pod) && !is_going(pod);
    pods.iter().filter(is_healthy).count() as i64
}

/// How many healthy pods the budget of a pod can do without; `None` where it has none, or where the
/// pod is not one that is counted.
pub(super) async fn margin(cluster: &Cluster, pod: &Value) -> Option<i64> {
    if !is_ready(pod) || is_going(pod) {
        return None;
    }
    let all = everything(cluster).await;
    let budgets = all["poddisruptionbudgets"]
        .iter()
        .filter(|one| is_guarded(pod, one));
    let margins = budgets.map(|budget| {
        let healthy = healthy(&all["pods"], budget);
        let spec = &budget["spec"];
        let needed = match spec["minAvailable"].as_i64() {
            Some(needed) => needed,
            None => wanted(&all, pod) - spec["maxUnavailable"].as_i64().unwrap_or(0),
        };
        healthy - needed
    });
    margins.min()
}

/// How many pods the workload wants that a pod belongs to.
fn wanted(all: &Everything, pod: &Value) -> i64 {
    let app = &pod["metadata"]["labels"]["app"];
    let kinds = ["deployments", "statefulsets"]
        .iter()
        .flat_map(|plural| &all[plural]);
    let mut own = kinds.filter(|object| object["spec"]["selector"]["matchLabels"]["app"] == *app);
    own.next()
        .map_or(0, |object| count(object, "spec", "replicas"))
}

/// A pod in a few words.
fn summary(pod: &Value) -> String {
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    let wrong = conditions.filter(|one| one["status"] != "True").map(|one| {
        let text = |field: &str| one[field].as_str().unwrap_or("").to_owned();
        format!("{}: {} {}", text("type"), text("reason"), text("message"))
    });
    format!(
        "{} on {} {} since {} {}",
        name_of(pod),
        pod["spec"]["nodeName"],
        pod["status"]["phase"],
        pod["metadata"]["creationTimestamp"],
        wrong.collect::<Vec<_>>().join(", ")
    )
}

/// What holds when all nodes work, and everybody had the time they need.
pub(super) async fn healed(cluster: &Cluster) -> Result<(), String> {
    let all = everything(cluster).await;
    revisions(&all, true)?;
    let nodes = cluster.client().api("v1", "nodes").list("").await.unwrap();
    let nodes = items(&nodes).len() as i64;
    let short = |plural: &str, object: &Value, what: &str| {
        let app = &object["spec"]["selector"]["matchLabels"]["app"];
        let own = all["pods"]
            .iter()
            .filter(|pod| pod["metadata"]["labels"]["app"] == *app);
        let pods = own.map(summary).collect::<Vec<_>>().join("; ");
        let (name, status) = (name_of(object), &object["status"]);
        Err(format!("{plural} {name}: {what}: {status} [{pods}]"))
    };
    for plural in ["deployments", "statefulsets", "replicasets"] {
        for object in &all[plural] {
            let wanted = count(object, "spec", "replicas");
            if count(object, "status", "readyReplicas") != wanted {
                return short(
                    plural,
                    object,
                    &format!("{wanted} replicas should be ready"),
                );
            }
            if plural != "replicasets" && count(object, "status", "updatedReplicas") != wanted {
                return short(plural, object, &format!("{wanted} replicas should be new"));
            }
        }
    }
    for object in &all["daemonsets"] {
        if count(object, "status", "numberReady") != nodes {
            return short(
                "daemonsets",
                object,
                &format!("{nodes} pods should be ready"),
            );
        }
    }
    for object in &all["jobs"] {
        let conditions = object["status"]["conditions"]
            .as_array()
            .into_iter()
            .flatten();
        let is_done = |one: &Value| one["type"] == "Complete" || one["type"] == "Failed";
        let is_young = object["metadata"]["ownerReferences"].is_array();
        if !is_young && !conditions.clone().any(is_done) {
            return short("jobs", object, "it should have ended");
        }
    }
    for pod in &all["pods"] {
        if is_going(pod) {
            return short("pods", pod, "it should be gone");
        }
    }
    for claim in &all["persistentvolumeclaims"] {
        if is_going(claim) {
            return short("persistentvolumeclaims", claim, "it should be gone");
        }
    }
    Ok(())
}

/// Nothing is left of a namespace that was deleted.
pub(super) async fn gone(cluster: &Cluster, witness: &mut Witness) -> Result<(), String> {
    witness.read().await?;
    let all = everything(cluster).await;
    for (plural, objects) in &all {
        if let Some(object) = objects.first() {
            return Err(format!(
                "{plural} {} outlives its namespace",
                name_of(object)
            ));
        }
    }
    if let Some(name) = witness.pods.keys().next() {
        return Err(format!("nobody said that pod {name} is gone"));
    }
    let namespaces = cluster.client().api("v1", "namespaces");
    match namespaces.get(NAMESPACE).await {
        Err(failure) if failure.code == 404 => Ok(()),
        found => Err(format!("the namespace is still there: {found:?}")),
    }
}
