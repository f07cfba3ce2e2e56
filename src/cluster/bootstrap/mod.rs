//! What a cluster without controllers holds before anybody asked for anything.
//!
//! Objects that are the same in every cluster stand in `objects.txt`, a line each: the path of the
//! collection and the object, as kube-apiserver 1.37.0 creates them at its start. The file is made
//! by `cargo codegen bootstrap` from what such a server answers.
//!
//! *Upstream:*
//! `pkg/controlplane/controller/{systemnamespaces,kubernetesservice,defaultservicecidr}`,
//! `pkg/registry/{rbac,flowcontrol,scheduling}/rest`,
//! `kube-aggregator/pkg/controllers/autoregister`.

mod identity;

pub(super) use identity::renew;
use std::net::SocketAddr;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Error;
use crate::client::Client;
use crate::object::time;
use crate::registry::{Registry, Settings};
use crate::schema::tables;

/// The namespaces of the system.
const NAMESPACES: [&str; 4] = ["kube-system", "kube-public", "kube-node-lease", "default"];

/// Who makes flow schemas and priority levels.
const FLOW_MANAGER: &str = "?fieldManager=api-priority-and-fairness-config-producer-v1";

/// What is the same in every cluster.
const OBJECTS: &str = include_str!("objects.txt");

/// Creates what nothing works without.
pub(super) async fn install(
    registry: &Registry,
    client: &Client,
    address: SocketAddr,
) -> Result<(), Error> {
    let client = client.with_agent("kube-apiserver");
    let now = registry.clock.now();
    for name in NAMESPACES {
        let object = json!({"metadata": {"name": name}});
        create(&client, "/api/v1/namespaces", &object).await?;
    }
    install_services(&client, &registry.settings, (now, address.port())).await
}

/// Creates the rest: roles, priority classes, flow schemas, `APIService` objects.
pub(super) async fn install_system(
    registry: &Registry,
    client: &Client,
    address: SocketAddr,
) -> Result<(), Error> {
    let client = client.with_agent("kube-apiserver");
    let now = registry.clock.now();
    let tracking = json!({
        "metadata": {"name": "kube-apiserver-legacy-service-account-token-tracking"},
        "data": {"since": now.strftime("%Y-%m-%d").to_string()},
    });
    create(
        &client,
        "/api/v1/namespaces/kube-system/configmaps",
        &tracking,
    )
    .await?;
    identity::install_trust(&client, &registry.access.authenticator).await?;
    identity::install_lease(&client, &registry.entropy.uid(), (now, address)).await?;
    install_objects(&client, |_| true).await?;
    install_api_services(registry, &client, now).await
}

/// Creates the roles and bindings alone.
pub(super) async fn install_roles(client: &Client) -> Result<(), Error> {
    let client = client.with_agent("kube-apiserver");
    let is_wanted = |path: &str| path.starts_with("/apis/rbac.authorization.k8s.io/");
    install_objects(&client, is_wanted).await
}

/// Creates those of the objects that are the same in every cluster whose path is wanted.
async fn install_objects(client: &Client, is_wanted: fn(&str) -> bool) -> Result<(), Error> {
    for line in OBJECTS.lines() {
        let Some((path, object)) = line.split_once(' ') else {
            continue;
        };
        if !is_wanted(path) {
            continue;
        }
        let object: Value =
            serde_json::from_str(object).map_err(|error| Error::Manifest(error.to_string()))?;
        let is_flow = path.starts_with("/apis/flowcontrol.apiserver.k8s.io/");
        let manager = if is_flow { FLOW_MANAGER } else { "" };
        create(client, &format!("{path}{manager}"), &object).await?;
    }
    Ok(())
}

/// The service by which programs in the cluster reach the API, and where addresses come from.
async fn install_services(
    client: &Client,
    settings: &Settings,
    (now, port): (Timestamp, u16),
) -> Result<(), Error> {
    let ranges = &settings.service_cluster_ip_ranges;
    let path = "/apis/networking.k8s.io/v1/servicecidrs";
    let cidr = json!({"metadata": {"name": "kubernetes"}, "spec": {"cidrs": ranges}});
    create(client, path, &cidr).await?;
    let applied = json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "ServiceCIDR",
        "metadata": {"name": "kubernetes"},
        "status": {"conditions": [{
            "type": "Ready",
            "status": "True",
            "message": "Kubernetes default Service CIDR is ready",
            "lastTransitionTime": time::seconds(now),
        }]},
    });
    let manager = "fieldManager=kubernetes-service-cidr-controller&force=true";
    let target = format!("{path}/kubernetes/status?{manager}");
    let headers = [("content-type", "application/apply-patch+yaml")];
    let reply = client.request("PATCH", &target, &headers, applied.to_string());
    let written = reply.await.into_json().await;
    written.map_err(|failure| Error::Refused {
        what: target,
        failure,
    })?;
    let path = "/api/v1/namespaces/default/services";
    create(client, path, &kubernetes_service(ranges, port)).await?;
    Ok(())
}

fn kubernetes_service(ranges: &[String], port: u16) -> Value {
    let address = ranges.first().and_then(|range| first_address(range));
    json!({
        "metadata": {
            "name": "kubernetes",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "clusterIP": address,
            "ipFamilyPolicy": "SingleStack",
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": port}],
            "sessionAffinity": "None",
            "type": "ClusterIP",
        },
    })
}

/// An `APIService` for every group version that is served from here.
async fn install_api_services(
    registry: &Registry,
    client: &Client,
    now: Timestamp,
) -> Result<(), Error> {
    let path = "/apis/apiregistration.k8s.io/v1/apiservices";
    let available = json!([{
        "type": "Available",
        "status": "True",
        "reason": "Local",
        "message": "Local APIServices are always available",
    }]);
    for group_version in registry.catalog.state().order {
        let (group, version) = (&group_version.group, &group_version.version);
        let Some((group_priority, version_priority)) = tables::priority(group, version) else {
            continue;
        };
        // The aggregator does not register itself.
        if &**group == "apiregistration.k8s.io" {
            continue;
        }
        let mut object = json!({
            "metadata": {
                "name": format!("{version}.{group}"),
                "labels": {"kube-aggregator.kubernetes.io/automanaged": "onstart"},
            },
            "spec": {
                "version": &**version,
                "groupPriorityMinimum": group_priority,
                "versionPriority": version_priority,
            },
        });
        if !group.is_empty() {
            object["spec"]["group"] = (**group).into();
        }
        let created = create(client, path, &object).await?;
        set_conditions(client, path, created, available.clone(), now).await?;
    }
    Ok(())
}

/// Registers who says what nodes and pods use.
pub(super) async fn install_usage(client: &Client) -> Result<(), Error> {
    let path = "/apis/apiregistration.k8s.io/v1/apiservices";
    let (group, version) = ("metrics.k8s.io", "v1beta1");
    let object = json!({
        "metadata": {"name": format!("{version}.{group}")},
        "spec": {
            "group": group,
            "version": version,
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
        },
    });
    create(client, path, &object).await.map(|_| ())
}

/// Defines kinds that are no part of Kubernetes.
pub(super) async fn install_definitions(
    client: &Client,
    definitions: &[Value],
) -> Result<(), Error> {
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    for definition in definitions {
        create(client, path, definition).await?;
    }
    Ok(())
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

async fn create(client: &Client, path: &str, object: &Value) -> Result<Value, Error> {
    let created = client.json("POST", path, Some(object)).await;
    created.map_err(|failure| Error::Refused {
        what: format!(
            "{path}/{}",
            object["metadata"]["name"].as_str().unwrap_or("")
        ),
        failure,
    })
}

/// Writes the conditions of an object's status, if there are any.
async fn set_conditions(
    client: &Client,
    path: &str,
    mut object: Value,
    mut conditions: Value,
    now: Timestamp,
) -> Result<(), Error> {
    let Some(list) = conditions.as_array_mut() else {
        return Ok(());
    };
    for condition in list {
        let time = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        condition["lastTransitionTime"] = time.into();
    }
    object["status"]["conditions"] = conditions;
    let name = object["metadata"]["name"].as_str().unwrap_or("");
    let target = format!("{path}/{name}/status");
    let written = client.json("PUT", &target, Some(&object)).await;
    written.map(|_| ()).map_err(|failure| Error::Refused {
        what: target,
        failure,
    })
}
