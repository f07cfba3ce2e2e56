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

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Error;
use crate::client::Client;
use crate::registry::{Registry, Settings};
use crate::schema::tables;

/// The namespaces of the system.
const NAMESPACES: [&str; 4] = ["kube-system", "kube-public", "kube-node-lease", "default"];

/// What is the same in every cluster.
const OBJECTS: &str = include_str!("objects.txt");

/// Creates what nothing works without.
pub(super) async fn install(registry: &Registry, client: &Client) -> Result<(), Error> {
    let client = client.with_agent("kube-apiserver");
    let now = registry.clock.now();
    for name in NAMESPACES {
        let object = json!({"metadata": {"name": name}});
        create(&client, "/api/v1/namespaces", &object).await?;
    }
    install_services(&client, &registry.settings, now).await
}

/// Creates the rest: roles, priority classes, flow schemas, `APIService` objects.
pub(super) async fn install_system(registry: &Registry, client: &Client) -> Result<(), Error> {
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
    identity::install_lease(&client, &registry.entropy.uid(), now).await?;
    install_objects(&client, now, |_| true).await?;
    install_api_services(registry, &client, now).await
}

/// Creates the roles and bindings alone.
pub(super) async fn install_roles(registry: &Registry, client: &Client) -> Result<(), Error> {
    let client = client.with_agent("kube-apiserver");
    let is_wanted = |path: &str| path.starts_with("/apis/rbac.authorization.k8s.io/");
    install_objects(&client, registry.clock.now(), is_wanted).await
}

/// Creates those of the objects that are the same in every cluster whose path is wanted.
async fn install_objects(
    client: &Client,
    now: Timestamp,
    is_wanted: fn(&str) -> bool,
) -> Result<(), Error> {
    for line in OBJECTS.lines() {
        let Some((path, object)) = line.split_once(' ') else {
            continue;
        };
        if !is_wanted(path) {
            continue;
        }
        let object: Value =
            serde_json::from_str(object).map_err(|error| Error::Manifest(error.to_string()))?;
        let conditions = object["status"]["conditions"].clone();
        let created = create(client, path, &object).await?;
        set_conditions(client, path, created, conditions, now).await?;
    }
    Ok(())
}

/// The service by which programs in the cluster reach the API, and where addresses come from.
async fn install_services(
    client: &Client,
    settings: &Settings,
    now: Timestamp,
) -> Result<(), Error> {
    let ranges = &settings.service_cluster_ip_ranges;
    let path = "/apis/networking.k8s.io/v1/servicecidrs";
    let cidr = json!({"metadata": {"name": "kubernetes"}, "spec": {"cidrs": ranges}});
    let created = create(client, path, &cidr).await?;
    let ready = json!([{
        "type": "Ready",
        "status": "True",
        "reason": "",
        "message": "Kubernetes default Service CIDR is ready",
    }]);
    set_conditions(client, path, created, ready, now).await?;
    let path = "/api/v1/namespaces/default/services";
    create(client, path, &kubernetes_service(ranges)).await?;
    Ok(())
}

fn kubernetes_service(ranges: &[String]) -> Value {
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
