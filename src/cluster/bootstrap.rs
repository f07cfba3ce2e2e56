//! What a cluster without controllers holds before anybody asked for anything.
//!
//! *Upstream:* `pkg/controlplane/controller/{systemnamespaces,kubernetesservice}`.

use serde_json::{Value, json};

use super::Error;
use crate::client::Client;
use crate::registry::Settings;

/// The namespaces of the system.
const NAMESPACES: [&str; 4] = ["kube-system", "kube-public", "kube-node-lease", "default"];

/// Creates it.
pub(super) async fn install(client: &Client, settings: &Settings) -> Result<(), Error> {
    let client = client.with_agent("kube-apiserver");
    let namespaces = client.api("v1", "namespaces");
    for name in NAMESPACES {
        let object = json!({"metadata": {"name": name}});
        created("Namespace", name, namespaces.create(&object).await)?;
    }
    let services = client.api("v1", "services").namespace("default");
    let answer = services.create(&kubernetes_service(settings)).await;
    created("Service", "kubernetes", answer)
}

/// The service by which programs in the cluster reach the API.
fn kubernetes_service(settings: &Settings) -> Value {
    let ranges = &settings.service_cluster_ip_ranges;
    let address = ranges.first().and_then(|range| first_address(range));
    json!({
        "metadata": {
            "name": "kubernetes",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "clusterIP": address,
            "clusterIPs": address.map(|address| vec![address]),
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}],
            "sessionAffinity": "None",
            "type": "ClusterIP",
        },
    })
}

/// The first address of a range that may be given to a service.
fn first_address(range: &str) -> Option<String> {
    let (network, _) = range.split_once('/')?;
    match network.parse().ok()? {
        std::net::IpAddr::V4(ip) => {
            let next = std::net::Ipv4Addr::from(u32::from(ip).checked_add(1)?);
            Some(next.to_string())
        }
        std::net::IpAddr::V6(ip) => {
            let next = std::net::Ipv6Addr::from(u128::from(ip).checked_add(1)?);
            Some(next.to_string())
        }
    }
}

fn created(
    kind: &str,
    name: &str,
    answer: Result<Value, crate::client::Failure>,
) -> Result<(), Error> {
    answer.map(|_| ()).map_err(|failure| Error::Refused {
        what: format!("{kind} {name:?}"),
        failure,
    })
}
