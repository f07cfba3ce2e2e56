//! What every step of a request may know: who asks, when, of what.

use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;

use super::request::FieldValidation;
use crate::auth::User;
use crate::schema::{Catalog, Resource};
use crate::sim::Entropy;
use crate::storage::Reader;

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
    /// Warnings for the client, in order.
    pub warnings: Mutex<Vec<String>>,
}

/// Settings of the cluster that strategies ask for, under kube-apiserver's names.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `--service-cluster-ip-range`: one or two CIDRs, the first the primary family.
    pub service_cluster_ip_ranges: Vec<String>,
    /// `--service-node-port-range`, both ends inclusive.
    pub service_node_port_range: (u16, u16),
    /// `--service-account-issuer`.
    pub service_account_issuer: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            service_cluster_ip_ranges: vec!["10.0.0.0/24".to_owned()],
            service_node_port_range: (30000, 32767),
            service_account_issuer: "https://kubernetes.default.svc.cluster.local".to_owned(),
        }
    }
}

impl Context<'_> {
    /// Adds a warning for the client, once.
    pub fn warn(&self, text: impl Into<String>) {
        let text = text.into();
        let mut warnings = self.warnings.lock();
        if !warnings.contains(&text) {
            warnings.push(text);
        }
    }
}
