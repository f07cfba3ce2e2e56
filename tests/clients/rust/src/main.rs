//! Drives a cluster with kube-rs as operators do; ends with an error at the first surprise.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures::{StreamExt, TryStreamExt, pin_mut};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::runtime::watcher::{self, Event, watcher};
use kube::runtime::{conditions, reflector, wait};
use kube::{Api, Client, CustomResource, CustomResourceExt, ResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

const NAMESPACE: &str = "rust-client";

/// A custom resource with a derived schema.
#[derive(CustomResource, Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[kube(group = "rust.example.com", version = "v1", kind = "Gadget", namespaced)]
struct GadgetSpec {
    #[schemars(range(max = 9))]
    size: i32,
    name: Option<String>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let client = Client::try_default().await?;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let namespace = serde_json::from_value(json!({ "metadata": { "name": NAMESPACE } }))?;
    namespaces.create(&PostParams::default(), &namespace).await?;
    versions(&client).await.context("versions")?;
    objects(&client).await.context("objects")?;
    workloads(&client).await.context("workloads")?;
    custom_resources(&client).await.context("custom resources")?;
    dynamic_objects(&client).await.context("dynamic objects")?;
    watches(&client).await.context("watches")?;
    metadata(&client).await.context("metadata")?;
    Ok(())
}

fn passed(name: &str) {
    println!("ok {name}");
}

async fn versions(client: &Client) -> Result<()> {
    ensure!(client.apiserver_version().await?.minor == "37");
    let discovery = kube::Discovery::new(client.clone()).run().await?;
    ensure!(discovery.groups().any(|group| group.name() == "apps"));
    passed("versions");
    Ok(())
}

async fn objects(client: &Client) -> Result<()> {
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), NAMESPACE);
    let map = |name: &str| -> ConfigMap {
        let map = json!({ "metadata": { "name": name, "labels": { "a": "b" } }, "data": { "x": "1" } });
        serde_json::from_value(map).unwrap_or_default()
    };
    let post = PostParams::default();
    let made = maps.create(&post, &map("one")).await?;
    expect_code(409, maps.create(&post, &map("one")).await)?;
    expect_code(422, maps.create(&post, &map("Not Valid")).await)?;
    expect_code(404, maps.get("missing").await)?;
    let merge = Patch::Merge(json!({ "data": { "x": null, "y": "2" } }));
    let patched = maps.patch("one", &PatchParams::default(), &merge).await?;
    ensure!(patched.data.clone().unwrap_or_default().keys().eq(["y"]), "{patched:?}");
    expect_code(409, maps.replace("one", &post, &made).await)?;
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    maps.create(&dry, &map("dry")).await?;
    ensure!(maps.get_opt("dry").await?.is_none());
    for number in 0..5 {
        maps.create(&post, &map(&format!("m{number}"))).await?;
    }
    let page = maps.list(&ListParams::default().labels("a=b").limit(2)).await?;
    ensure!(page.items.len() == 2 && page.metadata.remaining_item_count.is_none());
    let token = page.metadata.continue_.context("no continue token")?;
    let rest = maps.list(&ListParams::default().labels("a=b").continue_token(&token)).await?;
    ensure!(rest.items.len() == 4, "{}", rest.items.len());
    let foreground = DeleteParams::foreground();
    maps.delete_collection(&foreground, &ListParams::default().labels("a=b")).await?;
    passed("objects");
    Ok(())
}

async fn workloads(client: &Client) -> Result<()> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), NAMESPACE);
    let deployment = serde_json::from_value(json!({
        "metadata": { "name": "web" },
        "spec": {
            "selector": { "matchLabels": { "app": "web" } },
            "template": {
                "metadata": { "labels": { "app": "web" } },
                "spec": { "containers": [{ "name": "c", "image": "nginx" }] },
            },
        },
    }))?;
    let made = deployments.create(&PostParams::default(), &deployment).await?;
    ensure!(made.spec.replicas == Some(1));
    let strategic = Patch::Strategic(json!({
        "spec": { "template": { "spec": { "containers": [{ "name": "d", "image": "busybox" }] } } },
    }));
    let patched = deployments.patch("web", &PatchParams::default(), &strategic).await?;
    let spec = patched.spec.template.spec.unwrap_or_default();
    ensure!(spec.containers.len() == 2, "{spec:?}");
    let replicas = Patch::Merge(json!({ "spec": { "replicas": 3 } }));
    let scale = deployments.patch_scale("web", &PatchParams::default(), &replicas).await?;
    ensure!(scale.spec.and_then(|spec| spec.replicas) == Some(3));
    let status = Patch::Merge(json!({ "status": { "replicas": 3, "readyReplicas": 1 } }));
    deployments.patch_status("web", &PatchParams::default(), &status).await?;
    let got = deployments.get_status("web").await?;
    ensure!(got.status.and_then(|status| status.ready_replicas) == Some(1));
    passed("workloads");
    Ok(())
}

async fn custom_resources(client: &Client) -> Result<()> {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    definitions.create(&PostParams::default(), &Gadget::crd()).await?;
    let name = "gadgets.rust.example.com";
    let established = conditions::is_crd_established();
    let waiting = wait::await_condition(definitions, name, established);
    tokio::time::timeout(Duration::from_secs(10), waiting).await??;
    let gadgets: Api<Gadget> = Api::namespaced(client.clone(), NAMESPACE);
    let gadget = |size| Gadget::new("one", GadgetSpec { size, name: None });
    expect_code(422, gadgets.create(&PostParams::default(), &gadget(10)).await)?;
    let made = gadgets.create(&PostParams::default(), &gadget(3)).await?;
    ensure!(made.spec.size == 3 && made.metadata.generation == Some(1));
    passed("custom resources");
    Ok(())
}

async fn dynamic_objects(client: &Client) -> Result<()> {
    let resource = ApiResource::erase::<Gadget>(&());
    let gadgets: Api<DynamicObject> = Api::namespaced_with(client.clone(), NAMESPACE, &resource);
    let found = gadgets.list(&ListParams::default()).await?;
    ensure!(found.items.len() == 1 && found.items[0].data["spec"]["size"] == 3);
    passed("dynamic objects");
    Ok(())
}

/// The watcher under a reflector sees what is made, changed and deleted, in both ways to begin.
async fn watches(client: &Client) -> Result<()> {
    let listed = watcher::Config::default();
    let streamed = watcher::Config::default().streaming_lists();
    for (config, name) in [(listed, "listed"), (streamed, "streamed")] {
        let secrets: Api<Secret> = Api::namespaced(client.clone(), NAMESPACE);
        let (reader, writer) = reflector::store();
        let stream = reflector::reflector(writer, watcher(secrets.clone(), config)).boxed();
        pin_mut!(stream);
        let mut seen = Vec::new();
        while seen.last() != Some(&"delete") {
            let next = tokio::time::timeout(Duration::from_secs(10), stream.try_next());
            let event = next.await??.context("the stream ended")?;
            match event {
                Event::InitDone => {
                    let secret = json!({ "metadata": { "name": name } });
                    let secret: Secret = serde_json::from_value(secret)?;
                    secrets.create(&PostParams::default(), &secret).await?;
                }
                Event::Apply(secret) if seen.is_empty() => {
                    ensure!(secret.name_any() == name);
                    ensure!(reader.state().len() == 1);
                    seen.push("add");
                    let patch = Patch::Merge(json!({ "stringData": { "a": "b" } }));
                    secrets.patch(name, &PatchParams::default(), &patch).await?;
                }
                Event::Apply(_) => {
                    seen.push("update");
                    secrets.delete(name, &DeleteParams::default()).await?;
                }
                Event::Delete(_) => seen.push("delete"),
                Event::Init | Event::InitApply(_) => {}
            }
        }
        ensure!(seen == ["add", "update", "delete"], "{seen:?}");
    }
    passed("watches");
    Ok(())
}

async fn metadata(client: &Client) -> Result<()> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), NAMESPACE);
    let one = deployments.get_metadata("web").await?;
    let all = deployments.list_metadata(&ListParams::default()).await?;
    ensure!(one.name_any() == "web" && all.items.len() == 1);
    passed("metadata");
    Ok(())
}

fn expect_code<T>(code: u16, result: kube::Result<T>) -> Result<()> {
    match result {
        Err(kube::Error::Api(status)) if status.code == code => Ok(()),
        Err(other) => bail!("expected {code}, got {other}"),
        Ok(_) => bail!("expected {code}, got an object"),
    }
}
