//! Admission: who changes and who refuses a write, and in whose words.

mod optional;
mod plugins;
mod policies;
mod quotas;
mod type_checks;
mod webhooks;

use mockernetes::client::Failure;
use serde_json::{Value, json};

use crate::support::Fixture;

impl Fixture {
    /// Posts an object to a path.
    async fn post(&self, path: &str, object: &Value) -> Result<Value, Failure> {
        self.ask("POST", path, object).await
    }

    /// Sends an object to a path.
    async fn ask(&self, method: &str, path: &str, object: &Value) -> Result<Value, Failure> {
        self.client.json(method, path, Some(object)).await
    }

    /// Makes a config map with this data in the namespace `default`.
    async fn config(&self, name: &str, data: Value) -> Result<Value, Failure> {
        let object = json!({"metadata": {"name": name}, "data": data});
        self.post(CONFIG_MAPS, &object).await
    }
}

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
const PODS: &str = "/api/v1/namespaces/default/pods";

/// A path of the group that configures admission.
fn registration(plural: &str) -> String {
    format!("/apis/admissionregistration.k8s.io/v1/{plural}")
}

/// A rule about config maps.
fn rule(operations: &[&str]) -> Value {
    json!({
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": operations,
        "resources": ["configmaps"],
    })
}

/// A pod with this spec beside its one container.
fn pod(name: &str, spec: &Value) -> Value {
    let mut pod = json!({
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    });
    for (key, value) in spec.as_object().unwrap() {
        pod["spec"][key] = value.clone();
    }
    pod
}
