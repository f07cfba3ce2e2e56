//! What tests share: a cluster to talk to, in process or, with `MOCKERNETES_TRANSPORT=http`, over
//! TCP.

#![allow(clippy::disallowed_methods, reason = "tests choose their transport")]

pub(crate) mod full;
mod hook;
mod wire;

pub(crate) use hook::Hook;
use mockernetes::client::Client;
use mockernetes::cluster::{Builder, Cluster};
use serde_json::{Value, json};
pub(crate) use wire::{Wire, raw};

/// A cluster and a client that may do everything.
pub(crate) struct Fixture {
    pub(crate) cluster: Cluster,
    pub(crate) client: Client,
}

/// A cluster with nothing chosen but its seed.
pub(crate) async fn cluster() -> Fixture {
    start(Cluster::builder()).await
}

/// A cluster of one's own choice.
pub(crate) async fn start(builder: Builder) -> Fixture {
    let is_wire = std::env::var("MOCKERNETES_TRANSPORT").is_ok_and(|value| value == "http");
    let builder = builder.seed(7).bare();
    if !is_wire {
        let cluster = builder.start().await.unwrap();
        let client = cluster.client();
        return Fixture { cluster, client };
    }
    let cluster = listening(builder).await;
    let client = Wire::client(&cluster, Some(cluster.admin_token()));
    Fixture { cluster, client }
}

/// A cluster that listens without TLS, whatever the transport.
pub(crate) async fn listening(builder: Builder) -> Cluster {
    builder
        .bare()
        .listen("127.0.0.1:0".parse().unwrap())
        .plaintext()
        .start()
        .await
        .unwrap()
}

impl Fixture {
    /// Makes a ConfigMap.
    pub(crate) async fn config_map(&self, namespace: &str, name: &str) -> Value {
        let object = json!({"metadata": {"name": name}, "data": {"key": "value"}});
        let config_maps = self.client.api("v1", "configmaps").namespace(namespace);
        config_maps.create(&object).await.unwrap()
    }
}
