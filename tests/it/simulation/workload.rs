//! What happens to a cluster: steps drawn from a seed.

use std::time::Duration;

use mockernetes::Cluster;
use mockernetes::client::{Api, Client, Failure, PatchKind};
use mockernetes::nodes::registration::STOPPED;
use mockernetes::sim::Entropy;
use serde_json::{Value, json};

use super::NAMESPACE;
use super::checks::{self, items, name_of};

/// Draws steps and takes them.
pub(super) struct Workload<'a> {
    cluster: &'a Cluster,
    client: Client,
    entropy: &'a Entropy,
    made: u64,
}

/// What can be scaled, changed and deleted.
pub(super) const WORKLOADS: [(&str, &str); 5] = [
    ("apps/v1", "deployments"),
    ("apps/v1", "statefulsets"),
    ("apps/v1", "daemonsets"),
    ("batch/v1", "jobs"),
    ("batch/v1", "cronjobs"),
];

impl<'a> Workload<'a> {
    pub(super) fn new(cluster: &'a Cluster, entropy: &'a Entropy) -> Self {
        Self {
            cluster,
            client: cluster.client(),
            entropy,
            made: 0,
        }
    }

    fn api(&self, api_version: &str, plural: &str) -> Api {
        self.client.api(api_version, plural).namespace(NAMESPACE)
    }

    /// One of a list.
    fn pick<'v, T>(&self, all: &'v [T]) -> Option<&'v T> {
        all.get(self.entropy.below(all.len() as u64) as usize)
    }

    /// Takes a step.
    pub(super) async fn step(&mut self) -> Result<(), String> {
        match self.entropy.below(20) {
            0..=6 => self.create().await,
            7..=9 => self.scale().await,
            10..=11 => self.change().await,
            12..=13 => self.delete().await,
            14 => self.break_node().await,
            15..=16 => return self.evict().await,
            17 => self.delete_pod().await,
            _ => self.pass_time(600).await,
        }
        Ok(())
    }

    async fn pass_time(&self, seconds_max: u64) {
        let by = Duration::from_secs(1 + self.entropy.below(seconds_max));
        assert!(self.cluster.advance(by).await);
    }

    async fn create(&mut self) {
        self.made += 1;
        let name = format!("w{}", self.made);
        let kind = self.entropy.below(7);
        let replicas = self.entropy.below(5);
        let template = json!({
            "metadata": {"labels": {"app": name}},
            "spec": {"containers": [{"name": "c", "image": "app:1"}],
                "terminationGracePeriodSeconds": self.entropy.below(40)},
        });
        let selector = json!({"matchLabels": {"app": name}});
        let spec = |more: Value| {
            let mut spec = json!({"replicas": replicas, "selector": selector,
                "template": template});
            merge(&mut spec, more);
            json!({"metadata": {"name": name}, "spec": spec})
        };
        let (api_version, plural, object) = match kind {
            0 | 1 => {
                let kind = if kind == 0 {
                    "RollingUpdate"
                } else {
                    "Recreate"
                };
                let more = json!({"strategy": {"type": kind}});
                ("apps/v1", "deployments", spec(more))
            }
            2 => ("apps/v1", "statefulsets", spec(self.stateful(&name))),
            3 => {
                let object = json!({"metadata": {"name": name},
                    "spec": {"selector": selector, "template": template}});
                ("apps/v1", "daemonsets", object)
            }
            4 => ("batch/v1", "jobs", self.job(&name)),
            5 => {
                let job = self.job(&name)["spec"].clone();
                let minutes = 5 + self.entropy.below(20);
                let policies = ["Forbid", "Replace"];
                let policy = self.pick(&policies).unwrap();
                let object = json!({"metadata": {"name": name}, "spec": {
                    "schedule": format!("*/{minutes} * * * *"),
                    "concurrencyPolicy": policy,
                    "jobTemplate": {"spec": job}}});
                ("batch/v1", "cronjobs", object)
            }
            _ => {
                let object = json!({"metadata": {"name": name}, "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "resources": {"requests": {"storage": "1Gi"}}}});
                ("v1", "persistentvolumeclaims", object)
            }
        };
        self.api(api_version, plural).create(&object).await.unwrap();
        if kind < 3 && self.entropy.below(2) == 0 {
            self.guard(&name, &selector).await;
        }
        if kind < 4 && self.entropy.below(2) == 0 {
            let service = json!({"metadata": {"name": name}, "spec": {
                "selector": {"app": name}, "ports": [{"port": 80}]}});
            self.api("v1", "services").create(&service).await.unwrap();
        }
    }

    /// Gives a workload a budget.
    async fn guard(&self, name: &str, selector: &Value) {
        let field = if self.entropy.below(2) == 0 {
            "minAvailable"
        } else {
            "maxUnavailable"
        };
        let mut budget = json!({"metadata": {"name": name}, "spec": {"selector": selector}});
        budget["spec"][field] = self.entropy.below(4).into();
        let api = self.api("policy/v1", "poddisruptionbudgets");
        api.create(&budget).await.unwrap();
    }

    fn stateful(&self, name: &str) -> Value {
        let mut spec = json!({"serviceName": name});
        if self.entropy.below(2) == 0 {
            spec["podManagementPolicy"] = "Parallel".into();
        }
        if self.entropy.below(2) == 0 {
            spec["volumeClaimTemplates"] = json!([{"metadata": {"name": "data"}, "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}}}}]);
        }
        spec
    }

    fn job(&self, name: &str) -> Value {
        let mut template = json!({
            "metadata": {"labels": {"app": name}},
            "spec": {"containers": [{"name": "c", "image": "job:1"}], "restartPolicy": "Never"},
        });
        if self.entropy.below(3) == 0 {
            let code = json!({"mockernetes.dev/exit-code": "1"});
            template["metadata"]["annotations"] = code;
        }
        let mut spec = json!({
            "completions": 1 + self.entropy.below(4),
            "parallelism": 1 + self.entropy.below(3),
            "backoffLimit": self.entropy.below(3),
            "template": template,
        });
        if self.entropy.below(3) == 0 {
            spec["completionMode"] = "Indexed".into();
        }
        if self.entropy.below(3) == 0 {
            spec["ttlSecondsAfterFinished"] = self.entropy.below(300).into();
        }
        json!({"metadata": {"name": name}, "spec": spec})
    }

    /// One of the workloads there are.
    async fn any(&self, kinds: &[(&'static str, &'static str)]) -> Option<(Api, Value)> {
        let (api_version, plural) = self.pick(kinds)?;
        let api = self.api(api_version, plural);
        let list = api.list("").await.unwrap();
        let object = self.pick(items(&list))?.clone();
        Some((api, object))
    }

    async fn patch(&self, api: &Api, object: &Value, patch: &Value) {
        let patched = api.patch(name_of(object), PatchKind::Merge, patch).await;
        unless_gone(patched);
    }

    async fn scale(&self) {
        if let Some((api, object)) = self.any(&WORKLOADS[..2]).await {
            let scale = json!({"spec": {"replicas": self.entropy.below(7)}});
            self.patch(&api, &object, &scale).await;
        }
    }

    async fn change(&self) {
        if let Some((api, object)) = self.any(&WORKLOADS[..3]).await {
            let image = format!("app:{}", self.entropy.below(4));
            let containers = json!([{"name": "c", "image": image}]);
            let patch = json!({"spec": {"template": {"spec": {"containers": containers}}}});
            self.patch(&api, &object, &patch).await;
        }
    }

    async fn delete(&self) {
        let Some((api, object)) = self.any(&WORKLOADS).await else {
            return;
        };
        let policies = ["Background", "Foreground", "Orphan"];
        let policy = self.pick(&policies).unwrap();
        let target = format!("{}?propagationPolicy={policy}", api.path(name_of(&object)));
        unless_gone(self.client.json("DELETE", &target, None).await);
    }

    async fn delete_pod(&self) {
        let kinds = [("v1", "pods")];
        if let Some((api, pod)) = self.any(&kinds).await {
            unless_gone(api.delete(name_of(&pod)).await);
        }
    }

    /// Stops a kubelet or has it go on, closes a node or opens it.
    async fn break_node(&self) {
        let nodes = self.client.api("v1", "nodes");
        let list = nodes.list("").await.unwrap();
        let node = self.pick(items(&list)).unwrap();
        let is_stopped = node["metadata"]["annotations"][STOPPED] == "true";
        let is_closed = node["spec"]["unschedulable"] == true;
        let patch = match (self.entropy.below(3), is_stopped) {
            (0, _) => json!({"spec": {"unschedulable": !is_closed}}),
            (_, false) => json!({"metadata": {"annotations": {STOPPED: "true"}}}),
            (_, true) => json!({"metadata": {"annotations": {STOPPED: null}}}),
        };
        self.patch(&nodes, node, &patch).await;
    }

    /// Evicts a pod, as far as its budget lets it go.
    async fn evict(&self) -> Result<(), String> {
        self.cluster.settle().await;
        let kinds = [("v1", "pods")];
        let Some((api, pod)) = self.any(&kinds).await else {
            return Ok(());
        };
        let margin = checks::margin(self.cluster, &pod).await;
        let name = name_of(&pod);
        let path = format!("{}/eviction", api.path(name));
        let body = json!({"apiVersion": "policy/v1", "kind": "Eviction",
            "metadata": {"name": name, "namespace": NAMESPACE}});
        let evicted = self.client.json("POST", &path, Some(&body)).await;
        match (evicted, margin) {
            (Ok(_), Some(margin)) if margin < 1 => Err(format!(
                "{name} was evicted though its budget had {margin} to give"
            )),
            (Err(failure), _) if !matches!(failure.code, 404 | 429 | 500) => {
                Err(format!("the eviction of {name} was refused: {failure}"))
            }
            _ => Ok(()),
        }
    }

    /// Has all nodes work again, and gives everybody the time they need.
    pub(super) async fn heal(&self) {
        let nodes = self.client.api("v1", "nodes");
        let list = nodes.list("").await.unwrap();
        for node in items(&list) {
            let patch = json!({"metadata": {"annotations": {STOPPED: null}},
                "spec": {"unschedulable": null}});
            self.patch(&nodes, node, &patch).await;
        }
        for _ in 0..2 {
            self.pass_time(1).await;
            assert!(self.cluster.advance(Duration::from_mins(15)).await);
        }
    }

    /// Removes the namespace.
    pub(super) async fn remove_all(&self) {
        let namespaces = self.client.api("v1", "namespaces");
        namespaces.delete(NAMESPACE).await.unwrap();
        assert!(self.cluster.advance(Duration::from_mins(5)).await);
    }
}

/// Controllers may be faster.
fn unless_gone(result: Result<Value, Failure>) {
    if let Err(failure) = result {
        assert!(matches!(failure.code, 404 | 409), "{failure}");
    }
}

fn merge(into: &mut Value, more: Value) {
    let (Value::Object(into), Value::Object(more)) = (into, more) else {
        return;
    };
    into.extend(more);
}
