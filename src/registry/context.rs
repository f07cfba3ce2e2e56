//! What every step of a request may know: who asks, when, of what.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::Value;

use super::meta::forms::Conversions;
use super::meta::storage_path;
use super::request::FieldValidation;
use crate::auth::{Access, User};
use crate::error::ApiError;
use crate::object::Key;
use crate::schema::emptied::{self, Emptied};
use crate::schema::{Catalog, Resource};
use crate::sim::Entropy;
use crate::storage::{Reader, Revision};

/// The facts of one request. Time is read once, at the door.
pub struct Context<'a> {
    /// The time of the request.
    pub now: Timestamp,
    /// Who asks.
    pub user: &'a User,
    /// `User-Agent`.
    pub user_agent: &'a str,
    /// The resource asked for.
    pub resource: &'a Arc<Resource>,
    /// The subresource asked for; empty where none.
    pub subresource: &'a str,
    /// The namespace of the path; empty where none.
    pub namespace: &'a str,
    /// The name in the path; empty for a collection.
    pub name: &'a str,
    /// Whether nothing may be written in the end.
    pub is_dry_run: bool,
    /// Whether the write is part of one that admission has seen.
    pub is_inner: bool,
    /// What becomes of unknown fields.
    pub field_validation: FieldValidation,
    /// `fieldManager`; empty where not said.
    pub field_manager: &'a str,
    /// The store, to read.
    pub reader: &'a dyn Reader,
    /// What is served.
    pub catalog: &'a Catalog,
    /// Chance.
    pub entropy: &'a Entropy,
    /// Settings of the cluster that strategies ask for.
    pub settings: &'a Settings,
    /// Who is who, and who may what.
    pub access: &'a Access,
    /// What is taken of pools that are unique in the cluster (cluster IPs, node ports): one for
    /// each cluster, since strategies are shared by all.
    pub pools: &'a Pools,
    /// Warnings for the client, in order.
    pub warnings: Mutex<Vec<String>>,
    /// Conversions that were waited for to find out who owns which fields.
    pub conversions: Conversions,
    /// Lists and maps that were sent empty: Go shows them so, and counts them as a change.
    pub emptied: Mutex<Vec<Emptied>>,
    /// Annotations of the audit event.
    pub annotations: Mutex<BTreeMap<String, String>>,
}

/// Pools of values that are unique in a cluster: what is in use as far as the log was read, and
/// what writes on their way have taken.
#[derive(Debug, Default)]
pub struct Pools {
    pools: Mutex<BTreeMap<&'static str, Pool>>,
}

/// One pool.
#[derive(Debug, Default)]
pub struct Pool {
    /// The revision up to which the log was read.
    pub seen: Revision,
    /// The values in use or taken, each with how often (a node port may stand in a service twice).
    pub taken: BTreeMap<String, usize>,
}

impl Pools {
    /// Works on a pool while nobody else does. Keep it short; never across an await.
    pub fn with<T>(&self, name: &'static str, work: impl FnOnce(&mut Pool) -> T) -> T {
        work(self.pools.lock().entry(name).or_default())
    }
}

/// Settings of the cluster that strategies ask for, under kube-apiserver's names.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `--service-cluster-ip-range`: one or two CIDRs, the first the primary family.
    pub service_cluster_ip_ranges: Vec<String>,
    /// `--service-node-port-range`, both ends inclusive.
    pub service_node_port_range: (u16, u16),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            service_cluster_ip_ranges: vec!["10.0.0.0/24".to_owned()],
            service_node_port_range: (30000, 32767),
        }
    }
}

impl Context<'_> {
    /// The key of the object that the path names.
    pub fn key(&self) -> Result<Key, ApiError> {
        storage_path::key(self.resource, self.namespace, self.name)
    }

    /// The same request about a face of the object that is a kind of its own.
    pub(super) fn of_face<T>(
        &self,
        face: &Arc<Resource>,
        work: impl FnOnce(&Context<'_>) -> T,
    ) -> T {
        let cx = Context {
            resource: face,
            warnings: Mutex::default(),
            conversions: Conversions::default(),
            emptied: Mutex::default(),
            annotations: Mutex::default(),
            ..*self
        };
        let done = work(&cx);
        for warning in cx.warnings.into_inner() {
            self.warn(warning);
        }
        done
    }

    /// Whether a list or map at this path was sent empty.
    pub fn is_emptied(&self, path: &str) -> bool {
        self.emptied.lock().iter().any(|empty| empty.path == path)
    }

    /// A part of the object (`spec`) with what was sent empty in it, for a message that shows it.
    pub fn with_emptied(&self, part: &str, value: &Value) -> Value {
        emptied::put_back(&self.emptied.lock(), part, value)
    }

    /// Adds a warning for the client, once.
    pub fn warn(&self, text: impl Into<String>) {
        let text = text.into();
        let mut warnings = self.warnings.lock();
        if !warnings.contains(&text) {
            warnings.push(text);
        }
    }
}
