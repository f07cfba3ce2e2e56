//! A container as its pod has it: where commands run and logs belong.

use std::sync::Arc;

use serde_json::Value;

use super::logs::Instance;
use crate::object::Object;

/// The lists of a pod that name containers, and where their statuses stand.
const LISTS: [(&str, &str); 3] = [
    ("containers", "containerStatuses"),
    ("initContainers", "initContainerStatuses"),
    ("ephemeralContainers", "ephemeralContainerStatuses"),
];

/// A container of a pod, as the pod was when it was asked for.
#[derive(Clone, Debug)]
pub struct Place {
    /// The pod.
    pub pod: Arc<Object>,
    /// The container's name.
    pub container: String,
}

/// In what stage of its life a container is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It has not started; the reason it gives.
    Waiting(String),
    /// It runs.
    Running,
    /// It has ended with this code and is not started again, or not yet.
    Ended(i32),
    /// Nothing is said of it.
    Unknown,
}

impl Place {
    /// A container of a pod.
    pub fn new(pod: Arc<Object>, container: impl Into<String>) -> Self {
        Self {
            pod,
            container: container.into(),
        }
    }

    /// What the pod's spec says of it; null where it has no such container.
    pub fn spec(&self) -> &Value {
        self.find("spec", |(specs, _)| specs)
    }

    /// What the pod's status says of it; null where it says nothing.
    pub fn status(&self) -> &Value {
        self.find("status", |(_, statuses)| statuses)
    }

    fn find(
        &self,
        part: &str,
        list: impl Fn((&'static str, &'static str)) -> &'static str,
    ) -> &Value {
        let all = LISTS
            .iter()
            .flat_map(|lists| self.pod.items(&[part, list(*lists)]));
        let mut own = all.filter(|one| one["name"] == self.container.as_str());
        own.next().unwrap_or(&Value::Null)
    }

    /// How often it was started again.
    pub fn restarts(&self) -> u64 {
        self.status()["restartCount"].as_u64().unwrap_or(0)
    }

    /// The life it lives, or lived last: what is written now belongs to it.
    pub fn instance(&self) -> Instance {
        Instance {
            pod: self.pod.uid().to_owned(),
            container: self.container.clone(),
            attempt: self.restarts(),
        }
    }

    /// In what stage it is.
    pub fn stage(&self) -> Stage {
        let state = &self.status()["state"];
        if state["running"].is_object() {
            return Stage::Running;
        }
        if let Some(code) = state["terminated"]["exitCode"].as_i64() {
            return Stage::Ended(i32::try_from(code).unwrap_or(i32::MAX));
        }
        match state["waiting"].as_object() {
            Some(_) => {
                let reason = state["waiting"]["reason"].as_str();
                Stage::Waiting(reason.unwrap_or_default().to_owned())
            }
            None => Stage::Unknown,
        }
    }
}
