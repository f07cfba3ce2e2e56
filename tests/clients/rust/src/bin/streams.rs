//! Enters pods with kube-rs: commands, ports and logs; ends with an error at the first surprise.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{AttachParams, LogParams, PostParams};
use kube::{Api, Client};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const NAMESPACE: &str = "rust-streams";

#[tokio::main]
async fn main() -> Result<()> {
    let client = Client::try_default().await?;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let namespace = serde_json::from_value(json!({ "metadata": { "name": NAMESPACE } }))?;
    namespaces.create(&PostParams::default(), &namespace).await?;
    let pods: Api<Pod> = Api::namespaced(client, NAMESPACE);
    let rules = json!({ "mockernetes.dev/echo.9000": "yes" });
    let pod = serde_json::from_value(json!({
        "metadata": { "name": "web", "annotations": rules },
        "spec": { "containers": [{ "name": "web", "image": "nginx" }] },
    }))?;
    pods.create(&PostParams::default(), &pod).await?;
    let is_running = |pod: &Pod| {
        let status = pod.status.as_ref();
        status.and_then(|status| status.phase.as_deref()) == Some("Running")
    };
    while !is_running(&pods.get("web").await?) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    commands(&pods).await.context("commands")?;
    ports(&pods).await.context("ports")?;
    let log = pods.logs("web", &LogParams::default()).await?;
    ensure!(log == "Mock logs for pod web in container web\n", "{log}");
    println!("ok");
    Ok(())
}

async fn commands(pods: &Api<Pod>) -> Result<()> {
    let params = AttachParams::default().stdin(true).stdout(true).stderr(false);
    let mut process = pods.exec("web", ["cat"], &params).await?;
    let mut stdin = process.stdin().context("no stdin")?;
    let mut stdout = process.stdout().context("no stdout")?;
    stdin.write_all(b"to and fro").await?;
    stdin.shutdown().await?;
    drop(stdin);
    let mut heard = vec![0; 10];
    stdout.read_exact(&mut heard).await?;
    ensure!(heard == b"to and fro", "{heard:?}");
    let params = AttachParams::default().stdout(true).stderr(false);
    let mut process = pods.exec("web", ["sh", "-c", "exit 3"], &params).await?;
    let status = process.take_status().context("no status")?;
    let status = status.await.context("no word of its end")?;
    ensure!(status.reason.as_deref() == Some("NonZeroExitCode"), "{status:?}");
    Ok(())
}

async fn ports(pods: &Api<Pod>) -> Result<()> {
    let mut forward = pods.portforward("web", &[9000]).await?;
    let mut port = forward.take_stream(9000).context("no stream")?;
    port.write_all(b"to and fro").await?;
    let mut heard = vec![0; 10];
    port.read_exact(&mut heard).await?;
    ensure!(heard == b"to and fro", "{heard:?}");
    Ok(())
}
