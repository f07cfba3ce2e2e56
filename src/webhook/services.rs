//! Where the services of the cluster are: nothing listens at a cluster IP, so whoever runs a
//! webhook says where.
//!
//! *Upstream:* `apiserver/pkg/util/proxy/proxy.go` (`ResolveCluster`).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::object::{GroupResource, Key};
use crate::storage::Reader;

/// Finds services.
#[derive(Clone, Default)]
pub struct Services {
    table: Arc<BTreeMap<(String, Option<u16>), String>>,
    reader: Option<Arc<dyn Reader>>,
}

/// Why a line of the table means nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not NAMESPACE/NAME[:PORT]=HOST:PORT")]
pub struct Malformed(String);

impl Services {
    /// Finds services by lines of the form `NAMESPACE/NAME[:PORT]=HOST:PORT`.
    pub fn of_lines<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<Self, Malformed> {
        let mut table = BTreeMap::new();
        for line in lines {
            let (service, address) = parse(line).ok_or_else(|| Malformed(line.to_owned()))?;
            table.insert(service, address);
        }
        Ok(Self {
            table: Arc::new(table),
            reader: None,
        })
    }

    /// The same, and what the table does not know, as the store says.
    pub fn with_reader(mut self, reader: Arc<dyn Reader>) -> Self {
        self.reader = Some(reader);
        self
    }

    /// Whether the table says where a service is.
    pub fn knows(&self, namespace: &str, name: &str, port: u16) -> bool {
        self.tabled(namespace, name, port).is_some()
    }

    fn tabled(&self, namespace: &str, name: &str, port: u16) -> Option<&String> {
        let service = format!("{namespace}/{name}");
        let exact = self.table.get(&(service.clone(), Some(port)));
        exact.or_else(|| self.table.get(&(service, None)))
    }

    /// The `HOST:PORT` at which a service's port is reached.
    pub fn resolve(&self, namespace: &str, name: &str, port: u16) -> Result<String, String> {
        if let Some(address) = self.tabled(namespace, name, port) {
            return Ok(address.clone());
        }
        let Some(reader) = &self.reader else {
            return Err(format!("service \"{name}\" not found"));
        };
        look_up(reader.as_ref(), namespace, name, port)
    }
}

/// A line of the table.
fn parse(line: &str) -> Option<((String, Option<u16>), String)> {
    let (service, address) = line.split_once('=')?;
    let (host, port) = address.rsplit_once(':')?;
    let is_good = !host.is_empty() && port.parse::<u16>().is_ok();
    let (service, port) = match service.split_once(':') {
        Some((service, port)) => (service, Some(port.parse().ok()?)),
        None => (service, None),
    };
    let (namespace, name) = service.split_once('/')?;
    let is_named = !namespace.is_empty() && !name.is_empty();
    (is_good && is_named).then(|| ((service.to_owned(), port), address.to_owned()))
}

/// Where the store says that a service is.
fn look_up(reader: &dyn Reader, namespace: &str, name: &str, port: u16) -> Result<String, String> {
    let services = GroupResource::new("", "services");
    let Some(service) = reader.get(&services, &Key::new(namespace, name)) else {
        return Err(format!("service \"{name}\" not found"));
    };
    let service = service.object();
    if service.text(&["spec", "type"]) == "ExternalName" {
        return Ok(format!(
            "{}:{port}",
            service.text(&["spec", "externalName"])
        ));
    }
    let has_port = service
        .items(&["spec", "ports"])
        .iter()
        .any(|known| known.get("port").and_then(Value::as_u64) == Some(u64::from(port)));
    if !has_port {
        return Err(format!(
            "no service port {port} found for service \"{name}\""
        ));
    }
    // Differs: a real cluster's node would carry the packets to a pod; there is no node here.
    let ip = service.text(&["spec", "clusterIP"]);
    Err(format!("dial tcp {ip}:{port}: connect: no route to host"))
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Services")
            .field("table", &self.table)
            .finish_non_exhaustive()
    }
}
